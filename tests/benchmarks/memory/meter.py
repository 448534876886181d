"""The CPU that some tasks of a loop take, in a process of many parts."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from typing import Any

from ibgu.sim.hub import MemoryHub
from ibgu.sim.hub.server import ServedRequest
from tests.simulation.loop import VirtualTimeLoop


class Meter:
    """Meter counts the CPU of what runs in its contexts, but for the requests that the hub serves
    in them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, callback: Callable[..., object], *args: Any) -> None:
        began = time.thread_time()
        try:
            callback(*args)
        finally:
            self.seconds += time.thread_time() - began

    @contextmanager
    def stopped(self) -> Iterator[None]:
        began = time.thread_time()
        try:
            yield
        finally:
            self.seconds -= time.thread_time() - began


METER: ContextVar[Meter | None] = ContextVar("meter", default=None)
"""The meter of a task, and of the tasks that it creates."""


class MeteredLoop(VirtualTimeLoop):
    def _soon(
        self, callback: Callable[..., object], args: tuple[Any, ...], context: Context
    ) -> asyncio.Handle:
        meter = context.get(METER)
        if meter is None:
            return super()._soon(callback, args, context)
        return super()._soon(meter, (callback, *args), context)


class MeteredHub(MemoryHub):
    def handle(self, asked: ServedRequest) -> bytes:
        meter = METER.get()
        if meter is None:
            return super().handle(asked)
        with meter.stopped():
            return super().handle(asked)
