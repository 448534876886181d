"""The records of shadow mode: one writer at a time, everything comes back as it was written."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.assurance.shadow import (
    ShadowNote,
    ShadowOutcome,
    ShadowRollout,
    ShadowRun,
    ShadowStep,
    ShadowVerdict,
    Symptom,
    SymptomKind,
    TalmBatch,
)
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause
from ibgu.db import Journal, LeadershipLost
from ibgu.db.shadow import ShadowReads, ShadowRecords, ShadowStore
from tests.db.conftest import HUB
from tests.db.records import NOW, rows

PATIENCE = timedelta(seconds=30)


def rollout(uid: str = "u1", **more: Any) -> ShadowRollout:
    given: dict[str, Any] = {
        "uid": uid,
        "namespace": "default",
        "name": f"ran-{uid}",
        "created_at": NOW,
        "seed_version": "4.17.2",
        "plan": (("Prep",), ("Upgrade", "FinalizeUpgrade")),
        "watched_since": NOW,
        "progress": "Waiting for plan step 0 to be completed",
    }
    return ShadowRollout(**{**given, **more})


def step(uid: str = "u1", **more: Any) -> ShadowStep:
    given: dict[str, Any] = {
        "rollout": uid,
        "index": 0,
        "group": "default/ran-prep-0",
        "actions": (Action.PREP,),
        "max_concurrency": 2,
        "timeout_minutes": 60,
        "batches": (TalmBatch(("s1", "s2"), NOW), TalmBatch(("s3",))),
        "batch": 2,
        "started_at": NOW,
    }
    return ShadowStep(**{**given, **more})


def run(cluster: str = "s1", uid: str = "u1", **more: Any) -> ShadowRun:
    given: dict[str, Any] = {
        "rollout": uid,
        "step": 0,
        "cluster": cluster,
        "action": Action.PREP,
        "work": "default.ran-prep-x",
        "batch": 1,
        "since": NOW,
        "words": "Prep failed",
        "words_at": NOW,
        "symptom": Symptom(SymptomKind.ABSENT, NOW, "no such CRD"),
        "ibgu": ShadowOutcome(ShadowVerdict.FAILED, NOW, Cause.PREP_FAILED, "Prep failed\0"),
        "talm": ShadowOutcome(ShadowVerdict.FAILED, NOW),
        "notes": (ShadowNote(NOW, "TALM asks the cluster for Prep"),),
    }
    return ShadowRun(**{**given, **more})


async def leading(db: AsyncEngine, holder: str = "shadow-0", hub: str = HUB) -> ShadowStore:
    store = ShadowStore(db, hub)
    assert await store.lead(holder, PATIENCE)
    return store


async def test_shadow_records_are_loaded_unchanged(db: AsyncEngine) -> None:
    store = await leading(db)
    assert await store.load() == ShadowRecords()
    await store.write(ShadowRecords((rollout(),), (step(),), (run(), run("s2", symptom=None))))
    found = await store.load()
    assert (found.rollouts, found.steps) == ((rollout(),), (step(),))
    told = ShadowOutcome(
        ShadowVerdict.FAILED, NOW, Cause.PREP_FAILED, "Prep failed\N{REPLACEMENT CHARACTER}"
    )
    assert sorted(found.runs, key=lambda each: each.cluster) == [
        run(ibgu=told),
        run("s2", symptom=None, ibgu=told),
    ]
    later = run(ibgu=None, gone_at=NOW, freed_at=NOW, reachable=False)
    await store.write(ShadowRecords(runs=(later,)))
    assert later in (await store.load()).runs


async def test_a_deleted_rollout_is_not_loaded_and_can_be_read(db: AsyncEngine) -> None:
    store = await leading(db)
    gone = rollout(deleted=True)
    await store.write(ShadowRecords((gone,), (step(),), (run(),)))
    assert await store.load() == ShadowRecords()
    assert await ShadowReads(db, HUB).rollout("default", "ran-u1") == gone


async def test_one_watches_at_a_time(db: AsyncEngine) -> None:
    first = await leading(db)
    second = ShadowStore(db, HUB)
    assert not await second.lead("shadow-1", PATIENCE)
    with pytest.raises(LeadershipLost, match="another ibgu watches"):
        await second.write(ShadowRecords())
    assert await second.lead("shadow-1", timedelta())
    with pytest.raises(LeadershipLost, match="nothing was written"):
        await first.write(ShadowRecords((rollout(),)))
    await second.write(ShadowRecords())
    assert await second.load() == ShadowRecords()
    assert await second.now() > NOW


async def test_the_same_process_comes_back_at_once(db: AsyncEngine) -> None:
    await leading(db)
    await leading(db)


async def test_other_hubs_are_another_matter(db: AsyncEngine) -> None:
    store = await leading(db)
    other = await leading(db, hub="hub-2")
    await store.write(ShadowRecords((rollout(),), (step(),), (run(),)))
    assert await other.load() == ShadowRecords()
    assert await ShadowReads(db, "hub-2").rollout("default", "ran-u1") is None


async def test_a_shadow_deposes_no_controller(db: AsyncEngine) -> None:
    journal = Journal(db, HUB)
    assert await journal.lead("ibgu-0") == 1
    await leading(db)
    assert await journal.lead("ibgu-0") == 2


async def test_shadow_rollouts_are_read_by_page_namespace_and_name(db: AsyncEngine) -> None:
    store = await leading(db)
    older = rollout("u0", namespace="site", created_at=NOW - timedelta(days=1))
    again = rollout("u2", name="ran-u1", created_at=NOW - timedelta(hours=1))
    await store.write(ShadowRecords((older, again, rollout()), (step(),), (run(),)))
    reads = ShadowReads(db, HUB)
    assert sorted(await reads.namespaces()) == ["default", "site"]
    page = await reads.rollouts(limit=2)
    assert [found.uid for found in page.items] == ["u1", "u2"]
    assert [f.uid for f in (await reads.rollouts(cursor=page.next)).items] == ["u0"]
    assert [f.uid for f in (await reads.rollouts(namespaces=["site"])).items] == ["u0"]
    assert await reads.rollout("default", "ran-u1") == rollout()
    assert await reads.rollout("default", "nobody") is None
    steps, runs = await reads.steps_and_runs("u1")
    assert (steps, [found.key for found in runs]) == ((step(),), [run().key])
    assert await reads.steps_and_runs("u2") == ((), ())


async def test_a_step_again(db: AsyncEngine) -> None:
    store = await leading(db)
    await store.write(ShadowRecords((rollout(),), (step(),)))
    over = replace(step(), finished_at=NOW, batch=2)
    await store.write(ShadowRecords(steps=(over,)))
    assert (await store.load()).steps == (over,)


async def test_rollouts_deleted_long_ago_are_forgotten(db: AsyncEngine) -> None:
    """A rollout goes with all that was seen of it; one whose IBGU is there, or was seen since,
    stays."""
    store = await leading(db)
    later = NOW + timedelta(days=400)
    rollouts = (
        rollout("u1", deleted=True),
        rollout("u2", deleted=True),
        rollout("u3"),
        rollout("u4", deleted=True, watched_since=later),
    )
    runs = (run(), run("s2"), run(uid="u2"), run("s2", uid="u2", freed_at=later), run(uid="u3"))
    await store.write(ShadowRecords(rollouts, (step(), step("u2"), step("u3")), runs))
    assert await store.forget(NOW) == 0
    assert await store.forget(later) == 1
    assert await store.forget(later) == 0
    left = await rows(db, "SELECT uid FROM shadow_rollouts ORDER BY uid")
    assert left == [("u2",), ("u3",), ("u4",)]
    assert await rows(db, "SELECT DISTINCT rollout FROM shadow_runs ORDER BY 1") == [
        ("u2",),
        ("u3",),
    ]
    assert await rows(db, "SELECT rollout FROM shadow_steps ORDER BY 1") == [("u2",), ("u3",)]


async def test_other_hubs_forget_for_themselves(db: AsyncEngine) -> None:
    store = await leading(db)
    other = await leading(db, hub="hub-2")
    await store.write(ShadowRecords((rollout(deleted=True),), (step(),), (run(),)))
    assert await other.forget(NOW + timedelta(days=400)) == 0
