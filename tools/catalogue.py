"""The field catalogue: every field of an API, what it holds, and the words that people use for it.

It is read from `data/schema/<api>.json`, one field a line, sorted by path:

    {"symbol": {"type": "keyword", "index": true, "default": true, "label": "official gene symbol", …}, …}

`type`, `index`, `default` (searched without a field name), `analyzer`, `normalizer`, `copy_to` are the service's own
facts. `query: false` marks fields that query strings cannot reach although the listing calls them indexed. `label`,
`description`, `synonyms`, `example`, `values` and `prior` are ours: written by hand where `hand` is true, else
composed (`tools.glossary`). A file `<home>/apis/<api>/fields.json` (a refreshed catalogue, or the mapping of an API
of the user's own) takes the place of the packaged one once `set_home` has named that folder.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tools import apis
from tools.errors import DataError, QueryError
from tools.glossary import compose
from tools.paths import data_dir

Row = dict[str, Any]

META_FIELDS = ("_id", "_all")
NUMERIC_TYPES = frozenset({"integer", "long", "short", "byte", "float", "double", "half_float"})
COMPOSED_PRIOR = 0.1

_TEXT_KEYS = ("label", "description", "synonyms", "example", "values", "prior", "hand")
# Facts about a field that `/metadata/fields` leaves out; a refresh must not lose them.
_UNLISTED_KEYS = ("query", "copy_to", "normalizer")
_AGGREGATE: Row = {"type": "text", "index": True, "analyzer": "refseq_analyzer"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of one API.

    `searchable`: `path:value` can find documents by it. `default`: searched when no field is named. `leaf`: holds
    values, not further fields. `values`: all allowed values, as the API stores them, where there are but a few.
    `prior`: 0..1, how often people ask for it or search by it. `hand`: its text was written by hand.
    """

    api: str
    path: str
    type: str
    searchable: bool
    default: bool
    label: str
    description: str
    synonyms: tuple[str, ...]
    example: str | None
    values: tuple[str, ...]
    prior: float
    leaf: bool
    hand: bool


class Catalogue:
    """The fields of one API. Build it with `load_catalogue`."""

    def __init__(self, api: str, rows: Mapping[str, Row]) -> None:
        """Read `rows`, the content of a catalogue file; rows marked as removed are passed over."""
        self.api = api
        self.rows: dict[str, Row] = {path: row for path, row in rows.items() if not row.get("removed")}
        parents = {path.rpartition(".")[0] for path in self.rows}
        self.fields: dict[str, Field] = {
            path: _field(api, path, row, leaf=path not in parents) for path, row in self.rows.items()
        }

    def get(self, path: str) -> Field | None:
        """Return the field at `path`, None if there is none."""
        return self.fields.get(path)

    def exists(self, path: str) -> bool:
        """Tell whether `path` is a field, inner node or `_id`/`_all`; exact, as the services are."""
        return path in self.fields or path in META_FIELDS

    def leaves(self, under: str | None = None) -> list[Field]:
        """Return the leaf fields, all of them or those at and below the path `under`."""
        prefix = f"{under}." if under else ""
        return [
            field
            for path, field in self.fields.items()
            if field.leaf and (under is None or path == under or path.startswith(prefix))
        ]

    def children(self, path: str) -> list[Field]:
        """Return the fields directly below `path`; the top-level ones for the empty path."""
        return [field for name, field in self.fields.items() if name.rpartition(".")[0] == path]

    def resolve(self, name: str) -> list[str]:
        r"""Return the paths that a field name in a query string reaches, none where it reaches nothing.

        A name is a path, a pattern (`go.\*.id`, `refseq.*`), or a shorthand of the API (`interpro`, `mgi`). An inner
        node reaches the leaves below it, as `_exists_` does.
        """
        pattern = name.replace("\\", "")
        shorthand = apis.get_api(self.api).shorthands.get(name.lower(), ()) if self.api in apis.api_names() else ()
        field = self.fields.get(name)
        if field is not None and (field.leaf or not shorthand):
            return [leaf.path for leaf in self.leaves(name)]
        patterns = shorthand or ((pattern,) if "*" in pattern or "?" in pattern else ())
        return [leaf.path for leaf in self.leaves() if any(fnmatch.fnmatchcase(leaf.path, p) for p in patterns)]

    def nearest(self, path: str, n: int = 3, searchable: bool | None = None) -> list[str]:
        """Return the `n` existing paths most like `path`, in spelling or in name; only (un)searchable ones if asked."""
        from rapidfuzz import fuzz

        wanted = path.strip().lower()
        leaf = wanted.rpartition(".")[2]
        words = " ".join(wanted.replace("_", ".").replace("-", ".").split("."))
        scored: list[tuple[float, str]] = []
        for field in self.fields.values():
            if searchable is not None and field.searchable is not searchable:
                continue
            candidate = field.path.lower()
            names = (field.label.lower(), *(word.lower() for word in field.synonyms))
            score = max(
                fuzz.ratio(wanted, candidate),
                0.95 * fuzz.ratio(leaf, candidate.rpartition(".")[2]),
                0.92 * max(fuzz.ratio(words, name) for name in names),
                0.90 * fuzz.token_sort_ratio(words, candidate.replace(".", " ").replace("_", " ")),
            )
            scored.append((score + 5 * field.prior, field.path))  # of two as near, the one that people ask for
        scored.sort(key=lambda pair: (-pair[0], len(pair[1]), pair[1]))
        return [name for _, name in scored[:n]]

    def mapping(self) -> dict[str, Row]:
        """Return the search engine's view: `{path: {type, index, searched_by_default, analyzer…}}`.

        Objects that query strings cannot reach are `nested`; targets of `copy_to` are fields of their own.
        """
        view: dict[str, Row] = {}
        for path, row in self.rows.items():
            kept = {key: value for key, value in row.items() if key not in (*_TEXT_KEYS, "default", "query")}
            if row.get("default"):
                kept["searched_by_default"] = True
            if row.get("query") is False and row["type"] == "object":
                kept["type"] = "nested"
            view[path] = kept
            for target in row.get("copy_to", ()):
                view.setdefault(target, dict(_AGGREGATE))
        return view

    def listing(self, search: str | None = None, prefix: str | None = None) -> dict[str, Row]:
        """Return the fields as `/metadata/fields` answers them, those whose path holds `search` or starts so."""
        return {
            path: {
                **{key: row[key] for key in row if key not in (*_TEXT_KEYS, *_UNLISTED_KEYS, "default")},
                **({"searched_by_default": True} if row.get("default") else {}),
            }
            for path, row in self.rows.items()
            if (search is None or search.lower() in path.lower())
            and (prefix is None or path.lower().startswith(prefix.lower()))
        }

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that the catalogue says; changes when any row does."""
        return hashlib.sha256(json.dumps(self.rows, sort_keys=True).encode()).hexdigest()[:16]

    def __iter__(self) -> Iterator[Field]:
        """Iterate over all fields, sorted by path."""
        return iter(self.fields.values())

    def __len__(self) -> int:
        """The number of fields, inner nodes included."""
        return len(self.fields)


_cache: dict[str, Catalogue] = {}
_home: Path | None = None


def load_catalogue(api: str) -> Catalogue:
    """Return the catalogue of `api`, read once.

    Raises:
        QueryError: there is no such API, or none with fields.
        DataError: its file is damaged.
    """
    catalogue = _cache.get(api)
    if catalogue is None:
        apis.get_api(api)
        catalogue = _cache[api] = Catalogue(api, _read(_file(api)))
    return catalogue


def set_home(home: Path | None) -> None:
    """Name the folder that may hold catalogues of the user's own, and register the APIs found there."""
    global _home
    _home = home
    _cache.clear()
    if home is not None:
        for path in sorted(home.glob("apis/*/fields.json")):
            if path.parent.name not in apis.api_names():
                apis.register(apis.made_up(path.parent.name))


def refresh(api: str, listing: Mapping[str, Mapping[str, Any]]) -> dict[str, Row]:
    """Merge a service's `/metadata/fields` answer into the catalogue of `api` and return the merged rows.

    Facts come from the listing. Hand-written text stays: the package's own as it is now, and what the user wrote where
    the package has none; all other text is composed anew. A field that the service no longer lists is dropped; one with
    hand-written text is kept, marked `removed`, in case it comes back.

    Raises:
        DataError: `listing` is not a field listing.
    """
    if not listing or not all(isinstance(row, Mapping) and "type" in row for row in listing.values()):
        raise DataError(
            f"The answer for {api} is not a field listing.",
            "It should be the JSON of /metadata/fields: an object of field paths, each with a type.",
        )
    return merge(api, _known(api), listing)


def merge(api: str, known: Mapping[str, Row], listing: Mapping[str, Mapping[str, Any]]) -> dict[str, Row]:
    """Merge `listing` into the rows `known`; see `refresh`."""
    merged: dict[str, Row] = {}
    for path in sorted({*listing, *known}):
        old = known.get(path, {})
        if path not in listing:
            if old.get("hand"):
                merged[path] = {**old, "removed": True}
            continue
        facts = _facts(listing[path])
        facts |= {key: old[key] for key in _UNLISTED_KEYS if key in old and key not in facts}
        if old.get("hand"):
            text = {key: old[key] for key in _TEXT_KEYS if key in old}
        else:
            text = _composed(api, path, facts["type"])
            text |= {key: old[key] for key in ("example", "values", "prior") if key in old}
        merged[path] = facts | text
    return merged


def save(rows: Mapping[str, Row], path: Path) -> None:
    """Write rows as a catalogue file, one field a line, so that a change of one field is a change of one line."""
    lines = [f"{json.dumps(name)}: {json.dumps(rows[name], ensure_ascii=False)}" for name in sorted(rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    temporary.replace(path)
    _cache.clear()


def override_path(home: Path, api: str) -> Path:
    """Return where a catalogue of the user's own for `api` stands below `home`."""
    return home / "apis" / api / "fields.json"


def _known(api: str) -> dict[str, Row]:
    """Return the rows that a refresh builds upon: the packaged ones, and what only the user's own catalogue says.

    The latter as it is holds the texts that the package had when it was made, and would keep later ones out.
    """
    packaged = _packaged(api)
    rows = _read(packaged) if packaged.exists() else {}
    own = override_path(_home, api) if _home is not None else None
    if own is not None and own.exists():
        for path, row in _read(own).items():
            if path not in rows:
                rows[path] = row
            elif row.get("hand") and not rows[path].get("hand"):
                rows[path] |= {key: row[key] for key in _TEXT_KEYS if key in row}
    return rows


def _packaged(api: str) -> Path:
    return data_dir() / "schema" / f"{api}.json"


def _file(api: str) -> Path:
    """Find the file of an API's catalogue: the user's own before the packaged one."""
    candidates = [_packaged(api)]
    if _home is not None:
        candidates.insert(0, override_path(_home, api))
    for path in candidates:
        if path.exists():
            return path
    raise QueryError(f"The fields of {api} are not known.", "Load it with `offline load --mapping FIELDS.json`.")


def _read(path: Path) -> dict[str, Row]:
    """Read a catalogue file."""
    try:
        rows = json.loads(path.read_bytes())
    except ValueError as error:
        raise DataError(f"The field catalogue {path} is damaged: {error}.", "Remove or restore that file.") from error
    if not isinstance(rows, dict):
        raise DataError(f"The field catalogue {path} is not a JSON object.", "Remove or restore that file.")
    return rows


def _facts(row: Mapping[str, Any]) -> Row:
    """Bring one row of a listing into the catalogue's form."""
    facts: Row = {"type": row["type"], "index": row.get("index", True)}
    if row.get("searched_by_default") or "all" in row.get("copy_to", ()):
        facts["default"] = True
    skipped = (*facts, "searched_by_default", *_TEXT_KEYS)
    return facts | {key: value for key, value in row.items() if key not in skipped}


def _composed(api: str, path: str, type_: str) -> Row:
    """Compose the text keys of a row."""
    label, description, synonyms = compose(api, path, type_)
    return {"label": label, "description": description, "synonyms": list(synonyms)}


def _field(api: str, path: str, row: Row, *, leaf: bool) -> Field:
    """Make the field of one row; a row without text (a plain mapping) gets a composed one."""
    if "label" not in row:
        row = row | _composed(api, path, row["type"])
    reachable = row.get("index", True) and row.get("query", True)
    return Field(
        api=api,
        path=path,
        type=row["type"],
        searchable=bool(reachable and leaf and row["type"] not in ("object", "nested")),
        default=bool(row.get("default") or row.get("searched_by_default")),
        label=row["label"],
        description=row["description"],
        synonyms=tuple(row.get("synonyms", ())),
        example=row.get("example"),
        values=tuple(row.get("values", ())),
        prior=row.get("prior", COMPOSED_PRIOR),
        leaf=leaf,
        hand=bool(row.get("hand")),
    )
