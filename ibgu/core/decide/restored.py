"""A rollout whose hub or journal went back in time stands still (R31.3).

Nothing starts and nothing is armed. What the clusters have taken is watched to its end, on
feedback that was asked for anew. A person's resume ends it; from there the engine goes on
through looks (R8.1), as after any other pause.
"""

from ibgu.core.decide.context import DecisionContext
from ibgu.core.model import Kind, Member, Observation, ReasonKind, Who, WorkView
from ibgu.core.works import names


def decide_restored(ctx: DecisionContext) -> None:
    """Release the rollout where a person has said so, and every cluster can be judged anew."""
    rollout, found = ctx.rollout, ctx.snapshot.object
    if not rollout.stands_still or found is None or rollout.hold is None:
        return
    value = found.metadata.annotations.get(names.RESUME)
    known = names.journaled(value)
    if known is None or known == rollout.controls.get(names.RESUME) or not _asked_anew(ctx):
        return
    ctx.on_rollout(
        Kind.CONTROL,
        f"{names.RESUME}={value}: goes on after the restore",
        actor=ctx.snapshot.actor,
        controls={**rollout.controls, names.RESUME: known},
        hold=None,
        generation=0,  # the plan is checked anew: its hold may have been another one before
    )


def _asked_anew(ctx: DecisionContext) -> bool:
    return all(
        _judged_by_new_feedback(ctx, ctx.observe(name))
        for step in ctx.tracked.steps
        for name in step.in_flight
    )


def _judged_by_new_feedback(ctx: DecisionContext, seen: Observation) -> bool:
    """The work was written since; or it never will be, and that is the answer (R9.6)."""
    if seen.cluster is None or seen.refusal:
        return True
    work = seen.stage
    return work is not None and (work.terminating or work.restore == ctx.rollout.restore)


def unproven(ctx: DecisionContext, work: WorkView | None) -> bool:
    """Neither that the work is missing nor what it shows is anybody's hand: it may be its age."""
    if work is None or work.terminating:
        return ctx.rollout.stands_still
    return work.restore != ctx.rollout.restore


def hold_words(ctx: DecisionContext) -> str:
    hold = ctx.rollout.hold
    assert hold is not None
    return hold.message


def without_cluster(ctx: DecisionContext, member: Member, seen: Observation) -> bool:
    """The hub may have lost the ManagedCluster by its restore: a person decides what that means."""
    if seen.cluster is not None and seen.cluster.uid == member.uid:
        return False
    words = "the hub does not show the ManagedCluster that this began with"
    ctx.waits(member, ReasonKind.RESTORED, words, who=Who.PERSON)
    return True
