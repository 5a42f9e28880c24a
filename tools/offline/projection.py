"""What of a document an answer shows: the choice of fields, and the services' transformations of what is chosen.

`Projection` does what Elasticsearch's source filtering does for `fields=` (a parent path takes all below it, `*` stands
for any text, dots included, `-path` excludes). `shape` does what the BioThings SDK's result formatter does for
`allow_null`, `always_list`, `_sorted`, `list_filter`, `jmespath` and `dotfield`. https://docs.biothings.io
"""

from __future__ import annotations

import importlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

Document = dict[str, Any]

#: Our own key for gene links, which stand in where the document lacks the field that was asked for (see data notes).
GENE_LINKS = "_hpo_genes"
_GENE_LINKS_FOR = "disgenet.genes_related_to_disease"
_PRIVATE = frozenset({"_id_hg19", "_id_hg38"})


class Projection:
    """The choice of fields that one request makes; applied to each document of its answer.

    `fields` is the request's list; None, an empty list or one with `all` keeps the whole document.
    """

    def __init__(self, fields: Sequence[str] | None) -> None:
        wanted = [] if not fields or "all" in fields else [str(field) for field in fields]
        self._excludes = [field.lstrip("-") for field in wanted if field.startswith("-")]
        includes = [field for field in wanted if not field.startswith("-")]
        # Names of fields only: `_id` and `_score` are added to every hit anyway.
        self._includes = includes or ["*"]
        self.whole = not self._excludes and not includes
        self._include = _any_of(self._includes)
        self._exclude = _any_of(self._excludes)
        self._verdicts: dict[str, str] = {}
        self._links = bool(includes) and self._reaches(_GENE_LINKS_FOR)

    def __call__(self, document: Document) -> Document:
        """Return the chosen part of `document`, which is left as it is; the parts may be shared with it."""
        if self.whole:
            return {key: value for key, value in document.items() if key not in _PRIVATE}
        chosen = self._object(document, "", inside=False)
        if self._links and GENE_LINKS in document and not _holds(document, _GENE_LINKS_FOR.split(".")):
            chosen[GENE_LINKS] = document[GENE_LINKS]
        return chosen

    def _object(self, value: Document, prefix: str, inside: bool) -> Document:
        chosen: Document = {}
        for key, item in value.items():
            if not prefix and key in _PRIVATE:
                continue
            path = f"{prefix}{key}"
            verdict = self._verdict(path, inside)
            if verdict == "drop":
                continue
            if verdict == "take":
                chosen[key] = item
                continue
            below = inside or verdict == "enter included"
            if isinstance(item, dict):
                part: Any = self._object(item, path + ".", below)
            elif isinstance(item, list):
                part = self._list(item, path, below)
            elif below:
                chosen[key] = item
                continue
            else:
                continue
            if part or below:
                chosen[key] = part
        return chosen

    def _list(self, values: list[Any], path: str, inside: bool) -> list[Any]:
        chosen: list[Any] = []
        for item in values:
            if isinstance(item, dict):
                part: Any = self._object(item, path + ".", inside)
            elif isinstance(item, list):
                part = self._list(item, path, inside)
            elif inside:
                chosen.append(item)
                continue
            else:
                continue
            if part or inside:
                chosen.append(part)
        return chosen

    def _verdict(self, path: str, inside: bool) -> str:
        # The same few paths come up in every hit, so each is decided once.
        key = f"{path}\n" if inside else path
        verdict = self._verdicts.get(key)
        if verdict is None:
            verdict = self._verdicts[key] = self._decide(path, inside)
        return verdict

    def _decide(self, path: str, inside: bool) -> str:
        if self._exclude and self._exclude.fullmatch(path):
            return "drop"
        if inside or (self._include and self._include.fullmatch(path)):
            return "enter included" if self._may_hold(self._excludes, path) else "take"
        return "enter" if self._may_hold(self._includes, path) else "drop"

    @staticmethod
    def _may_hold(patterns: Sequence[str], path: str) -> bool:
        """Whether one of the patterns can match something below `path`."""
        for pattern in patterns:
            plain, star, _ = pattern.partition("*")
            start = f"{path}."
            if (pattern.startswith(start)) or (star and (start.startswith(plain) or plain.startswith(start))):
                return True
        return False

    def _reaches(self, path: str) -> bool:
        """Whether the request names `path`, one of its parents or something below it."""
        parents = [path[: at.start()] for at in re.finditer(r"\.", path)]
        named = [field for field in self._includes if field != "*"]
        return any(field == path or field in parents or field.startswith(path + ".") for field in named)


def _any_of(patterns: Sequence[str]) -> re.Pattern[str] | None:
    if not patterns:
        return None
    texts = (".*".join(re.escape(part) for part in pattern.split("*")) for pattern in patterns)
    return re.compile("|".join(f"(?:{text})(?:\\..*)?" for text in texts), re.DOTALL)


def _holds(value: Any, parts: Sequence[str]) -> bool:
    """Whether a value stands at the path `parts`, through lists of objects too."""
    if not parts:
        return value is not None and value != []
    if isinstance(value, list):
        return any(_holds(item, parts) for item in value)
    return isinstance(value, dict) and parts[0] in value and _holds(value[parts[0]], parts[1:])


@dataclass(frozen=True)
class Shape:
    """The transformations that a request asks for."""

    dotfield: bool = False
    sorted: bool = True
    always_list: tuple[str, ...] = ()
    allow_null: tuple[str, ...] = ()
    list_filter: str | None = None
    jmespath: str | None = None
    jmespath_exclude_empty: bool = False


@dataclass
class _Fate:
    """Whether a document stays: `jmespath_exclude_empty` drops those of which the expression leaves nothing."""

    keep: bool = True


class Shaper:
    """Applies one `Shape` to documents.

    Raises:
        ValueError: on construction, when the jmespath expression is wrong or the library for it is missing, or the
            list filter is malformed.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self._search: Callable[[Any], Any] | None = None
        self._parent = self._target = ""
        self._list, self._wanted = _read_list_filter(shape.list_filter) if shape.list_filter else ("", {})
        if shape.jmespath is not None:
            self._parent, self._target, self._search = _compile(shape.jmespath)

    def __call__(self, document: Document) -> Document | None:
        """Return the document in shape, or None where `jmespath_exclude_empty` drops it."""
        fate = _Fate()
        document = self._walk(document, "", fate)
        if not fate.keep:
            return None
        return self._flatten(document) if self.shape.dotfield else document

    def _walk(self, value: Any, path: str, fate: _Fate) -> Any:
        """Shape a value at a path: what is within it first, and each object in the order in which the services do."""
        if isinstance(value, list):
            return self._leave_out([self._walk(item, path, fate) for item in value], path, fate)
        if not isinstance(value, dict):
            if self._search is not None and path == self._parent:
                raise ValueError(f'"parent_path" in jmespath transformation cannot be non-dict type: "{path}"')
            return value
        result = {key: self._walk(item, f"{path}.{key}" if path else key, fate) for key, item in value.items()}
        for field in self.shape.allow_null:
            key = _child(field, path)
            if key is not None and key not in result:
                result[key] = None
        for field in self.shape.always_list:
            key = _child(field, path)
            if key is not None and key in result and not isinstance(result[key], list):
                result[key] = [] if result[key] is None else [result[key]]
        key = _child(self._list, path) if self._list else None
        if key in result:
            items = result[key] if isinstance(result[key], list) else [result[key]]
            result[key] = [item for item in items if self._is_wanted(item)]
        if self.shape.sorted:
            result = dict(sorted(result.items()))
        return self._transform(result, fate) if self._search is not None and path == self._parent else result

    def _is_wanted(self, item: Any) -> bool:
        if not isinstance(item, dict):
            return False
        return all(str(item.get(name, "")) in values for name, values in self._wanted.items())

    def _flatten(self, document: Document) -> Document:
        values: defaultdict[str, list[Any]] = defaultdict(list)
        for path, value in _leaves(document, ""):
            values[path].append(value)
        # As the services do: several values lose the empty ones among them.
        return {
            path: items[0] if len(items) == 1 and path not in self.shape.always_list else [i for i in items if i]
            for path, items in values.items()
        }

    def _transform(self, document: Document, fate: _Fate) -> Document:
        """Replace the value at the expression's target by the expression's result."""
        assert self._search is not None
        found = document.get(self._target) if self._target else document
        if not found:
            return document
        new = self._search(found)
        if not new and self.shape.jmespath_exclude_empty:
            fate.keep = False
        if self._target:
            document[self._target] = new
            return document
        return dict(new) if isinstance(new, dict) else {}

    def _leave_out(self, items: list[Any], path: str, fate: _Fate) -> list[Any]:
        """Leave out of a list of objects those of which the expression left nothing."""
        if self._search is None or path != self._parent or not self.shape.jmespath_exclude_empty:
            return items
        if all(isinstance(item, dict) for item in items):
            items = [item for item in items if item.get(self._target)]
            fate.keep = bool(items)
        return items


def _read_list_filter(text: str) -> tuple[str, dict[str, list[str]]]:
    """Take `path.of.list:name=value,value|name=value` apart."""
    path, *conditions = text.split(":")
    pairs = [condition.split("=") for condition in "".join(conditions).split("|")]
    if len(conditions) != 1 or "." not in path or any(len(pair) != 2 for pair in pairs):
        raise ValueError("Invalid value for list_filter parameter")
    return path, {name.strip(): [value.strip() for value in values.split(",")] for name, values in pairs}


def _compile(text: str) -> tuple[str, str, Callable[[Any], Any]]:
    """Take `target.path|expression` apart and compile the expression."""
    try:
        library = importlib.import_module("jmespath")
    except ImportError as error:
        raise ValueError("jmespath is not available: install the Python package jmespath.") from error
    target_path, bar, expression = text.partition("|")
    if not bar:
        raise ValueError("Expect target_field|jmespath_expression.")
    compiled = library.compile(expression)  # its errors are ValueErrors
    options = library.Options(custom_functions=_functions())
    parent, _, target = target_path.rpartition(".")
    return parent, target, lambda value: compiled.search(value, options=options)


@cache
def _functions() -> Any:
    """Return jmespath's functions with the two that the services add."""
    library = importlib.import_module("jmespath.functions")
    takes_list = library.signature({"types": ["array"]})
    own = {"_func_unique": takes_list(_unique), "_func_unique_count": takes_list(_unique_count)}
    return type(library.Functions)("Functions", (library.Functions,), own)()


def _unique(_: Any, values: list[Any]) -> list[Any]:
    try:
        return sorted(set(values))
    except TypeError as error:
        raise ValueError(f"unique() in jmespath: {error}") from None


def _unique_count(_: Any, values: list[Any]) -> int:
    try:
        return len(set(values))
    except TypeError as error:
        raise ValueError(f"unique_count() in jmespath: {error}") from None


def _child(field: str, path: str) -> str | None:
    """The part of `field` below `path`, if it is one level below."""
    if path:
        if not field.startswith(path + "."):
            return None
        field = field[len(path) + 1 :]
    return None if "." in field else field


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, path)
        if not value:
            yield path, value  # an empty list counts as a value
    else:
        yield path, value
