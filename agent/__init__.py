"""The agent: a LangGraph graph that turns a question into a BioThings request and its answer.

from agent import ask
print(ask("which Reactome pathways is mouse Cdk2 in?")["answer"])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.graph import ask, build_graph

__all__ = ["ask", "build_graph"]


def __getattr__(name: str) -> Any:
    # LangGraph takes a second to import; the command line's other commands should not wait for it.
    if name in __all__:
        from agent import graph

        return getattr(graph, name)
    raise AttributeError(f"module 'agent' has no attribute {name!r}")
