"""Checks events of a rollout and its steps (R1): seen, planned, opened, finished, complete."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ibgu.core.model.grants import Grants
from ibgu.core.model.names import (
    CIRCUIT_BREAKER,
    CIRCUIT_BREAKER_OFF,
    HOLD_ON_WARNING,
    IBGU,
    MANUAL_CLEANUP_DONE,
    PREFLIGHT,
    RESUME,
)
from tests.oracle import backups, rate_limits
from tests.oracle.audit import Audit, EventContext, StepEventContext
from tests.oracle.cases import RolloutCase, StepCase
from tests.oracle.events import Event
from tests.oracle.follow_ups import canary_well, follow_ups_changed
from tests.oracle.limits import limit_of, stop_clock, turn_clock_on
from tests.oracle.rules import Rule

_NAMED = 10
"""The most forgotten clusters that a message names."""


def new_rollout(event: Event) -> RolloutCase:
    data = event.data
    return RolloutCase(
        uid=event.rollout,
        name=f"{data.get('namespace')}/{data.get('name')}",
        kind=data.get("kind", IBGU),
        created_at=datetime.fromisoformat(data["created_at"]),
        seq=event.seq,
    )


def _plan_accepted(spot: EventContext) -> None:
    """Checks that the plan only grows: what has begun stays as it was."""
    rollout, data = spot.rollout, spot.event.data
    rollout.plan, rollout.seed = data.get("plan", []), data.get("seed", [])
    rollout.via = data.get("via", [])
    if not spot.proofs.parts:
        rollout.max_age = backups.asked_for(data)
    planned = [_planned(item) for item in rollout.plan]
    begun = [(step.actions, step.most, step.timeout) for step in rollout.steps]
    if rollout.restored and all(step.state == "finished" for step in rollout.steps[len(planned) :]):
        begun = begun[: len(planned)]
    spot.require(
        Rule.ORDER,
        planned[: len(begun)] == begun,
        "a plan was accepted that changes steps which have begun",
        *(step.opened for step in rollout.steps),
    )


def _planned(item: dict[str, Any]) -> tuple[tuple[str, ...], int, timedelta]:
    strategy = item.get("rolloutStrategy", {})
    timeout = timedelta(minutes=strategy.get("timeout", 0))
    return (tuple(item.get("actions", ())), strategy.get("maxConcurrency", 0), timeout)


def _started(spot: EventContext) -> None:
    words = "the rollout starts after it was deleted"
    spot.require(Rule.ORDER, not spot.rollout.deleted, words, spot.rollout.deleted)
    spot.rollout.state = "running"


def _completed(spot: EventContext) -> None:
    rollout = spot.rollout
    unfinished = [step for step in rollout.steps if step.state != "finished"]
    spot.require(
        Rule.ORDER,
        not unfinished and _all_of(rollout),
        f"complete with {len(rollout.steps)} of {len(rollout.plan)} steps begun and "
        f"{len(unfinished)} of them not finished",
        *(step.opened for step in unfinished),
    )
    rollout.state = "complete"


def _all_of(rollout: RolloutCase) -> bool:
    """Whether all steps were done; a restored plan may be shorter than what was done before."""
    begun, planned = len(rollout.steps), len(rollout.plan)
    return begun == planned or (rollout.restored and begun > planned)


def _held(spot: EventContext) -> None:
    """Notes a restore; a restored hub may show a deleted rollout again."""
    if spot.text("hold") == "Restored":
        spot.rollout.restored, spot.rollout.deleted = True, 0


def _deleted(spot: EventContext) -> None:
    spot.rollout.state = "deleted"
    spot.rollout.deleted = spot.event.seq


def _nothing(spot: EventContext) -> None:
    """Ignores the event: only the hold, which each event of rollout or step carries, may differ."""


def _control(spot: EventContext) -> None:
    controls = spot.event.data.get("controls") or {}
    spot.rollout.manual_cleanup_done = MANUAL_CLEANUP_DONE in controls
    if spot.proofs.parts:
        spot.rollout.max_age = backups.asked_by(controls)
    _follow_resume(spot.rollout, controls, spot.event.seq)
    spot.rollout.skipped = None
    mode = controls.get(PREFLIGHT)
    spot.rollout.enforces_preflight = mode is not None and (
        str(mode).strip().lower() not in ("off", "warn")
    )
    if not (spot.rollout.enforces_preflight or spot.audit.preflight_by_policy):
        for step in spot.rollout.steps:
            step.judged = 0
    spot.rollout.holds_on_warning = HOLD_ON_WARNING in controls
    rate_limits.follow(spot.rollout, controls)


def _follow_resume(rollout: RolloutCase, controls: Mapping[str, Any], seq: int) -> None:
    """Notes that a person resumes the rollout, or turns its circuit breaker off, which ends a hold
    as well."""
    resume, off = controls.get(RESUME), controls.get(CIRCUIT_BREAKER) == CIRCUIT_BREAKER_OFF
    resumes = resume != rollout.resume
    if resumes:
        rollout.resume, rollout.resumed = resume, seq
    if resumes or (off and not rollout.breaker_off):
        for step in rollout.steps:
            step.unresumed = ""
    rollout.breaker_off = off


def skips_were_asked(audit: Audit, rollout: RolloutCase, at: datetime | None) -> None:
    """Checks that the order of a person has come with the skipped members. `at`: the time of the
    next event; None: there is none."""
    found = rollout.skipped
    if found is not None and found.at != at:
        words = f"{found.cluster} was skipped, and nobody had asked for that"
        audit.require(Rule.ORDER, False, found, words)
        rollout.skipped = None


def _grants(spot: EventContext) -> None:
    spot.rollout.grants = msgspec.convert(spot.event.data.get("grants") or {}, Grants)


def step_opened(spot: EventContext) -> None:
    rollout, event, data = spot.rollout, spot.event, spot.event.data
    step = StepCase(
        index=event.step or 0,
        actions=tuple(data.get("actions", ())),
        most=data.get("max_concurrency", 0),
        timeout=timedelta(seconds=data.get("timeout_seconds", 0)),
        opened=event.seq,
        across_namespaces=data.get("across_namespaces", True),
    )
    before = rollout.steps[-1] if rollout.steps else None
    title = f"step {step.index + 1}"
    in_turn = step.index == len(rollout.steps)
    spot.require(Rule.ORDER, in_turn, f"{title} opens as number {len(rollout.steps) + 1}")
    spot.require(
        Rule.ORDER,
        before is None or before.state == "finished",
        f"{title} opens before the step before it was finished",
        before.opened if before else 0,
    )
    planned = [_planned(item) for item in rollout.plan][len(rollout.steps) :][:1]
    spot.require(
        Rule.ORDER,
        planned == [(step.actions, step.most, step.timeout)],
        f"{title} opens with {', '.join(step.actions)}, which the plan does not say",
    )
    _not_stopped(spot, f"{title} opens")
    rollout.steps.append(step)


def _not_stopped(spot: EventContext, what: str) -> None:
    rollout = spot.rollout
    words = f"{what} though the rollout was deleted"
    spot.require(Rule.ORDER, not rollout.deleted, words, rollout.deleted)
    spot.require(Rule.ORDER, not rollout.hold, f"{what} though the rollout is held: {rollout.hold}")


def _step_started(spot: StepEventContext) -> None:
    step = spot.step
    spot.require(Rule.ORDER, step.state == "opening", f"{spot.title} starts twice", step.opened)
    _not_stopped(spot, f"{spot.title} starts")
    step.state, step.started_at = "running", spot.event.at
    step.total = spot.event.data.get("total", 0)


def _released(spot: StepEventContext) -> None:
    spot.step.released, spot.step.new_limit = spot.event.seq, limit_of(spot)


def _evaluated(spot: StepEventContext) -> None:
    """Notes the errors that preflight has found (R46.9)."""
    step = spot.step
    found = spot.event.data.get("preflight") or {}
    judged = found.get("enforced") and not found.get("problem")
    step.plan_error, step.errors = "", {}
    step.evaluated = step.judged = spot.event.seq if judged else 0
    for each in found.get("findings", ()):
        if each.get("severity") != "error":
            continue
        rule, clusters = str(each.get("rule")), each.get("clusters") or ()
        step.errors |= dict.fromkeys(clusters, rule)
        step.plan_error = step.plan_error if clusters else rule


def _step_finished(spot: StepEventContext) -> None:
    step = spot.step
    spot.require(Rule.ORDER, step.state == "running", f"{spot.title} finishes, but did not run")
    left = [member for member in step.members.values() if member.state != "finished"]
    named = ", ".join(member.cluster for member in left[:_NAMED])
    spot.require(
        Rule.MEMBERS,
        not left,
        f"{spot.title} is finished without {len(left)} of its clusters: {named}",
        *(member.joined for member in left[:_NAMED]),
    )
    spot.require(
        Rule.MEMBERS,
        step.recounted or len(step.members) == step.total,
        f"{spot.title} began with {step.total} clusters, and {len(step.members)} joined it",
        step.opened,
    )
    step.state, step.finished_at = "finished", spot.event.at


OF_ROLLOUT: dict[str, Callable[[EventContext], None]] = {
    "PlanAccepted": _plan_accepted,
    "AnnotationsChanged": _nothing,
    "RolloutStarted": _started,
    "RolloutAdopted": _started,
    "RolloutCompleted": _completed,
    "RolloutDeleted": _deleted,
    "RolloutHeld": _held,
    "RolloutReleased": _nothing,
    "ControlAccepted": _control,
    "ApprovalChanged": _grants,
    "AskedApprovalsChanged": _nothing,
    "BreakGlassChanged": _grants,
}
OF_STEP: dict[str, Callable[[StepEventContext], None]] = {
    "StepStarted": _step_started,
    "StepHeld": _nothing,
    "StepReleased": _released,
    "ClockStopped": stop_clock,
    "ClockStarted": turn_clock_on,
    "StepFinished": _step_finished,
    "PreflightEvaluated": _evaluated,
    "CanaryWell": canary_well,
    "FollowUpChanged": follow_ups_changed,
}
