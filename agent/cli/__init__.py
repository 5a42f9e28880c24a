"""The command line, `biothings-assistant`: standard output carries the result, standard error everything else."""

from __future__ import annotations

import sys

from agent.cli import interrupt


def main() -> None:
    """Run the command line."""
    interrupt.heed()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows a mark in its place; that is no reason to stop.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    from agent.cli.app import app

    app(prog_name="biothings-assistant")
