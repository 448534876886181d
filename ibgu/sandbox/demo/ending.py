"""The end of a demo, and its exit code."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

from rich.console import Console

from ibgu.sandbox.demo.options import DemoOptions

DONE, UNEXPECTED, MISUSED, INTERRUPTED = 0, 1, 2, 130


async def until_signalled(
    playing: Coroutine[Any, Any, int], options: DemoOptions, console: Console
) -> int:
    """Ctrl-C and a plain kill end it in order; for who only watches, that is how it ends."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(playing)
    for which in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(which, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        console.print("The demo is over; nothing of it is left.", highlight=False)
        return INTERRUPTED if options.exit_when_done else DONE
