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
    by_hand,
    name_of,
    note_follow_up,
    unselectable,
)
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.retries import AskedRetry, retry_of
from ibgu.core.model import Cause, Finished, Outcome, traits
from ibgu.core.model.follow_ups import PolicyFollowUp
from ibgu.core.model.names import FOLLOW_UP_OF
from ibgu.core.text.harmless import one_line

MAX_CLUSTERS = 1000
"""The most clusters of one new rollout: its selector names each of them."""
PLAN_WITHIN = timedelta(hours=1)
"""An abort that is over for longer is not followed any more: a new policy says nothing about old
failures."""
_LOOK_AGAIN = timedelta(seconds=30)
_MAX_WHY = 300
"""Characters of the cluster's own words that are kept with what is planned."""


def decide_retries(ctx: DecisionContext) -> None:
    """Plans what policies ask for once AbortOnFailure has ended, and begins what is due."""
    if ctx.rollout.deleted_at is not None:
        return
    for tracked in ctx.tracked.steps:
        ended = tracked.step.finished_at
        if ended is not None and traits(tracked.step.first).after_failure:
            if ctx.now < ended + PLAN_WITHIN and ctx.snapshot.policies_known:
                _plan(ctx, tracked, ended)
            for each in tracked.step.follow_ups.made:
                if each.planned and each.due is not None:
                    _begin(ctx, tracked, each, each.due)


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
        if back.outcome is Outcome.SUCCEEDED and back.uid not in known:
            failed = _failure(ctx, tracked.step.index, back.cluster)
            if failed is not None and failed.uid == back.uid and _transient(ctx, failed):
                yield failed


def _failure(ctx: DecisionContext, before: int, cluster: str) -> Finished | None:
    """Returns how the cluster has failed last before that step."""
    members = (step.members.get(cluster) for step in reversed(ctx.tracked.steps[:before]))
    ended = (each for each in members if isinstance(each, Finished))
    return next((each for each in ended if each.outcome is Outcome.FAILED), None)


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
    if ctx.now < due:
        ctx.requeue_at("", due)
        return
    held = ctx.rollout.hold is not None or ctx.facts.talm_hold or not ctx.snapshot.policies_known
    if held or any(uid in ctx.fleet.pending_patches for uid in planned.uids):
        ctx.requeue_at("", ctx.now + _LOOK_AGAIN)
        return
    old: PolicyFollowUp | None = planned
    for new in _judged(ctx, tracked, planned):
        note_follow_up(ctx, ctx.tracked.steps[tracked.step.index], new, instead_of=old)
        old = None


def _judged(
    ctx: DecisionContext, tracked: TrackedStep, planned: PolicyFollowUp
) -> Iterator[PolicyFollowUp]:
    """Yields one follow-up for all clusters that can be tried again, and one for each reason why
    others can't."""
    by_problem: dict[str, list[tuple[str, str]]] = {}
    for name, uid in zip(planned.clusters, planned.uids, strict=True):
        by_problem.setdefault(_problem(ctx, planned, name, uid), []).append((name, uid))
    for problem, found in by_problem.items():
        names, uids = zip(*found, strict=True)
        each = replace(planned, clusters=names, uids=uids, decided_at=ctx.now)
        if problem:
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
    return unselectable(ctx, cluster)
