"""Ctrl-C: an orderly end, or else an end."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType

CODE = 130
_GRACE_SECONDS = 10.0
#: Set once the user has pressed Ctrl-C; long work looks at it between two steps.
stopped = threading.Event()


def heed() -> None:
    """End the program on Ctrl-C: in good order, or else after some seconds, or at the second Ctrl-C.

    An interrupt during an import, while another thread imports as well, can leave Python's import locks held for ever;
    one that arrives during a callback is dropped by Python, so it is remembered. What is written is safe at any moment.
    """
    signal.signal(signal.SIGINT, _stop)
    sys.unraisablehook = _drop_interrupts


def _stop(number: int, frame: FrameType | None) -> None:
    if stopped.is_set():
        _end()
    stopped.set()
    timer = threading.Timer(_GRACE_SECONDS, _end)
    timer.daemon = True
    timer.start()
    raise KeyboardInterrupt


def _end() -> None:
    os.write(2, b"Stopped.\n")
    os._exit(CODE)


def _drop_interrupts(fault: sys.UnraisableHookArgs) -> None:
    if not isinstance(fault.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(fault)
