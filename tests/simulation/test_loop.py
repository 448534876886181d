"""The loop that the simulations run on."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context, copy_context
from typing import Any

import asyncpg
import pytest

from ibgu.db.engine import dsn
from tests.simulation.loop import BEGINNING, PROCESS, Process, VirtualTimeLoop, play


def inside(process: Process, story: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    context = copy_context()
    context.run(PROCESS.set, process)
    return asyncio.get_running_loop().create_task(story, context=context)


def now() -> float:
    return asyncio.get_running_loop().time() - BEGINNING


def test_a_day_passes_at_once() -> None:
    async def story() -> float:
        await asyncio.sleep(86400)
        return now()

    assert play(story()) == pytest.approx(86400)


def test_a_task_woken_by_a_process_is_not_paused_with_it() -> None:
    async def story() -> float:
        process, rang = Process("a"), asyncio.Event()

        async def ring() -> None:
            rang.set()

        async def listen() -> float:
            await rang.wait()
            await asyncio.sleep(1)
            return now()

        listening = asyncio.get_running_loop().create_task(listen(), context=Context())
        await inside(process, ring())
        process.pause_for(60)
        return await listening

    assert play(story()) == pytest.approx(1)


def test_a_stopped_process_does_nothing_until_it_goes_on() -> None:
    seen: list[tuple[str, float]] = []

    async def tick(name: str) -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            seen.append((name, round(now(), 3)))

    async def story() -> None:
        process = Process("a")
        stopped, other = inside(process, tick("stopped")), asyncio.create_task(tick("other"))
        await asyncio.sleep(1.5)
        process.pause_for(10)
        await asyncio.wait({stopped, other})

    play(story())
    assert [at for name, at in seen if name == "other"] == [1, 2, 3]
    assert [at for name, at in seen if name == "stopped"] == [1, 11.5, 12.5]


def test_a_timer_cancelled_while_its_process_is_stopped_stays_cancelled() -> None:
    """Both fall due while it is stopped; the first one takes the second back."""
    fired: list[str] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        second = loop.call_later(2, fired.append, "second")
        loop.call_later(1, second.cancel)
        await asyncio.sleep(20)

    async def story() -> None:
        process = Process("a")
        task = inside(process, work())
        await asyncio.sleep(0.5)
        process.pause_for(10)
        await task

    play(story())
    assert fired == []


def test_time_stands_still_for_real_work(postgres_url: str) -> None:
    async def story() -> tuple[float, bool]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        timer = asyncio.create_task(asyncio.sleep(0.001))
        with loop.real_io():
            connection = await asyncpg.connect(dsn(postgres_url))
            await connection.execute("SELECT pg_sleep(0.05)")
            passed, fired = now(), timer.done()
            await connection.close()
        await timer
        return passed, fired

    assert play(story()) == (0, False)


def test_waiting_for_nothing_is_an_error() -> None:
    async def story() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="nothing will ever happen"):
        play(story())


def test_a_loop_that_never_lets_time_pass_is_an_error() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()

        def again() -> None:
            loop.call_soon(again)

        again()
        await asyncio.sleep(1)

    with pytest.raises(RuntimeError, match="time stands still"):
        play(story())


def test_a_stopped_process_keeps_no_connection_from_the_others(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool is one for all: what one has opened, another takes and closes."""
    monkeypatch.setattr("tests.simulation.loop.IO_SECONDS", 10.0)
    opened: list[asyncpg.Connection] = []

    async def connect() -> None:
        opened.append(await asyncpg.connect(dsn(postgres_url)))

    async def story() -> None:
        process, loop = Process("a"), asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        with loop.real_io():
            await inside(process, connect())
            process.pause()
            await opened[0].close()

    play(story())
