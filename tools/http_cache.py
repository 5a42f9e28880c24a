"""Answers of live services, kept on disk for a while, so that asking again costs neither time nor the service.

One SQLite file, shared by processes; losing it loses nothing. Only complete 200 answers to GET and POST are kept,
never the pages of a `fetch_all` listing, whose cursors expire.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from pathlib import Path

import httpx

MAX_AGE_SECONDS = 24 * 3600.0
MAX_BYTES = 256 * 2**20
MAX_ENTRY_BYTES = 8 * 2**20
_UNCACHED_PARAMETERS = frozenset({"fetch_all", "scroll_id"})


class CachingTransport(httpx.BaseTransport):
    """Answers from the file at `path` what it has answered before, and `inner` the rest.

    A file that cannot be used (a full disk, no permission, damage) only means that nothing is kept.
    """

    def __init__(
        self, path: Path, inner: httpx.BaseTransport, max_age: float = MAX_AGE_SECONDS, max_bytes: int = MAX_BYTES
    ) -> None:
        self._path = path
        self._inner = inner
        self._max_age = max_age
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer from the file where it can, else send `request` and keep the answer."""
        key = _key(request)
        if key is None:
            return self._inner.handle_request(request)
        kept = self._get(key)
        if kept is not None:
            headers, body = kept
            return httpx.Response(200, headers=headers, content=body, request=request, extensions={"cached": True})
        response = self._inner.handle_request(request)
        if response.status_code == 200 and len(response.content) <= MAX_ENTRY_BYTES:
            self._put(key, response)
        return response

    def close(self) -> None:
        """Close the file and what lies below."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
        self._inner.close()

    def _get(self, key: str) -> tuple[list[tuple[str, str]], bytes] | None:
        try:
            with self._lock:
                row = (
                    self._open()
                    .execute(
                        "SELECT headers, body FROM answers WHERE key = ? AND at > ?", (key, time.time() - self._max_age)
                    )
                    .fetchone()
                )
        except (sqlite3.Error, OSError):
            return None
        if row is None:
            return None
        return [(str(name), str(value)) for name, value in json.loads(row[0])], row[1]

    def _put(self, key: str, response: httpx.Response) -> None:
        try:
            json.loads(response.content)
        except ValueError:
            return  # What looks like JSON at both ends may be broken between them: a day is long for that.
        headers = json.dumps(list(response.headers.items()))
        try:
            with self._lock, self._open() as connection:
                connection.execute(
                    "INSERT OR REPLACE INTO answers (key, at, headers, body) VALUES (?, ?, ?, ?)",
                    (key, time.time(), headers, response.content),
                )
                connection.execute("DELETE FROM answers WHERE at <= ?", (time.time() - self._max_age,))
                connection.execute(
                    "DELETE FROM answers WHERE key IN (SELECT key FROM (SELECT key, SUM(LENGTH(body)) OVER "
                    "(ORDER BY at DESC, key) AS total FROM answers) WHERE total > ?)",
                    (self._max_bytes,),
                )
        except (sqlite3.Error, OSError):
            pass

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=2.0, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, at REAL, headers TEXT, body BLOB)"
            )
            self._connection = connection
        return self._connection


def _key(request: httpx.Request) -> str | None:
    """Name the request's answer; None where it must not be kept."""
    if request.method not in ("GET", "POST") or _UNCACHED_PARAMETERS & set(request.url.params.keys()):
        return None
    text = f"{request.method} {request.url}\n".encode() + request.read()
    return hashlib.sha256(text).hexdigest()
