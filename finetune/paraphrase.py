"""Paraphrases by a larger model: for a request, an instruction in the imperative and a question that it answers.

The model is told what the request's fields mean, so that it need not guess. What loses an identifier or a value of the
request is not kept: a question that does not say `BRCA1` must not teach a request that does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, Field

from agent.settings import Settings
from finetune.metrics import identifiers_of, stands_in
from finetune.pairs import Pair
from finetune.teacher import Teacher, Usage, Watch
from rag.documents import fields_of
from tools.apis import get_api
from tools.catalogue import load_catalogue
from tools.errors import DataError, QueryError
from tools.lucene import Bool, Boost, LuceneSyntaxError, Node, Phrase, parse
from tools.query import Query

INSTRUCTIONS = """You write what a biologist would say to get the answer that a request to a BioThings API gives.
Write two texts: `imperative`, an instruction ("Show me …", "List …"), and `question`, a question ("Which …?").
Each says all that the request says and nothing more: every identifier and name letter for letter, every condition,
number and limit, the species and the sort order if there are any, and which values are asked for. Do not use field
names or the request's syntax; say it as people do. Vary the wording; be brief."""


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
    """Tell whether a text names everything by name that a request does: identifiers, and the words of phrases."""
    if not all(stands_in(identifier, [text]) for identifier in identifiers_of(line)):
        return False
    words = set(re.findall(r"[^\W_]+", text.lower()))
    query = Query.parse(line)
    try:
        tree = parse(query.q or "")
    except LuceneSyntaxError:
        return True
    return all(set(re.findall(r"[^\W_]+", phrase.lower())) <= words for phrase in _phrases(tree, query.api))


def _phrases(node: Node, api: str) -> Iterator[str]:
    if isinstance(node, Bool):
        for clause in node.clauses:
            yield from _phrases(clause.node, api)
    elif isinstance(node, Boost):
        yield from _phrases(node.node, api)
    elif isinstance(node, Phrase):
        field = load_catalogue(api).get(node.field or "")
        # A listed value may be said in other words; a name may not.
        if field is None or not field.values:
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
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield str(json.loads(line)["request"])
        except (ValueError, KeyError, TypeError):
            continue  # cut off by a stop; its request is asked for again


def read_paraphrases(path: Path) -> list[Pair]:
    """Read the usable pairs of a file of paraphrases.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return [Pair.model_validate(row) for row in rows if row.get("question")]
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as pairs: {str(error).splitlines()[0]}") from error


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
