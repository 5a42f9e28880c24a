"""Whoever waits for an answer may listen to the model at work, and may stop it.

It is a context variable and not part of the state: a state is kept by checkpointers, and an event or a callback cannot
be. LangGraph hands the caller's context on to its nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Event


@dataclass(frozen=True)
class Listener:
    """`cancel`: set it to stop. `on_token`: told each piece of a draft. `on_position`: told how many are ahead."""

    cancel: Event | None = None
    on_token: Callable[[str], None] | None = None
    on_position: Callable[[int], None] | None = None


NOBODY = Listener()
listener: ContextVar[Listener] = ContextVar("listener", default=NOBODY)
