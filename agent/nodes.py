"""The graph's nodes: each takes the state and returns what it changes.

The model's faults (a draft that is not legal, a request that finds nothing) are recorded on the attempt and repaired;
ours and the network's end the question with an error that says how to mend it.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Literal, Protocol

from agent.elsewhere import ask_elsewhere, empty_attempt
from agent.listener import listener
from agent.meant import with_named_field
from agent.model.base import Completion
from agent.omissions import explain_omission, left_out, tells_omission
from agent.prompts import HISTORY, Failure, Turn, render_general, render_tuned
from agent.repair import keeps_what_was_stated, loosen, narrow
from agent.runtime import Runtime
from agent.state import Attempt, State
from agent.stated import complete
from rag.documents import Example
from rag.retrieve import ScoredField
from tools.errors import AssistantError, BadRequest, ModelError, QueryError
from tools.query import Query

if TYPE_CHECKING:
    from agent.grammar import Grammar
    from tools.backend import Backend
    from tools.client import Result

REFUSAL = "none"
#: A refusal of which the model is less sure than this gives way to its best request; chosen on validation pairs.
SURE_REFUSAL = 0.6
#: A pasted page is no question; the model's context would not hold it either.
LONGEST_QUESTION = 2000
#: Fields that the grammar allows beside the common ones; more than the prompt shows, since a trie is cheap.
GRAMMAR_FIELDS = 40
_ADDRESS = re.compile(r"https?://\S+$")
_MAX_TOKENS = 200


class Node(Protocol):
    """A step of the graph."""

    def __call__(self, state: State) -> dict[str, Any]:
        """Return what the step changes."""
        ...


class Nodes:
    """The nodes, bound to the parts that they use."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._settings = runtime.settings

    def begin(self, state: State) -> dict[str, Any]:
        """Set anew what belongs to one question, and turn away what is none."""
        said = str(state.get("question") or "")
        question = " ".join("".join(character if character.isprintable() else " " for character in said).split())
        fresh: dict[str, Any] = {
            "question": question, "id": state.get("id"), "api": state.get("api") or self._settings.api,
            "history": state.get("history") or [], "attempts": [], "result": None, "draft": "",
            "status": "answered", "answer": "", "values": [], "request": None, "url": None, "total": None, "hits": [],
            "backend": None, "error": None, "fault": None, "drafted_seconds": 0.0, "started": time.time(),
            "cards": [], "paths": {}, "examples": [],
            "seconds": {"retrieve": 0.0, "draft": 0.0, "execute": 0.0, "total": 0.0},
        }  # fmt: skip
        if not any(character.isalnum() for character in question):
            return fresh | {"status": "refused", "fault": "no-question"}
        if len(question) > LONGEST_QUESTION:
            return fresh | {"status": "refused", "fault": "too-long"}
        if _ADDRESS.match(question):
            # A pasted request is made as it stands; other addresses are never called.
            try:
                return fresh | {"draft": Query.parse(question).line}
            except QueryError as error:
                return fresh | {"status": "refused", "fault": "address", "answer": f"{error.message} {error.hint}"}
        return fresh

    def retrieve(self, state: State) -> dict[str, Any]:
        """Find the field cards and worked examples that fit."""
        self._runtime.prepare()
        retriever = self._runtime.retriever
        earlier = [turn["question"] for turn in state["history"]][-HISTORY:]
        apis = [state["api"]] if state["api"] else None
        found = retriever.retrieve(state["question"], earlier, apis, GRAMMAR_FIELDS, shown=self._settings.cards)
        paths: dict[str, list[str]] = {}
        for field in found.fields:
            paths.setdefault(field.api, []).append(field.path)
        cards = [
            {"api": field.api, "path": field.path, "label": field.label, "description": field.description}
            for field in found.fields[: self._settings.cards]
        ]
        examples = [{"question": example.question, "request": example.request} for example in found.examples]
        return {"cards": cards, "paths": paths, "examples": examples, "seconds": _add(state, retrieve=found.seconds)}

    def draft(self, state: State) -> dict[str, Any]:
        """Let the model write a request under this question's grammar."""
        from agent.grammar import build_grammar

        start = time.perf_counter()
        turns = [Turn(turn["question"], turn["request"]) for turn in state["history"]][-HISTORY:]
        failures = [Failure(attempt["request"], attempt["error"] or "nothing found") for attempt in state["attempts"]][
            -1:
        ]
        said = [turn.question for turn in turns] + [turn.request for turn in turns]
        apis = [state["api"]] if state["api"] else None
        cards = [
            ScoredField(card["api"], card["path"], 0.0, card["label"], card["description"]) for card in state["cards"]
        ]
        if self._runtime.style == "tuned":
            prompt = render_tuned(state["question"], cards, turns, failures)
        else:
            examples = [Example(**example) for example in state["examples"]]
            prompt = render_general(state["question"], cards, examples, turns, failures)
        heard = listener.get()

        def complete_prompt(refusal: bool) -> tuple[Completion, Grammar]:
            grammar = build_grammar(state["question"], said, state["paths"], apis, refusal=refusal)
            completion = self._runtime.model.complete(
                prompt, grammar=grammar.gbnf, max_tokens=_MAX_TOKENS, stop=("<|im_end|>", "\n"),
                on_token=heard.on_token, on_position=heard.on_position, cancel=heard.cancel,
            )  # fmt: skip
            return completion, grammar

        completion, grammar = complete_prompt(True)
        if completion.text.strip() == REFUSAL and _is_unsure(completion) and not state["attempts"]:
            completion, grammar = complete_prompt(False)
        if completion.finish_reason == "cancelled":
            raise ModelError("Stopped.", "")
        draft = completion.text.strip()
        fault = "The draft did not come to an end." if completion.finish_reason == "length" else None
        if fault is None and self._settings.model == "openai":
            # A server may not know grammars, or pass over them without a word; llama.cpp here obeys them.
            fault = _disobedience(draft, grammar)
        if fault is None:
            draft = self._completed(draft, state)
        seconds = time.perf_counter() - start
        return {
            "draft": draft, "fault": fault, "drafted_seconds": seconds, "seconds": _add(state, draft=seconds),
        }  # fmt: skip

    def _completed(self, draft: str, state: State) -> str:
        """Add to a draft what the question states; one that cannot be read stays as it is, for the check to explain."""
        try:
            query = Query.parse(draft)
        except QueryError:
            return draft
        question, earlier = state["question"], [turn["request"] for turn in state["history"]]
        completed = complete(query, question, self._runtime.names, earlier, self._settings.hits, api=state["api"])
        if not earlier and not state["attempts"]:
            completed = with_named_field(completed, question, self._runtime.retriever.called)
        return draft if completed is query else completed.line

    def check(self, state: State) -> dict[str, Any]:
        """Read the draft as a request; what is wrong with it goes to the attempt."""
        incomplete = _incomplete(state)
        if incomplete is not None and (state["fault"] or state["draft"] == REFUSAL):
            return _accepted(incomplete)
        if state["fault"]:
            return _rejected(state, state["fault"])
        if state["draft"] == REFUSAL:
            # A refusal after a failed attempt means only that the model knows no other way.
            return {"fault": "no-other-way"} if state["attempts"] else {"status": "refused", "fault": "refused"}
        try:
            query = Query.parse(state["draft"]).check()
        except QueryError as error:
            if incomplete is not None:
                return _accepted(incomplete)
            return _rejected(state, f"{error.message} {error.hint}".strip())
        if state["cards"] and incomplete is None and not state["attempts"] and self._settings.max_repairs:
            missing = left_out(query, state["question"])
            if missing:
                return _rejected(state, explain_omission(missing))
        if incomplete is not None:
            question = state["question"]
            better = len(left_out(query, question)) < len(left_out(incomplete, question))
            return _accepted(query if better else incomplete)
        if any(attempt["request"] == query.line for attempt in state["attempts"]):
            return {"fault": "no-other-way"}
        first = _first_legal(state)
        if first is not None and not keeps_what_was_stated(first, query):
            return {"fault": "no-other-way"}
        return _accepted(query)

    def execute(self, state: State) -> dict[str, Any]:
        """Send the request."""
        from tools.client import execute

        query = Query.parse(state["request"] or "")
        sent, backend = self._sent(query), self._runtime.backend
        start = time.perf_counter()
        error: str | None = None
        result: dict[str, Any] | None = None
        attempts = list(state["attempts"])
        try:
            found, backend = self._runtime.answering(lambda place: execute(sent, place))
            if found.total and any(attempt["outcome"] == "empty" for attempt in attempts):
                tried = {attempt["request"] for attempt in attempts}
                query, found = self._narrowed(query, found, backend, tried)
                sent = self._sent(query)
            # A request that was pasted, without cards, is made as it stands.
            if state["cards"] and (other := ask_elsewhere(sent, found.hits, state["question"], self._runtime, backend)):
                seconds = round(state["drafted_seconds"] + time.perf_counter() - start, 4)
                attempts.append(empty_attempt(query, other[0], seconds))
                query, found = query.model_copy(update={"fields": other[0].fields}), other[1]
            result = {
                "total": found.total, "hits": found.hits, "facets": found.facets, "notfound": found.notfound,
                "assembly": found.assembly,
            }  # fmt: skip
            if found.total == 0 and not found.hits:
                error = "nothing found"
        except BadRequest as refused:
            # The service is stricter than the check; its words go back to the model.
            spent = time.perf_counter() - start
            rejected = _rejected(
                {**state, "draft": query.line, "drafted_seconds": state["drafted_seconds"] + spent}, refused.message
            )
            return {**rejected, "backend": backend.name, "seconds": _add(state, execute=spent)}
        except AssistantError as failed:
            spent = time.perf_counter() - start
            attempt: Attempt = {
                "request": query.line, "outcome": "error", "error": failed.message,
                "seconds": round(state["drafted_seconds"] + spent, 4),
            }  # fmt: skip
            return {
                **_failed(failed), "attempts": [*attempts, attempt], "backend": backend.name,
                "seconds": _add(state, execute=spent),
            }  # fmt: skip
        spent = time.perf_counter() - start
        attempt = {
            "request": query.line, "outcome": "empty" if error else "ok", "error": error,
            "seconds": round(state["drafted_seconds"] + spent, 4),
        }  # fmt: skip
        return {
            "result": result, "attempts": [*attempts, attempt], "request": query.line, "backend": backend.name,
            "drafted_seconds": 0.0, "seconds": _add(state, execute=spent), "fault": error,
        }  # fmt: skip

    def _narrowed(self, query: Query, found: Result, backend: Backend, tried: Collection[str]) -> tuple[Query, Result]:
        """Return the simplest form of a widened request that finds as much, and what it found."""
        from tools.client import execute

        try:
            for candidate in narrow(query):
                alone = execute(self._sent(candidate), backend) if candidate.line not in tried else None
                if alone is not None and alone.total == found.total:
                    return candidate, alone
        except AssistantError:
            pass  # What was found stays.
        return query, found

    def repair(self, state: State) -> dict[str, Any]:
        """Choose the next way to search that is known to keep what was stated, where the model has none."""
        first = _first_legal(state)
        tried = {attempt["request"] for attempt in state["attempts"]}
        for candidate in loosen(first) if first is not None else ():
            try:
                line = candidate.check().line
            except QueryError:
                continue
            if line not in tried:
                return {"request": line, "api": candidate.api, "fault": None}
        return {"fault": "exhausted"}

    def answer(self, state: State) -> dict[str, Any]:
        """Write the answer from the response alone, and remember the turn."""
        from agent.answer import compose

        answer = compose(state, self._runtime)
        line = answer.get("request", state["request"])
        turn = {"question": state["question"], "request": line or REFUSAL}
        kept = line is not None or state["fault"] == "refused"
        history = [*state["history"], turn] if kept else state["history"]
        if state["backend"] is not None:
            # What the settings add is shown, but is no part of the conversation: no question asked for it.
            answer["attempts"] = [
                {**attempt, "request": self._sent(Query.parse(attempt["request"])).line}
                if attempt["outcome"] != "rejected"
                else attempt
                for attempt in state["attempts"]
            ]
            if line is not None:
                sent = self._sent(Query.parse(line))
                answer |= {"request": sent.line, "url": sent.url}
        seconds = {**_add(state), "total": time.time() - state["started"]}
        return {
            **answer,
            "history": history,
            "seconds": {name: round(value, 4) for name, value in seconds.items()},
            # What is only of use on the way need not be kept with the conversation.
            "cards": [], "paths": {}, "examples": [], "result": None, "draft": "",
        }  # fmt: skip

    def _sent(self, query: Query) -> Query:
        """Return a request as it is sent: with as many hits as the settings want, where it names no number."""
        if query.kind != "query" or "size" in query.params or self._settings.hits == 10:
            return query
        return query.model_copy(update={"params": {**query.params, "size": str(self._settings.hits)}})


def _disobedience(draft: str, grammar: Grammar) -> str | None:
    """Say what of a draft its grammar does not allow; another order of the parameters is no matter."""
    if grammar.accepts(draft):
        return None
    try:
        if grammar.accepts(Query.parse(draft).line):
            return None
    except QueryError:
        pass
    return f"This cannot be asked here: {grammar.why_not(draft)}"


def _is_unsure(refusal: Completion) -> bool:
    # A served model may not say how sure it is.
    return refusal.logprob is not None and math.exp(refusal.logprob) < SURE_REFUSAL


def guarded(node: Node) -> Node:
    """Let a node end the question with an error that says how to mend it, instead of raising."""

    def run(state: State) -> dict[str, Any]:
        try:
            return node(state)
        except AssistantError as error:
            return _failed(error)
        except RecursionError:
            return _failed(ModelError("The question is nested too deeply to be read.", "Ask it in simpler words."))

    return run


def _failed(error: AssistantError) -> dict[str, Any]:
    return {"status": "failed", "error": {"message": error.message, "hint": error.hint}, "fault": "failed"}


def after_begin(state: State) -> Literal["retrieve", "check", "answer"]:
    """Go on with a question, or with a request that stands in its place; answer at once what is neither."""
    if state["fault"]:
        return "answer"
    return "check" if state["draft"] else "retrieve"


def after_step(following: str) -> Callable[[State], str]:
    """Go on to the next node, or to the answer where something failed."""

    def route(state: State) -> str:
        return "answer" if state["fault"] == "failed" else following

    return route


def route_check(max_attempts: int) -> Callable[[State], Literal["execute", "draft", "repair", "answer"]]:
    """After a check: execute, draft again, search in another way, or stop."""

    def route(state: State) -> Literal["execute", "draft", "repair", "answer"]:
        if state["fault"] in ("failed", "refused"):
            return "answer"
        if state["fault"] is None:
            return "execute"
        if len(state["attempts"]) >= max_attempts or not state["cards"]:
            # Without cards there was no question: a request was pasted, and stands or falls as it is.
            return "answer"
        return "repair" if state["fault"] == "no-other-way" else "draft"

    return route


def route_execution(max_attempts: int, runtime: Runtime) -> Callable[[State], Literal["draft", "answer"]]:
    """After execution: answer, or let the model try again where that can help."""

    def route(state: State) -> Literal["draft", "answer"]:
        if state["fault"] in (None, "failed") or len(state["attempts"]) >= max_attempts or not state["cards"]:
            return "answer"
        if state["fault"] == "rejected":
            return "draft"
        from agent.absence import explain_absence

        # What the offline snapshot does not hold is not found by searching in another way.
        # The first request counts: a repair may have tried a field that the snapshot lacks beside one that it holds.
        first = _first_legal(state)
        lacking = first is not None and explain_absence(first, state["backend"], runtime)
        return "answer" if lacking else "draft"

    return route


def _rejected(state: State, error: str) -> dict[str, Any]:
    attempt: Attempt = {
        "request": state["draft"], "outcome": "rejected", "error": error, "seconds": round(state["drafted_seconds"], 4),
    }  # fmt: skip
    return {"attempts": [*state["attempts"], attempt], "fault": "rejected", "drafted_seconds": 0.0}


def _accepted(query: Query) -> dict[str, Any]:
    return {"request": query.line, "api": query.api, "fault": None}


def _incomplete(state: State) -> Query | None:
    """Return the draft that was sent back for what it leaves out, until something was executed."""
    if len(state["attempts"]) == 1 and tells_omission(state["attempts"][0]["error"]):
        return Query.parse(state["attempts"][0]["request"])
    return None


def _first_legal(state: State) -> Query | None:
    lines = [attempt["request"] for attempt in state["attempts"] if attempt["outcome"] != "rejected"]
    return Query.parse(lines[0]) if lines else None


def _add(state: State, **spent: float) -> dict[str, float]:
    return {name: value + spent.get(name, 0.0) for name, value in dict(state["seconds"]).items()}  # type: ignore[operator]
