"""One question: asked in a thread, its work shown as steps while it happens, its answer put on the page."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from typing import Any

import chainlit as cl
from chainlit.context import local_steps
from chainlit.utils import utc_now

from agent.listener import Listener, listener
from agent.settings import Settings
from agent.state import Attempt, Record
from tools.errors import AssistantError
from ui.chat import get_chat
from ui.rendering import answer_props, escape, escape_piece, headline
from ui.species import Origin, without_species

log = logging.getLogger(__name__)
Event = tuple[str, Any]
#: What is done in a thread: it is given a function to tell with, and an event that is set when nobody listens.
Work = Callable[[Callable[[str, Any], None], threading.Event], None]
Done = Callable[[], Awaitable[None]]
#: Puts a record's answer on the page, and says when it stands there.
Show = Callable[[Record, Done], Awaitable[None]]
#: Names of elements. Chainlit makes a link of an element's name in a text, so they are words that no text holds.
ANSWER, CHART = "BioThingsAnswer", "BioThingsChart"
#: How often somebody who waits is told what is being built.
_TELL_SECONDS = 0.7
_TOKEN_SECONDS = 0.12
_DRAWING_SECONDS = 0.2
_CARDS_SHOWN = 8


async def work_aside(work: Work) -> AsyncGenerator[Event]:
    """Run `work` in a thread and yield what it tells; ("idle", None) now and then where it tells nothing.

    `work` is given a function to tell with and an event that is set when nobody listens any more.
    """
    loop, events, stop = asyncio.get_running_loop(), asyncio.Queue[Event](), threading.Event()

    def tell(kind: str, value: Any) -> None:
        # The loop is closed when the server ends before the thread does.
        if not loop.is_closed():
            loop.call_soon_threadsafe(events.put_nowait, (kind, value))

    def run() -> None:
        try:
            work(tell, stop)
        except Exception as error:
            tell("fault", error)
        finally:
            tell("end", None)

    get_chat().workers.submit(run)
    try:
        while True:
            try:
                event = await asyncio.wait_for(events.get(), _TELL_SECONDS)
            except TimeoutError:
                event = ("idle", None)
            if event[0] == "end":
                return
            if event[0] == "fault":
                raise event[1]
            yield event
    finally:
        stop.set()


@dataclass
class Steps:
    """The steps of one question on the page: one that holds all, closed when done, and one for each thing done."""

    whole: cl.Step = field(
        default_factory=lambda: cl.Step("Working", "tool", default_open=True, auto_collapse=True, show_input=False)
    )
    now: cl.Step | None = None
    ended: bool = False

    async def begin(self) -> None:
        """Show that work begins."""
        # Beside the answer, which Chainlit puts below the handler of the message.
        handlers = local_steps.get()
        self.whole.parent_id = handlers[-1].id if handlers else None
        self.whole.start = utc_now()
        await self.whole.send()

    async def open(self, name: str) -> cl.Step:
        """Begin a step."""
        await self.close()
        self.now = cl.Step(name, "tool", parent_id=self.whole.id, default_open=True, show_input=False)
        self.now.start = utc_now()
        await self.now.send()
        return self.now

    async def at(self, name: str) -> cl.Step:
        """Return the step of this name if it is the current one; begin it otherwise."""
        return self.now if self.now is not None and self.now.name == name else await self.open(name)

    async def say(self, name: str, text: str, failed: bool = False) -> None:
        """Add a step that is done; `text` is Markdown."""
        step = await self.at(name)
        step.output, step.is_error = text, failed
        await self.close()

    async def asked(self, attempt: Attempt, total: int, backend: str | None) -> None:
        """Add what became of a request that was sent."""
        found = f"{total:,} found" if attempt["outcome"] == "ok" else escape(attempt["error"] or attempt["outcome"])
        name = f"Asked {'the offline snapshot' if backend == 'offline' else 'the service'}"
        failed = attempt["outcome"] in ("error", "rejected")
        await self.say(name, f"{escape(attempt['request'])}\n{found}", failed=failed)

    async def close(self) -> None:
        """End the current step."""
        if self.now is not None:
            self.now.end = utc_now()
            await self.now.update()
            self.now = None

    async def end(self, name: str) -> None:
        """End the work, unless that was done."""
        if self.ended:
            return
        await self.close()
        self.whole.name, self.whole.end, self.whole.output = name, utc_now(), ""
        await self.whole.update()
        self.ended = True


@dataclass
class Pieces:
    """Hands on the pieces of a draft together, some times a second: the page lays itself out anew for each."""

    hand_on: Callable[[str], None]
    text: str = ""
    last: float = 0.0

    def add(self, piece: str) -> None:
        """Take one piece."""
        self.text += piece
        now = time.monotonic()
        if now - self.last >= _TOKEN_SECONDS:
            self.hand_on(self.text)
            self.text, self.last = "", now


def run_graph(
    question: str,
    history: list[dict[str, str]],
    settings: Settings,
    tell: Callable[[str, Any], None],
    stop: threading.Event,
) -> None:
    """Answer a question; tell ("update", …) for each node, ("token", …), ("place", …) and at last ("record", …)."""
    from langgraph.checkpoint.memory import InMemorySaver

    from agent.graph import build_graph

    chat = get_chat()
    runtime = chat.runtime(settings)
    graph = build_graph(settings, InMemorySaver(), chat.preparation.report)
    config: Any = {"configurable": {"thread_id": "turn"}}
    if history:
        # The conversation is kept with the chat itself; here it only has to be known.
        graph.update_state(config, {"history": history}, as_node="answer")
    pieces = Pieces(lambda text: tell("token", text))
    hearing = Listener(stop, pieces.add, lambda ahead: tell("place", ahead))
    reset = listener.set(hearing)
    try:
        for update in graph.stream({"question": question}, config, stream_mode="updates"):
            if stop.is_set():
                return
            for node, change in update.items():
                if node == "draft":
                    pieces.text = ""
                tell("update", (node, change or {}))
    finally:
        listener.reset(reset)
    values = graph.get_state(config).values
    if values.get("status") == "failed":
        runtime.doubt_service()
    tell("record", {name: values.get(name) for name in Record.__annotations__})


async def ask(question: str, history: list[dict[str, str]], settings: Settings, show: Show) -> None:
    """Answer a question and show the work; nothing more once it was stopped.

    Args:
        question: what was asked.
        history: the turns before it.
        settings: those of the chat.
        show: puts the record's answer on the page, and calls what it is given as soon as it stands there: only then
            are the steps closed, which keeps the page busy for a tenth of a second.

    Raises:
        AssistantError: what is needed for an answer is not there.
    """
    steps = Steps()
    await steps.begin()
    done = "Stopped"
    try:
        record = await watch(steps, lambda tell, stop: run_graph(question, history, settings, tell, stop))
        if record is not None:
            await show(record, lambda: _end_when_drawn(steps, _summary(record)))
            done = _summary(record)
    except asyncio.CancelledError:
        pass
    except Exception:
        done = "Failed"
        raise
    finally:
        await steps.end(done)


async def _end_when_drawn(steps: Steps, name: str) -> None:
    """Close the steps when the page has had time to draw the answer, which it would otherwise do after them."""
    await asyncio.sleep(_DRAWING_SECONDS)
    await steps.end(name)


async def watch(steps: Steps, work: Work) -> Record | None:
    """Do work in a thread and show what happens; return the record that it tells, None where it tells none."""
    record: Record | None = None
    async with aclosing(work_aside(work)) as events:
        async for kind, value in events:
            if kind == "record":
                record = value
            else:
                await show(steps, kind, value)
    return record


async def show(steps: Steps, kind: str, value: Any) -> None:
    """Show one thing that happened."""
    if kind == "idle":
        building = get_chat().preparation.text
        if building:
            step = await steps.at("Preparing")
            step.output = escape(building)
            await step.update()
    elif kind == "place":
        if value:
            step = await steps.at("Waiting for the model")
            step.output = f"{value} {'question is' if value == 1 else 'questions are'} ahead of yours"
            await step.update()
    elif kind == "token":
        step = await steps.at("Drafting")
        await step.stream_token(escape_piece(value))
    else:
        await _show_node(steps, *value)


async def _show_node(steps: Steps, node: str, change: dict[str, Any]) -> None:
    """Show what a node of the graph did."""
    if node == "retrieve" and change.get("cards"):
        rows = [
            f"- {escape(card['api'])} {escape(card['path'])}: {escape(card['label'])}"
            for card in change["cards"][:_CARDS_SHOWN]
        ]
        await steps.say("Looked up fields", "\n".join(rows))
    elif node == "draft" and change.get("draft"):
        await steps.say("Drafting", escape(change["draft"]))
    elif node == "check":
        attempts = change.get("attempts") or []
        if change.get("request"):
            await steps.say("Checked the draft", "It can be sent.")
        elif attempts:
            await steps.say("Checked the draft", escape(attempts[-1]["error"] or "It cannot be sent."), failed=True)
    elif node == "repair" and change.get("request"):
        await steps.say("Searching in another way", escape(change["request"]))
    elif node == "execute" and change.get("attempts"):
        result = change.get("result") or {}
        await steps.asked(change["attempts"][-1], result.get("total", 0), change.get("backend"))


def _summary(record: Record) -> str:
    tries = len(record["attempts"])
    return f"Done in {record['seconds']['total']:.1f} s" + (f", {tries} attempts" if tries > 1 else "")


def _sentence(record: Record) -> str:
    """Return what an answer says; where a command is advised elsewhere, what the page has in its place."""
    if record["status"] == "refused":
        from agent.nodes import LONGEST_QUESTION

        if len(record["question"]) > LONGEST_QUESTION:
            return (
                f"That is too long for a question. Ask in up to {LONGEST_QUESTION:,} characters; a list of identifiers "
                "can be attached as a file, one on a line."
            )
    return headline(dict(record))


async def show_answer(
    record: Record, *, draft: str | None = None, lead: str = "", origin: Origin | None = None, done: Done | None = None
) -> None:
    """Put an answer on the page: its sentence, its table and request, charts; then, once counted, ways to narrow it.

    Args:
        record: the record of a question or of a request.
        draft: the model's request, where this one is its edited form and may be saved as its correction.
        lead: what the page says before the answer.
        origin: where the request comes from, where it is not the model's for the question.
        done: called when the answer stands on the page.
    """
    from ui.charts import chart
    from ui.choices import find_choices

    chat, session = get_chat(), cl.context.session
    elements: list[Any] = []
    answer: Any = None
    if record["request"] is not None:
        kept = {**record, "draft": draft, "origin": asdict(origin) if origin is not None else None}
        answer_id = await asyncio.to_thread(chat.answers.keep, kept, session.thread_id, user_name())
        props = await asyncio.to_thread(answer_props, dict(record), answer_id, draft)
        answer = cl.CustomElement(name=ANSWER, props=props, display="inline")
        elements.append(answer)
        figure = await asyncio.to_thread(chart, dict(record))
        if figure is not None:
            elements.append(cl.Plotly(name=CHART, figure=figure, display="inline", size="large"))
    # What the settings add is no part of the conversation: no question asked for it.
    meant = without_species(record["request"], origin.species) if record["request"] and origin else record["request"]
    turn = {"question": record["question"], "request": meant or "none"}
    await cl.Message(
        content="\n\n".join(part for part in (escape(lead), escape(_sentence(record))) if part),
        elements=elements, metadata={"turn": turn},
    ).send()  # fmt: skip
    if done is not None:
        await done()
    if answer is not None and record["status"] in ("answered", "empty"):
        choices = await find_choices(record)
        if choices is not None:
            answer.props["choices"] = choices
            await answer.update()


def history_before(message_id: str | None) -> list[dict[str, str]]:
    """Return the turns of this chat that precede a message, oldest first."""
    turns = []
    for message in cl.chat_context.get():
        if message.id == message_id:
            break
        turn = (message.metadata or {}).get("turn") if isinstance(message.metadata, dict) else None
        if turn:
            turns.append({"question": str(turn["question"]), "request": str(turn["request"])})
    return turns


def user_name() -> str:
    """Return who is signed in to this chat."""
    user = cl.context.session.user
    return str(user.identifier) if user is not None else "local"


async def show_fault(error: Exception) -> None:
    """Say what went wrong and how to mend it; the page never shows a traceback."""
    if isinstance(error, AssistantError):
        text = f"{error.message} {error.hint}".strip()
    else:
        text = f"Something went wrong here: {type(error).__name__}. The server's log says more."
        log.error("A question could not be answered.", exc_info=error)
    await cl.Message(content=escape(text), metadata={"fault": True}).send()
