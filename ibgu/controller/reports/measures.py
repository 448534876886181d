"""Sets the metrics that follow from decisions and from the FleetState."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from msgspec import to_builtins

from ibgu import telemetry
from ibgu.core.drivers import every_action
from ibgu.core.engine.gates import FOR_A_PERSON
from ibgu.core.engine.state import FleetState, TrackedRollout, TrackedStep
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import (
    Cause,
    Decision,
    Kind,
    Member,
    MemberState,
    OnMember,
    Outcome,
    ReasonKind,
    Rollout,
    Run,
    Step,
)
from ibgu.core.model.preflight import FindingSeverity
from ibgu.core.views.display import DisplayState, word
from ibgu.core.views.forecast import stalled
from ibgu.core.views.policy_words import policy_of
from ibgu.core.views.status import Phase, hold_of, kept_by, phase_of


def begin() -> None:
    """Creates all series at the start: Prometheus ignores the first value of a new one."""
    for what in ("work", "report"):
        telemetry.OWN_ERRORS.labels(what)
    for what in ("events", "rollouts", "members", "runs"):
        telemetry.FORGOTTEN.labels(what)
    for action in every_action():
        telemetry.MEMBERS_ENDED.labels(action, Outcome.SUCCEEDED, "")
        for cause in Cause:
            telemetry.MEMBERS_ENDED.labels(action, Outcome.FAILED, cause)


def count(decisions: Iterable[Decision], fleet: FleetState) -> None:
    """Counts committed decisions."""
    for decision in decisions:
        if not isinstance(decision, OnMember):
            continue
        if decision.kind is Kind.RUN_ENDED:
            assert decision.member.run is not None
            _ended(decision.member.run)
        elif decision.kind is Kind.FINISHED and decision.member.rollout in fleet.rollouts:
            _finished(decision.member, fleet.step_of(decision.member).step)


def _ended(run: Run) -> None:
    result = run.result or ""
    telemetry.ACTIONS.labels(run.action, result, run.cause or "").inc()
    if run.arming_at and run.ended_at:
        seconds = (run.ended_at - run.arming_at).total_seconds()
        telemetry.ACTION_SECONDS.labels(run.action, result).observe(seconds)


def _finished(member: Member, step: Step) -> None:
    """Counts a finished member; one that never started has only waiting time."""
    telemetry.MEMBERS_ENDED.labels(step.first, member.outcome or "", member.cause or "").inc()
    if step.started_at is None or member.ended_at is None:
        return
    started = member.started_at or member.ended_at
    spent = {"waiting": started - step.started_at, "working": member.ended_at - started}
    for what, time in spent.items():
        if what == "waiting" or member.started_at is not None:
            telemetry.MEMBER_SECONDS.labels(step.first, what).observe(time.total_seconds())


def gauge(fleet: FleetState, now: datetime, duration_stats: DurationsByAction) -> None:
    """Sets the gauges that show the present; called at each scrape. `duration_stats`: the usual
    durations on this hub."""
    for metric in telemetry.PRESENT:
        metric.clear()
    phases: Counter[str] = Counter()
    states: Counter[str] = Counter()
    held_by: Counter[str] = Counter()
    used = limit = 0
    for tracked in fleet.rollouts.values():
        phase = phase_of(tracked.rollout, tracked.newest, tracked.counts)
        phases[phase] += 1
        hold = hold_of(tracked.rollout, tracked.newest)
        # One that waits for the name of another would overwrite what that one shows.
        waits = hold is not None and hold.kind is ReasonKind.NAME_TAKEN
        if phase is not Phase.DELETED and not waits:
            _clusters(tracked)
            _reports(tracked)
            _broken_glass(tracked.rollout, now)
            _follow_ups(tracked)
        kept = kept_by(tracked.rollout, tracked.newest)
        if kept is not None and phase is not Phase.DELETED:
            metric = telemetry.ROLLOUT_HELD if hold else telemetry.ROLLOUT_RATE_LIMITED
            metric.labels(tracked.rollout.full_name, kept.kind).set(1)
        step = tracked.current
        if step is not None:
            used += len(step.slots)
            limit += step.step.max_concurrency
            states += _rollout(tracked.rollout.full_name, step, held=hold is not None)
            _stalled(tracked.rollout.full_name, step, now, duration_stats)
            _preflight(tracked.rollout.full_name, step.step)
            held_by += _held_by(step)
    for policy, clusters in held_by.items():
        telemetry.POLICY_HELD.labels(policy).set(clusters)
    for phase in frozenset(Phase) - {Phase.DELETED}:
        telemetry.ROLLOUTS.labels(phase).set(phases[phase])
    for state in DisplayState:
        telemetry.MEMBERS.labels(state).set(states[state])
    telemetry.SLOTS.labels("used").set(used)
    telemetry.SLOTS.labels("limit").set(limit)


def _broken_glass(rollout: Rollout, now: datetime) -> None:
    open_ = sum(each.counts(now) for each in rollout.grants.broken_glass)
    if open_ and not rollout.deleted_at:
        telemetry.ROLLOUT_BROKEN_GLASS.labels(rollout.full_name).set(open_)


def _follow_ups(tracked: TrackedRollout) -> None:
    found: Counter[str] = Counter()
    for step in tracked.steps:
        for each in step.step.follow_ups.made:
            if not each.superseded:
                result = "made" if each.made_at is not None else "pending"
                result = "planned" if each.planned else result
                found["refused" if each.refused else result] += 1
    for result, number in found.items():
        telemetry.ROLLOUT_FOLLOW_UPS.labels(tracked.rollout.full_name, result).set(number)


def _held_by(step: TrackedStep) -> Counter[str]:
    """Returns how many members each policy keeps, before their start or between two actions. While
    the policies of the hub are not known, the name is that of their gate, which no policy has."""
    found: Counter[str] = Counter()
    for (gate, _), members in step.kept.items():
        found[policy_of(gate) or gate] += len(members)
    for name in step.in_flight:
        if gate := step.members[name].reason.gate:
            found[policy_of(gate) or gate] += 1
    return found


def _preflight(rollout: str, step: Step) -> None:
    """Sets the findings of the running step, if it was evaluated."""
    if step.preflight is not None:
        for severity in FindingSeverity:
            number = step.preflight.count(severity)
            telemetry.ROLLOUT_PREFLIGHT.labels(rollout, severity).set(number)


def _clusters(tracked: TrackedRollout) -> None:
    """Sets the rollout's clusters by state, also after its end."""
    for state, clusters in to_builtins(tracked.counts).items():
        if state != "total":
            telemetry.ROLLOUT_CLUSTERS.labels(tracked.rollout.full_name, state).set(clusters)


def _reports(tracked: TrackedRollout) -> None:
    """Sets what clusters report beside how their actions go, also after the rollout's end."""
    name, found = tracked.rollout.full_name, tracked.reports
    telemetry.ROLLOUT_WARNED.labels(name).set(found.warned)
    telemetry.ROLLOUT_ROLLBACK.labels(name).set(found.rollback)
    if found.rollback_until is not None:
        until = found.rollback_until.timestamp()
        telemetry.ROLLOUT_ROLLBACK_UNTIL.labels(name).set(until)
    telemetry.ROLLOUT_PAUSED.labels(name).set(found.paused)
    if found.paused_since is not None:
        telemetry.ROLLOUT_PAUSED_SINCE.labels(name).set(found.paused_since.timestamp())


def _rollout(name: str, step: TrackedStep, *, held: bool) -> Counter[str]:
    """Sets the gauges of a rollout whose step runs or opens; returns its members by state."""
    number = str(step.step.index + 1)
    states: Counter[str] = Counter()
    for status, members in step.by_status.items():
        states[word(*status, held=held)] += members
    for state in DisplayState:
        telemetry.ROLLOUT_MEMBERS.labels(name, number, state).set(states[state])
    for reason, waiting in _waiting_for_person(step).items():
        telemetry.ROLLOUT_WAITING_FOR_PERSON.labels(name, reason).set(waiting)
    soaking = step.by_status[MemberState.IN_FLIGHT, ReasonKind.SOAKING, None, False]
    telemetry.ROLLOUT_SOAKING.labels(name).set(soaking)
    telemetry.ROLLOUT_SLOTS.labels(name, "used").set(len(step.slots))
    telemetry.ROLLOUT_SLOTS.labels(name, "limit").set(step.step.max_concurrency)
    return states


def _waiting_for_person(step: TrackedStep) -> Counter[str]:
    """Returns by reason how many members a hold of their own, or a gate of policies that a person
    must open, keeps; the hold of their step or rollout is another metric's."""
    found: Counter[str] = Counter()
    for (_, kind, outcome, _), members in step.by_status.items():
        if outcome is None and kind in FOR_A_PERSON:
            found[str(kind)] += members
    for name in step.kept_by_person():
        found[step.members[name].reason.kind] += 1
    return found


def _stalled(
    rollout: str, step: TrackedStep, now: datetime, duration_stats: DurationsByAction
) -> None:
    for action in step.step.actions:
        telemetry.ROLLOUT_STALLED.labels(rollout, action).set(0)
    for name in step.in_flight:
        run = step.members[name].run
        if run is not None and run.open and stalled(run.action, run.arming_at, now, duration_stats):
            telemetry.ROLLOUT_STALLED.labels(rollout, run.action).inc()


def silence() -> None:
    """Clears the gauges: a controller that does not lead knows no values."""
    for metric in telemetry.PRESENT:
        metric.clear()
    telemetry.QUEUE.set(0)
    telemetry.REFRESHES_WAITING.set(0)
    telemetry.TALM_LIVE.set(0)
