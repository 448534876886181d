"""Runs that nobody here knows: the journal says whose they are, and is asked once."""

from collections.abc import AsyncIterator, Callable, Collection
from random import Random

import pytest
from msgspec.structs import replace

from ibgu import db
from ibgu.controller.journal.retries import JournalRetries
from ibgu.controller.loop import foreign_runs as runs
from ibgu.controller.loop.commit import JournalWriter
from ibgu.controller.loop.foreign_runs import ForeignRuns
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import Quarantine
from ibgu.core.drivers.ibu.observe.ibu_view import IbuView
from ibgu.core.engine.state import FleetState
from ibgu.core.model import RunState
from ibgu.core.model.names import stage_name
from ibgu.db import Journal
from tests.core.recover.objects import UID, work
from tests.db.records import NOW, members, opening, rollout, started, starting, step, with_run

OURS = rollout(UID)
NAME = stage_name(OURS.uid, OURS.name)
TOUCHED = {UID: {"site-1": None}}


class JournalWithHook(Journal):
    """JournalWithHook calls `meanwhile` when it has looked for runs, before it answers."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)

    async def foreign_runs(self, shown: Collection[str]) -> frozenset[str]:
        found = await super().foreign_runs(shown)
        self.meanwhile()
        return found


@pytest.fixture
async def journal(database_url: str) -> AsyncIterator[JournalWithHook]:
    """A journal of one member: its first run ended; the cluster accepted its second."""
    pool = db.engine(database_url)
    journal = JournalWithHook(pool, "hub-1")
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


class RunsReader:
    """RunsReader shows works to `ForeignRuns`; the journal has been asked for nothing yet."""

    def __init__(self, fleet: FleetState, journal: Journal) -> None:
        self.mirror = Mirror(lambda rollout, cluster: None)
        self.fleet = fleet
        self._runs = ForeignRuns(
            fleet, self.mirror, JournalWriter(journal, JournalRetries()), Quarantine(Random(0))
        )
        self._version = 0

    async def see(self, run: str) -> bool:
        """Shows that run on the cluster; returns whether the journal was asked."""
        self.show(run)
        return await self._runs.look_up(TOUCHED)

    def show(self, run: str) -> None:
        found = work("site-1", "now")
        self._version += 1
        meta = replace(found.metadata, name=NAME, resource_version=str(self._version))
        view = replace(found.view, feedback=IbuView(run=run))
        self.mirror.works.upsert(replace(found, metadata=meta, view=view))


@pytest.fixture
async def reader(fleet: FleetState, journal: Journal) -> RunsReader:
    return RunsReader(fleet, journal)


@pytest.mark.parametrize("run", ["now", ""])
async def test_for_what_is_known_nobody_is_asked(reader: RunsReader, run: str) -> None:
    assert not await reader.see(run)


@pytest.mark.parametrize(("run", "foreign"), [("earlier", set()), ("theirs", {"theirs"})])
async def test_the_journal_is_asked_once(reader: RunsReader, run: str, foreign: set[str]) -> None:
    assert await reader.see(run)
    assert reader.fleet.foreign_runs == foreign
    assert not await reader.see(run)


async def test_runs_shown_during_the_query_are_queried_too(
    reader: RunsReader, journal: JournalWithHook
) -> None:
    """The turn is decided on what is shown then."""
    journal.meanwhile = lambda: reader.show("theirs")
    assert await reader.see("earlier")
    assert reader.fleet.foreign_runs == {"theirs"}


async def test_answers_are_not_kept_without_end(
    reader: RunsReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "MAX_CACHED", 0)
    assert [await reader.see(run) for run in ("one", "two", "one")] == [True] * 3
    assert reader.fleet.foreign_runs == {"one"}


async def test_works_of_a_rollout_that_nobody_knows_are_asked_for(reader: RunsReader) -> None:
    """Their runs tell how far it was (R31.2)."""
    del reader.fleet.rollouts[UID]
    assert await reader.see("theirs")
    assert reader.fleet.foreign_runs == {"now"}, "of the works' marks, not of what clusters show"
