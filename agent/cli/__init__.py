"""The command line, `biothings-assistant`: standard output carries the result, standard error everything else."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

_INTERRUPTED = 130
_GRACE_SECONDS = 10.0


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGINT, _Interrupt())
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character shows a mark in its place; that is no reason to stop.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    from agent.cli.app import app

    app(prog_name="biothings-assistant")


class _Interrupt:
    """Ends the program on Ctrl-C: in good order, or else after some seconds, or at the second Ctrl-C.

    An interrupt during an import, while another thread imports as well, can leave Python's import locks held for ever.
    """

    def __init__(self) -> None:
        self._pressed = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._pressed:
            self._end()
        self._pressed = True
        timer = threading.Timer(_GRACE_SECONDS, self._end)
        timer.daemon = True
        timer.start()
        raise KeyboardInterrupt

    @staticmethod
    def _end() -> None:
        os.write(2, b"Stopped.\n")
        os._exit(_INTERRUPTED)
