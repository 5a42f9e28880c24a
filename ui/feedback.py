"""Corrections: a question, the request that was drafted and the one that a person put in its place. They stay here."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from ui.sqlite import connect

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS corrections (id INTEGER PRIMARY KEY, created REAL, user TEXT, question TEXT, "
    "history TEXT, draft TEXT, correction TEXT, total INTEGER, UNIQUE (user, question, draft, correction))"
)


def corrections_path(home: Path) -> Path:
    """Return the file in which corrections are kept."""
    return home / "chat" / "corrections.sqlite"


class Corrections:
    """Corrections in a SQLite file. Its methods block: call them from a thread."""

    def __init__(self, home: Path) -> None:
        self._path = corrections_path(home)
        with connect(self._path) as connection:
            connection.execute(_SCHEMA)

    def save(self, user: str, question: str, history: list[str], draft: str, correction: str, total: int) -> None:
        """Keep a correction that was executed and found `total` documents."""
        with connect(self._path) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO corrections (created, user, question, history, draft, correction, total) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (time.time(), user, question, json.dumps(history), draft, correction, total),
            )

    def rows(self) -> list[dict[str, Any]]:
        """Return all corrections, oldest first."""
        found = connect(self._path).execute("SELECT * FROM corrections ORDER BY created").fetchall()
        return [{**dict(row), "history": json.loads(row["history"])} for row in found]

    def export(self) -> list[str]:
        """Return the corrections as lines for training: {"question", "history", "request", "draft"}."""
        return [
            json.dumps(
                {
                    "question": row["question"],
                    "history": row["history"],
                    "request": row["correction"],
                    "draft": row["draft"],
                },
                ensure_ascii=False,
            )
            for row in self.rows()
        ]
