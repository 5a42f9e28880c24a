"""Corrections: a question, the request that was drafted and the one that a person put in its place. They stay here.

Opinions, thumbs up or down with a comment, are kept with the chats and read from there.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from tools.errors import DataError
from ui.sqlite import connect

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS corrections (id INTEGER PRIMARY KEY, created REAL, user TEXT, question TEXT, "
    "history TEXT, draft TEXT, correction TEXT, total INTEGER, UNIQUE (user, question, draft, correction))"
)
#: An opinion is on an answer, or on the work on a question, which holds the answer.
_OPINIONS = (
    'SELECT f."id" AS id, f."value" AS value, f."comment" AS comment, t."userIdentifier" AS who, '
    'a."createdAt" AS moment, a."metadata" AS metadata FROM feedbacks f LEFT JOIN threads t ON t."id" = f."threadId" '
    'LEFT JOIN steps a ON a."type" = \'assistant_message\' AND (a."id" = f."forId" OR a."parentId" = f."forId") '
    'ORDER BY a."createdAt"'
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
        """Keep a correction that was executed and found `total` documents.

        One that is saved again stays the row that it is: what reviewers decided about it is kept under its id.
        """
        with connect(self._path) as connection:
            connection.execute(
                "INSERT INTO corrections (created, user, question, history, draft, correction, total) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (user, question, draft, correction) "
                "DO UPDATE SET created = excluded.created, total = excluded.total",
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


def read_opinions(home: Path, address: str | None) -> list[dict[str, Any]]:
    """Return what users thought of answers, oldest first: {"when", "user", "question", "request", "value", "comment"}.

    Args:
        home: the home folder.
        address: the database of the chats, where it is not the SQLite file below the home folder.

    Raises:
        DataError: the database cannot be read.
    """
    path = home / "chat" / "chats.sqlite"
    if address is None and not path.is_file():
        return []
    opinions: dict[str, dict[str, Any]] = {}
    for row in asyncio.run(_select(address or f"sqlite+aiosqlite:///{path}", _OPINIONS)):
        turn = json.loads(row["metadata"] or "{}").get("turn") or {}
        if turn or row["id"] not in opinions:
            opinions[row["id"]] = {
                "when": row["moment"], "user": row["who"], "question": turn.get("question"),
                "request": turn.get("request"), "value": "up" if row["value"] else "down", "comment": row["comment"],
            }  # fmt: skip
    return list(opinions.values())


async def _select(address: str, statement: str) -> list[dict[str, Any]]:
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(address)
    try:
        async with engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(text(statement))).mappings()]
    except (SQLAlchemyError, OSError) as error:
        # The rest of it is the statement.
        said = getattr(error, "orig", None) or error
        raise DataError(f"The store of chats cannot be read: {said}.", "Is it that of the chat?") from error
    finally:
        await engine.dispose()
