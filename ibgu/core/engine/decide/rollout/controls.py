"""Applies a person's controls: annotations on the IBGU, each value once (R22)."""

from collections.abc import Callable, Collection, Container, Mapping

from msgspec import Struct

from ibgu.core.engine.decide.context import MEMBERS_PER_CYCLE, DecisionContext
from ibgu.core.engine.decide.gated import not_accepted
from ibgu.core.engine.decide.lifecycle import accept_controls
from ibgu.core.engine.decide.member.ending import finish
from ibgu.core.engine.decide.rollout.adopting import adopt
from ibgu.core.engine.decide.rollout.grants import follow_grants
from ibgu.core.engine.decide.rollout.skippable import (
    beside_all,
    contradicts,
    listed,
    named,
    not_waiting,
    steps_of,
    takes_all,
    unnamed,
)
from ibgu.core.engine.decide.rollout.unknown_annotations import (
    MAX_NAMED,
    does_nothing,
    unknown,
)
from ibgu.core.engine.decide.step.preflight import end_enforcement
from ibgu.core.engine.decide.step.steps import release_step
from ibgu.core.engine.gates import (
    ACCEPTABLE,
    GATES,
    RESUMABLE,
    Gate,
    Switch,
    cause_words,
    resumable_gate,
    under_policies,
)
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.snapshot import UNNAMED
from ibgu.core.engine.timing.rate_limits import misread, rate_limits_of
from ibgu.core.model import Cause, Kind, Outcome, ReasonKind, Step, Waiting, names, transitions
from ibgu.core.text.counted import counted
from ibgu.core.text.harmless import one_line

_MAX_CHARACTERS = 40
"""Characters of a value without effect that are kept."""


class _ControlResult(Struct, frozen=True):
    """The result of a control."""

    words: str
    warning: bool = False
    """Whether something that was asked for is not done."""


def decide_controls(ctx: DecisionContext) -> None:
    found = ctx.snapshot.object
    if found is None or ctx.rollout.deleted_at is not None:
        return
    _follow_rate_limits(ctx, found.metadata.annotations)
    if found.kind == names.IBGU:
        _follow_backup(ctx, found.metadata.annotations)
    for gate in GATES:
        if gate.switch is not None:
            _follow_switch(ctx, gate, gate.switch, found.metadata.annotations)
    _follow_unknown(ctx, found.metadata.annotations)
    follow_grants(ctx)
    end_enforcement(ctx)
    _forget_circuit_breaker(ctx, found.metadata.annotations)
    for key, act in _CONTROLS.items():
        value = found.metadata.annotations.get(key)
        known = names.journaled(value)
        if value is not None and known is not None and known != ctx.rollout.controls.get(key):
            said = act(ctx, value)
            if said is None:
                continue
            ctx.on_rollout(
                Kind.CONTROL,
                accept_controls(ctx.rollout, {**ctx.rollout.controls, key: known}),
                f"{key}={value}: {said.words}",
                warning=said.warning,
                actor=ctx.snapshot.actor,
            )


def _forget_circuit_breaker(ctx: DecisionContext, given: Mapping[str, str]) -> None:
    """Forgets that the circuit breaker was off, once the annotation is gone: it has one value
    only, which could not turn it off a second time."""
    key, known = names.CIRCUIT_BREAKER, ctx.rollout.controls
    if key in given or key not in known:
        return
    others = {name: value for name, value in known.items() if name != key}
    words = f"{key}: removed, so that the circuit breaker holds again"
    ctx.on_rollout(Kind.CONTROL, accept_controls(ctx.rollout, others), words, actor=UNNAMED)


def _follow_rate_limits(ctx: DecisionContext, given: Mapping[str, str]) -> None:
    """Applies the rate limit annotations: what they show is in force, what was removed is not."""

    def problem(wanted: Mapping[str, str]) -> str:
        return rate_limits_of(wanted).problem

    _follow(ctx, given, names.RATE_LIMIT_ANNOTATIONS, "the rate limit for new starts", problem)


def _follow_backup(ctx: DecisionContext, given: Mapping[str, str]) -> None:
    """Applies the annotations of the backup before Upgrade. The gate says what is wrong in them;
    members that it kept, or a policy that requires a backup, are decided on again."""
    what = "the backup before Upgrade"
    changed = _follow(ctx, given, names.BACKUP_ANNOTATIONS, what, lambda wanted: "")
    tracked = ctx.tracked.current
    if changed and tracked is not None:
        ctx.result.remaining += under_policies(tracked)


def _follow_unknown(ctx: DecisionContext, given: Mapping[str, str]) -> None:
    """Notes annotations that do nothing while they are there, so that ibgu can show them."""
    shown = unknown(given)[:MAX_NAMED]
    # One that is noted and no longer shown is forgotten.
    keys = dict.fromkeys([*shown, *unknown(ctx.rollout.controls)])
    noted = {key: one_line(given[key][:_MAX_CHARACTERS]) for key in shown}
    what = "no annotation without effect is left"
    _follow(ctx, noted, keys, what, lambda wanted: "; ".join(map(does_nothing, wanted)))


def _follow(
    ctx: DecisionContext,
    given: Mapping[str, str],
    keys: Collection[str],
    what: str,
    problem_of: Callable[[Mapping[str, str]], str],
) -> bool:
    """Applies annotations that are in force together, while they are there; returns whether any
    has changed. `what`: what they are about; `problem_of` returns why they can't be read."""
    known = ctx.rollout.controls
    wanted = {key: names.journaled(given[key]) for key in keys if key in given}
    before = {key: known[key] for key in keys if key in known}
    if wanted == before:
        return False
    changed = sorted({key for key, _ in wanted.items() ^ before.items()})
    changes = ", ".join(f"{key}={wanted[key]}" if key in wanted else f"no {key}" for key in changed)
    others = {key: value for key, value in known.items() if key not in keys}
    problem = problem_of(wanted)
    ctx.on_rollout(
        Kind.CONTROL,
        accept_controls(ctx.rollout, {**others, **wanted}),
        f"{changes}: {problem or what}",
        warning=problem != "",
        actor=ctx.snapshot.actor if wanted.items() - before.items() else UNNAMED,
    )
    return True


def _follow_switch(
    ctx: DecisionContext, gate: Gate, switch: Switch, given: Mapping[str, str]
) -> None:
    """Notes the gate's annotation; the members that it kept are decided on again once it may let
    them go."""
    key, known = switch.annotation, ctx.rollout.controls
    wanted = names.journaled(given.get(key))
    if wanted == known.get(key):
        return
    others = {name: value for name, value in known.items() if name != key}
    if wanted is None or switch.values:
        _decide_again(ctx, gate.reasons.keys() | switch.others)
    if wanted is None:
        controls, words = others, f"{key}: removed, so that {switch.removed}"
    else:
        controls = {**others, key: wanted}
        words = f"{key}={wanted}: {switch.put}"
    actor = UNNAMED if wanted is None else ctx.snapshot.actor
    ctx.on_rollout(Kind.CONTROL, accept_controls(ctx.rollout, controls), words, actor=actor)


def _decide_again(ctx: DecisionContext, kinds: Container[ReasonKind]) -> None:
    tracked = ctx.tracked.current
    if tracked is not None:
        ctx.result.remaining += [member.cluster for member in not_accepted(tracked, kinds)]


def _accept_reasons(ctx: DecisionContext, tracked: TrackedStep) -> _ControlResult | None:
    """Accepts the reasons, such as warnings, for which members wait; None: more than
    MEMBERS_PER_CYCLE, the next cycle accepts the rest."""
    waiting = not_accepted(tracked)
    for member in waiting[:MEMBERS_PER_CYCLE]:
        accepted = transitions.accept_warning(member, member.reason.message)
        words = f"accepted {ctx.snapshot.actor}: {member.reason.message}"
        ctx.on_member(Kind.WARNING_ACCEPTED, accepted, words)
        ctx.result.remaining.append(member.cluster)
    if len(waiting) > MEMBERS_PER_CYCLE:
        return None
    if not waiting:
        return _ControlResult("nothing was held")
    what = " or ".join(sorted({ACCEPTABLE[member.reason.kind] for member in waiting}))
    return _ControlResult(f"{counted(len(waiting), 'cluster')} may go on in spite of {what}")


def _resume(ctx: DecisionContext, value: str) -> _ControlResult | None:
    """Releases the step from a hold that a resume ends, or else accepts reasons of members; None:
    not yet, clusters in flight can't be judged (`restored`), or the gate is closed for what no
    resume ends."""
    if ctx.rollout.stands_still:
        return None
    tracked = ctx.tracked.current
    if tracked is None:
        return _ControlResult("nothing was held")
    hold, gate = tracked.step.hold, resumable_gate(tracked.step.hold)
    if hold is None or gate is None:
        return _accept_reasons(ctx, tracked)
    reason = gate.ask(ctx.snapshot, tracked, ctx.now)
    if reason is not None and reason.kind not in RESUMABLE:
        return None

    def resumed(step: Step) -> Step:
        return gate.resumed(ctx.snapshot, step, ctx.now)

    release_step(ctx, tracked, resumed, "resumed by a person")
    return _ControlResult(f"goes on after: {cause_words(hold)}")


def _skip(ctx: DecisionContext, value: str) -> _ControlResult | None:
    """Skips waiting members; None: more than MEMBERS_PER_CYCLE, the next cycle skips the rest and
    starts no cluster before (`decide`). A member that returns to waiting meanwhile is skipped,
    too."""
    if others := beside_all(value):
        # Somebody who names clusters hardly means all of them, and no skip can be undone.
        return _ControlResult(contradicts(others), warning=True)
    tracked = ctx.tracked.current
    if tracked is None:
        return _ControlResult("no step is running", warning=True)
    chosen = _chosen(tracked, value)
    for member in chosen[:MEMBERS_PER_CYCLE]:
        finish(
            ctx,
            member,
            Outcome.SKIPPED,
            cause=Cause.SKIPPED,
            message=f"skipped {ctx.snapshot.actor}",
        )
    if len(chosen) > MEMBERS_PER_CYCLE:
        # Found again by the next cycle: thousands in the work queue would precede those in flight.
        ctx.result.remaining.append(chosen[MEMBERS_PER_CYCLE].cluster)
        left = len(chosen) - MEMBERS_PER_CYCLE
        said = f"{names.SKIP}: {MEMBERS_PER_CYCLE} waiting clusters skipped, {left} to go"
        ctx.on_rollout(Kind.CONTROL, ctx.rollout, said, actor=ctx.snapshot.actor)
        return None
    number = counted(len(chosen), "waiting cluster") if chosen else "nothing"
    words = f"{number} skipped"
    if left_out := _left_out(tracked, value):
        return _ControlResult(f"{words}; not skipped: {listed(left_out)}", warning=True)
    return _ControlResult(words)


def _chosen(tracked: TrackedStep, value: str) -> list[Waiting]:
    """Returns the members to skip: only waiting ones can be; `_left_out` reports the others.

    `waiting` stands for all of them. It comes first and may name a step: meant for a step that is
    over, it skips no cluster.
    """
    waiting = [m for m in tracked.members.values() if isinstance(m, Waiting)]
    if takes_all(value):
        steps = steps_of(value)
        return waiting if not steps or f"step-{tracked.step.index + 1}" in steps else []
    wanted = {name.strip() for name in value.split(",")}
    return [member for member in waiting if member.cluster in wanted]


def _left_out(tracked: TrackedStep, value: str) -> dict[str, str]:
    """Returns who was named and does not wait, which is not known while the step's members are
    still joining, and what is no name."""
    if takes_all(value):
        return {}
    joined = len(tracked.members) >= tracked.step.total
    states = not_waiting(named(value), tracked.members, tracked.step.index) if joined else {}
    return states | unnamed(value)


def _circuit_breaker(ctx: DecisionContext, value: str) -> _ControlResult | None:
    """Turns the circuit breaker off; None: not yet, as for a resume."""
    if value != names.CIRCUIT_BREAKER_OFF:
        words = misread(names.CIRCUIT_BREAKER, value, names.CIRCUIT_BREAKER_OFF)
        return _ControlResult(words, warning=True)
    tracked = ctx.tracked.current
    hold = tracked.step.hold if tracked else None
    if hold and hold.kind is ReasonKind.CIRCUIT_BREAKER and _resume(ctx, value) is None:
        return None
    return _ControlResult("the circuit breaker is off")


def _manual_cleanup_done(ctx: DecisionContext, value: str) -> _ControlResult | None:
    """Accepts the confirmation; None: not yet, a restore may have brought the annotation back."""
    if ctx.rollout.stands_still or not value.strip():
        return None
    return _ControlResult("clusters whose abort or finalize has failed clean up again")


def _adopt(ctx: DecisionContext, value: str) -> _ControlResult | None:
    words = adopt(ctx, value)
    return None if words is None else _ControlResult(words)


_CONTROLS: dict[str, Callable[[DecisionContext, str], _ControlResult | None]] = {
    names.RESUME: _resume,
    names.SKIP: _skip,
    names.CIRCUIT_BREAKER: _circuit_breaker,
    names.ADOPT: _adopt,
    names.MANUAL_CLEANUP_DONE: _manual_cleanup_done,
}
