"""A start that is cancelled while its thread works is undone."""

import asyncio
import threading

import pytest

from ibgu.sandbox.lifecycle import Startable


class Slow(Startable):
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.starting, self.may_start = threading.Event(), threading.Event()

    def start(self) -> None:
        self.starting.set()
        self.may_start.wait()
        self.calls.append("started")

    def stop(self) -> None:
        self.calls.append("stopped")


async def use(slow: Slow) -> None:
    async with slow:
        slow.calls.append("used")


async def test_a_server_is_started_used_and_stopped() -> None:
    slow = Slow()
    slow.may_start.set()
    await use(slow)
    assert slow.calls == ["started", "used", "stopped"]


async def test_a_cancelled_start_is_undone() -> None:
    slow = Slow()
    task = asyncio.create_task(use(slow))
    await asyncio.to_thread(slow.starting.wait)
    task.cancel()
    await asyncio.sleep(0)
    slow.may_start.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert slow.calls == ["started", "stopped"]
