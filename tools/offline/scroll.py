"""The cursor of a `fetch_all` listing: it holds the whole request, so the service keeps nothing between two pages.

So a page may be asked for again when its answer was lost, also from another process.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tools.offline.parameters import bad_request

PAGE_SIZE = 1000
LIFETIME_SECONDS = 60.0


@dataclass(frozen=True)
class Cursor:
    """A place in a listing: its request's parameters, the number of the last document given, and the total."""

    request: Mapping[str, Any]
    after: int
    total: int


def write_cursor(api: str, cursor: Cursor, now: float) -> str:
    """Return the `_scroll_id` for the page that follows `cursor`."""
    text = json.dumps([api, dict(cursor.request), cursor.after, cursor.total, now], separators=(",", ":"))
    return base64.urlsafe_b64encode(zlib.compress(text.encode())).decode()


def read_cursor(api: str, text: str, now: float, allowed: Callable[[str], bool]) -> Cursor:
    """Return the place that a `_scroll_id` stands for.

    Raises:
        Refusal: it was not written here, is of another API, or is older than its lifetime.
    """
    try:
        owner, request, after, total, written = json.loads(zlib.decompress(base64.urlsafe_b64decode(text)))
        fresh = owner == api and 0 <= now - float(written) <= LIFETIME_SECONDS
        numbers = isinstance(after, int) and isinstance(total, int)
        valid = fresh and numbers and all(allowed(name) for name in request)
    except (ValueError, TypeError, zlib.error, binascii.Error):
        valid = False
    if not valid:
        raise bad_request("Invalid or stale scroll_id.")
    return Cursor(dict(request), after, total)
