"""Keeps a rollout still whose hub or journal was restored (R31.3).

Nothing starts and nothing is armed. Runs that clusters have taken are watched to their end, on
feedback newer than the restore. A person's resume ends the hold; the engine then goes on through
probes (R8.1), as after any other pause.
"""

from datetime import datetime

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.lifecycle import resume_restored
from ibgu.core.model import (
    ActingParty,
    InFlight,
    Kind,
    Observation,
    Reason,
    ReasonKind,
    WorkView,
    names,
)

RESUME = f"then annotate the rollout with {names.RESUME}=<a new value>"


def restored(words: str, now: datetime) -> Reason:
    """Returns the reason of what a restore keeps, which a person ends."""
    return Reason(ReasonKind.RESTORED, now, words, None, ActingParty.PERSON)


def decide_restored(ctx: DecisionContext) -> None:
    """Releases the rollout once a person resumes it and every cluster in flight can be judged."""
    rollout, found = ctx.rollout, ctx.snapshot.object
    if not rollout.stands_still or found is None:
        return
    value = found.metadata.annotations.get(names.RESUME)
    known = names.journaled(value)
    if known is None or known == rollout.controls.get(names.RESUME) or not _probed_again(ctx):
        return
    ctx.on_rollout(
        Kind.CONTROL,
        resume_restored(rollout, {**rollout.controls, names.RESUME: known}),
        f"{names.RESUME}={value}: goes on after the restore",
        actor=ctx.snapshot.actor,
    )


def _probed_again(ctx: DecisionContext) -> bool:
    return all(
        _judged_by_new_feedback(ctx, ctx.observe(name))
        for step in ctx.tracked.steps
        for name in step.in_flight
    )


def _judged_by_new_feedback(ctx: DecisionContext, seen: Observation) -> bool:
    """Whether the work was written since the restore, or never will be, which decides it too
    (R9.6). For a cluster that is being deleted a work is written only to disarm it."""
    work = seen.stage
    if seen.cluster is None or seen.refusal:
        return True
    if seen.cluster.deleting and not (work and work.armed):
        return True
    return work is not None and (work.terminating or work.restore == ctx.rollout.restore)


def keeps_resume(ctx: DecisionContext, member: InFlight, seen: Observation) -> bool:
    """Whether a right that ibgu lacks keeps the work from being written again, and with it every
    resume of the rollout; it is the member's reason then (R17.3)."""
    if not seen.denied or _judged_by_new_feedback(ctx, seen):
        return False
    ctx.set_reason(member, ReasonKind.FORBIDDEN, seen.denied, who=ActingParty.PERSON)
    return True


def unproven(ctx: DecisionContext, work: WorkView | None) -> bool:
    """Whether a missing or different work proves no foreign change: it may predate the restore."""
    if work is None or work.terminating:
        return ctx.rollout.stands_still
    return work.restore != ctx.rollout.restore


def without_cluster(ctx: DecisionContext, member: InFlight, seen: Observation) -> bool:
    """Waits for a person if the ManagedCluster is missing: the restore may have lost it."""
    if seen.cluster is not None and seen.cluster.uid == member.uid:
        return False
    words = "the hub does not show the ManagedCluster that this began with"
    ctx.set_reason(member, ReasonKind.RESTORED, words, who=ActingParty.PERSON)
    return True
