"""What retrieval can find: field cards of the catalogue, syntax notes, worked examples.

Notes stand in `data/docs/*.md`: a title, a few sentences, and an indented request that shows them. Examples stand in
`data/examples/examples.jsonl`, one {"question", "request"} a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.entities import find_entities, mask
from tools.catalogue import Field, load_catalogue
from tools.errors import DataError
from tools.paths import data_dir

#: Changes with the way a card's text is composed.
VERSION = 1
_SYNONYMS_IN_VECTOR = 8


@dataclass(frozen=True, slots=True)
class Note:
    """A rule of the request syntax, with a request that shows it."""

    name: str
    title: str
    text: str
    request: str


@dataclass(frozen=True, slots=True)
class Example:
    """A question and the request that answers it."""

    question: str
    request: str

    @property
    def api(self) -> str:
        """The API that the request goes to."""
        return self.request.partition(" ")[0]


@lru_cache(maxsize=1)
def load_notes() -> tuple[Note, ...]:
    """Return all syntax notes, by name.

    Raises:
        DataError: a note has another form than title, text, request.
    """
    notes = []
    for path in sorted((data_dir() / "docs").glob("*.md")):
        content = path.read_text(encoding="utf-8")
        match = re.fullmatch(r"# ([^\n]+)\n\n(.+?)\n\n    ([^\n]+)\n", content, re.DOTALL)
        if match is None:
            raise DataError(f"The note {path.name} is not a title, a text and a request.", "See the other notes.")
        title, text, request = match.groups()
        notes.append(Note(path.stem, title, " ".join(text.split()), request))
    return tuple(notes)


@lru_cache(maxsize=1)
def load_examples() -> tuple[Example, ...]:
    """Return all worked examples, in the order of their file.

    Raises:
        DataError: a line is not an object with a question and a request.
    """
    return tuple(read_examples((data_dir() / "examples" / "examples.jsonl").read_text(encoding="utf-8")))


def read_examples(content: str) -> list[Example]:
    """Read examples from NDJSON.

    Raises:
        DataError: a line is not an object with a question and a request.
    """
    examples = []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            examples.append(Example(str(row["question"]), str(row["request"])))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"Example {number} is not an object with a question and a request.") from error
    return examples


def load_cards(apis: Sequence[str]) -> list[Field]:
    """Return the fields of these APIs that can be retrieved, API by API, sorted by path."""
    return [field for api in apis for field in load_catalogue(api)]


def card_text(field: Field) -> str:
    """Return what a card's vector is made of: what the field is, and the words that people use for it."""
    synonyms = ", ".join(field.synonyms[:_SYNONYMS_IN_VECTOR])
    return ". ".join(part for part in (field.label, field.description.rstrip("."), synonyms) if part)


def card_words(field: Field) -> list[tuple[str, float]]:
    """Return what a card is found by word for word: texts with the weight of their words."""
    parents, _, leaf = field.path.rpartition(".")
    texts = [(field.label, 3.0), (leaf, 2.5), (parents, 1.5), (field.description, 1.0)]
    texts += [(synonym, 3.0) for synonym in field.synonyms]
    texts += [(value, 1.5) for value in field.values]
    return texts


def card_names(field: Field) -> list[str]:
    """Return what a field is called: its label, its synonyms and the words of its path."""
    return [field.label, *field.synonyms, field.path.replace(".", " ").replace("_", " ")]


def question_text(question: str) -> str:
    """Return what a question's vector is made of: its entities give way to words for their kind."""
    return mask(question, find_entities(question))


def note_text(note: Note) -> str:
    """Return what a note's vector is made of."""
    return f"{note.title}. {note.text}"


def fields_of(request: str) -> frozenset[str]:
    """Return the field paths that a request line names: searched, returned, counted, sorted by or looked up in.

    Raises:
        QueryError: the line is not a request.
    """
    from tools.lucene import LuceneSyntaxError, fields_of, parse
    from tools.query import Query

    query = Query.parse(request)
    paths: set[str] = set(query.fields) | set(query.scopes)
    for name in ("facets", "sort"):
        paths.update(part.strip().lstrip("-") for part in query.params.get(name, "").split(",") if part.strip())
    for text in (query.q, query.params.get("filter")):
        if query.kind == "query" and text:
            try:
                paths.update(fields_of(parse(text)))
            except LuceneSyntaxError:
                continue
    catalogue = load_catalogue(query.api)
    return frozenset(_reached(paths, catalogue.fields))


def _reached(names: Iterable[str], known: Iterable[str]) -> set[str]:
    """Keep the names that are fields; `_id`, intervals (`chr7`) and shorthands are none."""
    fields = set(known)
    return {name for name in names if name in fields}
