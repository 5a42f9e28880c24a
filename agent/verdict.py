"""Yes or no: given only where the response decides it."""

from __future__ import annotations

import re
from typing import Literal

from agent.intent import content_words
from agent.values import Document, asked_values, find
from tools.catalogue import load_catalogue
from tools.lucene import LuceneSyntaxError, clauses_of, parse
from tools.query import Query

Verdict = Literal["yes", "no", "open"]

_EXISTENCE = re.compile(r"^\W*(?:is|are|was|were) there\b|\bexists?\b|\bknown to\b", re.IGNORECASE)
_CHROMOSOME = re.compile(r"\bchr(?:omosome)?\s*(\d+|[XYM]T?)\b|\b([XY]) chromosome", re.IGNORECASE)
_REVERSE = re.compile(r"\b(?:reverse|minus|negative|antisense)\b|-1\b", re.IGNORECASE)
_FORWARD = re.compile(r"\b(?:forward|plus|positive|sense)\b|\+1?\b", re.IGNORECASE)


def judge(question: str, query: Query, hits: list[Document], evidence: str, offline: bool) -> str:
    """Put yes or no before the evidence, where the response decides the question; else return the evidence alone.

    Offline, what is not recorded decides nothing: the snapshot is a part of BioThings only.
    """
    if not hits:
        return evidence
    if not query.fields:
        # The request itself holds what was asked, and something fits it.
        return f"Yes: {evidence}" if _clauses(query) >= 2 or _EXISTENCE.search(question) else evidence
    verdicts = {_judge_hit(question, query, hit, evidence) for hit in hits}
    verdict = verdicts.pop() if len(verdicts) == 1 else "open"
    if verdict == "no" and offline and not asked_values(query, hits):
        return evidence
    matching = _matching(question, query, hits, evidence) if verdict == "yes" else []
    shown = [value for value in matching if value.casefold() not in evidence.casefold()][:3]
    told = f"{'; '.join(shown)}. " if shown else ""
    return {"yes": f"Yes: {told}{evidence}", "no": f"No: {evidence}", "open": evidence}[verdict]


def _judge_hit(question: str, query: Query, hit: Document, evidence: str) -> Verdict:
    values = asked_values(query, [hit])
    paths = [path for path in query.fields if not path.startswith("-")]
    if not values:
        return "no" if re.search(r"\b(?:have|has|any|there)\b", question, re.IGNORECASE) else "open"
    asked = _CHROMOSOME.search(question)
    if asked and any(path.startswith(("genomic_pos", "chrom", "map_location")) for path in paths):
        wanted = (asked[1] or asked[2]).upper()
        places = {str(item).upper() for path in paths for item in (*find(hit, f"{path}.chr"), *find(hit, "chrom"))}
        places |= {match[0] for item in find(hit, "map_location") if (match := re.match(r"\d+|[XY]", str(item)))}
        return "yes" if wanted in places else "no"
    strands = [
        item for path in paths for item in (find(hit, path) if path.endswith("strand") else find(hit, f"{path}.strand"))
    ]
    if strands and "strand" in question.lower() and (_REVERSE.search(question) or _FORWARD.search(question)):
        return "yes" if (-1 if _REVERSE.search(question) else 1) in strands else "no"
    words = _words(question, query, evidence)
    named = _named_value(question, query)
    if named:
        parts = [part.strip() for value in values for part in re.split(r"[/;]", value.lower())]
        if named in parts:
            return "yes"
        # Likely pathogenic is neither pathogenic nor not.
        return "open" if any(named[:9] in part for part in parts) else "no"
    if not words:
        return "yes"
    return "yes" if _matching(question, query, [hit], evidence) else "open"


def _matching(question: str, query: Query, hits: list[Document], evidence: str) -> list[str]:
    """Return the values that hold all the words that carry the question."""
    words = _words(question, query, evidence)
    return [
        value
        for value in asked_values(query, hits)
        if words and all(any(_alike(word, part) for part in re.findall(r"\w+", value.lower())) for word in words)
    ]


def _words(question: str, query: Query, evidence: str) -> list[str]:
    """The words that carry the question, less those that name its subject or the field."""
    catalogue = load_catalogue(query.api)
    about = evidence.partition(":")[0]
    fields = [field for path in query.fields if (field := catalogue.get(path)) is not None]
    labels = [
        text
        for field in fields
        for text in (field.path.replace("_", " ").replace(".", " "), field.label, *field.synonyms)
    ]
    known = {word.lower() for word in re.findall(r"\w+", " ".join(labels))}
    words = content_words(question, " ".join([about, *query.ids, query.q or "", query.params.get("species", "")]))
    return [word for word in words if not any(_alike(word, other) for other in known)]


def _named_value(question: str, query: Query) -> str | None:
    """The longest of the values that the asked-for fields may have which the question names."""
    catalogue = load_catalogue(query.api)
    vocabulary = {value.lower() for path in query.fields for field in catalogue.leaves(path) for value in field.values}
    text = question.lower().replace("-", " ")
    named = [
        value
        for value in vocabulary
        # `pseudo` is what people call a pseudogene.
        if re.search(rf"\b{re.escape(value.replace('-', ' '))}" + ("" if len(value) > 4 else r"\b"), text)
    ]
    return max(named, key=len, default=None)


def _clauses(query: Query) -> int:
    extra = sum(name in query.params for name in ("filter", "species"))
    try:
        return len(clauses_of(parse(query.q or ""))) + extra
    except LuceneSyntaxError:
        return 1 + extra


def _alike(word: str, part: str) -> bool:
    """Tell whether two words are one or share a stem: apoptosis and apoptotic, nuclear and nucleus."""
    if word == part or word.rstrip("s") == part.rstrip("s"):
        return True
    shared = max(5, min(len(word), len(part)) - 4)
    return len(word) > 4 and len(part) > 4 and word[:shared] == part[:shared]
