"""The agent: a LangGraph graph that turns a question into a BioThings request and its answer.

    from agent import ask
    print(ask("which biological processes is CDK2 involved in?")["answer"])

LangGraph takes a second to import; importing this package does not import it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.graph import ask, build_graph

__all__ = ["ask", "build_graph"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from agent import graph

        return getattr(graph, name)
    raise AttributeError(f"module 'agent' has no attribute {name!r}")
