"""Memory that is no longer needed."""

from __future__ import annotations

import contextlib
import ctypes


def give_back() -> None:
    """Return freed memory to the system, where the C library can be told to (glibc).

    A service that has just built an index would keep some hundred megabytes otherwise.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
