"""Runs that nobody here knows: the journal says whose they are, and is asked once."""

from collections.abc import AsyncIterator, Callable, Collection
from random import Random

import pytest
from msgspec.structs import replace

from ibgu import db
from ibgu.controller.journal.retries import JournalRetries
from ibgu.controller.loop import foreign_runs as runs
from ibgu.controller.loop.commit import JournalWriter
from ibgu.controller.loop.foreign_runs import Runs
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import Quarantine
from ibgu.core.drivers.ibu.observe.ibu_view import IbuView
from ibgu.core.engine.state import FleetState
from ibgu.core.model import RunState
from ibgu.core.model.names import stage_name
from ibgu.db import Journal
from tests.core.assurance.recover.objects import UID, work
from tests.db.records import NOW, members, opening, rollout, started, starting, step, with_run

OURS = rollout(UID)
NAME = stage_name(OURS.uid, OURS.name)
TOUCHED = {UID: {"site-1": None}}


class Slow(Journal):
    """Something happens on the hub while it looks for runs."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    async def foreign_runs(self, shown: Collection[str]) -> frozenset[str]:
        found = await super().foreign_runs(shown)
        self.meanwhile()
        return found


@pytest.fixture
async def journal(database_url: str) -> AsyncIterator[Slow]:
    """A journal of one member: its first run is over, its second one its cluster has taken."""
    pool = db.engine(database_url)
    journal = Slow(pool, "hub-1")
    await journal.lead("ibgu-0")
    (waiting,) = members(step(OURS), "site-1")
    await journal.commit(opening(OURS, step(OURS), waiting=[waiting]))
    await journal.commit(starting(started(waiting, slot=1, run="earlier")))
    yield journal
    await pool.dispose()


@pytest.fixture
def fleet() -> FleetState:
    (waiting,) = members(step(OURS), "site-1")
    taken = with_run(started(waiting, slot=1, run="now"), state=RunState.ACCEPTED)
    fleet = FleetState()
    fleet.load([OURS], [step(OURS)], [replace(taken, limit=NOW)], [])
    return fleet


class Eyes:
    """A reader of the works: nothing has been asked yet."""

    def __init__(self, fleet: FleetState, journal: Journal) -> None:
        self.mirror = Mirror(lambda rollout, cluster: None)
        self.fleet = fleet
        self._runs = Runs(
            fleet, self.mirror, JournalWriter(journal, JournalRetries()), Quarantine(Random(0))
        )
        self._version = 0

    async def see(self, run: str) -> bool:
        """The cluster shows that run; answers whether the journal was asked."""
        self.show(run)
        return await self._runs.learn(TOUCHED)

    def show(self, run: str) -> None:
        found = work("site-1", "now")
        self._version += 1
        meta = replace(found.metadata, name=NAME, resource_version=str(self._version))
        view = replace(found.view, feedback=IbuView(run=run))
        self.mirror.works.upsert(replace(found, metadata=meta, view=view))


@pytest.fixture
async def eyes(fleet: FleetState, journal: Journal) -> Eyes:
    return Eyes(fleet, journal)


@pytest.mark.parametrize("run", ["now", ""])
async def test_for_what_is_known_nobody_is_asked(eyes: Eyes, run: str) -> None:
    assert not await eyes.see(run)


@pytest.mark.parametrize(("run", "foreign"), [("earlier", set()), ("theirs", {"theirs"})])
async def test_the_journal_is_asked_once(eyes: Eyes, run: str, foreign: set[str]) -> None:
    assert await eyes.see(run)
    assert eyes.fleet.foreign_runs == foreign
    assert not await eyes.see(run)


async def test_what_comes_meanwhile_is_asked_for_too(eyes: Eyes, journal: Slow) -> None:
    """The turn is decided on what is shown then."""
    journal.meanwhile = lambda: eyes.show("theirs")
    assert await eyes.see("earlier")
    assert eyes.fleet.foreign_runs == {"theirs"}


async def test_answers_are_not_kept_without_end(
    eyes: Eyes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "MOST_CACHED", 0)
    assert [await eyes.see(run) for run in ("one", "two", "one")] == [True] * 3
    assert eyes.fleet.foreign_runs == {"one"}


async def test_works_of_a_rollout_that_nobody_knows_are_asked_for(eyes: Eyes) -> None:
    """Their runs tell how far it was (R31.2)."""
    del eyes.fleet.rollouts[UID]
    assert await eyes.see("theirs")
    assert eyes.fleet.foreign_runs == {"now"}, "of the works' marks, not of what clusters show"
