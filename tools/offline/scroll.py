"""The cursor of a `fetch_all` listing: it holds the whole request, so the service keeps nothing between two pages."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from tools.offline.parameters import bad_request

PAGE_SIZE = 1000
LIFETIME_SECONDS = 60.0


def write_cursor(api: str, request: Mapping[str, Any], offset: int, now: float) -> str:
    """Return the `_scroll_id` for the page of `request` that starts at `offset`."""
    text = json.dumps([api, dict(request), offset, now], separators=(",", ":"))
    return base64.urlsafe_b64encode(zlib.compress(text.encode())).decode()


def read_cursor(api: str, cursor: str, now: float, allowed: Callable[[str], bool]) -> tuple[dict[str, Any], int]:
    """Return the request and the offset that a `_scroll_id` stands for.

    Raises:
        Refusal: it was not written here, is of another API, or is older than its lifetime.
    """
    try:
        owner, request, offset, written = json.loads(zlib.decompress(base64.urlsafe_b64decode(cursor)))
        fresh = owner == api and 0 <= now - float(written) <= LIFETIME_SECONDS
        valid = fresh and isinstance(offset, int) and offset >= 0 and all(allowed(name) for name in request)
    except (ValueError, TypeError, zlib.error, binascii.Error):
        valid = False
    if not valid:
        raise bad_request("Invalid or stale scroll_id.")
    return dict(request), int(offset)
