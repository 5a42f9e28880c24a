"""The parameters of the offline service's endpoints: names, aliases, types, limits and what a wrong value is told.

They are those of the BioThings SDK (`biothings/web/settings/default.py`, `web/options/manager.py`) and of the four
services on top of it; so are the bodies of the 400 answers. Unknown parameters are ignored.
"""

from __future__ import annotations

import email
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs

from tools.errors import QueryError

#: Where parameters stand (`query`, `json`, `form`), and those that stand there.
Source = tuple[str, Mapping[str, Any]]


class Refusal(Exception):
    """An answer other than 200; `details` are added to its JSON body after code, success and error."""

    def __init__(self, status: int, error: str, **details: Any) -> None:
        super().__init__(error)
        self.status = status
        self.body: dict[str, Any] = {"code": status, "success": False, "error": error, **details}


def bad_value(**details: Any) -> Refusal:
    """The 400 that a parameter with a wrong value is given."""
    return Refusal(400, "Bad Request", **{name: value for name, value in details.items() if value})


def bad_request(details: str, error: str = "ValueError") -> Refusal:
    """The 400 that a request with well-formed parameters is given when it cannot be done."""
    return Refusal(400, error, details=details)


def bad_query(fault: QueryError) -> Refusal:
    """The 400 that a malformed query string is given."""
    lines = fault.message.replace('"', "'").split("\n")
    causes = {f"root_cause_line_{number:02}": line for number, line in enumerate(lines)}
    return Refusal(400, "search_phase_execution_exception", **causes)


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    `strict` only matters for JSON bodies: a value there must then have the right type already. `json_input`: a form
    may hold the value as JSON.
    """

    name: str
    kind: type
    alias: str | tuple[str, ...] = ()
    default: Any = None
    largest: int | None = None
    choices: tuple[str, ...] = ()
    required: bool = False
    strict: bool = True
    json_input: bool = False

    def read(self, sources: Sequence[Source]) -> Any:
        """Find the value in the first source that has it, convert and check it.

        Raises:
            Refusal: the value is missing, of the wrong type or out of range.
        """
        names = (self.name, *((self.alias,) if isinstance(self.alias, str) else self.alias))
        for place, values in sources:
            for name in names:
                if values.get(name) is not None:
                    return self._check(self._convert(values[name], place))
        if self.required:
            raise bad_value(missing=self.name, alias=self.alias)
        return self.default

    def _convert(self, value: Any, place: str) -> Any:
        if place == "json":
            if isinstance(value, self.kind) and not (self.kind is int and isinstance(value, bool)):
                return value
            if self.strict:
                raise self._wrong_type()
            if self.kind is list:
                return split_terms(value) if isinstance(value, str) else [value]
            value = str(value)
        if place == "form" and self.json_input and value.startswith("["):
            try:
                return json.loads(value)
            except ValueError:
                pass  # then it is a list of the usual kind
        if self.kind is bool:
            return _truth(value) or (place == "query" and value == "")
        if self.kind is int:
            try:
                return int(value)
            except ValueError:
                raise self._wrong_type() from None
        return split_terms(value) if self.kind is list else value

    def _check(self, value: Any) -> Any:
        if self.choices and value not in self.choices:
            raise bad_value(keyword=self.name, allowed=list(self.choices), alias=self.alias)
        if self.largest is not None and isinstance(value, list) and len(value) > self.largest:
            raise bad_value(keyword=self.name, max=self.largest, size=len(value), alias=self.alias)
        if self.largest is not None and isinstance(value, int) and value > self.largest:
            raise bad_value(keyword=self.name, max=self.largest, num=value, alias=self.alias)
        if isinstance(value, int) and not isinstance(value, bool) and value < 0:
            reason = f"[{self.name}] parameter cannot be negative, found [{value}]"
            raise Refusal(400, "illegal_argument_exception", root_cause_line_00=reason)
        return value

    def _wrong_type(self) -> Refusal:
        return bad_value(reason=f"Expect type {self.kind.__name__}.", keyword=self.name, alias=self.alias)


_FORMAT = Parameter("format", str, default="json", choices=("json", "yaml", "html", "msgpack"))
_CALLBACK = Parameter("callback", str)
_OUTPUT = (_FORMAT, _CALLBACK)
_COMMON = (
    Parameter("rawquery", bool, default=False),
    Parameter("_source", list, alias=("fields", "field"), largest=1000, strict=False),
    Parameter("size", int, alias="limit", largest=1000),
    Parameter("dotfield", bool, default=False),
    Parameter("_sorted", bool, default=True),
    Parameter("always_list", list, largest=1000, strict=False),
    Parameter("allow_null", list, largest=1000, strict=False),
    Parameter("jmespath", str),
    Parameter("jmespath_exclude_empty", bool, default=False),
    *_OUTPUT,
)
_QUERY = (
    *_COMMON,
    Parameter("from", int, alias="skip", largest=10000),
    Parameter("sort", list, largest=10),
    Parameter("filter", str),
    Parameter("post_filter", str),
)
_SPECIES = (
    Parameter("species", list, default=["all"], largest=1000, strict=False),
    Parameter("species_facet_filter", list, largest=1000, strict=False),
)
_MYGENE = (
    *_SPECIES,
    Parameter("entrezonly", bool, default=False),
    Parameter("ensemblonly", bool, default=False),
    Parameter("exists", list, largest=1000, strict=False),
    Parameter("missing", list, largest=1000, strict=False),
    Parameter("include_tax_tree", bool, default=False),
)
_ASSEMBLY = (Parameter("assembly", str, choices=("hg19", "hg38")),)
_LIST_FILTER = (Parameter("list_filter", str),)
_OBSOLETE = (Parameter("ignore_obsolete", bool, default=True),)

#: (endpoint, method) -> its parameters. Own parameters of an API follow in `_OWN`.
_ENDPOINTS: dict[tuple[str, str], tuple[Parameter, ...]] = {
    ("query", "GET"): (
        *_QUERY,
        Parameter("q", str, strict=False),
        Parameter("aggs", list, alias=("facets",), largest=1000),
        Parameter("facet_size", int, default=10, largest=1000),
        Parameter("explain", bool),
        Parameter("fetch_all", bool),
        Parameter("scroll_id", str),
    ),
    ("query", "POST"): (
        *_QUERY,
        Parameter("q", list, required=True, largest=1000, strict=False, json_input=True),
        Parameter("scopes", list, default=["_id"], largest=1000, strict=False),
        Parameter("with_total", bool),
    ),
    ("entity", "GET"): _COMMON,
    ("entity", "POST"): (*_COMMON, Parameter("id", list, alias="ids", required=True, largest=1000, strict=False)),
    ("metadata", "GET"): _OUTPUT,
    ("fields", "GET"): (*_OUTPUT, Parameter("search", str), Parameter("prefix", str)),
}
_OWN: dict[tuple[str, str], tuple[Parameter, ...]] = {
    ("mygene", "query"): _MYGENE,
    ("mygene", "entity"): _SPECIES,
    **{("myvariant", endpoint): _ASSEMBLY for endpoint in ("query", "entity", "metadata", "fields")},
    ("mychem", "query"): _LIST_FILTER,
    ("mychem", "entity"): _LIST_FILTER,
    ("mydisease", "query"): _OBSOLETE,
    ("mydisease", "entity"): _OBSOLETE,
}
MYGENE_SCOPES = ["_id", "entrezgene", "ensembl.gene", "retired"]
_DEFAULTS: dict[tuple[str, str, str], dict[str, Any]] = {
    ("mygene", "query", "POST"): {"scopes": MYGENE_SCOPES},
}


def read_query(params: Mapping[str, Sequence[str]]) -> Source:
    """Return the parameters of an address; of several values the last counts."""
    return "query", _last(params)


def read_body(body: bytes, content_type: str) -> Source:
    """Return the parameters of a body: JSON, or a form of either encoding.

    Raises:
        Refusal: the JSON is malformed.
    """
    kind = content_type.lower()
    if kind.startswith("application/json"):
        return "json", _json_object(body)
    if kind.startswith("multipart/form-data"):
        return "form", _last(_read_parts(body, content_type))
    return "form", _last(parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True))


def read_output(sources: Sequence[Source], name: str) -> str | None:
    """Return `format` or `callback` as it was asked for, also where the request is refused for something else."""
    return next((values[name] for _, values in sources if isinstance(values.get(name), str)), None)


def read_parameters(
    api: str, endpoint: str, method: str, sources: Sequence[Source], default_fields: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the value of every parameter that the endpoint has; of those not given, the default.

    Raises:
        Refusal: a value is wrong.
    """
    parameters = (*_ENDPOINTS[endpoint, method], *_OWN.get((api, endpoint), ()))
    defaults = dict(_DEFAULTS.get((api, endpoint, method), {}))
    if endpoint == "query" and default_fields:
        defaults["_source"] = list(default_fields)
    values = {}
    for parameter in parameters:
        if parameter.name in defaults:
            parameter = replace(parameter, default=defaults[parameter.name])
        values[parameter.name] = parameter.read(sources)
    return values


def split_terms(text: str) -> list[str]:
    """Split a list as the services do: at commas, bars, plus signs and white space, outside quotes.

    Raises:
        Refusal: a quotation mark has no partner.
    """
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace = " \t\n\x0b\x0c\r|,+"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return [term.strip() for term in lexer if term.strip()]
    except ValueError as error:
        raise bad_value(reason=str(error)) from None


def _last(values: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: items[-1].strip() for name, items in values.items() if items}


def _read_parts(body: bytes, content_type: str) -> dict[str, list[str]]:
    """Read a form of parts; files among them are no parameters."""
    head = b"Content-Type: " + content_type.encode("latin-1", "replace")
    form: dict[str, list[str]] = {}
    for part in email.message_from_bytes(head + b"\r\n\r\n" + body).walk():
        name = part.get_param("name", header="content-disposition")
        value = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(value, bytes) and part.get_filename() is None:
            form.setdefault(name, []).append(value.decode("utf-8", "replace"))
    return form


def _json_object(body: bytes) -> Mapping[str, Any]:
    if not body:
        return {}
    try:
        value = json.loads(body)
        json.dumps(value, ensure_ascii=False).encode()  # half a character, as "\\ud800", could not be answered
    except (ValueError, RecursionError):
        raise Refusal(400, "Invalid JSON body.") from None
    return value if isinstance(value, dict) else {}


def _truth(text: str) -> bool:
    try:
        return float(text) > 0
    except ValueError:
        return text.lower() in ("1", "true", "yes", "y", "t")
