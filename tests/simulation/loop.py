"""Provides an event loop whose time is virtual, and processes in it that can be stopped.

Time moves when there is nothing to do but to wait, at once to the next timer. While a journal call
is in progress the time stands still, so that Postgres may be the real one (decision 10).
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from typing import Any

BEGINNING = 1_767_225_600.0
"""The loop's time is in seconds since the epoch; this is where it starts (2026-01-01)."""

IO_SECONDS = 60.0
"""Real seconds after which real I/O counts as hung."""

STANDSTILL = 200_000
"""Iterations of the loop without any time passing that count as an endless loop."""


class Process:
    """Process is a context in which its code runs; `pause` is SIGSTOP, `resume` SIGCONT."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.paused = False
        self._parked: list[_Call] = []

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        """Resumes the process: everything that fell due meanwhile happens now, in its order."""
        self.paused = False
        parked, self._parked = self._parked, []
        for call in parked:
            call.again()

    def pause_for(self, seconds: float) -> None:
        self.pause()
        # Not in the context of the process itself: nothing would wake it.
        Context().run(asyncio.get_running_loop().call_later, seconds, self.resume)

    def park(self, call: "_Call") -> None:
        self._parked.append(call)


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class _Call:
    """_Call is a callback of a process, which waits while the process is stopped."""

    __slots__ = ("args", "callback", "context", "handle", "loop", "process")

    def __init__(
        self,
        loop: "VirtualTimeLoop",
        process: Process,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: Context,
    ) -> None:
        self.loop = loop
        self.process = process
        self.callback = callback
        self.args = args
        self.context = context
        self.handle: asyncio.Handle | None = None

    def __call__(self) -> None:
        if self.process.paused:
            self.process.park(self)
        elif self.handle is None or not self.handle.cancelled():
            self.callback(*self.args)

    def again(self) -> None:
        self.loop.call_plain(self, self.context)


def _of_the_kernel(callback: Callable[..., object]) -> bool:
    """Returns whether the callback belongs to a real connection, which others may have taken from
    the pool meanwhile."""
    return isinstance(getattr(callback, "__self__", None), asyncio.BaseTransport)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now = BEGINNING
        self.io = 0
        """Number of real I/O operations in progress."""
        super().__init__(_Selector(self))
        self._clock_resolution = 1e-6

    def time(self) -> float:
        return self.now

    @contextmanager
    def real_io(self) -> Iterator[None]:
        self.io += 1
        try:
            yield
        finally:
            self.io -= 1

    # -- processes -------------------------------------------------------------------------------

    def call_plain(self, callback: Callable[..., object], context: Context) -> asyncio.Handle:
        return super().call_soon(callback, context=context)

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        if context is None:  # an empty one is false
            context = copy_context()
        process = context.get(PROCESS)
        if process is None or _of_the_kernel(callback):
            return self._soon(callback, args, context)
        call = _Call(self, process, callback, args, context)
        call.handle = self._soon(call, (), context)
        return call.handle

    def _soon(
        self, callback: Callable[..., object], args: tuple[Any, ...], context: Context
    ) -> asyncio.Handle:
        """Replaces the loop's own `call_soon` without its checks: half of all calls are this
        one."""
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)  # type: ignore[attr-defined]
        return handle

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        if context is None:  # an empty one is false
            context = copy_context()
        process = context.get(PROCESS)
        if process is None:
            return super().call_at(when, callback, *args, context=context)
        call = _Call(self, process, callback, args, context)
        timer = super().call_at(when, call, context=context)
        call.handle = timer
        return timer


def play(story: Coroutine[Any, Any, Any]) -> Any:
    """Runs the story to its end, on a loop of its own."""
    loop = VirtualTimeLoop()
    try:
        return loop.run_until_complete(story)
    finally:
        loop.close()


class _Selector(selectors.DefaultSelector):
    """_Selector polls the real world only while real I/O is in progress, and nothing else is to be
    done."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            self._turns += 1
            if self._turns > STANDSTILL:
                raise RuntimeError("time stands still: something waits without waiting")
            return []
        self._turns = 0
        if self._loop.io:
            ready = super().select(IO_SECONDS)
            if not ready:
                raise RuntimeError("real I/O hangs")
            return ready
        if timeout is None:
            raise RuntimeError("nothing will ever happen again")
        self._loop.now += timeout
        return []
