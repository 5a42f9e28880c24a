"""One request to one BioThings API: parsed from and rendered to a request line, checked against the catalogue.

A request line is `API /path?parameters`, without a verb:

    mygene /v3/query?q=symbol:CDK2&fields=go&species=human         a query
    myvariant /v1/variant/chr7:g.140453134T>C?fields=clinvar       one entity
    mygene /v3/query?q=CDK2,BRCA1&scopes=symbol&fields=name        a batch of terms
    mygene /v3/gene?ids=1017,1018                                  a batch of entities
    mygene /v3/metadata/fields?search=kegg                         a listing of fields

Spaces stay as they are; only `%`, `&`, `+` and `#` inside values are percent-encoded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal
from urllib.parse import quote, unquote_plus, urlsplit

from pydantic import BaseModel, ConfigDict

from tools.apis import API_NAMES, PARAM_ALIASES, Api, api_names, get_api
from tools.errors import QueryError

Kind = Literal["query", "get", "batch", "fields"]

#: The order in which parameters are written; others follow in alphabetical order.
PARAMETER_ORDER = (
    "q", "scopes", "ids", "search", "prefix", "fields", "filter", "species", "assembly",
    "sort", "size", "from", "facets", "facet_size",
)  # fmt: skip
#: Parameters that give the answer a form which `biothings-client` cannot read.
UNREADABLE = frozenset({"format", "callback"})
#: Values that change nothing, since they are the services' defaults.
DEFAULTS = {"size": "10", "from": "0", "facet_size": "10", "species": "all"}


class Query(BaseModel):
    """One request. `q` belongs to kind query, `ids` to get and batch, `scopes` to batch; `params` holds the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    api: str
    kind: Kind
    q: str | None = None
    ids: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    params: dict[str, str] = {}

    @classmethod
    def parse(cls, text: str) -> Query:
        """Read a request line, or the URL of a request.

        Raises:
            QueryError: when the text is neither; the hint shows the form.
        """
        api, path, parameters = _split(text.strip())
        parts = [part for part in path.split("/") if part]
        if parts and parts[0] == api.version:
            parts = parts[1:]
        endpoint = parts[0] if parts else ""
        fields = _items(parameters.pop("fields", ""))
        if endpoint == "query" and len(parts) == 1:
            scopes = _items(parameters.pop("scopes", ""))
            q = parameters.pop("q", None)
            if scopes:
                return cls(
                    api=api.name, kind="batch", ids=_items(q or ""), scopes=scopes, fields=fields, params=parameters
                )
            return cls(api=api.name, kind="query", q=q, fields=fields, params=parameters)
        if endpoint in (api.entity, *api.entity_aliases):
            if len(parts) >= 2:
                # An identifier may hold a slash (`/`), never an empty part.
                identifier = "/".join(parts[1:])
                return cls(api=api.name, kind="get", ids=(identifier,), fields=fields, params=parameters)
            ids = _items(parameters.pop("ids", ""))
            if ids:
                return cls(api=api.name, kind="batch", ids=ids, fields=fields, params=parameters)
            raise QueryError(f"/{endpoint} needs an identifier.", f"For example {api.name} {_entity_path(api)}/ID")
        if parts == ["metadata", "fields"]:
            if fields:
                parameters["fields"] = ",".join(fields)
            return cls(api=api.name, kind="fields", params=parameters)
        raise QueryError(
            f"{api.name} has no path /{'/'.join(parts)}.",
            f"The paths are /{api.version}/query, {_entity_path(api)}/ID and /{api.version}/metadata/fields.",
        )

    @property
    def path(self) -> str:
        """The path below the service's host, not encoded: `/v3/query`, `/v1/variant/chr7:g.140453134T>C`."""
        api = get_api(self.api)
        if self.kind == "fields":
            return f"/{api.version}/metadata/fields"
        if self.kind == "get":
            return f"{_entity_path(api)}/{self.ids[0]}"
        if self.kind == "batch" and not self.scopes:
            return _entity_path(api)
        return f"/{api.version}/query"

    @property
    def parameters(self) -> dict[str, str]:
        """All parameters, in the order in which they are written."""
        values = dict(self.params)
        if self.kind == "query" and self.q is not None:
            values["q"] = self.q
        if self.kind == "batch":
            values["q" if self.scopes else "ids"] = ",".join(self.ids)
        if self.scopes:
            values["scopes"] = ",".join(self.scopes)
        if self.fields:
            values["fields"] = ",".join(self.fields)
        rank = {name: place for place, name in enumerate(PARAMETER_ORDER)}
        return {name: values[name] for name in sorted(values, key=lambda name: (rank.get(name, len(rank)), name))}

    @property
    def line(self) -> str:
        """The request line; `Query.parse(query.line) == query`."""
        text = "&".join(f"{name}={_encode(value)}" for name, value in self.parameters.items())
        path = "/".join(_encode(part).replace("?", "%3F") for part in self.path.split("/"))
        return f"{self.api} {path}" + (f"?{text}" if text else "")

    @property
    def url(self) -> str | None:
        """The URL at the live service, fully encoded; None for a batch, which is a POST."""
        if self.kind == "batch":
            return None
        text = "&".join(f"{quote(name, safe='')}={quote(value, safe=':,')}" for name, value in self.parameters.items())
        return get_api(self.api).base_url + quote(self.path, safe="/:") + (f"?{text}" if text else "")

    @property
    def canonical(self) -> str:
        """A text that is equal for two spellings of one request."""
        from tools.lucene import LuceneSyntaxError, canonical, parse

        def lucene(text: str) -> str:
            try:
                return canonical(parse(text))
            except LuceneSyntaxError:
                return text

        values: dict[str, Any] = {}
        for name, value in self.params.items():
            if not value or DEFAULTS.get(name) == value:
                continue
            if name == "species":
                values[name] = sorted({_taxid(item) for item in _items(value)})
            elif name in ("filter", "post_filter"):
                values[name] = lucene(value)
            elif name == "facets":
                values[name] = sorted(set(_items(value)))
            elif name == "search":
                values[name] = value.lower()
            else:
                values[name] = value
        if self.kind == "query":
            values["q"] = lucene(self.q if self.q is not None else "*")
        else:
            values["ids"] = sorted(set(self.ids))
            values["scopes"] = sorted(set(self.scopes))
        values["fields"] = sorted(set(self.fields) - {"all"})
        return json.dumps([self.api, self.kind, values], sort_keys=True, ensure_ascii=False)

    def snippet(self) -> str:
        """Python that makes this request with `biothings-client`, ready to paste."""
        api = get_api(self.api)
        options: dict[str, Any] = {}
        if self.fields:
            options["fields"] = ",".join(self.fields)
        for name, value in self.params.items():
            if name in UNREADABLE:
                continue
            options[name] = int(value) if name in ("size", "from", "facet_size") and value.isdecimal() else value
        # An API of the user's own is where `offline serve` puts it.
        place = "" if api.name in API_NAMES else f', url="{api.root}"'
        lines = ["import biothings_client", "", f'client = biothings_client.get_client("{api.client}"{place})']
        plural = "es" if api.client.endswith("s") else "s"
        getter, getters = (
            f"client.{name}" if name.isidentifier() else f'getattr(client, "{name}")'
            for name in (f"get{api.client}", f"get{api.client}{plural}")
        )
        if self.kind == "fields":
            if set(self.params) - {"search"}:  # `get_fields` knows no other parameter
                return f"import httpx\n\nresult = httpx.get({_literal(self.url)}).json()\nprint(result)"
            call = f"client.get_fields({_literal(self.params['search']) if self.params.get('search') else ''})"
        elif self.kind == "get":
            call = f"{getter}({_arguments([_literal(self.ids[0])], options)})"
        elif self.kind == "batch" and self.scopes:
            options = {"scopes": ",".join(self.scopes), **options}
            call = f"client.querymany({_arguments([_literal(list(self.ids))], options)})"
        elif self.kind == "batch":
            call = f"{getters}({_arguments([_literal(list(self.ids))], options)})"
        else:
            call = f"client.query({_arguments([_literal(self.q if self.q is not None else '__all__')], options)})"
        return "\n".join([*lines, f"result = {call}", "print(result)"])

    def check(self) -> Query:
        """Return this request if it can be sent.

        Raises:
            QueryError: the first fault found: an unknown or unsearchable field, a malformed query string, a
                parameter that the API does not have or a value out of its range. The hint names the nearest
                valid choice.
        """
        from tools.check import check_query

        check_query(self)
        return self


def _entity_path(api: Api) -> str:
    return f"/{api.version}/{api.entity}"


def _items(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))


def _encode(value: str) -> str:
    for character in "%&+#":  # `%` first, or the others' own signs would be encoded again
        value = value.replace(character, f"%{ord(character):02X}")
    return value


def _taxid(species: str) -> str:
    from tools.apis import SPECIES

    return str(SPECIES.get(species.lower(), species.lower()))


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _arguments(positional: list[str], options: dict[str, Any]) -> str:
    # `from` is a keyword of Python, so it can only be passed in a dictionary.
    named = [f"{name}={_literal(value)}" for name, value in options.items() if name != "from"]
    if "from" in options:
        named.append(f"**{_literal({'from': options['from']})}")
    return ", ".join(positional + named)


def _split(text: str) -> tuple[Api, str, dict[str, str]]:
    """Take a request line or a URL apart into API, path and parameters."""
    example = "For example: mygene /v3/query?q=symbol:CDK2&fields=name&species=human"
    if not text or "\n" in text:
        raise QueryError("A request is one line.", example)
    if text[:8].lower().startswith(("http://", "https://")):
        try:
            parts = urlsplit(text)
        except ValueError as error:
            raise QueryError(f"{text[:80]!r} is not an address: {error}.", example) from None
        path, query = unquote_plus(parts.path.replace("+", "%2B")), parts.query
        hosts = {urlsplit(get_api(name).base_url).netloc: get_api(name) for name in API_NAMES}
        api = hosts.get(parts.netloc.lower())
        if api is None:
            # A service of one's own carries the API's name as the first part of its path.
            first, _, rest = path.lstrip("/").partition("/")
            if first not in api_names():
                raise QueryError(
                    f"{parts.netloc} is none of the known services.", f"Known APIs: {', '.join(API_NAMES)}."
                )
            api, path = get_api(first), rest
        return api, path, _parameters(query.split("&"))
    name, _, rest = text.partition(" ")
    if name.upper() in ("GET", "POST"):
        name, _, rest = rest.strip().partition(" ")
    if not rest.strip().startswith("/"):
        raise QueryError(f"{text[:80]!r} is not a request line.", example)
    path, _, query = rest.strip().partition("?")
    return get_api(name), unquote_plus(path.replace("+", "%2B")), _parameters(query.split("&"))


def _parameters(pairs: Iterable[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in pairs:
        if not pair:
            continue
        name, _, value = pair.partition("=")
        name = unquote_plus(name).strip()
        values[PARAM_ALIASES.get(name, name)] = unquote_plus(value).strip()
    return values
