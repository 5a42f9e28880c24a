"""The chat as Chainlit sees it: what happens when a chat starts, a message comes, a button is pressed."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import chainlit as cl
from chainlit.context import init_ws_context
from chainlit.server import app, sio
from chainlit.session import WebsocketSession

from agent.state import Record
from ui import routes
from ui.chat import THREADS, get_chat
from ui.list_turn import answer_list, find_list
from ui.lists import LARGEST_BYTES
from ui.request_card import (
    is_request_line,
    judge,
    run_choice,
    run_edited,
    run_line,
    run_request_aside,
    save_correction,
)
from ui.security import LOCAL_USER, Doorkeeper, Guard, is_local, read_users
from ui.settings_panel import chosen_settings, chosen_species, show_panel, starter_categories
from ui.species import Origin, joined, with_species
from ui.tasks import at_work, stop_work
from ui.turn import Done, ask, history_before, show_answer, show_fault

_chat = get_chat()
_users = read_users(_chat.settings)
# A list may be pasted as long as one that is attached, and a longer one is told so: by itself the connection would end
# below that. On its way, a line's end counts twice.
sio.eio.max_http_buffer_size = 4 * LARGEST_BYTES
app.add_middleware(Guard, local=is_local(_chat.settings))
routes.install(app)


@cl.data_layer
def data_layer() -> Any:
    """Keep chats in our own store."""
    return _chat.data_layer


if _users:
    _doorkeeper = Doorkeeper(_users)

    @cl.password_auth_callback
    async def sign_in(name: str, password: str) -> cl.User | None:
        """Let in who is known."""
        return cl.User(identifier=name) if await _doorkeeper.admits(name, password) else None

else:

    @cl.header_auth_callback
    async def sign_in_silently(_: Any) -> cl.User:
        """Sign the one user of this machine in: Chainlit keeps chats of signed-in users only."""
        return cl.User(identifier=LOCAL_USER, display_name="You")


@cl.on_app_startup
async def start() -> None:
    """Begin to open model and indexes; a question that comes meanwhile waits for them."""
    # A machine of two cores has six threads by default, and some of what is done aside waits for a service.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="aside"))
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
async def resume_chat(thread: Any) -> None:
    """Take up an earlier chat with the settings that it had."""
    # Who edits one of its questions starts anew from there.
    _seen_messages().update(step["id"] for step in thread["steps"])
    await show_panel(_chat.settings, dict(cl.context.session.chat_settings))


@cl.on_message
async def answer_message(message: cl.Message) -> None:
    """Answer a question, or look up a list."""
    async with at_work():
        await _answer(message)


async def _answer(message: cl.Message) -> None:
    session = cl.context.session
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
        await ask(message.content, history_before(message.id), settings, _show)
    except asyncio.CancelledError:
        pass
    except Exception as error:
        await show_fault(error)


async def _show(record: Record, done: Done) -> None:
    """Put an answer on the page, narrowed to the species that the chat is set to."""
    session = cl.context.session
    species = chosen_species(session.chat_settings)
    line = with_species(record, species)
    if line is None:
        await show_answer(record, done=done)
        return
    settings = chosen_settings(_chat.settings, session.chat_settings)
    narrowed = await run_request_aside(line, settings, record["question"])
    if narrowed is not None:
        await show_answer(joined(record, narrowed), origin=Origin(record["request"], species), done=done)


async def _drop_what_followed(message: cl.Message) -> None:
    """Forget what came after a message that was edited: the chat goes on from there."""
    seen = _seen_messages()
    if message.id in seen and message.created_at:
        await _chat.data_layer.delete_after(cl.context.session.thread_id, message.created_at)
    seen.add(message.id)


def _seen_messages() -> set[str]:
    """Return the ids of this chat's messages so far: one that comes again was edited."""
    seen: set[str] = cl.context.session.__dict__.setdefault("seen_messages", set())
    return seen


@sio.on("stop")
async def stop(sid: str) -> None:
    """End the work of a chat; in the place of Chainlit's own, which says it in words of its own."""
    session = WebsocketSession.get(sid)
    if session is None:
        return
    init_ws_context(session)
    if await stop_work(session):
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
async def choose(action: cl.Action) -> dict[str, Any]:
    """Answer for one of the choices that a question left open."""
    return {"ok": await run_choice(action.payload)}
