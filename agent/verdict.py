"""Yes or no: given only where the response decides it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Literal

from agent.intent import content_words
from agent.naming import label_of
from agent.values import Document, asked_paths, asked_values, find, is_record, say_at, unique
from rag.documents import card_names
from tools.apis import species_taxid, species_words
from tools.catalogue import load_catalogue
from tools.lucene import Bool, Boost, LuceneSyntaxError, MatchAll, Node, Nothing, Range, clauses_of, fields_of, parse
from tools.query import Query
from tools.terms import name_term

Verdict = Literal["yes", "no", "open"]

_EXISTENCE = re.compile(r"^\W*(?:is|are|was|were) there\b|\bexists?\b", re.IGNORECASE)
#: Whether there is a value at all, whatever it is: "does it have a CADD score?"
_HAVING = re.compile(r"\bhave\b|\bany\b|\bthere\b|\bhas an?\b", re.IGNORECASE)
_ALL = re.compile(r"\b(?:all|every|each|always|none|only)\b", re.IGNORECASE)
_APPROVED = re.compile(r"\b(?:approved|approval|marketed|(?:on|to) the market)\b", re.IGNORECASE)
#: The phase that means approved.
_LAST_PHASE = 4.0
#: What a flag says; -1, which some have as well, says that it is not known.
_DENIED, _AFFIRMED = frozenset({"false", "no", "0"}), frozenset({"true", "yes", "1"})
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)
#: What says of a number that it is within a range.
_COMPARING = frozenset(
    ("above", "over", "below", "under", "more", "less", "than", "greater", "least", "most", "higher", "lower")
    + ("between", "exceed", "exceeding")
)
#: Within a value, what turns the word behind it.
_DENIERS = frozenset({"no", "non", "not", "without"})
_CHROMOSOME = re.compile(r"\bchr(?:omosome)?\s*(\d+|[XYM]T?)\b|\b([XY]) chromosome", re.IGNORECASE)
#: A sign stands alone: the one in NKX2-1 is part of a name.
_REVERSE = re.compile(r"\b(?:reverse|minus|negative|antisense)\b|(?<!\w)[-−](?:1\b|\W{0,2}strand\b)", re.IGNORECASE)
_FORWARD = re.compile(r"\b(?:forward|plus|positive|sense)\b|(?<!\w)\+(?:1\b|\W{0,2}strand\b)", re.IGNORECASE)
#: What may turn the sense of a question; "isn't it …?" at its beginning expects a yes like "is it …?".
_DENYING = re.compile(r"(?<!\bor )\b(?:not|(?-i:no)|never|neither|lacks?|lacking|without)\b|n['’]t\b", re.IGNORECASE)
#: What stands before a thing that may be one of a list: "involved in vision".
_MEMBERSHIP = re.compile(
    r"\b(?:(?:involved|part|role|participates?|participating|found|expressed|located|included|members?) (?:in|of)|among"
    r"|(?:associated|annotated|linked|interacts?|interacting) (?:with|to)|indicated for|used (?:for|against|to treat)"
    r"|includes?|targets?|inhibits?|binds?|causes?|treats?)\b",
    re.IGNORECASE,
)
#: Words that say how much or how many, not which; no list names them.
_AMOUNTS = _COMPARING | frozenset(
    ("all", "another", "different", "each", "every", "few", "many", "multiple", "number", "one", "only", "other")
    + ("others", "same", "several", "single", "some", "something", "such", "two", "three", "various")
)
#: From this similarity on two words may be one: leukaemia and leukemia.
_SIMILAR = 75


def judge(question: str, query: Query, hits: list[Document], evidence: str, offline: bool, total: int) -> str:
    """Put yes or no before the evidence, where the response decides the question; else return the evidence alone.

    Offline, what is not recorded decides nothing: the snapshot is a part of BioThings only. Nor do some hits of more
    say anything of all.
    """
    if not asked_paths(query, hits):
        # The request itself holds what was asked, and something fits it.
        claims = _EXISTENCE.search(question) or _conditions(query) >= 2
        holds = claims and _says_all(question, query)
        return f"Yes: {evidence}" if holds else evidence
    if _DENYING.search(question.strip().partition(" ")[2]):
        return evidence
    verdicts = {_judge_hit(question, query, hit, evidence) for hit in hits}
    verdict = verdicts.pop() if len(verdicts) == 1 else "open"
    if total > len(hits) and (verdict == "no" or _ALL.search(question)):
        return evidence
    if verdict == "no" and offline and not asked_values(query, hits):
        return evidence
    if verdict == "open" and len(hits) == total == 1:
        return _say_unnamed(question, query, hits[0], evidence, offline) + evidence
    matching = _matching(question, query, hits, evidence) if verdict == "yes" else []
    shown = [value for value in matching if value.casefold() not in evidence.casefold()][:3]
    told = f"{'; '.join(shown)}. " if shown else ""
    return {"yes": f"Yes: {told}{evidence}", "no": f"No: {evidence}", "open": evidence}[verdict]


def _judge_hit(question: str, query: Query, hit: Document, evidence: str) -> Verdict:
    values = asked_values(query, [hit])
    paths = [path for path in query.fields if not path.startswith("-")]
    if not values:
        return "no" if re.search(r"\b(?:have|has|any|there)\b", question, re.IGNORECASE) else "open"
    asked = {_chromosome(match[1] or match[2]) for match in _CHROMOSOME.finditer(question)}
    if asked and any(path.startswith(("genomic_pos", "chrom", "map_location")) for path in paths):
        positions = ["chrom", *(path if path.endswith(".chr") else f"{path}.chr" for path in paths)]
        places = {_chromosome(str(item)) for path in positions for item in find(hit, path)}
        places |= {match[0] for item in find(hit, "map_location") if (match := re.match(r"\d+|[XY]", str(item)))}
        # "On 13 or on 17?" is no question of yes or no.
        return "open" if len(asked) > 1 or not places else "yes" if asked <= places else "no"
    strands = [
        item for path in paths for item in (find(hit, path) if path.endswith("strand") else find(hit, f"{path}.strand"))
    ]
    reverse, forward = _REVERSE.search(question), _FORWARD.search(question)
    if strands and "strand" in question.lower() and (reverse or forward):
        return "open" if reverse and forward else "yes" if (-1 if reverse else 1) in strands else "no"
    words = _words(question, query, evidence)
    named = _named_value(question, query)
    if named:
        parts = [part.strip() for value in values for part in re.split(r"[/;]", value.lower())]
        if named in parts:
            return "yes"
        # Likely pathogenic is neither pathogenic nor not.
        return "open" if any(named[:9] in part for part in parts) else "no"
    if not words:
        return _judge_value(question, query, {value.casefold() for value in values})
    return "yes" if _matching(question, query, [hit], evidence) else "open"


def _chromosome(name: str) -> str:
    return {"M": "MT"}.get(name.upper(), name.upper())


def _judge_value(question: str, query: Query, values: set[str]) -> Verdict:
    """Judge by a value of which the question says no more than what it is called."""
    catalogue = load_catalogue(query.api)
    fields = [field for path in query.fields if not path.startswith("-") for field in catalogue.leaves(path)]
    flags = all(field.type == "boolean" or {"0", "1"} <= set(field.values) <= {"-1", "0", "1"} for field in fields)
    if (fields and flags) or values <= {"true", "false"}:
        return "no" if values <= _DENIED else "yes" if values <= _AFFIRMED else "open"
    if not all(_NUMBER.fullmatch(value) for value in values):
        return "yes"
    if any(path.endswith("max_phase") for path in query.fields):
        if not _APPROVED.search(question):
            return "open"
        return "yes" if max(map(float, values)) >= _LAST_PHASE else "no"
    return "yes" if _HAVING.search(question) else "open"


def _matching(question: str, query: Query, hits: list[Document], evidence: str) -> list[str]:
    """Return the values that hold all the words that carry the question."""
    words = _words(question, query, evidence)
    return [
        value
        for value in asked_values(query, hits)
        if words and all(any(_alike(word, part) for part in _affirmed(value)) for word in words)
    ]


_ANYTHING = re.compile(r"\b(?:any|some)(?:thing|one|body)?\b", re.IGNORECASE)


def _say_unnamed(question: str, query: Query, hit: Document, evidence: str, offline: bool) -> str:
    """Say that a list does not name what was asked whether it is in it, where nothing in the list is like it.

    That is no "no": it may be there under another name, or not be recorded.
    """
    from rapidfuzz import fuzz

    paths, claim = asked_paths(query, [hit]), _MEMBERSHIP.search(question)
    if claim is None or len(paths) != 1:
        return ""
    values = find(hit, paths[0])
    items = unique(say_at(paths[0], value) for value in values)
    sought = [part for word in _words(question[claim.end() :], query, evidence) for part in word.split("-") if part]
    if len(items) < 2 or not all(map(is_record, values)) or not sought or _AMOUNTS & set(sought):
        return ""
    # Symbols and identifiers stand for names that a list may well have in full: EGFR, COPD, GO:0004693.
    if re.search(r"[A-Z]{2}|\d", question[claim.end() :]) or _ANYTHING.search(question):
        return ""
    held = {part for value in asked_values(query, [hit]) for part in re.findall(r"\w+", value.lower())}
    if any(_alike(word, part) or fuzz.ratio(word, part) >= _SIMILAR for word in sought for part in held):
        return ""
    place = " in the offline snapshot" if offline else ""
    what = label_of(query.api, paths[0], lower=True)
    return f"Not named among the {len(items):,} {what} recorded{place}; it may stand there under another name. "


def _affirmed(value: str) -> list[str]:
    """The words of a value less those that it denies: "not carcinogenic"."""
    parts = re.findall(r"\w+", value.lower())
    return [part for before, part in pairwise(["", *parts]) if before not in _DENIERS]


def _words(question: str, query: Query, evidence: str) -> list[str]:
    """The words that carry the question, less those that name its subject or the field."""
    known = _names_of(query.api, query.fields)
    about = evidence.partition(":")[0]
    words = content_words(question, " ".join([about, *query.ids, query.q or "", query.params.get("species", "")]))
    return [word for word in words if not any(_alike(word, other) for other in known)]


def _names_of(api: str, paths: Iterable[str]) -> set[str]:
    """The words by which fields are called."""
    catalogue = load_catalogue(api)
    fields = [field for path in paths if (field := catalogue.get(path)) is not None]
    labels = [name for field in fields for name in card_names(field)]
    return {word.lower() for word in re.findall(r"\w+", " ".join(labels))}


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


def _trees(query: Query) -> Iterator[Node]:
    for text in (query.q, query.params.get("filter")):
        try:
            yield parse(text or "")
        except LuceneSyntaxError:
            continue


def _conditions(query: Query) -> int:
    """Count what a hit must fulfil: alternatives are one condition, the species is where one looks, not what for."""
    return sum(map(_count, _trees(query)))


def _count(node: Node) -> int:
    if isinstance(node, Boost):
        return _count(node.node)
    if isinstance(node, Bool):
        needed = [child for role, child in node.occurs if role == "must"]
        denied = sum(role == "must_not" for role, _ in node.occurs)
        return denied + (sum(map(_count, needed)) if needed else int(len(node.occurs) > denied))
    return int(not isinstance(node, (Nothing, MatchAll)))


def _says_all(question: str, query: Query) -> bool:
    """Tell whether no word that carries the question is left over which the request does not say."""
    trees = list(_trees(query))
    leaves = [leaf for tree in trees for leaf in clauses_of(tree)]
    named = (name_term(str(getattr(leaf, "text", ""))) or "" for leaf in leaves)
    said = " ".join([*query.ids, query.q or "", query.params.get("filter", ""), *named])
    known = _names_of(query.api, (path for tree in trees for path in fields_of(tree)))
    known |= {word.lower() for word in re.findall(r"\w+", said)}
    if any(isinstance(leaf, Range) for leaf in leaves):
        known |= _COMPARING
    stated = {species_taxid(name) for name in query.params.get("species", "").split(",")} - {None}
    known |= {part for words in species_words if species_taxid(words) in stated for part in words.split()}
    parts = (part for word in content_words(question) for part in word.split("-") if part)
    return all(any(_alike(part, other) for other in known) for part in parts)


def _alike(word: str, part: str) -> bool:
    """Tell whether two words are one or share a stem: apoptosis and apoptotic, nuclear and nucleus."""
    if word == part or word.rstrip("s") == part.rstrip("s"):
        return True
    shared = max(5, min(len(word), len(part)) - 4)
    return len(word) > 4 and len(part) > 4 and word[:shared] == part[:shared]
