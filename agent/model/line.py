"""A line of callers: first come, first served, each knowing its place."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Event

_POLL_SECONDS = 0.05
"""How soon a caller in line sees that it is cancelled."""


class Line:
    """Lets one thread through at a time, in the order of arrival."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._tickets: deque[object] = deque()

    def __len__(self) -> int:
        """Return how many are in line, the one being served included."""
        return len(self._tickets)

    @contextmanager
    def turn(self, on_position: Callable[[int], None] | None = None, cancel: Event | None = None) -> Iterator[bool]:
        """Wait for one's turn, and keep it until the block ends.

        Args:
            on_position: Called with the number of callers ahead whenever it changes; 0 at last.
            cancel: Set it to leave the line.

        Yields:
            True when it is the caller's turn; False when it left the line.
        """
        ticket = object()
        with self._changed:
            self._tickets.append(ticket)
        try:
            yield self._wait(ticket, on_position, cancel)
        finally:
            with self._changed:
                self._tickets.remove(ticket)
                self._changed.notify_all()

    def _wait(self, ticket: object, on_position: Callable[[int], None] | None, cancel: Event | None) -> bool:
        told: int | None = None
        while True:
            if cancel is not None and cancel.is_set():
                return False
            with self._changed:
                place = self._tickets.index(ticket)
                if place and place == told:
                    self._changed.wait(_POLL_SECONDS)
                    place = self._tickets.index(ticket)
            if place != told and on_position is not None:
                on_position(place)
            told = place
            if place == 0:
                return True
