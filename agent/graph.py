"""The graph: retrieve → draft → check → execute → answer, with repair on the way."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from langgraph.graph import END, START, StateGraph

from agent.channels import Channels
from agent.nodes import Nodes, after_begin, after_step, guarded, route_check, route_execution
from agent.runtime import Progress, get_runtime
from agent.settings import Settings, load_settings
from agent.state import Input, Record, State

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph


def build_graph(
    settings: Settings | None = None,
    checkpointer: BaseCheckpointSaver[str] | None = None,
    progress: Progress | None = None,
) -> CompiledStateGraph[Channels, None, Input, Record]:
    """Build the graph that answers questions.

    `graph.invoke({"question": "..."})` returns a record. With a checkpointer and a thread, a follow-up sees the
    thread's earlier turns; `agent.checkpoint.open_checkpointer` opens one that serves sync and async callers.

    Args:
        settings: by default those of the environment.
        checkpointer: keeps conversations; none: every question stands alone.
        progress: told (what, done, of how many) while model and indexes are built.

    Raises:
        SettingsError: a setting is not valid.
    """
    settings = settings or load_settings()
    runtime = get_runtime(settings, progress)
    nodes = Nodes(runtime)
    most = 1 + settings.max_repairs

    graph = StateGraph(Channels, input_schema=Input, output_schema=Record)
    graph.add_node("begin", guarded(nodes.begin))
    graph.add_node("retrieve", guarded(nodes.retrieve))
    graph.add_node("draft", guarded(nodes.draft))
    graph.add_node("check", guarded(nodes.check))
    graph.add_node("execute", guarded(nodes.execute))
    graph.add_node("repair", guarded(nodes.repair))
    graph.add_node("answer", nodes.answer)

    graph.add_edge(START, "begin")
    graph.add_conditional_edges("begin", after_begin, ["retrieve", "check", "answer"])
    graph.add_conditional_edges("retrieve", after_step("draft"), ["draft", "answer"])
    graph.add_conditional_edges("draft", after_step("check"), ["check", "answer"])
    graph.add_conditional_edges("check", route_check(most), ["execute", "draft", "repair", "answer"])
    graph.add_conditional_edges("repair", _route_repair, ["execute", "answer"])
    graph.add_conditional_edges("execute", route_execution(most, runtime), ["draft", "answer"])
    graph.add_edge("answer", END)
    # A repair takes four steps.
    return graph.compile(checkpointer=checkpointer).with_config(recursion_limit=12 + 4 * most)


def studio() -> Any:
    """Build the graph for LangGraph Studio, which brings a checkpointer of its own."""
    return build_graph()


def ask(question: str, history: Sequence[str] = (), settings: Settings | None = None) -> Record:
    """Answer one question, after the earlier ones of the conversation.

    Args:
        question: in plain language.
        history: earlier questions, oldest first; each is answered first, so that "and in mouse?" has what to follow.
        settings: by default those of the environment.

    Returns:
        The record of the last question; its `status` and `error` say where it failed, nothing is raised for that.
    """
    if not history:
        return cast(Record, build_graph(settings).invoke({"question": question}))
    from langgraph.checkpoint.memory import InMemorySaver

    graph = build_graph(settings, InMemorySaver())
    config: Any = {"configurable": {"thread_id": str(uuid.uuid4())}}
    # A text is one question, not as many as it has letters.
    for earlier in [history] if isinstance(history, str) else history:
        graph.invoke({"question": earlier}, config)
    return cast(Record, graph.invoke({"question": question}, config))


def _route_repair(state: State) -> str:
    return "execute" if state["fault"] is None else "answer"
