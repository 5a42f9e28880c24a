"""What a chat works on: any number of questions and buttons at once, which Stop ends together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import chainlit as cl

#: How long Stop waits for what it ends.
_STOP_SECONDS = 5.0


@contextlib.asynccontextmanager
async def at_work() -> AsyncGenerator[None]:
    """Let Stop reach the current task, and let the page show that the chat works until the last task has ended."""
    tasks, task, emitter = tasks_of(cl.context.session), asyncio.current_task(), cl.context.emitter
    assert task is not None
    tasks.add(task)
    await emitter.task_start()
    try:
        yield
    finally:
        tasks.discard(task)
        if tasks:
            # Chainlit takes the Stop button away when a message's handler returns; the others still need it.
            emitter.task_end = _nothing
        else:
            await emitter.task_end()


async def stop_work(session: Any) -> bool:
    """End all that a chat works on, and tell whether there was anything."""
    tasks = {task for task in tasks_of(session) if not task.done()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_STOP_SECONDS)
    return bool(tasks)


def tasks_of(session: Any) -> set[asyncio.Task[Any]]:
    """Return the tasks of a chat that have not ended."""
    tasks: set[asyncio.Task[Any]] = session.__dict__.setdefault("tasks_at_work", set())
    return tasks


async def _nothing() -> None:
    """End nothing."""
