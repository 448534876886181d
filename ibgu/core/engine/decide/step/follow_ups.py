"""Second rollouts that policies ask for, for clusters of a rollout (R50.19, R50.20).

What is decided is journaled first. The controller makes the new object afterwards, under a name
that follows from the decision: one that was made before a crash is found again.
"""

import re
from datetime import datetime, timedelta

from msgspec.structs import replace

from ibgu.core.engine.decide import lifecycle
from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.gated import hold_step
from ibgu.core.engine.gates import held_by_budget, spent_budget
from ibgu.core.engine.state import TrackedRollout, TrackedStep
from ibgu.core.model import ClusterView, Kind, Rollout, RolloutState
from ibgu.core.model.follow_ups import PolicyFollowUp, name_digest
from ibgu.core.model.names import NAME_LABEL
from ibgu.core.text.spans import duration

MAKE_WITHIN = timedelta(minutes=10)
"""A new rollout that could not be made for longer is not made any more: why it was to be made may
no longer hold."""
LABELS_CHANGED = "its labels have changed since"
_OVER = (RolloutState.COMPLETE, RolloutState.DELETED)
_SHOWN = 3
"""The clusters that a command line names."""
_BASE = 200
"""Characters of the old name that the new one keeps."""
_ATTEMPT = re.compile(r"-retry-[0-9a-f]{8}$")


def follow_made(ctx: DecisionContext) -> None:
    """Notes what became of the new rollouts that were to be made."""
    for tracked in ctx.tracked.steps:
        for old in tracked.step.follow_ups.made:
            new = _followed(ctx, old)
            if new != old:
                note_follow_up(ctx, tracked, new, instead_of=old)


def _followed(ctx: DecisionContext, each: PolicyFollowUp) -> PolicyFollowUp:
    """Returns the follow-up as the hub shows it. One that was given up may have been made after
    all."""
    if not each.name or each.made_at is not None:
        return each
    shown = ctx.snapshot.follow_up(each.name)
    if shown.ours:
        return replace(each, made_at=ctx.now, refused="")
    if each.refused:
        return each
    until = each.decided_at + MAKE_WITHIN
    problem = shown.problem or restored_since(ctx, each)
    if problem or ctx.now >= until:
        late = f"the hub did not have it within {duration(MAKE_WITHIN)}"
        return replace(each, refused=f"{problem or late}; {by_hand(ctx, each)}")
    ctx.requeue_at("", until)
    return each


def restored_since(ctx: DecisionContext, each: PolicyFollowUp) -> str:
    """Returns that a restore came after the decision, so that a person goes on; empty: none did."""
    if not before_restore(ctx, each.decided_at):
        return ""
    return "the hub or the journal was restored since, and nothing begins by itself after that"


def before_restore(ctx: DecisionContext, at: datetime) -> bool:
    """Returns whether that was before the newest restore, or is a time that the restore has made
    up."""
    restored = ctx.rollout.restored_at
    # The mark of a restore has whole seconds.
    return restored is not None and at < restored + timedelta(seconds=1)


def taken_by(ctx: DecisionContext, cluster: ClusterView) -> Rollout | None:
    """Returns the other rollout that has the cluster, or is newer and may have it yet, or has begun
    on it."""
    fleet = ctx.fleet
    holder, uids = fleet.claims.get(cluster.uid), fleet.rollouts_of.get(cluster.name, ())
    for each in (fleet.rollouts[uid] for uid in sorted(uids)):
        other = each.rollout
        if holder is not None and holder.rollout == other.uid:
            return other
        newer = other.age > ctx.rollout.age
        if newer and (other.state not in _OVER or _has_begun(each, cluster.name)):
            return other
    return None


def _has_begun(tracked: TrackedRollout, name: str) -> bool:
    """Returns whether the rollout has begun a run on the cluster, or has found an action done."""
    members = (step.members.get(name) for step in tracked.steps)
    return any(
        each.started_at is not None or each.completed != () for each in members if each is not None
    )


def unselectable(ctx: DecisionContext, cluster: ClusterView) -> str:
    """Returns why ibgu can't make a new rollout for the cluster; empty: it can."""
    fleet = ctx.fleet
    if any(cluster.name in each.clusters for each in fleet.unreadable.values()):
        return "a rollout that ibgu can't read has it"
    if cluster.labels.get(NAME_LABEL) != cluster.name:
        return f"its ManagedCluster lacks the label {NAME_LABEL} with its name"
    if other := _other_of_the_name(ctx, cluster.name):
        return (
            f"{other} carries the label {NAME_LABEL}={cluster.name} and would be selected with it; "
            "correct that label first"
        )
    return ""


def _other_of_the_name(ctx: DecisionContext, name: str) -> str:
    """Returns another cluster that the rollout's namespace may use and that carries the label of
    this name; empty: none does."""
    scope = ctx.snapshot.scope
    found = (each for each in ctx.snapshot.named_alike(name) if scope.includes(each.labels))
    return next((each.name for each in found if not each.local), "")


def note_follow_up(
    ctx: DecisionContext,
    tracked: TrackedStep,
    new: PolicyFollowUp,
    *,
    instead_of: PolicyFollowUp | None = None,
) -> None:
    """Notes the follow-up, in place of another one or as a further one; a step that it holds
    already says the same."""
    known = tracked.step.follow_ups
    made = tuple(new if each == instead_of else each for each in known.made)
    if instead_of not in known.made:
        made = (*known.made, new)
    changed = lifecycle.follow_up(tracked.step, replace(known, made=made))
    words = new.words if new.made_at is None else f"{new.name} is created: {new.words}"
    asks = new.refused != "" or (new.made_at is None and not new.attempt)
    for_person = asks and not new.superseded
    ctx.on_step(Kind.FOLLOW_UP, changed, words, warning=for_person)
    hold = held_by_budget(tracked)
    said = spent_budget(ctx.snapshot, tracked, ctx.now) if hold is not None else None
    if hold is not None and said is not None and said.message != hold.message:
        hold_step(ctx, tracked, replace(said, since=hold.since))


def by_hand(ctx: DecisionContext, each: PolicyFollowUp) -> str:
    shown = " ".join(each.clusters[:_SHOWN])
    more = " ..." if len(each.clusters) > _SHOWN else ""
    rollout, command = ctx.rollout, _command(each)
    return f"do it by hand: ibgu {command} -n {rollout.namespace} {rollout.name} {shown}{more}"


def name_of(ctx: DecisionContext, step: TrackedStep, each: PolicyFollowUp) -> str:
    """Returns the name of the new rollout, which nobody can know before. The attempts at a cluster
    have one stem."""
    digest = name_digest(ctx.rollout.uid, step.step.index, each.uids, each.decided_at)
    stem = _ATTEMPT.sub("", ctx.rollout.name) if each.attempt > 1 else ctx.rollout.name
    return f"{stem[:_BASE].rstrip('.-')}-{_command(each)}-{digest}"


def _command(each: PolicyFollowUp) -> str:
    return "retry" if each.attempt else each.action.lower()
