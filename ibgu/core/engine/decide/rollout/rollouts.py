"""Decides on a rollout's life: seen, grown, held, complete, deleted (R1, R16, R20)."""

from datetime import timedelta

from ibgu.core.engine.decide import lifecycle
from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.rollout.adopting import foreign_controller, import_finished
from ibgu.core.engine.gates import ended_words, name_taken, paused, same_hold
from ibgu.core.engine.state.snapshot import UNNAMED
from ibgu.core.engine.timing.times import LATE_COMPLETION_WATCH
from ibgu.core.model import (
    ActingParty,
    ActionName,
    Kind,
    OnStep,
    Reason,
    ReasonKind,
    RolloutState,
    Step,
    StepState,
    names,
)
from ibgu.core.model.kinds import PlanItem, RolloutObject
from ibgu.core.plan import Started, problem, problem_of
from ibgu.core.text.counted import counted


def decide_rollout(ctx: DecisionContext) -> None:
    """Follows the object on the hub, before any member is decided on."""
    found = ctx.snapshot.object
    if ctx.rollout.state is RolloutState.DELETED:
        _release_deleted(ctx)
        return
    if found is None or found.metadata.uid != ctx.rollout.uid or found.metadata.deletion_timestamp:
        ctx.on_rollout(
            Kind.ROLLOUT_DELETED,
            lifecycle.delete_rollout(ctx.rollout, ctx.now),
            f"the {ctx.rollout.kind} was deleted",
        )
        return
    if ctx.rollout.stands_still:
        return
    if found.metadata.generation != ctx.rollout.generation:
        _accept_spec(ctx, found)
    _accept_annotations(ctx, found)
    _hold_rollout(ctx, found)
    import_finished(ctx)


def _release_deleted(ctx: DecisionContext) -> None:
    """Ends a removal of TALM's objects that ibgu had begun: nothing else removes TALM's finalizer,
    and with it the ClusterGroupUpgrades would stay for ever."""
    if ctx.rollout.adopting_since is not None and not ctx.snapshot.traces.to_remove:
        words = "nothing of TALM's is left"
        ctx.on_rollout(Kind.ROLLOUT_RELEASED, lifecycle.release_rollout(ctx.rollout), words)


def _accept_spec(ctx: DecisionContext, found: RolloutObject) -> None:
    """Accepts the new spec if the plan is valid (R1.2, R1.3); else holds the rollout."""
    spec, before = found.spec, _begun(ctx, len(found.spec.plan))
    wrong = problem(spec.plan, before) or ctx.driver.problem(spec)
    wrong = wrong or problem_of(spec.cluster_label_selectors)
    if wrong is not None:
        reason = Reason(ReasonKind.INVALID_PLAN, ctx.now, wrong, None, ActingParty.PERSON)
        refused = lifecycle.refuse_plan(ctx.rollout, found.metadata.generation, reason)
        ctx.on_rollout(Kind.ROLLOUT_HELD, refused, wrong, warning=True)
        return
    valid = None if ctx.rollout.plan_refused else ctx.rollout.hold
    annotations = ctx.driver.annotations(found.metadata.annotations)
    accepted = lifecycle.accept_plan(
        ctx.rollout, spec, found.metadata.generation, annotations, valid
    )
    words = f"the plan has {counted(len(spec.plan), 'step')}"
    ctx.on_rollout(Kind.PLAN_ACCEPTED, accepted, words, actor=ctx.snapshot.actor)


def _accept_annotations(ctx: DecisionContext, found: RolloutObject) -> None:
    """Accepts changed annotations, which need no new generation. Armed works stay: later runs carry
    them."""
    wanted, known = ctx.driver.annotations(found.metadata.annotations), ctx.rollout.annotations
    if wanted == known:
        return
    changed = ", ".join(sorted({key for key, _ in wanted.items() ^ known.items()}))
    written = wanted.items() - known.items()
    ctx.on_rollout(
        Kind.ANNOTATIONS_CHANGED,
        lifecycle.accept_annotations(ctx.rollout, wanted),
        f"changed annotations go to the clusters with what starts from now on: {changed}",
        actor=ctx.snapshot.actor if written else UNNAMED,
    )


def _begun(ctx: DecisionContext, planned: int) -> list[Started]:
    """Returns the steps that the plan must name. After a restore the plan may be shorter than the
    journal: finished steps stay as history, and do not run again when the plan names them again."""
    steps = [tracked.step for tracked in ctx.tracked.steps]
    later = steps[planned:]
    if ctx.rollout.restore and all(step.state is StepState.FINISHED for step in later):
        steps = steps[:planned]
    return [_started(step) for step in steps]


def _started(step: Step) -> tuple[tuple[ActionName, ...], int, int]:
    return (step.actions, step.max_concurrency, int(step.timeout.total_seconds() // 60))


def _hold_rollout(ctx: DecisionContext, found: RolloutObject) -> None:
    """Holds the rollout for TALM, for what TALM left behind (R20.1, R20.2), or for a person."""
    if ctx.rollout.plan_refused:
        return
    hold, foreign = ctx.rollout.hold, foreign_controller(ctx)
    reason = foreign or _name_taken(ctx) or (None if _plan_done(ctx) else _pause(ctx, found))
    adopting = ctx.rollout.adopting_since if foreign else None
    if reason is None and (hold is not None or ctx.rollout.adopting_since is not None):
        words = ended_words(hold) if hold else "nothing of TALM's is left"
        actor = _resumer(ctx, found) if ctx.rollout.paused else ""
        released = lifecycle.release_rollout(ctx.rollout)
        ctx.on_rollout(Kind.ROLLOUT_RELEASED, released, words, actor=actor)
    elif reason is not None and not same_hold(hold, reason):
        ctx.on_rollout(
            Kind.ROLLOUT_HELD,
            lifecycle.hold_rollout(ctx.rollout, reason, _with_resumer(ctx, found), adopting),
            reason.message,
            warning=reason.who is ActingParty.PERSON,
            actor="" if foreign else ctx.snapshot.actor,
        )


def _name_taken(ctx: DecisionContext) -> Reason | None:
    return name_taken(ctx.snapshot.namesake, ctx.now) if ctx.snapshot.namesake else None


def _with_resumer(ctx: DecisionContext, found: RolloutObject) -> dict[str, str]:
    """Returns the controls with the last resumer, who is not the one to end the pause that begins
    now."""
    value = found.metadata.annotations.get(names.RESUMED_BY)
    known = names.journaled(value)
    return (
        ctx.rollout.controls if known is None else {**ctx.rollout.controls, names.RESUMED_BY: known}
    )


def _resumer(ctx: DecisionContext, found: RolloutObject) -> str:
    """Returns who has ended the pause, if it was ended through ibgu.

    A person who removes the annotation by hand owns no field: the last other writer is not to
    blame.
    """
    value = found.metadata.annotations.get(names.RESUMED_BY)
    if value is None or names.journaled(value) == ctx.rollout.controls.get(names.RESUMED_BY):
        return UNNAMED
    who = value.rpartition(" ")[0]
    own_managers = {f"{prefix}{who}" for prefix in names.REST_MANAGERS.values()}
    by_time = sorted(found.metadata.managed_fields, key=lambda fields: fields.time, reverse=True)
    return next(
        (f"{UNNAMED} ({by.manager})" for by in by_time if by.manager in own_managers), UNNAMED
    )


def _plan_done(ctx: DecisionContext) -> bool:
    """Whether every step of the plan is done and nothing is to be tried again, so that a pause
    would keep nothing."""
    planned, over = len(ctx.rollout.spec.plan), ctx.rollout.state is RolloutState.COMPLETE
    return over and len(ctx.tracked.steps) >= planned and not ctx.tracked.plans_more


def _pause(ctx: DecisionContext, found: RolloutObject) -> Reason | None:
    value = found.metadata.annotations.get(names.PAUSE)
    return None if value is None else paused(value, ctx.now)


def open_next_step(ctx: DecisionContext) -> None:
    """Opens the plan's next step when the one before is finished, or completes the rollout."""
    rollout = ctx.rollout
    over = rollout.state is RolloutState.DELETED or ctx.tracked.current is not None
    if over or rollout.stands_still:
        return
    index = len(ctx.tracked.steps)
    if index < len(rollout.spec.plan):
        _create_step(ctx, index, rollout.spec.plan[index])
    elif rollout.state is RolloutState.RUNNING:
        if rollout.paused and not ctx.tracked.plans_more:
            words = "nothing is left that the pause keeps from starting"
            ctx.on_rollout(Kind.ROLLOUT_RELEASED, lifecycle.release_rollout(rollout), words)
        counts = ctx.tracked.counts
        failures = f", {counts.failed} of {counted(counts.total, 'cluster')} failed"
        ctx.on_rollout(
            Kind.ROLLOUT_COMPLETED,
            lifecycle.complete_rollout(ctx.rollout, ctx.now),
            f"all plan steps are completed{failures if counts.failed else ''}",
            warning=counts.failed > 0,
            failed=counts.failed,
        )
        for step in ctx.tracked.steps:
            for cluster in step.members:
                ctx.requeue_at(cluster, ctx.now + LATE_COMPLETION_WATCH)


def _create_step(ctx: DecisionContext, index: int, item: PlanItem) -> None:
    if ctx.rollout.hold is not None:
        return
    step = Step(
        rollout=ctx.rollout.uid,
        index=index,
        actions=tuple(item.actions),
        max_concurrency=item.rollout_strategy.max_concurrency,
        timeout=timedelta(minutes=item.rollout_strategy.timeout),
        state=StepState.OPENING,
        across_namespaces=ctx.fleet.across_namespaces,
    )
    names_ = ", ".join(step.actions)
    ctx.decide(OnStep(Kind.STEP_OPENED, step, f"step {index + 1} opens: {names_}"))
    if ctx.rollout.state is RolloutState.COMPLETE:
        goes_on = lifecycle.continue_rollout(ctx.rollout)
        ctx.on_rollout(Kind.ROLLOUT_STARTED, goes_on, "the plan goes on")
