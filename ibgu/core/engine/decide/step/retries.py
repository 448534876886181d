"""Tries clusters again whose Prep has failed of a transient cause, by a second rollout (R50.20).

What is planned is journaled as soon as the plan's AbortOnFailure has ended, so that people see it.
Once it is due it is judged again, and then made as every other follow-up is.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.step.follow_ups import (
    LABELS_CHANGED,
    before_restore,
    by_hand,
    name_of,
    note_follow_up,
    restored_since,
    taken_by,
    unselectable,
)
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.retries import AskedRetry, retry_of
from ibgu.core.model import Cause, Finished, Outcome, RolloutState, traits
from ibgu.core.model.follow_ups import PolicyFollowUp
from ibgu.core.model.names import FOLLOW_UP_OF
from ibgu.core.text.harmless import one_line

MAX_CLUSTERS = 1000
"""The most clusters of one new rollout: its selector names each of them."""
PLAN_WITHIN = timedelta(hours=1)
"""An abort that is over for longer is not followed any more: a new policy says nothing about old
failures."""
BEGIN_WITHIN = timedelta(hours=24)
"""A further attempt that could not begin for longer is left to a person."""
_LOOK_AGAIN = timedelta(seconds=30)
_SEEN_WITHIN = timedelta(minutes=1)
"""A new rollout is seen for so long after it was made, or it is gone already."""
_TOO_LATE = "it could not begin for a day"
_TAKEN = "another rollout has it"
_MAX_WHY = 300
"""Characters of the cluster's own words that are kept with what is planned."""


def plan_retries(ctx: DecisionContext) -> None:
    """Plans what policies ask for once AbortOnFailure has ended. Steps that a restore has brought
    back are left out: when they ended is not known."""
    if ctx.rollout.deleted_at is not None or not ctx.snapshot.policies_known:
        return
    if ctx.rollout.stands_still:
        return
    for tracked in ctx.tracked.steps:
        ended = tracked.step.finished_at
        if ended is None or ctx.now >= ended + PLAN_WITHIN or before_restore(ctx, ended):
            continue
        if traits(tracked.step.first).after_failure:
            _plan(ctx, tracked, ended)


def begin_retries(ctx: DecisionContext) -> None:
    """Has the new rollouts made that are due, one after the other. They wait for the end of this
    one: what holds it, its canaries and its budget, holds its failed clusters, too."""
    if ctx.rollout.deleted_at is not None:
        return
    for tracked in ctx.tracked.steps:
        made = tracked.step.follow_ups.made
        planned = [(each.due, each) for each in made if each.planned and each.due is not None]
        if planned:
            due, first = min(planned, key=lambda pair: pair[0])
            _begin(ctx, tracked, first, due)


def _plan(ctx: DecisionContext, tracked: TrackedStep, ended: datetime) -> None:
    policies, key = ctx.snapshot.retries, tracked.step.key
    if all(key in each.settled for each in policies):
        return
    asked: dict[AskedRetry, list[Finished]] = {}
    for member in _failed(ctx, tracked):
        cluster = ctx.snapshot.cluster(member.cluster)
        if cluster is not None and cluster.uid == member.uid:
            found = retry_of(policies, cluster)
            if found is not None:
                asked.setdefault(found, []).append(member)
    if not asked:
        for policy in policies:
            policy.settle(key)
        return
    earlier = _earlier_attempts(ctx)
    for retry, members in asked.items():
        for first in range(0, len(members), MAX_CLUSTERS):
            chunk = members[first : first + MAX_CLUSTERS]
            note_follow_up(ctx, tracked, _planned(ctx, retry, chunk, earlier, ended))


def _failed(ctx: DecisionContext, tracked: TrackedStep) -> Iterator[Finished]:
    """Yields the failures of the clusters that the step has taken back and for which nothing is
    planned yet."""
    known = {uid for step in ctx.tracked.steps for uid in step.step.follow_ups.uids}
    for back in tracked.members.values():
        if back.outcome is Outcome.SUCCEEDED and not back.late and back.uid not in known:
            failed = _failure(ctx, tracked.step.index, back.cluster)
            if failed is not None and failed.uid == back.uid and _transient(ctx, failed):
                yield failed


def _failure(ctx: DecisionContext, before: int, cluster: str) -> Finished | None:
    """Returns how the cluster has failed in its newest step before that one; None: it has not."""
    members = (step.members.get(cluster) for step in reversed(ctx.tracked.steps[:before]))
    newest = next((each for each in members if each is not None), None)
    if isinstance(newest, Finished) and newest.outcome is Outcome.FAILED:
        return newest
    return None


def _transient(ctx: DecisionContext, failed: Finished) -> bool:
    """Returns whether the cluster itself has said that it was of a cause that may have gone."""
    action = failed.failed_action
    if action is None or not traits(action).begins or failed.cause is not Cause.PREP_FAILED:
        return False
    found = ctx.driver.failure(action, failed.message)
    return found is not None and found.transient


def _earlier_attempts(ctx: DecisionContext) -> int | None:
    """Returns how often the rollout's clusters were tried again when it was made; None: ibgu has
    made it and does not know any more what for."""
    mine = ctx.rollout
    for other in ctx.fleet.rollouts.values():
        if (other.rollout.kind, other.rollout.namespace) == (mine.kind, mine.namespace):
            for step in other.steps:
                for each in step.step.follow_ups.made:
                    if each.name == mine.name:
                        return each.attempt
    found = ctx.snapshot.object
    return None if found is not None and FOLLOW_UP_OF in found.metadata.labels else 0


def _planned(
    ctx: DecisionContext,
    retry: AskedRetry,
    members: Sequence[Finished],
    earlier: int | None,
    ended: datetime,
) -> PolicyFollowUp:
    first, others = members[0], len(members) - 1
    said = one_line(first.message)[:_MAX_WHY]
    attempt = (earlier or 0) + 1
    planned = PolicyFollowUp(
        policy=retry.policy,
        action=ctx.tracked.steps[0].step.first,
        clusters=tuple(each.cluster for each in members),
        uids=tuple(each.uid for each in members),
        why=f"{first.cluster}: {said}{f'; {others} more failed, too' if others else ''}",
        decided_at=ctx.now,
        attempt=attempt,
        due=ended + retry.wait(attempt),
    )
    if earlier is None:
        problem = "the rollout before this one is gone, so its attempts can't be counted"
    elif attempt > retry.attempts:
        times = "once" if earlier == 1 else f"{earlier} times"
        problem = f"it was tried again {times}, and the policy allows no more"
    else:
        return planned
    return replace(planned, refused=f"{problem}; {by_hand(ctx, planned)}")


def _begin(
    ctx: DecisionContext, tracked: TrackedStep, planned: PolicyFollowUp, due: datetime
) -> None:
    """Makes the new rollout due for the clusters that can still take it. Nothing begins while a
    person, a restore or TALM holds the rollout."""
    rollout = ctx.rollout
    if ctx.now < due:
        ctx.requeue_at("", due)
        return
    if rollout.state is not RolloutState.COMPLETE or rollout.completed_at is None:
        return
    held = rollout.hold is not None or ctx.talm_hold or not ctx.snapshot.policies_known
    pending = any(uid in ctx.fleet.pending_patches for uid in planned.uids)
    if held or pending or _under_way(ctx, tracked):
        ctx.requeue_at("", ctx.now + _LOOK_AGAIN)
        return
    late = ctx.now > max(due, rollout.completed_at) + BEGIN_WITHIN
    old: PolicyFollowUp | None = planned
    for new in _judged(ctx, tracked, planned, late=late):
        note_follow_up(ctx, ctx.tracked.steps[tracked.step.index], new, instead_of=old)
        old = None


def _under_way(ctx: DecisionContext, tracked: TrackedStep) -> bool:
    """Returns whether another rollout that the step has asked for is not over: together they would
    load the registry more than the author wanted."""
    made = (each for each in tracked.step.follow_ups.made if each.name and not each.refused)
    return any(not _over(ctx, each) for each in made)


def _over(ctx: DecisionContext, made: PolicyFollowUp) -> bool:
    name = f"{ctx.rollout.namespace}/{made.name}"
    for each in ctx.fleet.rollouts.values():
        if each.rollout.full_name == name and each.rollout.kind == ctx.rollout.kind:
            return each.rollout.state in (RolloutState.COMPLETE, RolloutState.DELETED)
    return made.made_at is not None and ctx.now > made.made_at + _SEEN_WITHIN


def _judged(
    ctx: DecisionContext, tracked: TrackedStep, planned: PolicyFollowUp, *, late: bool
) -> Iterator[PolicyFollowUp]:
    """Yields one follow-up for all clusters that can be tried again, and one for each reason why
    others can't."""
    against = _TOO_LATE if late else restored_since(ctx, planned) or _led_back(ctx)
    by_problem: dict[str, list[tuple[str, str]]] = {}
    for name, uid in zip(planned.clusters, planned.uids, strict=True):
        problem = _problem(ctx, planned, name, uid) or against
        by_problem.setdefault(problem, []).append((name, uid))
    for problem, found in by_problem.items():
        names, uids = zip(*found, strict=True)
        each = replace(planned, clusters=names, uids=uids, decided_at=ctx.now)
        if problem in (LABELS_CHANGED, _TAKEN):
            yield replace(each, refused=problem, superseded=True)
        elif problem:
            yield replace(each, refused=f"{problem}; {by_hand(ctx, each)}")
        else:
            yield replace(each, name=name_of(ctx, tracked, each))


def _problem(ctx: DecisionContext, planned: PolicyFollowUp, name: str, uid: str) -> str:
    """Returns why the cluster can't be tried again; empty: it can."""
    cluster = ctx.snapshot.cluster(name)
    if cluster is None or cluster.uid != uid:
        return "its ManagedCluster is gone, or is another one"
    asked = retry_of(ctx.snapshot.retries, cluster)
    if asked is None or planned.attempt > asked.attempts:
        return "the RolloutPolicies do not ask for it any more"
    prefix = traits(planned.action).label_prefix
    if any(label.startswith(prefix) for label in cluster.labels):
        return LABELS_CHANGED
    return _TAKEN if taken_by(ctx, cluster) else unselectable(ctx, cluster)


def _led_back(ctx: DecisionContext) -> str:
    """Returns who has cancelled clusters of the rollout, or leads them back: then nothing else of
    it begins by itself."""
    for tracked in ctx.tracked.steps:
        for member in tracked.members.values():
            found = ctx.fleet.canceller(member)
            if found is not None:
                return f"{ctx.named(found.name)} takes clusters of this rollout back"
    return ""
