"""Field descriptions by a larger model: from a field's path, its type and what a document holds there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from agent.settings import Settings
from agent.values import find
from finetune.teacher import Teacher, Usage, Watch
from tools.apis import get_api
from tools.catalogue import Catalogue
from tools.catalogue import Field as CatalogueField
from tools.errors import DataError, ServiceError

if TYPE_CHECKING:
    from tools.backend import Backend

INSTRUCTIONS = """You document the fields of a biomedical database for people who search it.
For one field, given its path, its type and an example, write: `label`, what it is, in at most six words;
`description`, one sentence that says what the field holds and whose data it is; `synonyms`, up to eight words or short
phrases that a biologist would use when asking for it. Say only what path and example support."""
_SAMPLE_CHARACTERS = 300


class Annotation(BaseModel):
    """What a larger model says of one field."""

    label: str = Field(min_length=2, max_length=80, description="what the field is, at most six words")
    description: str = Field(min_length=10, max_length=400, description="one sentence")
    synonyms: list[str] = Field(default=[], max_length=12, description="words that people use for it")


def annotate(
    catalogue: Catalogue,
    out: Path,
    settings: Settings,
    *,
    backend: Backend | None = None,
    paths: Iterable[str] | None = None,
    batch: int = 32,
    concurrency: int = 8,
    usage: Usage | None = None,
    watch: Watch = lambda done, total, usage: None,
) -> Usage:
    """Have fields described, and append rows {"path", "label", "description", "synonyms", "model"} to `out`.

    Fields that `out` holds already are passed over, and, unless `paths` names them, those described by hand.

    Args:
        catalogue: the fields.
        out: JSON lines; what a stopped run has written stays.
        settings: the server and its model (`openai_*`).
        backend: where a sample of each field is taken from; none: the catalogue's own example stands in.
        paths: only these fields.
        batch: how many fields are asked for before the next are written.
        concurrency: how many run at once.
        usage: prices, and where tokens are added up.
        watch: told after each batch.

    Raises:
        ModelError: there is no server, or it fails.
        DataError: a path is no field.
    """
    done = {str(row["path"]) for row in read_rows(out)}
    chosen = [field for field in _choose(catalogue, paths) if field.path not in done]
    teacher = Teacher(settings, INSTRUCTIONS, Annotation, concurrency, usage=usage or Usage())

    def make_rows(field: CatalogueField, answer: Annotation | None) -> list[dict[str, Any]]:
        return [{"path": field.path, **answer.model_dump(), "model": settings.openai_model}] if answer else []

    return teacher.write(chosen, lambda field: describe(field, sample(field, backend)), make_rows, out, batch, watch)


def _choose(catalogue: Catalogue, paths: Iterable[str] | None) -> list[CatalogueField]:
    if paths is None:
        return [field for field in catalogue if not field.hand]
    chosen = []
    for path in paths:
        field = catalogue.get(path)
        if field is None:
            nearest = ", ".join(catalogue.nearest(path))
            raise DataError(f"{catalogue.api} has no field {path!r}.", f"Nearest: {nearest}.")
        chosen.append(field)
    return chosen


def describe(field: CatalogueField, value: str) -> str:
    """Put a field before the model."""
    api = get_api(field.api)
    lines = [f"Database: {api.name}, {api.description}", f"Field: {field.path}", f"Type: {field.type}"]
    if field.values:
        lines.append(f"Allowed values: {', '.join(field.values[:20])}")
    if value:
        lines.append(f"In a document: {value}")
    return "\n".join(lines)


def sample(field: CatalogueField, backend: Backend | None) -> str:
    """Return what a document holds in a field, as JSON, cut short; the catalogue's example where none does."""
    found: Any = None
    if backend is not None:
        from tools.client import execute
        from tools.query import Query

        query = Query(
            api=field.api, kind="query", q=f"_exists_:{field.path}", fields=(field.path,), params={"size": "1"}
        )
        try:
            hits = execute(query, backend).hits
            found = next((find(hit, field.path) for hit in hits), None)
        except ServiceError as error:
            # Some fields cannot be searched, so that no document can be found by them.
            if error.retryable:
                raise
    if not found:
        return field.example or ""
    return json.dumps(found[0] if len(found) == 1 else found[:3], ensure_ascii=False)[:_SAMPLE_CHARACTERS]


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file of annotations; a line that a stopped run left cut off is passed over."""
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
            yield {**row, "path": str(row["path"])}
        except (ValueError, KeyError, TypeError):
            continue


def apply(api: str, annotations: Path, home: Path) -> tuple[Path, int]:
    """Put reviewed annotations into the user's own catalogue of an API; return its file and how many fields changed.

    What was written by hand stays as it is. A later refresh of the catalogue keeps the annotations.

    Raises:
        DataError: there are no annotations.
        QueryError: the API is not known.
    """
    from tools.catalogue import override_path, save, set_home

    set_home(home)
    rows = _catalogue_rows(api, home)
    changed = 0
    for note in read_rows(annotations):
        row = rows.get(note["path"])
        if row is None or (row.get("hand") and not row.get("annotated")):
            continue
        text = {key: note[key] for key in ("label", "description", "synonyms") if note.get(key)}
        rows[note["path"]] = {**row, **text, "hand": True, "annotated": note.get("model", "")}
        changed += 1
    if not changed:
        raise DataError(f"{annotations} holds no annotation of a field of {api}.", "Make some: finetune annotate.")
    path = override_path(home, api)
    save(rows, path)
    return path, changed


def _catalogue_rows(api: str, home: Path) -> dict[str, dict[str, Any]]:
    from tools.catalogue import override_path
    from tools.paths import data_dir

    get_api(api)
    own = override_path(home, api)
    path = own if own.is_file() else data_dir() / "schema" / f"{api}.json"
    rows: dict[str, dict[str, Any]] = json.loads(path.read_bytes())
    return rows
