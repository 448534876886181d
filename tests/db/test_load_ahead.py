"""A load from before there was a lead is used only where it is still what the journal says."""

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.recover import Versions
from ibgu.db import Journal, engine
from tests.db.conftest import HUB
from tests.db.records import members, opening, rollout, step

Leading = Callable[..., Coroutine[Any, Any, Journal]]


@pytest.fixture
async def starting(database_url: str, leading: Leading) -> AsyncIterator[AsyncEngine]:
    """The database as a new process sees it, with a rollout of an earlier leader's."""
    one = rollout("r1")
    earlier = await leading()
    await earlier.commit(opening(one, step(one), waiting=members(step(one), "a", "b")))
    pool = engine(database_url)
    yield pool
    await pool.dispose()


@pytest.fixture
def loads(starting: AsyncEngine) -> list[str]:
    """Statements that read members: one for every load of the whole journal."""
    seen: list[str] = []

    def note(_c: object, _d: object, statement: str, *_more: object) -> None:
        if "JOIN steps" in statement:
            seen.append(statement)

    event.listen(starting.sync_engine, "before_cursor_execute", note)
    return seen


async def test_a_load_ahead_equals_a_later_load(
    starting: AsyncEngine, db: AsyncEngine, loads: list[str]
) -> None:
    journal = Journal(starting, HUB)
    await journal.load_ahead()
    await journal.lead("ibgu-1")
    await journal.note(Versions(lists={"manifestworks": 7}))
    loaded = await journal.load(shown=["stranger"])
    assert len(loads) == 1
    assert [found.cluster for found in loaded.members] == ["a", "b"]
    assert loaded.foreign_runs == {"stranger"}
    assert loaded.versions.lists == {"manifestworks": 7}
    assert loaded == await Journal(db, HUB).load(shown=["stranger"])


async def test_a_load_ahead_is_repeated_after_a_turn_of_another_leader(
    starting: AsyncEngine, leading: Leading, loads: list[str]
) -> None:
    journal = Journal(starting, HUB)
    await journal.load_ahead()
    other, two = await leading("other"), rollout("r2")
    await other.commit(opening(two, step(two), waiting=members(step(two), "a")))
    await journal.lead("ibgu-1")
    assert {found.uid for found in (await journal.load()).rollouts} == {"r1", "r2"}
    assert len(loads) == 2


async def test_a_load_ahead_is_used_once(starting: AsyncEngine, loads: list[str]) -> None:
    """A second load is asked for because something has changed."""
    journal = Journal(starting, HUB)
    await journal.load_ahead()
    await journal.lead("ibgu-1")
    for _ in range(2):
        await journal.load()
    assert len(loads) == 2


async def test_other_rollouts_than_usual_are_loaded(
    starting: AsyncEngine, loads: list[str]
) -> None:
    journal = Journal(starting, HUB)
    await journal.load_ahead()
    await journal.load(wanted=["gone"])
    assert len(loads) == 2


async def test_a_load_ahead_is_forgotten_without_leadership(
    starting: AsyncEngine, loads: list[str]
) -> None:
    journal = Journal(starting, HUB)
    await journal.load_ahead()
    journal.forget_ahead()
    await journal.load()
    assert len(loads) == 2


async def test_a_hub_that_nobody_has_led_yet(starting: AsyncEngine) -> None:
    journal = Journal(starting, "new-hub")
    await journal.load_ahead()
    assert (await journal.load()).rollouts == ()
    await journal.load_ahead()
    await journal.lead("ibgu-1")
    assert (await journal.load()).rollouts == ()
