"""How hits are listed, where a question says it outright: which of them, and in which order.

A small model gets the sum of two numbers wrong more often than it gets their meaning wrong. What is computed here holds
for the training pairs but for a few in a thousand of those that page or sort.
"""

from __future__ import annotations

import re

from tools.check import LIMITS
from tools.query import Query

#: Hits by their numbers; what else is called so ("entries from 300 to 500 Da") needs to be called a number.
_STRETCH = re.compile(
    r"\b(?:(?:results?|hits?|rows?|matches)(?:\s+(?:no\.?|numbers?))?|(?:entries|records?|items?)\s+(?:no\.?|numbers?))"
    r"\s+(\d{1,4})\s*(?:-|–|to|through|until|till)\s*(\d{1,4})\b(?!\s*(?:[kM]?b|k?Da|%|per)\b)",
    re.IGNORECASE,
)
_OFFSET = re.compile(r"\boffset(?:\s+(?:of|is|at))?\s+(\d+)\b", re.IGNORECASE)
_COUNT = re.compile(
    r"^\W*(?:(?:please|give|show|list|get|fetch|return|display|print|me|us|i need|i want|just|only)\s+)*"
    r"(\d{1,4})\s+[A-Za-z]",
    re.IGNORECASE,
)
_NEXT = re.compile(
    r"^\W*(?:(?:and|now|then|ok|okay|thanks|please|show|me|give|get|list|the)[\s,]+)*(?:next|following)"
    r"(?:\s+(\d{1,4}))?(?:\s+(?:ones|page|batch|lot|please|of them|results?|hits?|rows?|entries|records?))*\W*$",
    re.IGNORECASE,
)
# A superlative alone need not speak of the order: "most significant p values", "drugs of the highest phase, by name".
_UPWARDS = re.compile(
    r"\b(?:ascending|increasing|rising|(?:lightest|smallest|lowest|fewest|shortest|oldest|earliest|rarest) first"
    r"|low(?:est)?(?: values?)? to high(?:est)?|small(?:est)? to (?:big|large)(?:gest|st)?"
    r"|(?<!reverse )(?<!reversed )alphabetical(?:ly)?|a (?:to|through) z|a-z)\b",
    re.IGNORECASE,
)
_DOWNWARDS = re.compile(
    r"\b(?:descending|decreasing|falling|(?:heaviest|largest|biggest|highest|greatest|longest|newest|latest) first"
    r"|high(?:est)?(?: values?)? to low(?:est)?|(?:big|large)(?:gest|st)? to small(?:est)?"
    r"|reversed? alphabetical(?:ly)?|z (?:to|through) a|z-a)\b",
    re.IGNORECASE,
)
_YEARS = range(1900, 2100)
_MOST_HITS, _FURTHEST = LIMITS["size"][1], LIMITS["from"][1]


def as_listed(query: Query, question: str, before: Query | None, hits: int = 10) -> Query:
    """Return a request for those hits, in that order, that the question speaks of.

    Args:
        query: the request that was drafted.
        question: the question.
        before: the request of the turn before, if there is one.
        hits: how many are shown where a request does not say.

    Returns:
        The request, changed in nothing but `size`, `from` and the direction of its order; for a question that does no
        more than turn the page, the request before with the next page.
    """
    if query.kind != "query":
        return query
    turned = _turned(question, before, hits)
    if turned is not None:
        return turned
    params = {**query.params, **_page(query, question)}
    if (sort := params.get("sort")) and "," not in sort:
        up, down = _UPWARDS.search(question), _DOWNWARDS.search(question)
        if bool(up) != bool(down):
            params["sort"] = ("-" if down else "") + sort.removeprefix("-")
    return query if params == query.params else query.model_copy(update={"params": params})


def _page(query: Query, question: str) -> dict[str, str]:
    if found := _STRETCH.search(question):
        first, last = int(found[1]), int(found[2])
        if not 0 < first < last <= _FURTHEST or last - first >= _MOST_HITS or {first, last} & set(_YEARS):
            return {}
        return {"size": str(last - first + 1)} | ({"from": str(first - 1)} if first > 1 else {})
    if found := _OFFSET.search(question):
        count = _COUNT.search(question)
        size = {"size": count[1]} if count and "size" not in query.params else {}
        return {"from": found[1], **size}
    return {}


def _turned(question: str, before: Query | None, hits: int) -> Query | None:
    found = _NEXT.match(question)
    if not found or before is None or before.kind != "query":
        return None
    size = int(before.params.get("size", str(hits)))
    start = int(before.params.get("from", "0")) + size
    if not size or start > _FURTHEST:
        return None
    params = {**before.params, "from": str(start)}
    if found[1]:
        params["size"] = found[1]
    return before.model_copy(update={"params": params})
