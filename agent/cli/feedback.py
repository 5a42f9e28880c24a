"""`feedback …`: what users of the chat saved: corrections, listed and exported for training, and opinions."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.cli.console import out, reported, say, write_json, write_line
from agent.cli.questions import JsonOption

app = typer.Typer(no_args_is_help=True, help="Corrections and opinions saved in the chat.")


@app.command("list")
@reported
def list_corrections(as_json: JsonOption = False) -> None:
    """List the corrections, oldest first.

    Example:

        biothings-assistant feedback list
    """
    rows = _corrections().rows()
    if as_json:
        write_json(rows)
        return
    if not rows:
        write_line("No corrections were saved.")
        return
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("when", "question", "drafted", "right"):
        grid.add_column(name, overflow="fold")
    for row in rows:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["created"]))
        grid.add_row(when, row["question"], row["draft"], row["correction"])
    out().print(grid)


@app.command()
@reported
def export(
    to: Annotated[
        Path | None, typer.Option("--out", metavar="OUT.jsonl", help="Where to; default: standard output.")
    ] = None,
) -> None:
    """Write the corrections as training examples, a line each: {"question", "history", "request", "draft"}.

    Example:

        biothings-assistant feedback export --out corrections.jsonl
    """
    _write(_corrections().export(), to, "corrections")


@app.command()
@reported
def opinions(
    to: Annotated[
        Path | None, typer.Option("--out", metavar="OUT.jsonl", help="Where to; default: standard output.")
    ] = None,
) -> None:
    """Write what users thought of answers, a line each: {"when", "user", "question", "request", "value", "comment"}.

    Example:

        biothings-assistant feedback opinions --out opinions.jsonl
    """
    from agent.settings import load_settings
    from ui.feedback import read_opinions

    settings = load_settings()
    rows = read_opinions(settings.home, settings.chat_database)
    _write([json.dumps(row, ensure_ascii=False) for row in rows], to, "opinions")


def _write(lines: list[str], to: Path | None, what: str) -> None:
    if to is None:
        for line in lines:
            write_line(line)
        return
    to.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    say(f"{len(lines)} {what} written to {to}.")


def _corrections() -> Any:
    from agent.settings import load_settings
    from ui.feedback import Corrections

    return Corrections(load_settings().home)
