"""Execution match: whether a draft finds what an acceptable request finds, on the offline snapshot."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.values import asked_values
from tools.errors import AssistantError, NotFound
from tools.query import Query

if TYPE_CHECKING:
    from tools.backend import Backend

#: Documents that are compared; no service gives more in one answer.
MOST_HITS = 1000


@dataclass(frozen=True)
class Outcome:
    """What a request found, as far as two requests are compared by it; equal outcomes are equal answers.

    `telling` is false where the snapshot cannot tell right from wrong: nothing is found, or nothing of what was asked.
    """

    ids: str
    values: str
    total: int
    telling: bool


class Executor:
    """Executes requests and remembers what they found."""

    def __init__(self, backend: Backend) -> None:
        """`backend` is the offline one, so that a score does not change with the services' data."""
        self._backend = backend
        self._found: dict[str, Outcome | None] = {}

    def match(self, draft: str, expected: Sequence[str]) -> bool | None:
        """Tell whether `draft` finds the same documents and the same asked-for values as an acceptable request.

        Returns:
            None where the snapshot cannot tell: no acceptable request finds anything in it, or the draft is itself an
            acceptable one that finds nothing there.

        Raises:
            ServiceError: the backend failed.
        """
        references = (outcome for line in expected if (outcome := self.outcome(line)) is not None and outcome.telling)
        try:
            form = Query.parse(draft).canonical
            found = self.outcome(draft)
        except AssistantError:
            form, found = "", None
        same = [line for line in expected if form and Query.parse(line).canonical == form]
        if same:
            outcome = self.outcome(same[0])
            return True if outcome is not None and outcome.telling else None
        telling = False
        for reference in references:
            telling = True
            if found == reference:
                return True
        return False if telling else None

    def outcome(self, line: str) -> Outcome | None:
        """Return what a request finds; None where it cannot be sent."""
        if line not in self._found:
            self._found[line] = self._execute(line)
        return self._found[line]

    def _execute(self, line: str) -> Outcome | None:
        from tools.client import execute
        from tools.errors import BadRequest, QueryError

        try:
            query = Query.parse(line).check()
            result = execute(_widened(query), self._backend)
        except NotFound:
            return Outcome("", "", 0, telling=False)
        except (QueryError, BadRequest):
            return None
        if query.kind == "fields":
            return _outcome((str(hit["field"]) for hit in result.hits), (), result.total, bool(result.hits))
        if "facets" in query.params:
            # The buckets are what was asked; which of the documents come along does not matter.
            facets = result.facets.items()
            buckets = [f"{name}={term['term']}:{term['count']}" for name, facet in facets for term in facet["terms"]]
            return _outcome((), buckets, result.total, bool(buckets))
        whole = _asks_all(query)
        values = [] if whole else asked_values(query, result.hits)
        ids = (str(hit.get("_id")) for hit in result.hits)
        return _outcome(ids, ["*"] if whole else values, result.total, bool(result.hits) and (whole or bool(values)))


def _asks_all(query: Query) -> bool:
    return not query.fields or "all" in query.fields


def _widened(query: Query) -> Query:
    """Ask for as many documents as are compared, where no number was asked for, and for no more of them than that."""
    changes: dict[str, object] = {}
    if query.kind == "query" and not {"size", "from", "facets"} & query.params.keys():
        changes["params"] = {**query.params, "size": str(MOST_HITS)}
    if _asks_all(query) and query.kind != "fields":
        changes["fields"] = ("_id",)
    return query.model_copy(update=changes)


def _outcome(ids: Iterable[str], values: Iterable[str], total: int, telling: bool) -> Outcome:
    return Outcome(_digest(ids), _digest(values), total, telling)


def _digest(items: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(set(items))).encode()).hexdigest()[:24]
