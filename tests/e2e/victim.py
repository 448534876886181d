"""A controller that dies at a given point as if by kill -9: `victim.py <settings> <death>`.

`death` is empty (someone else kills it), or `<moment>:<kind of decision>[:<number>]`. Moments:
`before` the journal has the decision, `after` it has it and nothing else was done, and `sent`:
with the hub's answer to the next write of a work. `removed::<number>` comes with the answer to so
many writes to what TALM has left. The number (1) says at which occurrence.

It gathers nothing for its turns, so that even the shortest phase has one of its own.
"""

import asyncio
import os
import signal
import sys
from datetime import datetime
from typing import NoReturn

import msgspec

from ibgu.controller.loop import loop
from ibgu.controller.loop.commit import Draft, JournalWriter
from ibgu.controller.service import controller
from ibgu.db.engine import engine
from ibgu.hub.writing.writer import Writer, WriteResult
from ibgu.settings import Settings, read_settings


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


class ControllerKilled:
    def __init__(self, told: str) -> None:
        self.moment, kind, number = (*told.split(":"), "", "", "")[:3]
        self._kind = kind
        self._left = int(number or 1)
        self.due = False

    def count(self) -> None:
        self._left -= 1
        if self._left == 0:
            die()

    def comes(self, draft: Draft) -> bool:
        """Whether the decision is among those of the draft."""
        for decision in draft.decisions:
            if getattr(decision, "kind", "") == self._kind:
                self._left -= 1
                if self._left == 0:
                    return True
        return False


def doom(death: ControllerKilled) -> None:
    commit, send = JournalWriter.commit, Writer._send

    async def fatal_commit(self: JournalWriter, draft: Draft, at: datetime) -> None:
        comes = death.comes(draft)
        if comes and death.moment == "before":
            die()
        await commit(self, draft, at)
        if comes and death.moment == "after":
            die()
        death.due = death.due or comes

    async def fatal_send(self: Writer, write: object) -> WriteResult:
        result = await send(self, write)  # type: ignore[arg-type]
        if death.moment == "removed" and result.write.key[0] == "talm":
            death.count()
        if death.due and result.write.key[0] == "work":
            die()
        return result

    loop.GATHER = 0.0
    JournalWriter.commit = fatal_commit  # type: ignore[method-assign]
    Writer._send = fatal_send  # type: ignore[method-assign]


async def live(settings: Settings) -> None:
    async with controller(settings, engine(settings.database_url)) as running:
        await running.run()


if __name__ == "__main__":
    doom(ControllerKilled(sys.argv[2]))
    asyncio.run(live(read_settings(**msgspec.json.decode(sys.argv[1]))))
