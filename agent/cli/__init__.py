"""The command line, `biothings-assistant`: standard output carries the result, standard error everything else."""

from __future__ import annotations

import gc
import sys

from agent.cli import interrupt

_GARBAGE_THRESHOLDS = (100_000, 50, 100)


def main() -> None:
    """Run the command line."""
    interrupt.heed()
    # Loading makes a million objects that all stay: to search them for garbage again and again takes half a second.
    gc.set_threshold(*_GARBAGE_THRESHOLDS)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows a mark in its place; that is no reason to stop.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    from agent.cli.app import app

    app(prog_name="biothings-assistant")
