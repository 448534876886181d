"""Proves that the hub was restored from an older backup (R31.1).

Each proof is something that an API server never does by itself and that no hand can do: a version,
a generation or an object that goes back in time. What a hand can do (delete a work, edit it,
shorten the plan) is no proof, however much of it is found (R9.6, R1.4).

Every held rollout shows the proof, also those of other namespaces: it names objects by uid and runs
by id, never a rollout or a cluster by name.
"""

from collections.abc import Container, Iterable, Iterator

from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import Run, WorkView
from ibgu.core.model.kinds import RolloutObject
from ibgu.core.model.names import stage_name
from ibgu.core.model.shown import HubObject
from ibgu.core.recover.versions import Versions


def versions_back(before: Versions, now: Versions) -> Iterator[str]:
    """Yields each list, or rollout's object, of an older version than one that was seen before."""
    for kind, version in before.lists.items():
        if now.lists.get(kind, version) < version:
            yield f"the hub is at version {now.lists[kind]} of {kind}, and was at {version} before"
    for uid, version in before.objects.items():
        if now.objects.get(uid, version) < version:
            yield f"the rollout {uid} is at version {now.objects[uid]}, and was at {version} before"


def generation_back(tracked: TrackedRollout, found: RolloutObject) -> Iterator[str]:
    """Yields an object whose generation is lower than before: the API server only counts up. A
    rollout that is held after a restore has not followed its object since."""
    if tracked.rollout.stands_still:
        return
    shown, known = found.metadata.generation, tracked.rollout.generation
    if shown < known:
        uid = found.metadata.uid
        yield f"the rollout {uid} is at generation {shown}, and was at {known} before"


def returned(found: RolloutObject, deleted: Container[str]) -> Iterator[str]:
    """Yields an object that is back after its deletion. `deleted`: uids of rollouts."""
    meta = found.metadata
    if meta.uid in deleted and meta.deletion_timestamp is None:
        yield f"the rollout {meta.uid} was deleted, and is back with the same uid"


def runs_back(
    tracked: TrackedRollout, works: Iterable[HubObject[WorkView]], foreign: Container[str]
) -> Iterator[str]:
    """Yields each work that carries an earlier run than the one that the journal saw armed on the
    hub.

    Every write of ours says which generation it makes, so a work that was put there by hand has
    another one. Each cluster's agent may patch the works in its namespace: it can put back
    annotations, and label another of its works as this rollout's. Nobody can put back the
    generation, which the API server counts, or change a work's name.
    """
    name = stage_name(tracked.rollout.uid, tracked.rollout.name)
    for work in works:
        if work.metadata.name != name:
            continue
        member, shown = tracked.latest(work.metadata.namespace), work.view
        run = member.run if member is not None else None
        if run is not None and _older(run, shown, tracked.rollout.restore, foreign):
            yield f"a work carries the run {shown.run}, from before its cluster's newest, {run.id}"


def _older(run: Run, work: WorkView, restore: str, foreign: Container[str]) -> bool:
    """Whether the work is older than `run`, the newest one of its cluster."""
    if run.armed_generation is None or work.restore != restore:
        return False
    earlier_generation = work.generation < run.armed_generation
    untouched = not (work.edited or work.terminating)
    earlier_run = work.run not in ("", run.id) and work.run not in foreign
    return earlier_generation and untouched and earlier_run
