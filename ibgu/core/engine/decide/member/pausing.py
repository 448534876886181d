"""Resumes what was paused on clusters for an action, whatever becomes of it (R48)."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.member.late import soaks_until
from ibgu.core.engine.timing.times import MAX_PAUSE
from ibgu.core.model import (
    ActionName,
    Finished,
    Kind,
    Member,
    Observation,
    Outcome,
    ReasonKind,
    StepState,
    traits,
    transitions,
)


def decide_paused(ctx: DecisionContext, member: Finished) -> None:
    """Decides when the cluster of a finished member resumes what was paused for it, and notes that
    it has."""
    since = member.paused_since
    if since is None or ctx.rollout.stands_still:
        return
    seen, latest = ctx.observe(member.cluster), ctx.tracked.latest(member.cluster)
    assert latest is not None
    if seen.cluster is None:
        _without_cluster(ctx, member)
        return
    if _is_detached(member):
        member = ctx.set_reason(member, ReasonKind.RUNNING, "the ManagedCluster is there again")
    if why := _resumed(ctx, since, latest, seen):
        ctx.on_member(Kind.RESUMED, transitions.note_resumed(member), why)
        return
    if member.resuming or not isinstance(latest, Finished):
        return
    if why := _due(ctx, member, latest, seen):
        ctx.on_member(Kind.RESUME_DUE, transitions.note_resuming(member), why)


def _without_cluster(ctx: DecisionContext, member: Finished) -> None:
    """Waits for a day for the ManagedCluster to come back: a cluster that is detached, and imported
    again, still has its pauses. Then a person has to look at one that is not gone for good."""
    known = _is_detached(member)
    if member.reason.kind is ReasonKind.UNREACHABLE and not known:
        # The same kind would keep its `since`, which is not that of the absence.
        member = ctx.set_reason(member, ReasonKind.RUNNING, "the ManagedCluster is gone")
    until = (ctx.stands_since(member.reason) if known else ctx.now) + MAX_PAUSE
    if ctx.now < until:
        ctx.set_reason(member, ReasonKind.UNREACHABLE, _DETACHED, until=until)
        ctx.requeue_at(member.cluster, until)
        return
    ctx.on_member(Kind.RESUMED, transitions.note_resumed(member), _GONE, warning=True)


def _is_detached(member: Finished) -> bool:
    """Whether it was noted that the ManagedCluster is gone. The kind of the reason does not tell: a
    cluster that could not be reached before its end leaves it, too."""
    return member.reason.message == _DETACHED


_DETACHED = "the ManagedCluster is gone: what is paused is resumed if it is back within a day"
_GONE = (
    "the ManagedCluster has been gone for a day: if the cluster is still there, what was paused "
    "still is; resume it on the cluster"
)


def _resumed(ctx: DecisionContext, since: datetime, latest: Member, seen: Observation) -> str:
    """Returns why nothing of the cluster is paused any more; empty: something may be. `since`: when
    parts of it may have been paused.

    Only the answer of a work that resumes proves it: an older one may still reach the cluster.
    """
    work, known = seen.stage, seen.current_feedback
    if work is None or known is None or work.edited or known.unread:
        return ""
    if known.paused_for(ctx.rollout.uid):
        return ""
    if any(traits(done.action).resumes and done.at > since for done in latest.completed):
        return "the plan has resumed what was paused"
    answered = work.resuming and work.probe in known.probes
    return "what was paused is resumed" if answered else ""


def _due(ctx: DecisionContext, member: Finished, latest: Finished, seen: Observation) -> str:
    """Returns why the cluster is to resume now, and not in a later step; empty: it is not.
    `member`: that of the action for which it was paused, whose success may still have to last.

    An action that still goes on in the cluster is not disturbed for a day, and what has just failed
    in a part of the cluster does not go on to the rest of it. A cluster that can't be reached may
    have failed.
    """
    why = _nothing_resumes(ctx, latest)
    if not why:
        return ""
    due, known = latest.ended_at + MAX_PAUSE, seen.current_feedback
    if ctx.now >= due:
        return why
    if known is None or not ctx.driver.out_of_stage(known):
        ctx.requeue_at(latest.cluster, due)
        return ""
    if ctx.rollout.deleted_at is not None:
        return why
    soaks = [soaks_until(ctx, each, seen) for each in (member, latest)]
    dark = seen.cluster is None or not seen.cluster.reachable
    if known.unwell or known.rolling or dark or any(soaks):
        ctx.requeue_at(latest.cluster, min([due, *(each for each in soaks if each is not None)]))
        return ""
    return why


def _nothing_resumes(ctx: DecisionContext, latest: Finished) -> str:
    """Returns why no step of the plan resumes what was paused; empty: one does."""
    if ctx.rollout.deleted_at is not None:
        return "the rollout was deleted: what was paused is resumed"
    if latest.outcome is not Outcome.SUCCEEDED and not latest.late:
        return f"the cluster is {latest.outcome} in its step: what was paused is resumed"
    if any(traits(action).resumes for action in _still_to_come(ctx, latest)):
        return ""
    return "no later step resumes what was paused: it is resumed now"


def _still_to_come(ctx: DecisionContext, latest: Finished) -> Iterator[ActionName]:
    """Yields the actions of the steps that may still take the cluster: a step that has started
    without it does not."""
    opened = ctx.tracked.steps
    for tracked in opened[latest.step + 1 :]:
        if tracked.step.state is StepState.OPENING:
            yield from tracked.step.actions
    for item in islice(ctx.rollout.spec.plan, len(opened), None):
        yield from item.actions
