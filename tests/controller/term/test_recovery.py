"""The journal lacks what the hub shows: that is noticed, however late the mirror shows it."""

import random
from collections.abc import AsyncIterator, Callable, Collection
from itertools import count

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from ibgu import db
from ibgu.controller.journal.retries import JournalRetries
from ibgu.controller.loop.commit import JournalWriter
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.mirror.watches import Watches
from ibgu.controller.quarantine import Quarantine, broken_of
from ibgu.controller.term.recovery import Recovery
from ibgu.core.drivers import DRIVERS
from ibgu.core.engine.state import FleetState
from ibgu.core.model import RunState, WorkView
from ibgu.core.model.kinds import ManagedCluster, ObjectMeta
from ibgu.core.model.names import AUTO_IMPORT_BY, DISABLE_AUTO_IMPORT, ROLLOUT
from ibgu.core.model.shown import HubObject, shown_cluster
from ibgu.core.recover import Versions
from ibgu.db import Journal
from ibgu.db.journal import Loaded
from ibgu.hub.discovery import discover
from ibgu.settings import settings
from ibgu.sim.hub import MemoryClient, MemoryHub
from tests.core.recover.objects import UID, obj, work
from tests.db.records import (
    NOW,
    changing,
    members,
    opening,
    rollout,
    started,
    starting,
    step,
    with_run,
)

OURS, OTHER = rollout(UID, generation=1), rollout("uid-b", generation=1)
Happens = Callable[[], None]


def nothing() -> None:
    pass


class Slow(Journal):
    """Something happens on the hub while it is read."""

    meanwhile: Happens = staticmethod(nothing)

    loads = 0

    async def load(self, wanted: Collection[str] = (), shown: Collection[str] = ()) -> Loaded:
        loaded = await super().load(wanted, shown)
        self.loads += 1
        self.meanwhile()
        return loaded

    async def foreign_runs(self, shown: Collection[str]) -> frozenset[str]:
        found = await super().foreign_runs(shown)
        self.meanwhile()
        return found


class Behind(Watches):
    """The mirror has missed something; new lists show it."""

    missed: Happens = staticmethod(nothing)

    async def relist(self) -> None:
        self.missed()


@pytest.fixture
async def journal(database_url: str) -> AsyncIterator[Slow]:
    """A journal of one member, whose first run is armed. It has lost the second one."""
    pool = db.engine(database_url)
    journal = Slow(pool, "hub-1")
    await journal.lead("ibgu-0")
    (waiting,) = members(step(OURS), "site-1")
    await journal.commit(opening(OURS, step(OURS), waiting=[waiting]))
    await journal.commit(opening(OTHER, step(OTHER)))
    taken = replace(started(waiting, slot=1, run="known"), limit=NOW)
    await journal.commit(starting(taken))
    armed = with_run(taken, state=RunState.ARMED, arming_at=NOW, armed_at=NOW)
    await journal.commit(changing(armed))
    yield journal
    await pool.dispose()


@pytest.fixture
def mirror() -> Mirror:
    mirror = Mirror(lambda rollout, cluster: None)
    mirror.ibgus.upsert(obj(resource_version="5"))
    mirror.ibgus.upsert(obj(resource_version="6", name="b", uid=OTHER.uid))
    show(mirror, "known")
    return mirror


def show(mirror: Mirror, run: str) -> None:
    found = work("site-1", run)
    version = str(mirror.works.seen + 10)
    mirror.works.upsert(replace(found, metadata=replace(found.metadata, resource_version=version)))


async def recovered(journal: Journal, mirror: Mirror, missed: Happens = nothing) -> FleetState:
    hub = MemoryClient(MemoryHub(now=NOW.timestamp))
    served = await discover(hub)
    watches = Behind(DRIVERS, hub, mirror, served, settings(), random.Random(0))
    watches.missed = missed
    quarantine = Quarantine(random.Random(0))
    recovery = Recovery(
        DRIVERS,
        journal,
        JournalWriter(journal, JournalRetries()),
        mirror,
        watches,
        quarantine,
        across_namespaces=True,
    )
    fleet, _ = await recovery.load(NOW)
    return fleet


def run_of(fleet: FleetState) -> str | None:
    member = fleet.rollouts[UID].latest("site-1")
    return member.run.id if member is not None and member.run is not None else None


async def test_a_known_run_is_not_rebuilt(journal: Slow, mirror: Mirror) -> None:
    fleet = await recovered(journal, mirror)
    assert run_of(fleet) == "known"
    assert [tracked.rollout.hold for tracked in fleet.rollouts.values()] == [None, None]


async def test_a_run_that_comes_while_the_journal_is_read(journal: Slow, mirror: Mirror) -> None:
    journal.meanwhile = lambda: show(mirror, "lost")
    _only_ours_is_imported(await recovered(journal, mirror))


async def test_an_agent_that_writes_ever_new_runs_keeps_nobody_from_leading(
    journal: Slow, mirror: Mirror
) -> None:
    """The whole journal was read again for each of them, before there was a term."""
    numbers = count()
    journal.meanwhile = lambda: show(mirror, f"made-up-{next(numbers)}")
    fleet = await recovered(journal, mirror)
    assert journal.loads == 1
    held = {uid for uid, tracked in fleet.rollouts.items() if tracked.rollout.hold is not None}
    assert held == {UID}


async def test_a_run_that_only_new_lists_show(journal: Slow, mirror: Mirror) -> None:
    def missed() -> None:
        show(mirror, "lost")
        mirror.works.progress("1000")

    await journal.note(Versions({"manifestworks": 1000}))
    _only_ours_is_imported(await recovered(journal, mirror, missed))


async def test_an_import_that_postgres_refuses_breaks_only_its_rollout(
    journal: Slow, mirror: Mirror, database_url: str
) -> None:
    """Whatever of a cluster's words it was: all other rollouts go on."""
    pool = db.engine(database_url)
    async with pool.begin() as connection:
        await connection.execute(text("ALTER TABLE runs ADD CHECK (id <> 'lost')"))
    await pool.dispose()
    show(mirror, "lost")
    with pytest.raises(ExceptionGroup) as caught:
        await recovered(journal, mirror)
    assert [broken.rollout for broken in broken_of(caught.value)] == [UID]


@pytest.mark.parametrize(("action", "pending"), [("", True), ("Prep", True), ("Upgrade", False)])
async def test_automatic_import_of_a_lost_rollout_is_turned_on(
    journal: Slow, mirror: Mirror, action: str, *, pending: bool
) -> None:
    """Nothing is left of the rollout but its work, which is about to be removed."""
    marks = {DISABLE_AUTO_IMPORT: "true", AUTO_IMPORT_BY: "uid-lost"}
    for name, by in (("site-1", OTHER.uid), ("site-7", "uid-lost"), ("site-8", "uid-gone")):
        meta = ObjectMeta(name=name, uid=f"uid-{name}", annotations={**marks, AUTO_IMPORT_BY: by})
        mirror.clusters.upsert(shown_cluster(ManagedCluster(meta)))
    found = work("site-7", "run-7" if action else "", action=action)
    labels = {**found.metadata.labels, ROLLOUT: "uid-lost"}
    mirror.works.upsert(replace(found, metadata=replace(found.metadata, labels=labels)))
    fleet = await recovered(journal, mirror)
    assert set(fleet.pending_patches) == ({"uid-site-7"} if pending else set())
    again = await journal.load()
    assert {each.uid for each in again.pending_patches} == set(fleet.pending_patches)


class Counting(Mirror):
    """Counting counts how often the works of a rollout are gone through."""

    walks = 0

    def works_of(self, rollout: str) -> list[HubObject[WorkView]]:
        self.walks += rollout == "uid-lost"
        return super().works_of(rollout)


async def test_a_lost_rollout_of_many_clusters_does_not_keep_a_start(journal: Slow) -> None:
    """The works of the rollout are gone through once, and not once for each cluster."""
    mirror = Counting(lambda rollout, cluster: None)
    for name in ("site-7", "site-8", "site-9"):
        marks = {DISABLE_AUTO_IMPORT: "true", AUTO_IMPORT_BY: "uid-lost"}
        meta = ObjectMeta(name=name, uid=f"uid-{name}", annotations=marks)
        mirror.clusters.upsert(shown_cluster(ManagedCluster(meta)))
        found = work(name, "")
        labels = {**found.metadata.labels, ROLLOUT: "uid-lost"}
        mirror.works.upsert(replace(found, metadata=replace(found.metadata, labels=labels)))
    fleet = await recovered(journal, mirror)
    assert (len(fleet.pending_patches), mirror.walks) == (3, 1)


def _only_ours_is_imported(fleet: FleetState) -> None:
    """The journal is behind the hub, which was not restored: that would hold all rollouts."""
    assert run_of(fleet) == "lost"
    held = {uid for uid, tracked in fleet.rollouts.items() if tracked.rollout.hold is not None}
    assert held == {UID}
