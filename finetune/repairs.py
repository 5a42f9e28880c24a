"""Training pairs for repair: a request that failed, its error, and the request that mends it."""

from __future__ import annotations

import random

from agent.repair import loosen
from tools.catalogue import load_catalogue
from tools.errors import QueryError
from tools.query import Query

NOTHING_FOUND = "nothing found"


def break_request(query: Query, rng: random.Random) -> tuple[str, str, str] | None:
    """Return (failed request, error, mended request), or None where this request has no such story.

    Either the request itself found nothing, and the mended one searches for the same in another way; or a field's
    name was wrong, and the mended one is the request itself.
    """
    looser = list(loosen(query))
    if looser and rng.random() < 0.7:
        return query.line, NOTHING_FOUND, looser[0].line
    broken = _misname(query, rng)
    if broken is None:
        return None
    try:
        broken.check()
    except QueryError as error:
        return broken.line, error.message, query.line
    return None


def _misname(query: Query, rng: random.Random) -> Query | None:
    """Give one asked-for field a name that does not exist: its leaf alone, its parent misspelt, a wrong ending."""
    if not query.fields:
        return None
    place = rng.randrange(len(query.fields))
    path = query.fields[place]
    parts = path.split(".")
    wrong = rng.choice(
        (
            parts[-1] + "s",
            f"{path}.name",
            path.replace("_", "").replace(".", "_"),
            ".".join([*parts[:-1], parts[-1][:-1]]),
        )
    )
    if load_catalogue(query.api).resolve(wrong) or load_catalogue(query.api).exists(wrong):
        return None
    fields = (*query.fields[:place], wrong, *query.fields[place + 1 :])
    return query.model_copy(update={"fields": fields})
