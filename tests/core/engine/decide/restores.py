"""Restores in miniature: of the hub to an older backup, and of the journal to an earlier time."""

from collections.abc import Collection
from copy import deepcopy
from datetime import timedelta
from typing import Any

from msgspec import Raw, Struct, json
from msgspec.structs import replace

from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.engine.works.trace import Trace
from ibgu.core.model import Decision, OnPendingPatch
from ibgu.core.model.kinds import ManagedFields, ManagedFieldsMeta, RolloutObject
from ibgu.core.recover import FoundRollout, behind, find, hold_all, lost, rebuild
from ibgu.core.views.status import OPTIONAL_FIELDS, status_of
from tests.core.engine.decide.builders import rollout_of
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.records import Records
from tests.core.recover.objects import newest_to_act

OURS = [ManagedFields(manager="ibgu", operation="Update", subresource="status")]


class Backup(Struct):
    """The contents of an etcd snapshot."""

    works: Any
    loads: Any
    jobs: Any
    ibgus: dict[str, RolloutObject]
    labels: dict[str, dict[str, str]]
    annotations: dict[str, dict[str, str]]


def backup(engine: InMemoryEngine) -> Backup:
    works = (engine.works, engine.loads, engine.jobs)
    return deepcopy(Backup(*works, engine.ibgus, engine.labels, engine.annotations))


def restore_hub(
    engine: InMemoryEngine,
    saved: Backup,
    *,
    proof: str = "version 3 after 7",
    unloaded: Collection[str] = (),
) -> None:
    """The clusters go on, the controller begins again and finds the proof. `unloaded`: uids of
    rollouts that it does not load, as they are deleted and over.

    No agent is quicker than it: what one of them takes from an armed work of the backup before
    that is disarmed, nobody could prevent.
    """
    saved = deepcopy(saved)
    engine.works, engine.loads, engine.ibgus = saved.works, saved.loads, saved.ibgus
    engine.labels, engine.annotations, engine.jobs = saved.labels, saved.annotations, saved.jobs
    newest = newest_to_act(engine.fleet.rollouts.values())
    for uid in unloaded:
        engine.records.forget(uid)
    engine.restart()
    tracked_rollouts = list(engine.fleet.rollouts.values())
    pending = engine.fleet.pending_patches
    patches = list(lost(tracked_rollouts, pending, engine.cluster, newest))
    decide_for(engine, [*hold_all(tracked_rollouts, engine.ibgus, proof, engine.now), *patches])
    engine.frozen |= set(engine.spokes)
    engine.settle()
    for work in engine.works.values():
        work.taken = 0  # the agent lists again, and applies what it finds
    engine.frozen -= set(engine.spokes)


def decide_for(engine: InMemoryEngine, decisions: Any) -> list[Decision]:
    """Carry out what a start has decided."""
    said: list[Decision] = []
    for decision in list(decisions):
        engine._take(decision, said)
        engine.records.write(decision)
        if isinstance(decision, OnPendingPatch):
            engine.patches[decision.pending.uid] = decision.pending
    engine.touch_everything()
    return said


def shown(engine: InMemoryEngine, uid: str) -> FoundRollout:
    """Returns what the hub shows of the rollout, as of the last status that was written."""
    obj = engine.ibgus[uid]
    found = find(obj, (), engine.cluster)
    traces = (_trace(name, work) for (owner, name), work in engine.works.items() if owner == uid)
    payloads = tuple(load.digest for (owner, _), load in engine.loads.items() if owner == uid)
    return replace(
        found, traces={trace.cluster: trace for trace in traces if trace}, payloads=payloads
    )


def write_status(
    engine: InMemoryEngine, uid: str, *, served: frozenset[str] = OPTIONAL_FIELDS
) -> None:
    status = json.encode(status_of(engine.tracked(uid), PayloadState(), (), served, engine.now))
    obj = engine.ibgus[uid]
    meta = replace(obj.metadata, managed_fields=OURS)
    assert isinstance(meta, ManagedFieldsMeta)
    engine.ibgus[uid] = replace(obj, metadata=meta, status=Raw(status))


def _trace(cluster: str, work: Any) -> Trace | None:
    run = work.wanted.run
    if run is None:
        return None
    return Trace(
        cluster=cluster,
        work=work.view(),
        action=run.action,
        attempt=run.attempt,
        started=run.arming_at,
        limit=work.wanted.limit,
        outcome=run.result,
    )


class Journal(Struct):
    """The journal's records, and how many decisions its history tells."""

    records: Records
    told: int = 0


def journal(engine: InMemoryEngine) -> Journal:
    return Journal(deepcopy(engine.records), len(engine.said))


def lose_journal(engine: InMemoryEngine) -> None:
    """All of it; the next start imports what the hub shows."""
    restore_journal(engine, Journal(Records()))


def restore_journal(engine: InMemoryEngine, kept: Journal) -> None:
    """Restores the journal to what it was then; labels on their way get there."""
    for pending in engine.fleet.pending_patches.values():
        engine._patch(pending)
    engine.records = deepcopy(kept.records)
    del engine.said[kept.told :]
    engine.watchers.clear()
    engine.restart()
    Invariants(engine)
    for uid, obj in list(engine.ibgus.items()):
        found, tracked = shown(engine, uid), engine.fleet.rollouts.get(uid)
        carried = {trace.run for trace in found.traces.values()}
        engine.fleet.foreign_runs |= carried - engine.records.run_ids
        if tracked is None and found.begun:
            rollout = replace(rollout_of(obj), generation=0)
            decide_for(
                engine,
                rebuild(engine.driver, rollout, found, engine.fleet, "nothing known", engine.now),
            )
        elif tracked is not None and (why := behind(tracked, found, engine.fleet.foreign_runs)):
            decide_for(
                engine,
                rebuild(engine.driver, tracked.rollout, found, engine.fleet, why, engine.now),
            )


def restore_both(engine: InMemoryEngine, saved: Backup, kept: Journal) -> None:
    """Restores hub and journal to the same time: neither shows that the other one was restored."""
    engine.now += timedelta(seconds=1)
    saved = deepcopy(saved)
    engine.works, engine.loads, engine.ibgus = saved.works, saved.loads, saved.ibgus
    engine.labels, engine.annotations, engine.jobs = saved.labels, saved.annotations, saved.jobs
    engine.records = deepcopy(kept.records)
    del engine.said[kept.told :]
    engine.watchers.clear()
    engine.restart()
    Invariants(engine)
    for work in engine.works.values():
        work.taken = 0  # the agent lists again, and applies what it finds
