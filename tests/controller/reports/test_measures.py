"""Metrics of a fleet, and of what was decided."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace
from prometheus_client import REGISTRY

from ibgu import telemetry
from ibgu.controller.reports import measures
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.timing.durations import DurationsByAction, DurationStats
from ibgu.core.model import (
    ActingParty,
    Cause,
    Kind,
    Member,
    MemberState,
    OnMember,
    OnRollout,
    Outcome,
    Reason,
    ReasonKind,
    RolloutState,
    Step,
    StepState,
)
from ibgu.core.model.follow_ups import PolicyFollowUp, StepFollowUps
from ibgu.core.model.preflight import FindingSeverity, PreflightRecord, RecordedFinding
from ibgu.sim.hub import MemoryClient, MemoryHub
from tests.core.engine.state.records import (
    MINUTE,
    NOW,
    done,
    failed,
    in_flight,
    member,
    reason,
    rollout,
    run,
    step,
    world_of,
)


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def states(**labels: str) -> dict[str, float]:
    """Returns the values of `ibgu_rollout_members` that are not 0."""
    return {
        sample.labels["state"]: sample.value
        for metric in telemetry.ROLLOUT_MEMBERS.collect()
        for sample in metric.samples
        if labels.items() <= sample.labels.items() and sample.value
    }


def fleet(*members: Member, **changes: Any) -> FleetState:
    return world_of(rollout(), [step("Upgrade", **changes)], members)


EVERYBODY = (
    done("site-1", Action.UPGRADE),
    failed("site-2"),
    in_flight("site-3"),
    in_flight("site-4", slot=2, reason=reason(ReasonKind.REBOOTING)),
    member("site-5"),
    member("site-6", reason=reason(ReasonKind.PROBING)),
)


def test_members_are_counted_in_the_words_of_all_surfaces() -> None:
    measures.gauge(fleet(*EVERYBODY), NOW, {})
    expected = dict.fromkeys(
        ("succeeded", "failed", "running", "rebooting", "waiting", "probing"), 1.0
    )
    assert states(rollout="fleet/a", step="1") == expected
    assert value("ibgu_members", state="rebooting") == 1
    assert value("ibgu_slots", state="used") == 2
    assert value("ibgu_rollout_slots", rollout="fleet/a", state="limit") == 10
    assert value("ibgu_rollouts", phase="Running") == 1


def test_a_circuit_breaker_holds_those_that_could_start() -> None:
    hold = Reason(ReasonKind.CIRCUIT_BREAKER, NOW, "five have failed")
    measures.gauge(fleet(member("site-1"), in_flight("site-2"), hold=hold), NOW, {})
    assert states() == {"held": 1, "running": 1}
    assert value("ibgu_rollout_held", rollout="fleet/a", reason="CircuitBreaker") == 1
    assert value("ibgu_rollouts", phase="Held") == 1


def test_a_rate_limit_holds_nobody() -> None:
    reason = Reason(ReasonKind.START_RATE, NOW, "at most 2 a minute", NOW)
    measures.gauge(fleet(member("site-1"), in_flight("site-2"), hold=reason), NOW, {})
    assert states() == {"waiting": 1, "running": 1}
    assert value("ibgu_rollout_held", rollout="fleet/a", reason="StartRate") is None
    assert value("ibgu_rollout_rate_limited", rollout="fleet/a", reason="StartRate") == 1
    assert value("ibgu_rollouts", phase="Running") == 1


def test_a_rollout_is_held_before_its_first_step_too() -> None:
    hold = Reason(ReasonKind.INVALID_PLAN, NOW, "Upgrade before Prep")
    measures.gauge(world_of(rollout(hold=hold)), NOW, {})
    assert value("ibgu_rollout_held", rollout="fleet/a", reason="InvalidPlan") == 1
    assert value("ibgu_rollouts", phase="Invalid") == 1


def test_a_deleted_rollout_has_no_hold_gauge() -> None:
    hold = Reason(ReasonKind.INVALID_PLAN, NOW, "Upgrade before Prep")
    measures.gauge(world_of(rollout(hold=hold, state=RolloutState.DELETED)), NOW, {})
    assert value("ibgu_rollout_held", rollout="fleet/a", reason="InvalidPlan") is None


def test_a_rollout_that_waits_for_its_name_hides_nothing_of_the_other() -> None:
    found = fleet(done("site-1", Action.UPGRADE), failed("site-2"))
    hold = Reason(ReasonKind.NAME_TAKEN, NOW, "an older ImageBasedGroupUpgrade has this name")
    younger = replace(rollout("b", hold=hold), name=rollout().name)
    found.apply(OnRollout(Kind.ROLLOUT_SEEN, younger, "seen"))
    measures.gauge(found, NOW, {})
    shown = {
        state: value("ibgu_rollout_clusters", rollout="fleet/a", state=state)
        for state in ("succeeded", "failed")
    }
    assert shown == {"succeeded": 1, "failed": 1}
    assert value("ibgu_rollout_held", rollout="fleet/a", reason="NameTaken") == 1


def test_a_finished_step_has_no_member_gauges() -> None:
    measures.gauge(fleet(*EVERYBODY), NOW, {})
    measures.gauge(fleet(done("site-1", Action.UPGRADE), state=StepState.FINISHED), NOW, {})
    assert states() == {}
    assert value("ibgu_members", state="running") == 0


def test_findings_of_preflight_are_counted_for_the_running_step() -> None:
    found = RecordedFinding("P3", FindingSeverity.ERROR, "are too old", ("site-1",))
    record = PreflightRecord(NOW, (found,))
    measures.gauge(fleet(member("site-1"), preflight=record), NOW, {})
    name = "ibgu_rollout_preflight_findings"
    shown = {each: value(name, rollout="fleet/a", severity=each) for each in FindingSeverity}
    assert shown == {"error": 1, "warning": 0}
    measures.gauge(fleet(member("site-1")), NOW, {})
    assert value(name, rollout="fleet/a", severity="error") is None


def test_a_former_leader_exports_no_gauges() -> None:
    measures.gauge(fleet(*EVERYBODY), NOW, {})
    measures.silence()
    assert states() == {}
    assert value("ibgu_rollouts", phase="Running") is None
    assert value("ibgu_write_queue_depth") == 0


def test_an_action_beyond_what_is_usual_has_stalled() -> None:
    duration_stats: DurationsByAction = {
        Action.UPGRADE: DurationStats(20, 1500.0, 2400.0, (1500.0,))
    }
    begun = {minutes: run(Action.UPGRADE, arming_at=NOW - minutes * MINUTE) for minutes in (49, 51)}
    members = [
        in_flight("site-1", run=begun[49]),
        in_flight("site-2", slot=2, run=begun[51]),
        in_flight("site-3", slot=3, run=run(Action.UPGRADE, arming_at=None)),
    ]
    measures.gauge(fleet(*members), NOW, duration_stats)
    assert value("ibgu_rollout_stalled_members", rollout="fleet/a", action="Upgrade") == 1
    measures.gauge(fleet(*members), NOW, {})
    assert value("ibgu_rollout_stalled_members", rollout="fleet/a", action="Upgrade") == 0


def spent(what: str) -> tuple[float, float]:
    labels = {"action": "Upgrade", "spent": what}
    found = (value(f"ibgu_member_seconds_{part}", **labels) for part in ("count", "sum"))
    count, seconds = (each or 0.0 for each in found)
    return count, seconds


def finish(found: Member, upgrade: Step) -> dict[str, tuple[float, float]]:
    """Returns what one more finished member adds."""
    before = {what: spent(what) for what in ("waiting", "working")}
    decision = OnMember(Kind.FINISHED, found, "has ended")
    measures.count([decision], world_of(rollout(), [upgrade], [found]))
    return {
        what: (spent(what)[0] - count, round(spent(what)[1] - seconds, 3))
        for what, (count, seconds) in before.items()
    }


def test_waiting_and_working_times_are_measured_separately() -> None:
    start, end = NOW + 5 * MINUTE, NOW + 45 * MINUTE
    found = done("site-1", Action.UPGRADE, started_at=start, ended_at=end)
    assert finish(found, step("Upgrade")) == {"waiting": (1, 300), "working": (1, 2400)}


def test_a_member_that_never_started_has_waiting_time_only() -> None:
    found = member(
        "site-1",
        state=MemberState.FINISHED,
        outcome=Outcome.FAILED,
        ended_at=NOW + timedelta(hours=4),
    )
    assert finish(found, step("Upgrade")) == {"waiting": (1, 14400), "working": (0, 0)}


def test_ends_are_counted_from_zero() -> None:
    measures.begin()
    labels = {"action": "Upgrade", "outcome": "failed", "cause": "NeverStarted"}
    before = value("ibgu_members_ended_total", **labels)
    assert before is not None
    finish(
        member(
            "site-1",
            state=MemberState.FINISHED,
            outcome=Outcome.FAILED,
            cause=Cause.NEVER_STARTED,
            ended_at=NOW,
        ),
        step("Upgrade"),
    )
    assert value("ibgu_members_ended_total", **labels) == before + 1


def test_requests_to_the_hub_are_counted_once() -> None:
    client = MemoryClient(MemoryHub(now=float))
    client.requests["patch", "5xx"] = 3
    tally = telemetry.Tally(client)
    before = value("ibgu_hub_requests_total", verb="patch", code="5xx") or 0
    tally.count()
    tally.count()
    client.requests["patch", "5xx"] += 1
    tally.count()
    assert value("ibgu_hub_requests_total", verb="patch", code="5xx") == before + 4


def test_bytes_to_the_hub_are_counted_once() -> None:
    client = MemoryClient(MemoryHub(now=float))
    client.sent["patch", "manifestworks"] = 300
    tally = telemetry.Tally(client)
    labels = {"verb": "patch", "resource": "manifestworks"}
    before = value("ibgu_hub_sent_bytes_total", **labels) or 0
    tally.count()
    tally.count()
    client.sent["patch", "manifestworks"] += 40
    tally.count()
    assert value("ibgu_hub_sent_bytes_total", **labels) == before + 340


def test_pauses_are_measured_until_they_are_over() -> None:
    def reports(*members: Member) -> list[float | None]:
        measures.gauge(fleet(*members, state=StepState.FINISHED), NOW, {})
        names = ("clusters", "since_timestamp_seconds")
        return [value(f"ibgu_rollout_paused_{name}", rollout="fleet/a") for name in names]

    paused = done("site-1", Action.UPGRADE, paused_since=NOW)
    assert reports(paused, done("site-2", Action.UPGRADE)) == [1, NOW.timestamp()]
    assert reports(done("site-1", Action.UPGRADE)) == [0, None]


def test_warnings_and_the_first_rollback_deadline_stay_until_they_are_over() -> None:
    def reports(*members: Member) -> list[float | None]:
        measures.gauge(fleet(*members, state=StepState.FINISHED), NOW, {})
        names = ("warned_clusters", "rollback_clusters", "rollback_until_timestamp_seconds")
        return [value(f"ibgu_rollout_{name}", rollout="fleet/a") for name in names]

    first, second = (
        done(name, Action.UPGRADE, rollback_until=NOW + minutes * MINUTE)
        for name, minutes in (("site-1", 9), ("site-2", 8))
    )
    warned = done("site-3", Action.PREP, warning="Thing[1] - CRD not deployed on cluster")
    assert reports(first, second, warned) == [1, 2, (NOW + 8 * MINUTE).timestamp()]
    assert reports(done("site-1", Action.FINALIZE_UPGRADE)) == [0, 0, None]


def test_clusters_that_policies_hold_are_counted_by_policy() -> None:
    def kept(gate: str, who: ActingParty = ActingParty.IBGU) -> Reason:
        return Reason(ReasonKind.GATE, NOW, "not now", None, who, gate)

    night, unknown = "RolloutPolicy/night", "RolloutPolicies"
    measures.gauge(
        fleet(
            member("site-1", reason=kept(night)),
            member("site-2", reason=kept(night, ActingParty.CLUSTER)),
            in_flight("site-3", reason=kept(night)),
            member("site-4", reason=kept(unknown)),
            in_flight("site-5", slot=2),
        ),
        NOW,
        {},
    )
    assert value("ibgu_policy_held_clusters", policy="night") == 3
    assert value("ibgu_policy_held_clusters", policy=unknown) == 1
    measures.gauge(fleet(member("site-1")), NOW, {})
    assert value("ibgu_policy_held_clusters", policy="night") is None


def test_members_that_wait_for_a_person_are_counted_by_reason() -> None:
    def waits(kind: ReasonKind, who: ActingParty, gate: str = "") -> Reason:
        return Reason(kind, NOW, "not now", None, who, gate)

    person, approval, night = ActingParty.PERSON, "RolloutPolicy/board", "RolloutPolicy/night"
    measures.gauge(
        fleet(
            member("site-1", reason=waits(ReasonKind.GATE, person, approval)),
            member("site-2", reason=waits(ReasonKind.GATE, ActingParty.IBGU, night)),
            in_flight("site-3", reason=waits(ReasonKind.GATE, person, approval)),
            member("site-4", reason=waits(ReasonKind.WARNING, person)),
            in_flight("site-5", slot=2, reason=waits(ReasonKind.SOAKING, ActingParty.IBGU)),
            member("site-6"),
        ),
        NOW,
        {},
    )

    def waiting(reason: str) -> float | None:
        return value("ibgu_rollout_members_waiting_for_person", rollout="fleet/a", reason=reason)

    assert (waiting("GateClosed"), waiting("WarningNotAccepted")) == (2, 1)
    assert value("ibgu_rollout_soaking_members", rollout="fleet/a") == 1
    measures.gauge(fleet(member("site-1")), NOW, {})
    assert waiting("GateClosed") is None


def test_second_rollouts_of_policies_are_counted_by_their_result() -> None:
    asked = PolicyFollowUp(
        policy="proven", action="Rollback", clusters=("x",), uids=("u",), why="", decided_at=NOW
    )
    pending, refused = replace(asked, name="a-rollback-1"), replace(asked, refused="no")
    others = (replace(pending, made_at=NOW), refused, replace(refused, superseded=True))
    made = StepFollowUps(made=(asked, pending, *others))
    named = rollout()
    found = world_of(named, [replace(step(), follow_ups=made)], [])
    measures.gauge(found, NOW, {})
    for result in ("planned", "pending", "made", "refused"):
        labels = {"rollout": named.full_name, "result": result}
        assert value("ibgu_rollout_follow_ups", **labels) == 1
