"""Restores in miniature: of the hub to an older backup, and of the journal to an earlier time."""

from copy import deepcopy
from typing import Any

from msgspec import Raw, Struct, json
from msgspec.structs import replace

from ibgu.core.assurance.recover import FoundRollout, behind, find, hold_all, lost, rebuild
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.engine.works.trace import Trace
from ibgu.core.model import Decision
from ibgu.core.model.kinds import ManagedFields, ManagedFieldsMeta, RolloutObject
from ibgu.core.views.status import OPTIONAL_FIELDS, status_of
from tests.core.engine.decide.builders import rollout_of
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.records import Records

OURS = [ManagedFields(manager="ibgu", operation="Update", subresource="status")]


class Backup(Struct):
    """The contents of an etcd snapshot."""

    works: Any
    loads: Any
    jobs: Any
    ibgus: dict[str, RolloutObject]
    labels: dict[str, dict[str, str]]
    annotations: dict[str, dict[str, str]]


def backup(twin: InMemoryEngine) -> Backup:
    works = (twin.works, twin.loads, twin.jobs)
    return deepcopy(Backup(*works, twin.ibgus, twin.labels, twin.annotations))


def restore_hub(twin: InMemoryEngine, saved: Backup, *, proof: str = "version 3 after 7") -> None:
    """The clusters go on, the controller begins again and finds the proof.

    No agent is quicker than it: what one of them takes from an armed work of the backup before
    that is disarmed, nobody could prevent.
    """
    saved = deepcopy(saved)
    twin.works, twin.loads, twin.ibgus = saved.works, saved.loads, saved.ibgus
    twin.labels, twin.annotations, twin.jobs = saved.labels, saved.annotations, saved.jobs
    twin.restart()
    tracked_rollouts = list(twin.fleet.rollouts.values())
    patches = list(lost(tracked_rollouts, twin.fleet.pending_patches, twin.cluster))
    decide_for(twin, [*hold_all(tracked_rollouts, twin.ibgus, proof, twin.now), *patches])
    twin.patches |= {decision.pending.uid: decision.pending for decision in patches}
    twin.frozen |= set(twin.spokes)
    twin.settle()
    for work in twin.works.values():
        work.taken = 0  # the agent lists again, and applies what it finds
    twin.frozen -= set(twin.spokes)


def decide_for(twin: InMemoryEngine, decisions: Any) -> list[Decision]:
    """Carry out what a start has decided."""
    said: list[Decision] = []
    for decision in list(decisions):
        twin._take(decision, said)
        twin.records.write(decision)
    twin.touch_everything()
    return said


def shown(twin: InMemoryEngine, uid: str) -> FoundRollout:
    """Returns what the hub shows of the rollout, as of the last status that was written."""
    obj = twin.ibgus[uid]
    found = find(obj, (), twin.cluster)
    traces = (_trace(name, work) for (owner, name), work in twin.works.items() if owner == uid)
    return replace(found, traces={trace.cluster: trace for trace in traces if trace})


def write_status(
    twin: InMemoryEngine, uid: str, *, served: frozenset[str] = OPTIONAL_FIELDS
) -> None:
    status = json.encode(status_of(twin.tracked(uid), PayloadState(), (), served, twin.now))
    obj = twin.ibgus[uid]
    meta = replace(obj.metadata, managed_fields=OURS)
    assert isinstance(meta, ManagedFieldsMeta)
    twin.ibgus[uid] = replace(obj, metadata=meta, status=Raw(status))


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


def journal(twin: InMemoryEngine) -> Journal:
    return Journal(deepcopy(twin.records), len(twin.said))


def lose_journal(twin: InMemoryEngine) -> None:
    """All of it; the next start imports what the hub shows."""
    restore_journal(twin, Journal(Records()))


def restore_journal(twin: InMemoryEngine, kept: Journal) -> None:
    """Restores the journal to what it was then; labels on their way get there."""
    for pending in twin.fleet.pending_patches.values():
        twin._patch(pending)
    twin.records = deepcopy(kept.records)
    del twin.said[kept.told :]
    twin.watchers.clear()
    twin.restart()
    Invariants(twin)
    for uid, obj in list(twin.ibgus.items()):
        found, tracked = shown(twin, uid), twin.fleet.rollouts.get(uid)
        carried = {trace.run for trace in found.traces.values()}
        twin.fleet.foreign_runs |= carried - twin.records.run_ids
        if tracked is None and found.begun:
            rollout = replace(rollout_of(obj), generation=0)
            decide_for(
                twin, rebuild(twin.driver, rollout, found, twin.fleet, "nothing known", twin.now)
            )
        elif tracked is not None and (why := behind(tracked, found, twin.fleet.foreign_runs)):
            decide_for(
                twin, rebuild(twin.driver, tracked.rollout, found, twin.fleet, why, twin.now)
            )
