"""Requests mined from access logs of the services: CSV, one path a row.

What people asked is reduced to signatures (endpoint, fields asked for, operators, fields searched, scopes, parameters):
one request stands for all that differ in their values only. Those that can be sent and find something are handed on, to
be paraphrased. What a log tells of who asked is not read: only API, path and parameters are.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from urllib.parse import urlsplit

from tools.apis import api_names, get_api
from tools.check import INTERVAL
from tools.errors import BadRequest, DataError, NotFound, QueryError
from tools.lucene import (
    Bool,
    Boost,
    Exists,
    Fuzzy,
    LuceneSyntaxError,
    Node,
    Phrase,
    Prefix,
    Range,
    Regex,
    Term,
    Wildcard,
    parse,
)
from tools.query import Query

if TYPE_CHECKING:
    from tools.backend import Backend

#: Column names under which logs hold the path, as far as they have a header.
_COLUMNS = ("path", "url", "uri", "request", "request_uri", "cs-uri", "cs-uri-stem", "endpoint")
#: Parameters that say nothing of what is asked: of the client, of the answer's form, of who asks.
_NOISE = frozenset(
    ("callback", "jsoncallback", "jsonp", "email", "dotfield", "format", "raw", "rawquery", "fetch_all", "scroll_id",
     "_", "always_list", "allow_null", "explain", "out_format", "user", "api_key", "with_total", "_sorted")
)  # fmt: skip
_OPERATORS: tuple[tuple[type[Node], str], ...] = (
    (Phrase, "phrase"), (Range, "range"), (Wildcard, "wildcard"), (Prefix, "wildcard"), (Fuzzy, "fuzzy"),
    (Regex, "regex"), (Exists, "exists"),
)  # fmt: skip
Progress = Callable[[int, int], None]


@dataclass(frozen=True, order=True)
class Signature:
    """What is alike in requests that differ in their values only."""

    api: str
    kind: str
    fields: tuple[str, ...]
    operators: tuple[str, ...]
    searched: tuple[str, ...]
    scopes: tuple[str, ...]
    params: tuple[str, ...]


@dataclass
class Mined:
    """What came of a log.

    `requests`: a request line for each signature, with how often it was asked, most frequent first. `left_out`: rows
    that gave none, by reason.
    """

    requests: list[tuple[str, Signature, int]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    rows: int = 0


def mine(path: Path, api: str | None = None) -> Mined:
    """Read an access log and reduce it to one request a signature.

    Args:
        path: the CSV file. The column of the paths is found by its name, or by what stands in it.
        api: whose log it is; needed where the paths do not say it (they do as whole URLs, or as `/mygene/v3/…`).

    Raises:
        DataError: the file cannot be read or has no such column.
        QueryError: the API is not known.
    """
    if api is not None:
        get_api(api)
    mined = Mined()
    counts: Counter[Signature] = Counter()
    examples: dict[Signature, str] = {}
    for text in _paths(path):
        mined.rows += 1
        query = _read(text, api)
        if isinstance(query, str):
            mined.left_out[query] += 1
            continue
        signature = signature_of(query)
        counts[signature] += 1
        # The shortest stands for the rest: it has the fewest peculiarities.
        if signature not in examples or (len(query.line), query.line) < (len(examples[signature]), examples[signature]):
            examples[signature] = query.line
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    mined.requests = [(examples[signature], signature, count) for signature, count in ranked]
    return mined


def signature_of(query: Query) -> Signature:
    """Reduce a request to its signature."""
    operators: set[str] = set()
    searched: set[str] = set()
    for text in (query.q if query.kind == "query" else None, query.params.get("filter")):
        if text:
            _collect(text, operators, searched)
    params = tuple(sorted(query.params))
    if query.kind == "batch":
        operators.add("batch")
    fields = tuple(sorted(query.fields))
    return Signature(query.api, query.kind, fields, tuple(sorted(operators)), tuple(sorted(searched)),
                     tuple(sorted(query.scopes)), params)  # fmt: skip


def _collect(text: str, operators: set[str], searched: set[str]) -> None:
    rest = INTERVAL.sub("", text).strip()
    if rest != text.strip():
        operators.add("interval")
        rest = rest.removeprefix("AND").removesuffix("AND").strip()
    try:
        tree = parse(rest)
    except LuceneSyntaxError:
        return
    _walk(tree, operators, searched)


def _walk(node: Node, operators: set[str], searched: set[str]) -> None:
    if isinstance(node, Bool):
        for occur, child in node.occurs:
            operators.add({"must": "and", "should": "or", "must_not": "not"}[occur])
            _walk(child, operators, searched)
        return
    if isinstance(node, Boost):
        operators.add("boost")
        _walk(node.node, operators, searched)
        return
    operators.update(name for kind, name in _OPERATORS if isinstance(node, kind))
    if isinstance(node, Exists):
        searched.add(node.path)
    elif isinstance(node, (Term, Phrase, Range, Wildcard, Prefix, Fuzzy, Regex)):
        searched.add(node.field or "")


def keep_answered(mined: Mined, backend: Backend, progress: Progress | None = None) -> list[dict[str, object]]:
    """Execute what was mined and return what finds something, as rows {"request", "count", "total"}.

    What does not is counted in `mined.left_out`.

    Raises:
        ServiceError: the backend does not answer at all.
    """
    from tools.client import execute

    rows: list[dict[str, object]] = []
    for done, (line, _, count) in enumerate(mined.requests, start=1):
        query = Query.parse(line)
        probe = query
        if query.kind == "query" and not {"size", "facets"} & query.params.keys():
            probe = query.model_copy(update={"params": {**query.params, "size": "1"}})
        try:
            result = execute(probe, backend)
            total = result.total
        except NotFound:
            total = 0
        except (BadRequest, QueryError):
            mined.left_out["refused by the service"] += count
            continue
        finally:
            if progress:
                progress(done, len(mined.requests))
        if total:
            rows.append({"request": line, "count": count, "total": total})
        else:
            mined.left_out["finds nothing"] += count
    return rows


def write_rows(rows: Iterable[dict[str, object]], path: Path) -> None:
    """Write rows as JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _read(text: str, api: str | None) -> Query | str:
    """Read one path as a request that can be sent, or say why it is none."""
    text = text.strip()
    # "GET /v3/query?q=cdk2 HTTP/1.1", as a server writes it
    verb, _, rest = text.partition(" ")
    if verb.upper() in ("GET", "POST", "HEAD", "OPTIONS"):
        text = rest.rpartition(" HTTP/")[0] or rest
    if text.startswith(("http://", "https://")):
        parts = urlsplit(text)
        owner = next((name for name in api_names() if urlsplit(get_api(name).base_url).netloc == parts.netloc), api)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
    else:
        owner, path = api, text
    first, _, below = path.lstrip("/").partition("/")
    if first in api_names():
        owner, path = first, "/" + below
    if owner is None:
        return "no known API"
    try:
        query = Query.parse(f"{owner} {path}")
        kept = {name: value for name, value in query.params.items() if name not in _NOISE and value}
        query = query.model_copy(update={"params": kept})
        if query.kind == "query" and not (query.q or "").strip():
            return "asks for nothing"
        return Query.parse(query.check().line)
    except (QueryError, RecursionError):
        return "not a request that can be sent"


def _paths(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            yield from _column(file, path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def _column(file: TextIO, path: Path) -> Iterator[str]:
    rows = csv.reader(file)
    first = next(rows, None)
    if first is None:
        return
    names = [name.strip().lower() for name in first]
    place = next((names.index(name) for name in _COLUMNS if name in names), None)
    if place is None:
        # No header: the first column that looks like a path.
        place = next((number for number, cell in enumerate(first) if "/v" in cell), None)
        if place is None:
            raise DataError(
                f"{path} has no column of paths.",
                f"Name it in a header: {_COLUMNS[0]}, {_COLUMNS[1]} or {_COLUMNS[3]}.",
            )
        # A file of nothing but paths: the commas within them are seldom quoted.
        alone = place == 0
        yield ",".join(first) if alone else first[place]
    else:
        alone = place == len(first) - 1
    for row in rows:
        if len(row) > place and row[place].strip():
            yield ",".join(row[place:]) if alone else row[place]
