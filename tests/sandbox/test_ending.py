"""The words and the code with which a demo ends."""

import asyncio
import io
import os
import signal

import pytest
from rich.console import Console

from ibgu.sandbox.demo.ending import DONE, INTERRUPTED, until_signalled
from ibgu.sandbox.demo.options import DemoOptions


async def interrupted(how: signal.Signals) -> int:
    os.kill(os.getpid(), how)
    await asyncio.sleep(3600)
    raise AssertionError("nobody heard it")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("walks", "code"), [(False, DONE), (True, INTERRUPTED)])
def test_ctrl_c_is_how_who_watches_ends_it(how: signal.Signals, walks: bool, code: int) -> None:
    said = io.StringIO()
    console = Console(file=said)
    options = DemoOptions(exit_when_done=walks)
    assert asyncio.run(until_signalled(interrupted(how), options, console)) == code
    assert said.getvalue() == "The demo is over; nothing of it is left.\n"


async def played() -> int:
    return DONE


def test_a_finished_demo_prints_nothing_more() -> None:
    said = io.StringIO()
    console = Console(file=said)
    assert asyncio.run(until_signalled(played(), DemoOptions(), console)) == DONE
    assert said.getvalue() == ""
