"""Our own SQLite files: one connection a thread, opened once."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

_connections = threading.local()


def connect(path: Path) -> sqlite3.Connection:
    """Return this thread's connection to a file; the file and its folder are made if need be."""
    known: dict[Path, sqlite3.Connection] = _connections.__dict__.setdefault("known", {})
    if path not in known:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=30)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        known[path] = connection
    return known[path]
