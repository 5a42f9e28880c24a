"""The graph's channels: the state, and which of it a checkpointer keeps.

They stand apart from the graph since LangGraph Studio loads that file by its path, where annotations of a class in it
could not be resolved.
"""

from __future__ import annotations

from typing import Annotated

from langgraph.channels.untracked_value import UntrackedValue

from agent.state import State


class Channels(State, total=False):
    """The state as a checkpointer keeps it: what a caller says of one question only does not outlive that."""

    id: Annotated[str | None, UntrackedValue]  # type: ignore[misc]
    api: Annotated[str | None, UntrackedValue]  # type: ignore[misc]
