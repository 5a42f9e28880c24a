"""Many questions from a file: one record each into another, in order, going on where it was stopped."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.cli import interrupt
from agent.cli.console import Building, say
from agent.settings import Settings
from tools.errors import AssistantError, DataError


@dataclass(frozen=True)
class Item:
    """One line of a batch; `fault` says why it cannot be asked."""

    id: Any
    question: str
    history: tuple[str, ...] = ()
    fault: str | None = None


def answer_batch(source: Path, target: Path, settings: Settings, building: Building) -> None:
    """Write the record of each question of `source` that `target` does not have yet.

    Raises:
        DataError: a file cannot be read or written, or `target` holds the records of other questions.
    """
    items = list(_read(source))
    if target.exists() and target.samefile(source):
        raise DataError("The records would overwrite the questions.", "Name another file with --out.")
    done = _resume(target, items)
    if done:
        say(f"{done} of {len(items)} are answered already.")
    counts: dict[str, int] = {}
    try:
        with target.open("a", encoding="utf-8") as file:
            for number, item in enumerate(items[done:], start=done + 1):
                if interrupt.stopped.is_set():
                    raise KeyboardInterrupt
                record = _answer(item, settings, building)
                file.write(_line(record))
                file.flush()
                counts[record["status"]] = counts.get(record["status"], 0) + 1
                if sys.stderr.isatty():
                    building.report("questions", number, len(items))
    except OSError as error:
        raise DataError(
            f"{target} cannot be written: {error.strerror or error}.", "Check the folder and the disk."
        ) from error
    building.stop()
    told = ", ".join(f"{count} {status}" for status, count in counts.items()) or "nothing left to do"
    say(f"{len(items)} records in {target}: {told}.")


def _line(record: dict[str, Any]) -> str:
    """Write a record as a line; half of a surrogate pair, which JSON may hold and UTF-8 may not, is escaped."""
    text = json.dumps(record, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(record)
    return text + "\n"


def _answer(item: Item, settings: Settings, building: Building) -> dict[str, Any]:
    """Answer one question after those of its history; a fault of any kind becomes a failed record."""
    from langgraph.checkpoint.memory import InMemorySaver

    from agent.graph import build_graph

    if item.fault is not None:
        return _failed(item, item.fault, "Mend the line and ask it again.")
    try:
        saver = InMemorySaver() if item.history else None
        graph = build_graph(settings, saver, building.report)
        config: Any = {"configurable": {"thread_id": str(uuid.uuid4())}}
        for earlier in item.history:
            graph.invoke({"question": earlier}, config)
        return {**graph.invoke({"question": item.question}, config), "id": item.id}
    except AssistantError as error:
        return _failed(item, error.message, error.hint)
    except Exception as error:  # one question must not end the batch
        return _failed(item, f"{type(error).__name__}: {error}", "Please report this question.")


def _failed(item: Item, message: str, hint: str) -> dict[str, Any]:
    return {
        "id": item.id, "question": item.question, "status": "failed", "answer": f"{message} {hint}", "values": [],
        "api": None, "request": None, "url": None, "total": None, "hits": [], "backend": None, "attempts": [],
        "seconds": {"retrieve": 0.0, "draft": 0.0, "execute": 0.0, "total": 0.0},
        "error": {"message": message, "hint": hint},
    }  # fmt: skip


def _read(source: Path) -> Iterator[Item]:
    """Yield the questions; lines that are blank are passed over, lines that hold none come with their fault."""
    try:
        lines = source.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror or error}.", "Check its name.") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _item(line, number)


def _item(line: bytes, number: int) -> Item:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Item(str(number), "", fault=f"Line {number} is not JSON: {error}.")
    if not isinstance(row, dict):
        return Item(str(number), "", fault=f"Line {number} is not an object.")
    own = row.get("id", str(number))
    question = row.get("question")
    if not isinstance(question, str):
        return Item(own, "", fault=f"Line {number} has no question.")
    history = row.get("history") or []
    if not isinstance(history, list) or not all(isinstance(text, str) for text in history):
        return Item(own, question, fault=f"The history of line {number} is not a list of questions.")
    return Item(own, question, tuple(history))


def _plain(question: Any) -> str:
    """What of a question its record keeps in any case: characters that cannot be printed become spaces there."""
    return "".join(character for character in str(question) if character.isalnum())


def _resume(target: Path, items: list[Item]) -> int:
    """Return how many records `target` holds already; a last one that was cut off is taken away."""
    if not target.exists():
        return 0
    other = DataError(f"{target} holds the records of other questions.", "Name another file with --out, or remove it.")
    try:
        content = target.read_bytes()
    except OSError as error:
        raise DataError(
            f"{target} cannot be read: {error.strerror or error}.", "Name another file with --out."
        ) from error
    lines = content.split(b"\n")
    kept = content if not lines[-1] else content[: len(content) - len(lines[-1])]
    complete = [line for line in kept.split(b"\n") if line]
    if len(complete) > len(items):
        raise other
    for line, item in zip(complete, items, strict=False):
        try:
            record = json.loads(line)
        except ValueError:
            raise other from None
        if not isinstance(record, dict) or record.get("id") != item.id:
            raise other
        # Without ids of their own the questions are numbered, as those of any other file are.
        if _plain(record.get("question", item.question)) != _plain(item.question):
            raise other
    if kept != content:
        with target.open("r+b") as file:
            file.truncate(len(kept))
    return len(complete)
