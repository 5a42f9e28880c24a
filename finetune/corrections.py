"""Corrections of the chat's users: reviewed one by one, they become training pairs.

The chat keeps them in a SQLite file: what was asked, what was drafted, what a person put in its place and how many
documents that found. Nothing of it is trained on before somebody has looked at it; verdicts are kept beside them.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from finetune.corpus import Filter
from finetune.pairs import Pair, PastTurn
from tools.errors import DataError, QueryError
from tools.query import Query

Verdict = Literal["accepted", "rejected"]
_VERDICTS = (
    "CREATE TABLE IF NOT EXISTS verdicts (correction INTEGER PRIMARY KEY REFERENCES corrections (id), "
    "verdict TEXT NOT NULL, request TEXT NOT NULL, decided REAL NOT NULL)"
)
_PENDING = (
    "SELECT c.id, c.question, c.history, c.draft, c.correction, c.total FROM corrections c "
    "LEFT JOIN verdicts v ON v.correction = c.id WHERE v.verdict IS NULL ORDER BY c.created, c.id"
)
_ACCEPTED = (
    "SELECT c.id, c.question, c.history, c.draft, v.request, c.total FROM corrections c "
    "JOIN verdicts v ON v.correction = c.id WHERE v.verdict = 'accepted' ORDER BY c.created, c.id"
)
#: Says what request an earlier question of a conversation had; None where it cannot be told.
FindRequest = Callable[[str, list[Pair]], str | None]


@dataclass(frozen=True)
class Correction:
    """What one user corrected."""

    id: int
    question: str
    history: tuple[str, ...]
    draft: str
    request: str
    total: int


def corrections_path(home: Path) -> Path:
    """Return the file in which the chat keeps corrections."""
    return home / "chat" / "corrections.sqlite"


class Review:
    """The corrections of one file and the verdicts on them."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            DataError: there is none, or it is not the chat's.
        """
        if not path.is_file():
            raise DataError(f"There are no corrections at {path}.", "Users save them in the chat, beside an answer.")
        self._path = path
        with self._connection() as connection:
            connection.execute(_VERDICTS)
            connection.commit()

    def pending(self) -> list[Correction]:
        """Return the corrections that nobody has judged yet, oldest first."""
        return self._select(_PENDING)

    def accepted(self) -> list[Correction]:
        """Return those that were accepted, oldest first, with the request that was accepted."""
        return self._select(_ACCEPTED)

    def decide(self, correction: Correction, verdict: Verdict, request: str | None = None) -> None:
        """Record a verdict; `request`, where given, is what the reviewer put in place of the correction.

        Raises:
            QueryError: the request of an accepted one cannot be sent.
        """
        line = request or correction.request
        if verdict == "accepted" and line != "none":
            line = Query.parse(line).check().line
        with self._connection() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?)", (correction.id, verdict, line, time.time())
            )
            connection.commit()

    def _select(self, statement: str) -> list[Correction]:
        with self._connection() as connection:
            rows = connection.execute(statement).fetchall()
        return [
            Correction(number, question, tuple(json.loads(history or "[]")), draft or "", line, total or 0)
            for number, question, history, draft, line, total in rows
        ]

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=10)) as connection:
                yield connection
        except sqlite3.Error as error:
            raise DataError(f"{self._path} cannot be read as corrections: {error}.") from error


def to_pairs(corrections: list[Correction], find_request: FindRequest) -> tuple[list[Pair], dict[int, str]]:
    """Make training pairs of accepted corrections.

    Args:
        corrections: the accepted ones.
        find_request: gives the request of an earlier question, after the pairs of the turns before it. Corrections
            themselves are looked at first: who corrected the first turn of a conversation said what is right for it.

    Returns:
        The pairs; and, by correction, why it made none.
    """
    right = {(row.history, row.question): row.request for row in corrections}
    leaks = Filter()
    pairs: list[Pair] = []
    left_out: dict[int, str] = {}
    for row in corrections:
        turns: list[Pair] = []
        for place, asked in enumerate(row.history):
            line = right.get((row.history[:place], asked)) or find_request(asked, turns)
            if line is None:
                break
            turns.append(Pair(question=asked, request=line, family="correction"))
        if len(turns) < len(row.history):
            left_out[row.id] = "the request of an earlier question is not known"
            continue
        try:
            request = row.request if row.request == "none" else Query.parse(row.request).check().line
        except QueryError as error:
            left_out[row.id] = error.message
            continue
        history = [PastTurn(question=turn.question, request=turn.request) for turn in turns]
        pair = Pair(
            question=row.question, request=request, history=history, family="correction", source="corrected"
        )  # fmt: skip
        reason = leaks.reason(pair)
        if reason:
            left_out[row.id] = reason
        else:
            pairs.append(pair)
    return pairs, left_out
