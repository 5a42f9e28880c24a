"""The chat as Chainlit sees it: what happens when a chat starts, a message comes, a button is pressed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import chainlit as cl
from chainlit.context import init_ws_context
from chainlit.server import app, sio
from chainlit.session import WebsocketSession

from ui import routes
from ui.chat import get_chat
from ui.list_turn import answer_list, find_list
from ui.request_card import is_request_line, judge, run_edited, run_line, run_request_aside, save_correction
from ui.security import LOCAL_USER, LOOPBACK, Guard, may_sign_in, read_users
from ui.settings_panel import chosen_settings, chosen_species, show_panel, starter_categories
from ui.turn import ask, history_before, show_answer, show_fault

_chat = get_chat()
_users = read_users(_chat.settings)
app.add_middleware(Guard, local=_chat.settings.chat_host in LOOPBACK)
routes.install(app)


@cl.data_layer
def data_layer() -> Any:
    """Keep chats in our own store."""
    return _chat.data_layer


if _users:

    @cl.password_auth_callback
    async def sign_in(name: str, password: str) -> cl.User | None:
        """Let in who is known."""
        # Slow enough that guessing is of no use.
        await asyncio.sleep(0.3)
        return cl.User(identifier=name) if may_sign_in(_users, name, password) else None

else:

    @cl.header_auth_callback
    async def sign_in_silently(_: Any) -> cl.User:
        """Sign the one user of this machine in: Chainlit keeps chats of signed-in users only."""
        return cl.User(identifier=LOCAL_USER, display_name="You")


@cl.on_app_startup
async def start() -> None:
    """Begin to open model and indexes; a question that comes meanwhile waits for them."""
    _chat.prepare()


@cl.on_app_shutdown
async def end() -> None:
    """Let go of the model's process."""
    _chat.workers.shutdown(wait=False, cancel_futures=True)
    await asyncio.to_thread(_chat.runtime().close)


@cl.set_starter_categories
async def starters(user: Any, language: Any, profile: Any) -> list[cl.StarterCategory]:
    """Show what can be asked; to everybody the same."""
    return starter_categories()


@cl.on_chat_start
async def begin_chat() -> None:
    """Offer the settings."""
    await show_panel(_chat.settings)


@cl.on_chat_resume
async def resume_chat(_: Any) -> None:
    """Take up an earlier chat with the settings that it had."""
    await show_panel(_chat.settings, dict(cl.context.session.chat_settings))


@cl.on_message
async def answer_message(message: cl.Message) -> None:
    """Answer a question, or look up a list."""
    session = cl.context.session
    # Chainlit notes the task for a new message, but not for one that was edited, which Stop then would not reach.
    session.current_task = asyncio.current_task()
    await _drop_what_followed(message)
    settings = chosen_settings(_chat.settings, session.chat_settings)
    if is_request_line(message.content):
        await run_line(message.content.strip(), "")
        return
    try:
        listing = await asyncio.to_thread(find_list, message)
        if listing is not None:
            await answer_list(listing, settings, chosen_species(session.chat_settings))
            return
        record = await ask(message.content, history_before(message.id), settings)
        if record is None:
            return
        species = chosen_species(session.chat_settings)
        line = record["request"] or ""
        if species and line.startswith("mygene /v3/query") and "species=" not in line:
            narrowed = await run_request_aside(f"{line}&species={species}", settings, record["question"])
            record = {**narrowed, "attempts": record["attempts"]} if narrowed else record
        await show_answer(record)
    except asyncio.CancelledError:
        pass
    except Exception as error:
        await show_fault(error)


async def _drop_what_followed(message: cl.Message) -> None:
    """Forget what came after a message that was edited: the chat goes on from there."""
    seen: set[str] = cl.context.session.__dict__.setdefault("seen_messages", set())
    if message.id in seen and message.created_at:
        await _chat.data_layer.delete_after(cl.context.session.thread_id, message.created_at)
    seen.add(message.id)


@sio.on("stop")
async def stop(sid: str) -> None:
    """End the work of a chat; in the place of Chainlit's own, which says it in words of its own."""
    session = WebsocketSession.get(sid)
    if session is None:
        return
    init_ws_context(session)
    task = session.current_task
    if task is not None and not task.done():
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, TimeoutError):
            await asyncio.wait_for(asyncio.shield(task), 5)
        await cl.Message("Stopped.").send()
    await cl.context.emitter.task_end()


@cl.action_callback("check_request")
async def check_request(action: cl.Action) -> dict[str, Any]:
    """Check a request while it is edited."""
    return await asyncio.to_thread(judge, action.payload)


@cl.action_callback("run_request")
async def run_request(action: cl.Action) -> dict[str, Any]:
    """Run an edited request."""
    return await run_edited(action.payload)


@cl.action_callback("save_correction")
async def correct(action: cl.Action) -> dict[str, Any]:
    """Save an edited request."""
    return await save_correction(action.payload)


@cl.action_callback("choose")
async def choose(action: cl.Action) -> None:
    """Answer for one of the choices that a question left open."""
    await run_line(str(action.payload["line"]), str(action.payload.get("question") or ""))
