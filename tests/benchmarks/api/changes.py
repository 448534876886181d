"""A leader that changes members of a running step, so many a second."""

import asyncio
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.model import Kind, OnRollout
from ibgu.db import Journal, Turn
from tests.benchmarks.history import History, records

TURNS_A_SECOND = 20


async def change(engine: AsyncEngine, history: History, rate: float, seconds: float) -> None:
    """Each turn tells several changes, as turns under load do."""
    journal = Journal(engine, history.hub)
    await journal.lead("bench")
    found = records.rollout(history.courses[-1])
    of_a_turn = round(rate / TURNS_A_SECOND)
    told = tuple(OnRollout(Kind.ROLLOUT_HELD, found, "it is measured") for _ in range(of_a_turn))
    clock = asyncio.get_running_loop().time
    began = clock()
    for number in range(events(rate, seconds) // of_a_turn):
        await asyncio.sleep(max(0.0, began + number / TURNS_A_SECOND - clock()))
        await journal.commit(Turn(decisions=told, at=datetime.now(UTC)))


def events(rate: float, seconds: float) -> int:
    """How many that are."""
    return round(rate / TURNS_A_SECOND) * round(seconds * TURNS_A_SECOND)
