"""Paraphrases by a larger model: for a request, an instruction in the imperative and a question that it answers.

The model is told what the request's fields mean, so that it need not guess. What loses an identifier, a value, a number
or the species of the request is not kept: a question that does not say `BRCA1` must not teach a request that does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from agent.settings import Settings
from finetune.metrics import identifiers_of, stands_in
from finetune.numerals import number_words
from finetune.pairs import Pair
from finetune.teacher import Teacher, Usage, Watch
from rag.documents import fields_of
from tools.apis import get_api, species_taxid, species_words
from tools.catalogue import load_catalogue
from tools.errors import DataError, QueryError
from tools.lucene import Bool, Boost, Fuzzy, LuceneSyntaxError, Node, Phrase, Prefix, Range, Term, parse
from tools.query import Query

INSTRUCTIONS = """You write what a biologist would say to get the answer that a request to a BioThings API gives.
Write two texts: `imperative`, an instruction ("Show me …", "List …"), and `question`, a question ("Which …?").
Each says all that the request says and nothing more: every identifier and name letter for letter, every condition,
number and limit, the species and the sort order if there are any, and which values are asked for. Do not use field
names or the request's syntax; say it as people do. Vary the wording; be brief."""
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?", re.IGNORECASE)
_IN_WORDS = {number_words(number): str(number) for number in range(101)} | {
    "a thousand": "1000",
    "a million": "1000000",
}
_WORDED = re.compile(rf"\b(?:{'|'.join(sorted(_IN_WORDS, key=len, reverse=True))})\b", re.IGNORECASE)
_SAID = re.compile(
    r"(?<![\w.])((?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)(?:e[+-]?\d{1,4})?)"
    r"(?:[\s-]?(%|per ?cent\b|hundred\b|thousand\b|kb?p?\b|million\b|mb?p?\b))?",
    re.IGNORECASE,
)
#: By the first letter of what follows a number.
_SCALES = {"%": "0.01", "p": "0.01", "h": "100", "t": "1000", "k": "1000", "m": "1000000"}
#: Numbers of a request outside its conditions.
_COUNTS = ("size", "from", "facet_size")
#: A chromosome in an interval, and one in a text.
_CHROMOSOME = re.compile(r"(?:\w+\.)?chr(\d{1,2}|X|Y|MT?)", re.IGNORECASE)
_CHR = re.compile(r"\bchr(?=(?:\d{1,2}|X|Y|MT?)\b)", re.IGNORECASE)
#: A whole chromosome, as a request says it: nobody says its limits.
_WHOLE = "1-300000000"


class Instructions(BaseModel):
    """Two ways to ask for one request."""

    imperative: str = Field(min_length=8, max_length=400, description="an instruction, such as: List the …")
    question: str = Field(min_length=8, max_length=400, description="a question, such as: Which …?")


def paraphrase(
    requests: Iterable[str],
    out: Path,
    settings: Settings,
    *,
    batch: int = 32,
    concurrency: int = 8,
    usage: Usage | None = None,
    watch: Watch = lambda done, total, usage: None,
) -> Usage:
    """Have each request paraphrased, and append the pairs to `out`; requests that are there already are passed over.

    Args:
        requests: request lines.
        out: JSON lines of pairs; what a stopped run has written stays.
        settings: the server and its model (`openai_*`).
        batch: how many requests are asked for before the next are written.
        concurrency: how many run at once.
        usage: prices, and where tokens are added up.
        watch: told after each batch.

    Raises:
        ModelError: there is no server, or it fails.
        DataError: `out` cannot be read.
    """
    done = set(_asked(out))
    lines = [line for line in dict.fromkeys(requests) if line not in done and line != "none"]
    teacher = Teacher(settings, INSTRUCTIONS, Instructions, concurrency, usage=usage or Usage())
    return teacher.write(
        lines, describe, lambda line, answer: _rows(line, answer, settings.openai_model), out, batch, watch
    )


def describe(line: str) -> str:
    """Put a request before the model: the line, its API, and what its fields mean."""
    query = Query.parse(line)
    api, catalogue = get_api(query.api), load_catalogue(query.api)
    texts = [f"Request: {line}", f"API: {api.name}, {api.description}", "Fields:"]
    texts += [f"- {path}: {catalogue.fields[path].description}" for path in sorted(fields_of(line))]
    return "\n".join(texts)


def keeps_what_is_named(line: str, text: str) -> bool:
    """Tell whether a text says what a request does: identifiers, the words of names, numbers, and the species."""
    query, identifiers = Query.parse(line), identifiers_of(line)
    said = _CHR.sub("chromosome ", text)
    numbers = _numbers_in(said)
    species = [name for name in query.params.get("species", "").split(",") if name not in ("", "all")]
    return (
        all(stands_in(identifier, [text]) for identifier in identifiers)
        and all(_says(word, said, numbers) for word in _words(query, identifiers))
        and all(_says_species(name, text) for name in species)
    )


def _says(word: str, text: str, numbers: set[Decimal]) -> bool:
    return abs(Decimal(word)) in numbers if _NUMBER.fullmatch(word) else stands_in(word, [text])


def _says_species(name: str, text: str) -> bool:
    taxid = species_taxid(name)
    words = [word for word in species_words if taxid is not None and species_taxid(word) == taxid]
    return any(stands_in(word, [text]) for word in (name, *words))


def _numbers_in(text: str) -> set[Decimal]:
    """Return the numbers that a text says, in digits or words; those before a unit with and without it."""
    found: set[Decimal] = set()
    for digits, unit in _SAID.findall(_WORDED.sub(lambda match: _IN_WORDS[match[0].lower()], text)):
        number = Decimal(digits.replace(",", ""))
        found |= {number, number * Decimal(_SCALES[unit[0].lower()])} if unit else {number}
    return found


def _words(query: Query, identifiers: Sequence[str]) -> Iterator[str]:
    """Yield the words and numbers that a text must say for a request, beside its identifiers."""
    # One is said by the singular: "which gene is the longest".
    values = [query.params[name] for name in _COUNTS if query.params.get(name, "1") != "1"]
    values += query.ids
    for text in (query.q, query.params.get("filter")):
        try:
            values += _values(parse(text or ""), query.api)
        except LuceneSyntaxError:
            continue
    for word in (word for value in values for word in value.split() if word not in identifiers):
        yield from [word] if _NUMBER.fullmatch(word) else re.findall(r"[^\W_]+", word)


def _values(node: Node, api: str) -> Iterator[str]:
    if isinstance(node, Bool):
        for clause in node.clauses:
            yield from _values(clause.node, api)
    elif isinstance(node, Boost):
        yield from _values(node.node, api)
    elif isinstance(node, Range):
        # That nothing is below nought goes without saying.
        bounds = [bound for bound in (node.low, node.high) if bound and _NUMBER.fullmatch(bound)]
        yield from (bound for bound in bounds if Decimal(bound) or bound is node.high)
    elif isinstance(node, Term | Phrase | Fuzzy | Prefix):
        field, place = load_catalogue(api).get(node.field or ""), _CHROMOSOME.fullmatch(node.field or "")
        if place is not None:
            yield from (place[1], node.text) if node.text != _WHOLE else (place[1],)
        # A listed value may be said in other words; a name may not.
        elif field is None or not (field.values or field.type == "boolean"):
            yield node.text


def _rows(line: str, answer: Instructions | None, model: str) -> Iterator[dict[str, str]]:
    """The pairs of one answer; where none is usable, a row that says so, so that it is not paid for twice."""
    kept = 0
    for form in ("imperative", "question"):
        text = " ".join(getattr(answer, form).split()) if answer else ""
        if text and keeps_what_is_named(line, text):
            kept += 1
            yield {"question": text, "request": line, "family": f"paraphrase/{form}", "source": f"paraphrased:{model}"}
    if not kept:
        yield {"question": "", "request": line, "family": "paraphrase/unusable", "source": f"paraphrased:{model}"}


def _asked(path: Path) -> Iterator[str]:
    if path.is_file():
        yield from (str(row["request"]) for row in _rows_of(path) if row and "request" in row)


def read_paraphrases(path: Path) -> list[Pair]:
    """Read the usable pairs of a file of paraphrases; a line that a stopped run left cut off is passed over.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        rows = list(_rows_of(path))
        if rows and not any(rows):
            raise ValueError("no line of it is a JSON object")
        return [Pair.model_validate(row) for row in rows if row and row.get("question")]
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as pairs: {str(error).splitlines()[0]}") from error


def _rows_of(path: Path) -> Iterator[dict[str, Any] | None]:
    """Yield a row for each line of a file, None where it is no JSON object: cut off, perhaps within a character."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            yield row if isinstance(row, dict) else None


def read_requests(path: Path) -> Sequence[str]:
    """Read request lines from a file: one a line, or JSON lines with a `request`.

    Raises:
        DataError: the file cannot be read or a line is no request.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        found = [str(json.loads(line)["request"]) if line.startswith("{") else line for line in lines]
        return [line if line == "none" else Query.parse(line).check().line for line in found]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} cannot be read as requests: {str(error).splitlines()[0]}") from error
    except QueryError as error:
        raise DataError(f"{path} holds a line that is no request: {error.message}", error.hint) from error
