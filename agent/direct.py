"""A request that a person wrote: checked, sent and answered as the graph does it, without a model."""

from __future__ import annotations

from typing import Any, cast

from agent.nodes import Nodes, guarded
from agent.runtime import Progress, get_runtime
from agent.settings import Settings, load_settings
from agent.state import Record, State
from tools.errors import AssistantError, BadRequest
from tools.query import Query


def run_request(
    text: str, settings: Settings | None = None, progress: Progress | None = None, question: str = ""
) -> Record:
    """Make the request that a request line or a URL says, and return the record of its answer.

    Args:
        text: the request line or URL.
        settings: by default those of the environment.
        progress: told what is being built.
        question: what the request is to answer, where that is known; the sentence then speaks to it.

    A request that cannot be sent, or that no service answers, gives a record of status `failed`; nothing is raised.
    """
    runtime = get_runtime(settings or load_settings(), progress)
    nodes = Nodes(runtime)
    state: dict[str, Any] = nodes.begin(cast(State, {"question": question})) | {
        "status": "answered",
        "fault": None,
        "draft": text,
    }
    try:
        query = Query.parse(text)
        state |= {"request": query.line, "api": query.api}
        query.check()
    except AssistantError as error:
        fault = {"message": error.message, "hint": error.hint}
        state |= {"status": "failed", "error": fault, "fault": "failed"}
    else:
        state |= guarded(nodes.execute)(cast(State, state))
        if state["fault"] == "rejected":
            # The service refused what the check let pass.
            fault = {"message": state["attempts"][-1]["error"], "hint": BadRequest.default_hint}
            state |= {"status": "failed", "error": fault, "fault": "failed"}
    state |= nodes.answer(cast(State, state))
    state["question"] = question or text
    return cast(Record, {name: state[name] for name in Record.__annotations__})
