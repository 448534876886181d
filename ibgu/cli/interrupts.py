"""Ends commands that have to leave clusters as they found them.

Such a command is cancelled once, whichever signal comes and however often: a closed terminal sends
SIGHUP twice, and a second cancellation would interrupt the clean-up.
"""

import asyncio
import signal
import threading
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any, TypeVar

import typer

T = TypeVar("T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs to the end, or to a signal, then to the end of its clean-up. Raises
    KeyboardInterrupt."""

    async def cancellable() -> T:
        _cancel_by_signals()
        return await main

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def all_of(each: Iterable[Awaitable[T]]) -> list[T]:
    """Returns the results when all have ended, so that no clean-up loses its connection to the hub
    by the end of another. Raises the first error."""
    results = await asyncio.gather(*each, return_exceptions=True)
    found: list[T] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        found.append(result)
    return found


def report_if_interrupted(cluster: str, problem: str) -> None:
    """Prints what is wrong on a cluster where the command does not get to its table any more."""
    task = asyncio.current_task()
    if problem and task is not None and task.cancelling():
        typer.echo(f"ibgu: {cluster}: {problem}", err=True)


def _cancel_by_signals() -> None:
    """Only the main thread, which a command has, can receive signals. One that is ignored stays so:
    `nohup` keeps a command running."""
    task = asyncio.current_task()
    if task is None or threading.current_thread() is not threading.main_thread():
        return

    def cancel() -> None:
        if not task.cancelling():
            typer.echo("ibgu: ending: leaving the clusters as they were", err=True)
            task.cancel()

    for each in _SIGNALS:
        if signal.getsignal(each) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(each, cancel)
