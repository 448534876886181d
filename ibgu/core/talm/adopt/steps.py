"""Converts TALM's ClusterGroupUpgrades to steps and members, as if ibgu had led them there."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.model import (
    Accepted,
    Cause,
    ClusterView,
    CompletedAction,
    Finished,
    Member,
    Outcome,
    Reason,
    ReasonKind,
    Rollout,
    Step,
    StepState,
    Waiting,
    traits,
    transitions,
)
from ibgu.core.model.bounds import int32
from ibgu.core.model.run_transitions import adopted_run, intended_run
from ibgu.core.talm import TalmGroup, TalmWork, names
from ibgu.core.talm.adopt.traces import Traces
from ibgu.core.text.natural import natural_key

BY_TALM = "by TALM"
_TIMED_OUT = "TALM: time-out"
_ATTEMPT = 1
"""TALM's run counts as the first attempt of its action."""

ClusterOf = Callable[[str], ClusterView | None]
RunIdOf = Callable[[Member, int], str]
"""The id of a member's run, by its attempt."""


class AdoptedStep(Struct, frozen=True):
    """An adopted step. Its members have no slot yet."""

    step: Step
    members: tuple[Waiting | Finished, ...]
    begun: Mapping[str, Accepted] = {}
    """Keyed by cluster: the run of a member that TALM has begun."""
    gone: tuple[str, ...] = ()
    """Clusters of TALM's that are no longer on the hub, or that the namespace may not use."""


def adopted_steps(
    rollout: Rollout, traces: Traces, cluster_of: ClusterOf, run_id_of: RunIdOf, now: datetime
) -> Iterator[AdoptedStep]:
    """Yields the steps that TALM has begun, from the first one on, without a gap."""
    begun = {group.index: group for group in traces.begun}
    for index in range(max(begun, default=-1) + 1):
        if index in begun:
            yield _step(rollout, begun[index], traces, cluster_of, run_id_of, now)
        else:
            yield AdoptedStep(_unknown(rollout, index, now), ())


def _unknown(rollout: Rollout, index: int, now: datetime) -> Step:
    """Returns a finished step: its ClusterGroupUpgrade is gone, but a later step's exists."""
    item = rollout.spec.plan[index]
    return Step(
        rollout=rollout.uid,
        index=index,
        actions=tuple(item.actions),
        max_concurrency=int32(item.rollout_strategy.max_concurrency),
        timeout=timedelta(minutes=int32(item.rollout_strategy.timeout)),
        state=StepState.FINISHED,
        started_at=now,
        finished_at=now,
    )


def _step(
    rollout: Rollout,
    group: TalmGroup,
    traces: Traces,
    cluster_of: ClusterOf,
    run_id_of: RunIdOf,
    now: datetime,
) -> AdoptedStep:
    found = {name: cluster_of(name) for name in sorted(group.clusters, key=natural_key)}
    here = [cluster for cluster in found.values() if cluster is not None]
    step = _unknown(rollout, group.index, now)
    started = group.started_at or now
    step = replace(step, started_at=started, total=len(here))
    if group.finished:
        step = replace(step, finished_at=max(started, group.finished_at or now))
    else:
        # TALM was away, and nothing went on: the step has its whole time again.
        stood = max(timedelta(), now - started)
        step = replace(step, state=StepState.RUNNING, finished_at=None, stopped=stood)
    members = [
        _member(step, group, cluster, position, traces.work_of(group, cluster.name), now)
        for position, cluster in enumerate(here)
    ]
    works = {each.cluster: traces.work_of(group, each.cluster) for each in members}
    begun = {
        each.cluster: run
        for each in members
        if isinstance(each, Waiting)
        and (run := _begun(step, works[each.cluster], run_id_of(each, _ATTEMPT), now))
    }
    gone = tuple(name for name, cluster in found.items() if cluster is None)
    return AdoptedStep(step, tuple(members), begun, gone)


def _member(
    step: Step,
    group: TalmGroup,
    cluster: ClusterView,
    position: int,
    work: TalmWork | None,
    now: datetime,
) -> Waiting | Finished:
    reason = Reason(ReasonKind.SLOT, now, "waits for a slot")
    member = transitions.join(step, cluster.name, cluster.uid, position, reason)
    ended = group.ended.get(cluster.name)
    behind = group.progress.get(cluster.name, 0)
    if ended == names.COMPLETE or behind >= len(step.actions):
        return _succeeded(step, member, now)
    if ended is not None or group.finished:
        return _failed(step, group, member, now)
    index = _index_of(step, work)
    return _behind(step, member, behind if index is None else index, now)


def _behind(step: Step, member: Waiting, count: int, at: datetime) -> Waiting:
    """Returns the member with the first actions of the step done."""
    done = (CompletedAction(action, at, BY_TALM) for action in step.actions[:count])
    return transitions.complete_action(member, *done)


def _succeeded(step: Step, member: Waiting, now: datetime) -> Finished:
    return transitions.finish(
        _behind(step, member, len(step.actions), now),
        None,
        Outcome.SUCCEEDED,
        cause=None,
        message="",
        failed_action=None,
        watched=False,
        now=now,
    )


def _failed(step: Step, group: TalmGroup, member: Waiting, now: datetime) -> Finished:
    """Returns the failed member; the only failure that TALM knows is a timeout."""
    action = group.timed_out_in.get(member.cluster)
    words = group.words.get(member.cluster, "")
    index = step.actions.index(action) if action else 0
    return transitions.finish(
        _behind(step, member, index, now),
        None,
        Outcome.FAILED,
        cause=Cause.TIMED_OUT if action else Cause.NEVER_STARTED,
        message=f"{_TIMED_OUT}: {words}" if words else _TIMED_OUT,
        failed_action=step.actions[index],
        watched=False,
        now=now,
    )


def _index_of(step: Step, work: TalmWork | None) -> int | None:
    """Returns the index of the action that the work carries out; each one asks for another
    stage."""
    stages = [traits(action).stage for action in step.actions]
    stage = work.stage if work else None
    return stages.index(stage) if stage in stages else None


def _begun(step: Step, work: TalmWork | None, run_id: str, now: datetime) -> Accepted | None:
    """Returns the run that TALM has begun, whether the cluster has accepted the stage or not."""
    index = _index_of(step, work)
    if work is None or index is None:
        return None
    began = work.created or now
    run = intended_run(run_id, step.actions[index], _ATTEMPT, began)
    return adopted_run(run, began if work.stage_applied else None)
