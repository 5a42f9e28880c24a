"""How hits are listed, where a question says it outright: which of them, and in which order.

A small model gets the sum of two numbers wrong more often than it gets their meaning wrong. What is computed here holds
for the training pairs but for a few in a thousand of those that page or sort.
"""

from __future__ import annotations

import re

from tools.query import Query

_NOUN = r"(?:results?|hits?|entries|rows?|records?|items?|matches)"
_STRETCH = re.compile(
    rf"\b{_NOUN}\s+(?:no\.?\s+|numbers?\s+|from\s+)?(\d+)\s*(?:-|–|to|through|until|till)\s*(\d+)\b", re.I
)
_OFFSET = re.compile(r"\boffset(?:\s+(?:of|is|at))?\s+(\d+)\b", re.I)
_COUNT = re.compile(
    r"^\W*(?:(?:please|give|show|list|get|fetch|return|display|print|me|us|i need|i want|just|only)\s+)*"
    r"(\d{1,4})\s+[A-Za-z]",
    re.I,
)
_NEXT = re.compile(
    r"^\W*(?:(?:and|now|then|ok|okay|thanks|please|show|me|give|get|list|the)[\s,]+)*(?:next|following)"
    rf"(?:\s+(\d{{1,4}}))?(?:\s+(?:ones|page|batch|lot|please|of them|{_NOUN}))*\W*$",
    re.I,
)
_UPWARDS = re.compile(
    r"(?<!\bat )\b(?:lightest|smallest|lowest|fewest|shortest|oldest|earliest|rarest|least|ascending|increasing|rising"
    r"|alphabetical(?:ly)?|low(?:est)? to high(?:est)?|small(?:est)? to (?:big|large)(?:st)?|a to z|a-z)\b",
    re.I,
)
_DOWNWARDS = re.compile(
    r"(?<!\bat )\b(?:heaviest|largest|biggest|highest|greatest|longest|newest|latest|commonest|most|strongest"
    r"|descending|decreasing|falling|high(?:est)? to low(?:est)?|z to a|z-a)\b",
    re.I,
)


def as_listed(query: Query, question: str, before: Query | None) -> Query:
    """Return a request for those hits, in that order, that the question speaks of.

    Args:
        query: the request that was drafted.
        question: the question.
        before: the request of the turn before, if there is one.

    Returns:
        The request, changed in nothing but `size`, `from` and the direction of its order; for a question that does no
        more than turn the page, the request before with the next page.
    """
    if query.kind != "query":
        return query
    turned = _turned(query, question, before)
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
        return {"size": str(last - first + 1), "from": str(first - 1)} if 0 < first < last else {}
    if found := _OFFSET.search(question):
        count = _COUNT.search(question)
        size = {"size": count[1]} if count and "size" not in query.params else {}
        return {"from": found[1], **size}
    return {}


def _turned(query: Query, question: str, before: Query | None) -> Query | None:
    found = _NEXT.match(question)
    if not found or before is None or before.kind != "query" or before.api != query.api:
        return None
    size = int(before.params.get("size", "10"))
    params = {**before.params, "from": str(int(before.params.get("from", "0")) + size)}
    if found[1]:
        params["size"] = found[1]
    return before.model_copy(update={"params": params})
