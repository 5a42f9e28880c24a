import asyncio

import pytest

pytest.importorskip("chainlit")

from ui.tasks import at_work, stop_work, tasks_of


async def _work(enter, session, until):
    emitter = enter(session)
    try:
        async with at_work():
            await until.wait()
    finally:
        # Chainlit's own, when the handler of a message returns.
        await emitter.task_end()
    return emitter


async def test_stop_ends_all_that_a_chat_works_on(session, enter):
    never = asyncio.Event()
    tasks = [asyncio.create_task(_work(enter, session, never)) for _ in range(3)]
    await asyncio.sleep(0)
    assert len(tasks_of(session)) == 3
    assert await stop_work(session)
    assert all(task.cancelled() for task in tasks) and not tasks_of(session)
    assert not await stop_work(session)


async def test_the_page_shows_work_until_the_last_of_it_ends(session, enter):
    first, second = asyncio.Event(), asyncio.Event()
    question = asyncio.create_task(_work(enter, session, first))
    button = asyncio.create_task(_work(enter, session, second))
    await asyncio.sleep(0)
    first.set()
    assert (await question).told == ["start"]
    second.set()
    assert (await button).told == ["start", "end", "end"]
