"""What the commands share: where output goes, how progress is shown, how a fault ends a command."""

from __future__ import annotations

import functools
import json
import os
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import typer

from agent.cli import interrupt
from tools.errors import AssistantError, SettingsError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

P = ParamSpec("P")
R = TypeVar("R")

FAILED, WRONG_USAGE = 1, 2
#: Set by `--debug`.
debug = False


def out() -> Console:
    """The console on standard output, for the result."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def notes() -> Console:
    """The console on standard error, for everything else."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def write_line(text: str) -> None:
    """Write one line of the result."""
    sys.stdout.write(text + "\n")


def write_json(value: Any) -> None:
    """Write the result as JSON; ASCII only where the stream holds no more."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    write_line(json.dumps(value, ensure_ascii=not unicode, indent=2 if sys.stdout.isatty() else None))


def reported(command: Callable[P, R]) -> Callable[P, R]:
    """Let a command end in one line and an exit code, whatever happens, instead of in a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            result = command(*args, **kwargs)
            sys.stdout.flush()
            return result
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except BrokenPipeError:
            # The reader has left, as `head` does. What Python would still flush at exit goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(FAILED) from None
        except KeyboardInterrupt:
            say("Stopped.")
            raise typer.Exit(interrupt.CODE) from None
        except AssistantError as error:
            if debug:
                raise
            say_error(error.message, error.hint)
            raise typer.Exit(WRONG_USAGE if isinstance(error, SettingsError) else FAILED) from None
        except Exception as error:
            if debug:
                raise
            text = " ".join(str(error).split())
            say_error(
                f"{type(error).__name__}: {text}"[:300], "`biothings-assistant --debug …` shows where it happened."
            )
            raise typer.Exit(FAILED) from None

    return run


def say(text: str) -> None:
    """Tell the user something that is not the result."""
    sys.stderr.write(text + "\n")


def say_error(message: str, hint: str = "") -> None:
    """Say what went wrong, and how to mend it."""
    say(f"Error: {message}" + (f"\n{hint}" if hint else ""))


class Building:
    """Shows what is being built, on standard error: a bar for each thing, from the moment there is one.

    Use it as a context; `report` is given to whatever tells its progress, from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def report(self, what: str, done: int, total: int | None) -> None:
        """Show that `done` of `total` (None: not known) of `what` is done."""
        with self._lock:
            if what not in self._tasks:
                if not sys.stderr.isatty():
                    # No bar in a log: one line when something begins.
                    self._tasks[what] = 0  # type: ignore[assignment]
                    say(f"{what[:1].upper()}{what[1:]} …")
                    return
                progress = self._start()
                self._tasks[what] = progress.add_task(f"{what[:1].upper()}{what[1:]}", total=total)
            if self._progress is not None:
                self._progress.update(self._tasks[what], completed=done, total=total)

    def _start(self) -> Progress:
        if self._progress is None:
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                SpinnerColumn,
                TextColumn,
                TimeElapsedColumn,
            )

            self._progress = Progress(
                SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
                TimeElapsedColumn(), console=notes(), transient=True,
            )  # fmt: skip
            self._progress.start()
        return self._progress

    def stop(self) -> None:
        """Take the bars away, before the result is written."""
        with self._lock:
            if self._progress is not None:
                self._progress.stop()
            self._progress = None
            self._tasks.clear()

    def __enter__(self) -> Building:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
