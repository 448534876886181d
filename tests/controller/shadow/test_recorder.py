"""The records that shadow mode keeps in memory."""

from datetime import UTC, datetime

from msgspec.structs import replace

from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.shadow.recorder import ShadowRecorder
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model.kinds import ObjectMeta, OwnerReference
from ibgu.core.model.rollout_policy import PolicyState
from ibgu.core.model.shown import shown_cluster
from ibgu.core.talm import shown_talm_work
from ibgu.db.shadow import ShadowRecords
from tests.core.engine.gates.policies.policy import policy
from tests.core.model.test_cluster import managed
from tests.core.recover.objects import UID, obj
from tests.core.talm.objects import as_cgu, as_work, cgu, work
from tests.db.records import NOW

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
"""When TALM has made its works."""
FREEZE = {"from": "2025-12-31T00:00:00Z", "until": "2026-02-01T00:00:00Z"}


def nothing(*_: str) -> None:
    """Nobody has to be notified."""


def keep(recorder: ShadowRecorder) -> ShadowRecords:
    """Keeps records as the shadow does: look, write, forget what was new."""
    recorder.observe(NOW)
    changed = recorder.changed()
    recorder.kept()
    return changed


def test_an_ibgu_that_is_gone_is_forgotten_once_it_is_written() -> None:
    mirror = Mirror(nothing, nothing)
    ibgu = obj("Prep", namespace="fleet", resource_version="1")
    group = as_cgu(cgu("a", 0, "Prep", batches=[["s1"]], batch=1, resourceVersion="2"))
    owner = OwnerReference(uid=UID)
    group = replace(group, metadata=replace(group.metadata, owner_references=[owner]))
    found = shown_talm_work(as_work(work("s1", Action.PREP, group=group.metadata.name)))
    mirror.ibgus.upsert(ibgu)
    mirror.cgus.upsert(group)
    mirror.talm.upsert(found)
    recorder = ShadowRecorder(mirror, ShadowRecords())
    assert len(keep(recorder).runs) == 1
    mirror.talm.delete(found)
    mirror.cgus.delete(group)
    mirror.ibgus.delete(ibgu)
    recorder.observe(NOW)
    assert (len(recorder.rollouts), len(recorder.runs)) == (1, 1), "it is not written yet"
    (gone,) = recorder.changed().rollouts
    assert gone.deleted
    recorder.kept()
    assert (recorder.rollouts, recorder.steps, recorder.runs, recorder._seen) == ({}, {}, {}, {})
    assert keep(recorder) == ShadowRecords()


def test_a_start_is_recorded_with_the_policies_that_would_have_held_it() -> None:
    """Three clusters begin at once: each counts for the ones that come behind it."""
    mirror = Mirror(nothing, nothing)
    names = ["s1", "s2", "s3"]
    group = as_cgu(cgu("a", 0, "Prep", "Upgrade", batches=[names], batch=1, resourceVersion="2"))
    owner = OwnerReference(uid=UID)
    group = replace(group, metadata=replace(group.metadata, owner_references=[owner]))
    mirror.ibgus.upsert(obj("Prep Upgrade", namespace="fleet", resource_version="1"))
    mirror.cgus.upsert(group)
    for name in names[:2]:
        mirror.clusters.upsert(shown_cluster(managed(ObjectMeta(name=name, uid=name))))
    for name in names:
        made = as_work(work(name, Action.PREP, group=group.metadata.name))
        mirror.talm.upsert(shown_talm_work(made))
    state = PolicyState((policy("narrow", inFlight=1),))
    recorder = ShadowRecorder(mirror, ShadowRecords(), lambda: state)
    recorder.observe(CREATED)
    held = {run.cluster: [note.gate for note in run.holds] for run in recorder.changed().runs}
    free = [name for name, gates in held.items() if not gates]
    assert sorted(held) == names
    # One of the two is the first, and the hub does not show the third.
    assert held["s3"] == []
    assert len(free) == 2
    recorder.kept()
    for name in names[:2]:
        made = as_work(work(name, Action.UPGRADE, group=group.metadata.name))
        mirror.talm.upsert(shown_talm_work(made))
    state = PolicyState((policy("narrow", inFlight=1, freezes=[FREEZE]),))
    recorder.observe(CREATED)
    upgrades = [run for run in recorder.changed().runs if run.action == Action.UPGRADE]
    told = [note.text for run in upgrades for note in run.holds]
    assert len(told) == 2
    assert all("the policy freezes all starts until" in each for each in told)
