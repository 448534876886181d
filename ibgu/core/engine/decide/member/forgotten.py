"""Takes up runs of ibgu's own that clusters show and the journal has forgotten (R31.6).

Hub and journal were both restored to an earlier time, or the hub to one before the journal's: what
clusters have done since, only they know.
"""

from collections.abc import Iterator
from datetime import timedelta

from ibgu.core.engine.decide import lifecycle
from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.member.ending import enqueue_success_labels, finish
from ibgu.core.engine.decide.member.patches import (
    auto_import_off,
    enqueue,
    enqueue_outcome,
    failure_labels,
)
from ibgu.core.engine.decide.restored import RESUME, restored
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import (
    Accepted,
    ActingParty,
    ActionName,
    ClusterView,
    CompletedAction,
    Ended,
    FeedbackView,
    Finished,
    InFlight,
    Kind,
    Member,
    Observation,
    OnMember,
    OnStep,
    Outcome,
    Reason,
    ReasonKind,
    Rollout,
    RolloutState,
    RunResult,
    StepState,
    Unfinished,
    Waiting,
    WorkView,
    names,
    table_of,
    traits,
    transitions,
)
from ibgu.core.model.actions import whole
from ibgu.core.model.bounds import LATEST
from ibgu.core.model.records import restore_mark
from ibgu.core.model.run_ids import RunOrigin, origin_of
from ibgu.core.model.run_transitions import (
    accepted_run,
    armed_run,
    arming_run,
    closed_run,
    intended_run,
)
from ibgu.core.text.cut import cut
from ibgu.core.text.spans import utc

ACTOR = "ibgu, from what the cluster shows"
FROM_CLUSTER = "read from the cluster"


def unknown_run(tracked: TrackedRollout, cluster: str, work: WorkView | None) -> str:
    """Returns a run of this rollout that the cluster shows and that no record in memory has; empty:
    it shows none. Only the journal knows whether it was ever there."""
    member = tracked.latest(cluster)
    run = work.feedback.run if work is not None and work.feedback is not None else ""
    if member is None or not run or _in_memory(tracked, cluster, run):
        return ""
    return run if _origin(tracked, member, run) else ""


def _in_memory(tracked: TrackedRollout, cluster: str, run: str) -> bool:
    members = (step.members.get(cluster) for step in tracked.steps)
    return any(each is not None and each.run is not None and each.run.id == run for each in members)


def _origin(tracked: TrackedRollout, member: Member, run: str) -> RunOrigin | None:
    table = table_of(tracked.steps[member.step].step.first)
    actions = (*table.names, *(part.name for part in table.parts))
    return origin_of(run, member.rollout, member.uid, actions)


def is_foreign(ctx: DecisionContext, member: Member, run: str) -> bool:
    """Whether the run that the cluster shows is none of ibgu's. An earlier one of the rollout's own
    is not, though the journal may have forgotten it."""
    return ctx.fleet.foreign(run) and _origin(ctx.tracked, member, run) is None


def decide_forgotten(ctx: DecisionContext, member: Member) -> bool:
    """Takes up the run that the journal has forgotten; returns whether the member was changed.

    The first one of a restore holds the rollout, because failures, holds and labels may be
    forgotten as well; the member stands still at once. Then the cluster's record is brought to
    where its cluster shows that it is.
    """
    seen = ctx.observe(member.cluster)
    known, cluster, found = seen.current_feedback, seen.cluster, _forgotten(ctx, member, seen)
    if known is None or cluster is None or found is None:
        return False
    if _unheard_of(ctx.rollout, found):
        _hold(ctx, member.cluster, found)
        return False
    if isinstance(member, Finished) or not _is_ahead(ctx, member, found):
        return False
    if seen.writing or seen.stage is None or seen.stage.armed or not _may_follow(member, found):
        return False
    return _take_up(ctx, member, cluster, known, found)


def _may_follow(member: Unfinished, found: RunOrigin) -> bool:
    """Whether the member's run, if it has one, may be followed by the one that was found: no work
    asks for it any more, and it does not end otherwise."""
    run = member.run
    if run is None:
        return True
    if isinstance(member, InFlight) and isinstance(run, Ended):
        over = run.disarmed and run.result.success
    else:
        over = isinstance(run, Ended | Accepted)
    later = found.step > member.step or found.attempt > run.attempt
    newer = later and found.intended_at + timedelta(milliseconds=1) > run.intended_at
    return over and (newer or run.arming_at is None)


def _is_ahead(ctx: DecisionContext, member: Unfinished, found: RunOrigin) -> bool:
    """Whether the run is of an action that the member has not completed, or of a later step."""
    left = ctx.step(member).step.actions[member.action_index :]
    return found.step > member.step or (found.step == member.step and whole(found.action) in left)


def _forgotten(ctx: DecisionContext, member: Member, seen: Observation) -> RunOrigin | None:
    """Returns the run of the member's rollout that the cluster shows, if the journal was asked and
    never had it, or not that it was armed."""
    cluster, known, run = seen.cluster, seen.current_feedback, member.run
    if seen.unread or cluster is None or cluster.uid != member.uid or not cluster.reachable:
        return None
    over = ctx.rollout.state in (RolloutState.COMPLETE, RolloutState.DELETED)
    if over or known is None:
        return None
    never_armed = run is not None and run.arming_at is None and run.id == known.run
    if not never_armed and known.run not in ctx.fleet.foreign_runs:
        return None
    found = _origin(ctx.tracked, member, known.run)
    # None begins later than now: somebody has made up that id.
    return found if found is not None and found.intended_at <= ctx.now else None


def _unheard_of(rollout: Rollout, found: RunOrigin) -> bool:
    """Whether the run began after the newest restore that the rollout went through: there was
    another one since."""
    if rollout.stands_still:
        return False
    return rollout.restored_at is None or found.intended_at > rollout.restored_at


def _words(found: RunOrigin) -> str:
    began = utc(found.intended_at)
    return f"the run {found.id} of {found.action}, which ibgu began at {began} and has forgotten"


# -- the rollout -------------------------------------------------------------------------------


def _hold(ctx: DecisionContext, cluster: str, found: RunOrigin) -> None:
    """Holds the rollout as after every restore, and has all its clusters read again."""
    words = (
        f"the journal was restored to an earlier time, alone or with the hub: {cluster} shows "
        f"{_words(found)}. "
        "Nothing starts, and what clusters have done since is read from them; see that plan, "
        f"labels and clusters are as you want them, {RESUME}"
    )
    held = lifecycle.hold_restored(
        ctx.rollout, restored(words, ctx.now), restore_mark(ctx.now), _controls(ctx)
    )
    ctx.on_rollout(Kind.ROLLOUT_HELD, held, words, warning=True)
    for step in ctx.tracked.steps:
        if step.step.state is StepState.RUNNING:
            stood = max(timedelta(), ctx.now - (step.step.started_at or ctx.now))
            words = f"{FROM_CLUSTER}: step {step.step.index + 1} has its whole timeout again"
            again = lifecycle.run_clock(step.step, stood)
            ctx.decide(OnStep(Kind.IMPORTED, again, words, actor=ACTOR))
    tracked = ctx.tracked
    concerned = [each.cluster for each in (*tracked.unfinished(), *tracked.watched())]
    ctx.result.remaining += concerned


def _controls(ctx: DecisionContext) -> dict[str, str]:
    """Returns the controls with a resume that stands already: it is about something else."""
    controls, found = ctx.rollout.controls, ctx.snapshot.object
    value = found.metadata.annotations.get(names.RESUME) if found is not None else None
    return controls if value is None else {**controls, names.RESUME: names.journaled(value)}


# -- the member --------------------------------------------------------------------------------


def _take_up(
    ctx: DecisionContext,
    member: Unfinished,
    cluster: ClusterView,
    known: FeedbackView,
    found: RunOrigin,
) -> bool:
    """Completes what the run proves to be done, and has it go on where it is the member's own.
    Somebody may have changed the stage since, which the run then proves nothing of (R9.6)."""
    if traits(found.action).stage != known.stage:
        return False
    actions = ctx.step(member).step.actions
    if found.step > member.step and _tells_no_success(ctx, found):
        _fail(ctx, member, cluster, found)
        return True
    own = found.step == member.step
    end = actions.index(whole(found.action)) if own else len(actions)
    passed = actions[member.action_index : end]
    goes_on = own and not traits(found.action).runs_job
    if not (passed or goes_on):
        return False
    changed = list(_passed(ctx, _closed(ctx, member, passed), cluster, passed, found))
    member = changed[-1]
    if not own and isinstance(member, Waiting):
        finish(ctx, member, Outcome.SUCCEEDED)
    elif goes_on:
        _continue(ctx, member, cluster, known, found)
    return True


def _closed(ctx: DecisionContext, member: Unfinished, passed: tuple[ActionName, ...]) -> Unfinished:
    """Returns the member whose accepted run, if it has one, is over: another one has followed."""
    if not isinstance(member, InFlight) or not isinstance(member.run, Accepted):
        return member
    action = member.run.action
    result = RunResult.SUCCEEDED if whole(action) in passed else RunResult.WITHDRAWN
    member = transitions.close(member, result, FROM_CLUSTER, ctx.now)
    _import(ctx, member, f"{FROM_CLUSTER}: {action} is over, and another run has followed")
    return member


def _passed(
    ctx: DecisionContext,
    member: Unfinished,
    cluster: ClusterView,
    actions: tuple[ActionName, ...],
    found: RunOrigin,
) -> Iterator[Unfinished]:
    """Yields the member, and again after each action before the run that it completes: they go in
    order (R5.1). Each was over when the run began, and had its label."""
    words = f"{FROM_CLUSTER}: it has gone on to {found.action}"
    yield member
    for action in actions:
        made_at = found.intended_at if traits(action).runs_job else None
        done = CompletedAction(action, found.intended_at, words, made_at)
        member = transitions.import_completed(member, (done,), words, ctx.now)
        _import(ctx, member, f"{action}, {words}")
        enqueue_success_labels(ctx, member, cluster, action)
        yield member


def _tells_no_success(ctx: DecisionContext, found: RunOrigin) -> bool:
    """Whether the step of the run takes clusters on which the steps before may have failed."""
    plan = ctx.rollout.spec.plan
    first = plan[found.step].actions[0] if found.step < len(plan) else found.action
    return traits(first).after_failure or traits(first).aborts


def _fail(ctx: DecisionContext, member: Unfinished, cluster: ClusterView, found: RunOrigin) -> None:
    """Fails the member in its step: how that ended is forgotten. A clean-up of failed clusters had
    found the label."""
    action, run = ctx.action(member), member.run
    words = f"{FROM_CLUSTER}: how its {action} ended is not known, and {found.action} has followed"
    over = transitions.finish(
        member,
        closed_run(run, RunResult.FAILED, ctx.now, words) if run is not None else None,
        Outcome.FAILED,
        cause=None,
        message=words,
        failed_action=action,
        watched=False,
        now=ctx.now,
    )
    _import(ctx, over, words)
    if traits(found.action).after_failure:
        enqueue_outcome(ctx, cluster, failure_labels(action), {}, words)


def _continue(
    ctx: DecisionContext,
    member: Unfinished,
    cluster: ClusterView,
    known: FeedbackView,
    found: RunOrigin,
) -> None:
    """Has the run go on: in the member's slot, or as one that its cluster took after all (R9.5)."""
    words = f"{FROM_CLUSTER}: {found.action} goes on with {found.id}"
    began = found.intended_at
    run = arming_run(intended_run(found.id, found.action, found.attempt, began), began)
    if known.paused_for(ctx.rollout.uid):
        member = transitions.import_pause(member, ctx.now)
    if isinstance(member, Waiting):
        over = closed_run(run, RunResult.WITHDRAWN, ctx.now, FROM_CLUSTER)
        _import(ctx, transitions.import_waiting(member, over, restored(words, ctx.now)), words)
    else:
        accepted = accepted_run(armed_run(run, None, began), None, ctx.now)
        reason = Reason(ReasonKind.RUNNING, ctx.now, words, who=ActingParty.CLUSTER)
        begun = transitions.note_begun(member, accepted, reason)
        limit = min(LATEST, ctx.now + ctx.step(member).step.timeout)
        _import(ctx, transitions.import_run(begun, accepted, limit), words)
    if traits(found.action).import_off:
        enqueue(ctx, cluster, auto_import_off(ctx, cluster, claimed=True), words)


def _import(ctx: DecisionContext, member: Member, words: str) -> None:
    seen = ctx.observe(member.cluster)
    ctx.decide(OnMember(Kind.IMPORTED, member, cut(words), member.cause, seen=seen, actor=ACTOR))
