"""Scores of one drafted request against those that count as right.

Every function takes request lines (`none` is a refusal, the empty text is no draft at all) and raises nothing for a
line that is malformed: that is what is being measured. What needs an engine stands in `finetune.execution`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from pydantic import BaseModel

from tools.errors import DataError, QueryError
from tools.lucene import Bool, Boost, Fuzzy, LuceneSyntaxError, Node, Phrase, Prefix, Term, Wildcard, parse
from tools.query import Query

REFUSAL = "none"
#: Raise it when the same prediction gets another score, so that kept scores are computed anew.
VERSION = 1

#: Text that names one thing exactly: letters with digits, or a symbol in capitals. Plain numbers are thresholds.
_IDENTIFIER = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9][\w.:>*+\-]*|[A-Z][A-Z0-9]*[A-Z][A-Z0-9\-]*|\d{3,}")
_NUMERIC = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_INTERVAL = re.compile(r"(?:(?:hg19|hg38|mm9)\.)?chr\w+:[\d,]+(?:-[\d,]+)?", re.IGNORECASE)
_HGVS = re.compile(r"chr(\w+):g\.(\d+)(?:_(\d+))?([A-Za-z]*)(?:>([A-Za-z]+))?", re.IGNORECASE)
#: Fields whose values are numbers in digits although they name one thing; elsewhere digits are amounts.
_NUMBERED = re.compile(r"(^|\.)(entrezgene|retired|HGNC|MIM|omim|cid|variant_id|allele_id|taxid|orphanet|id)$")


class Scores(BaseModel):
    """What one prediction scored; None where a measure does not apply.

    `canonical`, `ast`, `api`, `identifiers` apply where an answer was expected; `identifiers` only to a legal request.
    """

    legal: bool
    refused: bool
    refusal_expected: bool
    canonical: bool | None = None
    ast: bool | None = None
    api: bool | None = None
    identifiers: bool | None = None
    execution: bool | None = None
    chrf: float | None = None

    @property
    def right(self) -> bool:
        """Whether the draft is right: the request, or the refusal, that was expected."""
        return self.refused if self.refusal_expected else bool(self.canonical)


def score(draft: str, requests: Sequence[str], conversation: Sequence[str]) -> Scores:
    """Score a draft without executing it.

    Args:
        draft: a request line, `none`, or whatever the model wrote.
        requests: the acceptable request lines, or `none` alone.
        conversation: the question, earlier questions and the earlier requests, which a draft may copy from.
    """
    expected = [line for line in requests if line != REFUSAL]
    legal = is_legal(draft)
    refused = draft.strip() == REFUSAL
    if not expected:
        return Scores(legal=legal, refused=refused, refusal_expected=True)
    return Scores(
        legal=legal,
        refused=refused,
        refusal_expected=False,
        canonical=canonical_match(draft, expected),
        ast=ast_match(draft, expected),
        api=draft.partition(" ")[0] in {line.partition(" ")[0] for line in expected},
        identifiers=identifiers_match(draft, expected, conversation) if legal and not refused else None,
        chrf=chrf(draft, expected),
    )


def read_request(line: str) -> Query | None:
    """Return the request that a line says if it can be sent, else None."""
    try:
        return Query.parse(line).check()
    except (QueryError, RecursionError):
        return None


def is_legal(draft: str) -> bool:
    """Tell whether a draft is a refusal or a request that parses and passes the check against the catalogue."""
    return draft.strip() == REFUSAL or read_request(draft) is not None


def canonical_match(draft: str, expected: Iterable[str]) -> bool:
    """Tell whether a draft is another spelling of an acceptable request."""
    try:
        form = Query.parse(draft).canonical
    except (QueryError, RecursionError):
        return False
    return form in {Query.parse(line).canonical for line in expected}


def ast_match(draft: str, expected: Iterable[str]) -> bool:
    """Tell whether path and parameters equal those of an acceptable request after URL parsing.

    This is the measure of the earlier prototype: the order of parameters does not matter, every character of a value
    does. It is kept so that its figures can be compared.
    """
    return _url_parts(draft) in [_url_parts(line) for line in expected]


def _url_parts(line: str) -> tuple[str, str, dict[str, list[str]]]:
    api, _, rest = line.strip().partition(" ")
    path, _, query = rest.partition("?")
    return api, path, parse_qs(query, keep_blank_values=True)


def chrf(draft: str, expected: Sequence[str]) -> float:
    """Return the character F-score (0 to 100) against the nearest acceptable request.

    Raises:
        DataError: sacrebleu is not installed.
    """
    if not draft.strip():
        return 0.0
    return float(_chrf().sentence_score(draft, list(expected)).score)


@cache
def _chrf() -> Any:
    try:
        from sacrebleu.metrics import CHRF
    except ImportError:
        raise DataError(
            "Scoring needs sacrebleu, which is missing.", "Install it: pip install 'biothings-assistant[finetune]'"
        ) from None
    return CHRF()


def identifiers_match(draft: str, expected: Sequence[str], conversation: Sequence[str]) -> bool:
    """Tell whether a legal draft copied identifiers exactly.

    Every identifier in the draft must stand in the conversation (or in an acceptable request: PPARG for "PPARγ"), and
    for some acceptable request the draft must hold every identifier of it that the conversation holds.
    """
    written = identifiers_of(draft)
    allowed = {_key(identifier) for line in expected for identifier in identifiers_of(line)}
    if not all(_key(identifier) in allowed or stands_in(identifier, conversation) for identifier in written):
        return False
    have = {_key(identifier) for identifier in written}
    for line in expected:
        needed = {_key(item) for item in identifiers_of(line) if stands_in(item, conversation)}
        if needed <= have:
            return True
    return False


def identifiers_of(line: str) -> list[str]:
    """Return the identifier-like literals of a request: what names one gene, variant, record or term exactly.

    Numbers on measured fields, intervals, ranges, field names and allowed values of enumerated fields are none.
    """
    try:
        query = Query.parse(line)
    except QueryError:
        return []
    found = [item for item in query.ids if _IDENTIFIER.fullmatch(item)]
    for text in (query.q, query.params.get("filter")):
        if query.kind != "query" or not text:
            continue
        try:
            tree = parse(_INTERVAL.sub("*", text))
        except LuceneSyntaxError:
            continue
        for field, value in _values(tree):
            found += _identifiers_in(query.api, field, value)
    return found


def _identifiers_in(api: str, field: str | None, value: str) -> list[str]:
    from tools.catalogue import load_catalogue

    known = load_catalogue(api).get(field) if field else None
    if known is not None and value.lower() in {allowed.lower() for allowed in known.values}:
        return []
    if _NUMERIC.fullmatch(value):
        return [value] if field and _NUMBERED.search(field) and len(value) > 1 else []
    # Of a phrase, the words that are identifiers: "factor VIII" has none, "BRAF V600E" two.
    return [word for word in value.split() if _IDENTIFIER.fullmatch(word) and not _NUMERIC.fullmatch(word)]


def _values(node: Node) -> list[tuple[str | None, str]]:
    if isinstance(node, Bool):
        return [pair for clause in node.clauses for pair in _values(clause.node)]
    if isinstance(node, Boost):
        return _values(node.node)
    if isinstance(node, (Term, Phrase, Fuzzy, Prefix)):
        return [(node.field, node.text)]
    if isinstance(node, Wildcard):
        return [(node.field, node.pattern.rstrip("*?"))] if node.pattern.rstrip("*?").isalnum() else []
    return []


def stands_in(identifier: str, conversation: Sequence[str]) -> bool:
    """Tell whether an identifier stands in a conversation, letter for letter and digit for digit.

    Case and the frame around it may differ, as they do between people and services: `HP:0002300` stands in
    "HP 0002300" and in "hpo term 2300", `chr7:g.140453134T>C` in "chr7 140453134 T>C". A part of a longer word does
    not count.
    """
    if any(_bounded(identifier, text) for text in conversation):
        return True
    prefix, separator, local = identifier.partition(":")
    match = _HGVS.fullmatch(identifier)
    if match:
        parts = [part for part in match.groups() if part]
        return any(all(_holds(part, text) for part in parts) for text in conversation)
    if separator and any(_bounded(local, text) or _bounded(local.lstrip("0"), text) for text in conversation):
        return prefix.isalnum()
    # An accession whose letters are a frame: `CHEMBL941` for "ChEMBL 941", `rs334` for "dbSNP 334".
    frame = re.fullmatch(r"([A-Za-z]+[-_]?[A-Za-z]*[-_]?)0*(\d{2,})", identifier)
    return frame is not None and any(_bounded(frame[2], text) for text in conversation)


def _holds(part: str, text: str) -> bool:
    """Whether a part of an HGVS name stands in a text; digits may be grouped, letters may follow them directly."""
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    if part.isdigit():
        return re.search(rf"(?<!\d){part}(?!\d)", plain) is not None
    return re.search(rf"(?<![A-Za-z]){re.escape(part)}(?![A-Za-z])", plain, re.IGNORECASE) is not None


def _bounded(identifier: str, text: str) -> bool:
    parts = [part for part in re.split(r"[\W_]+", identifier) if part]
    if not parts:
        return False
    pattern = r"[\W_]*".join(re.escape(part) for part in parts)
    return re.search(rf"(?<![A-Za-z0-9]){pattern}(?:s|'s)?(?![A-Za-z0-9])", text, re.IGNORECASE) is not None


def _key(identifier: str) -> str:
    return re.sub(r"[\W_]+", "", identifier).lower()
