"""R18: gates are an ordered list of pure functions; the first closed one is the result."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.gates import (
    GATES,
    HOLDS,
    LASTING,
    RATE_LIMITS,
    StepGate,
    closed,
    share,
    step_deadline,
    time_stopped,
)
from ibgu.core.engine.gates.warning import WARNING
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.snapshot import PayloadState, Snapshot
from ibgu.core.model import ActingParty, Reason, ReasonKind, traits
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu

MINUTE = timedelta(minutes=1)
TALM = Reason(ReasonKind.TALM, START, "TALM is running")
CIRCUIT_BREAKER = Reason(ReasonKind.CIRCUIT_BREAKER, START, "five have failed")
FLOOR = Reason(ReasonKind.FLOOR, START, "too late")


def waiting(plan: str = "Prep", *, count: int = 3, timeout: int = 60) -> tuple[InMemoryEngine, str]:
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, count + 1)))
    for labels in engine.labels.values():
        labels["lcm.openshift.io/ibgu-prep-completed"] = ""
    uid = engine.apply(ibgu("a", plan, concurrency=2, timeout=timeout))
    engine.until_started()
    return engine, uid


def parts(engine: InMemoryEngine, uid: str) -> tuple[Snapshot, TrackedStep]:
    tracked = engine.tracked(uid)
    return engine.snapshot(tracked), tracked.steps[0]


def kind_of(engine: InMemoryEngine, uid: str) -> ReasonKind | None:
    reason = closed(*parts(engine, uid), engine.now)
    return reason.kind if reason else None


def hold_rollout(engine: InMemoryEngine, uid: str, reason: Reason) -> None:
    tracked = engine.tracked(uid)
    tracked.rollout = replace(tracked.rollout, hold=reason)


def hold_step(engine: InMemoryEngine, uid: str, reason: Reason) -> None:
    step = engine.tracked(uid).steps[0]
    step.step = replace(step.step, hold=reason)


def test_open_gates_answer_nothing() -> None:
    engine, uid = waiting()
    assert kind_of(engine, uid) is None


def test_a_steps_lasting_hold_comes_first_and_then_the_rollouts() -> None:
    engine, uid = waiting()
    hold_step(engine, uid, CIRCUIT_BREAKER)
    hold_rollout(engine, uid, TALM)
    assert kind_of(engine, uid) is ReasonKind.CIRCUIT_BREAKER
    hold_step(engine, uid, FLOOR)
    assert kind_of(engine, uid) is ReasonKind.TALM
    assert [gate.name for gate in GATES] == [
        "rollout-hold",
        "tenancy",
        "payload",
        "circuit-breaker",
        "seed-circuit-breaker",
        "failure-budget",
        "time-floor",
        "preflight-plan",
        "preflight",
        "warning",
        "backup",
        "invalid-rate-limit",
        "start-rate",
        "hub-start-rate",
        "ramp-up",
    ]


def test_a_steps_hold_lasts_only_if_a_person_has_to_end_it() -> None:
    engine, uid = waiting()
    hold_step(engine, uid, CIRCUIT_BREAKER)
    assert kind_of(engine, uid) is ReasonKind.CIRCUIT_BREAKER
    hold_step(engine, uid, FLOOR)
    assert kind_of(engine, uid) is None
    assert {
        ReasonKind.CIRCUIT_BREAKER,
        ReasonKind.SEED_BREAKER,
        ReasonKind.FAILURE_BUDGET,
        ReasonKind.PAYLOAD_CHANGED,
    } == LASTING


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (PayloadState(), None),
        (PayloadState(digest="other"), ReasonKind.PAYLOAD_CHANGED),
        (PayloadState(problem="over 500 KB"), ReasonKind.PAYLOAD_BLOCKED),
    ],
)
def test_the_payload_is_frozen_when_the_step_starts(
    state: PayloadState, kind: ReasonKind | None
) -> None:
    engine, uid = waiting()
    engine.payload = state
    assert kind_of(engine, uid) is kind
    if kind is not None:
        reason = closed(*parts(engine, uid), engine.now)
        assert reason is not None
        assert reason.who is ActingParty.PERSON


def test_an_unread_payload_is_for_ibgu_to_resolve() -> None:
    engine, uid = waiting()
    engine.payload = PayloadState(read=False)
    reason = closed(*parts(engine, uid), engine.now)
    assert reason is not None
    assert (reason.kind, reason.who) == (ReasonKind.PAYLOAD_BLOCKED, ActingParty.IBGU)


@pytest.mark.parametrize("state", [PayloadState(digest="other"), PayloadState(read=False)])
def test_a_step_without_prep_carries_nothing(state: PayloadState) -> None:
    engine, uid = waiting("Upgrade")
    engine.payload = state
    assert kind_of(engine, uid) is None


@pytest.mark.parametrize(("minutes", "kind"), [(45, None), (46, ReasonKind.FLOOR)])
def test_the_floor_closes_the_gate_when_too_little_time_is_left(
    minutes: int, kind: ReasonKind | None
) -> None:
    """60 min, two waves: a share of 30 min, of which half is needed."""
    engine, uid = waiting("Upgrade")
    engine.now = START + minutes * MINUTE
    assert kind_of(engine, uid) is kind


def test_prep_has_no_floor() -> None:
    engine, uid = waiting()
    engine.now = START + 59 * MINUTE
    assert kind_of(engine, uid) is None


def test_the_deadline_moves_with_the_clock() -> None:
    engine, uid = waiting()
    step = engine.tracked(uid).steps[0].step
    assert step_deadline(step, START) == START + 60 * MINUTE
    stood = replace(step, stopped=5 * MINUTE)
    assert step_deadline(stood, START) == START + 65 * MINUTE
    stands = replace(stood, stopped_since=START + 10 * MINUTE)
    assert step_deadline(stands, START + 30 * MINUTE) == START + 85 * MINUTE
    behind = START + 7 * MINUTE  # of another leader, after a failover of the database
    assert time_stopped(stands, behind) == 5 * MINUTE
    assert step_deadline(stands, behind) == START + 65 * MINUTE


def test_the_share_is_of_all_members_even_when_some_have_ended() -> None:
    engine, uid = waiting()
    assert share(engine.tracked(uid), engine.tracked(uid).steps[0]) == 30 * MINUTE


def test_a_reason_is_declared_by_one_gate() -> None:
    kinds = [kind for gate in GATES for kind in gate.reasons]
    assert len(kinds) == len(set(kinds))
    assert {*kinds, ReasonKind.GATE} == HOLDS | RATE_LIMITS
    assert {ReasonKind.START_RATE, ReasonKind.HUB_START_RATE, ReasonKind.RAMP_UP} == RATE_LIMITS


def test_circuit_breakers_and_preflight_guard_chained_actions() -> None:
    of_steps = [gate for gate in GATES if isinstance(gate, StepGate)]
    chained = {gate.name: {each for each in Action if gate.guards(each)} for gate in of_steps}
    assert {name for name, actions in chained.items() if actions} == {
        "circuit-breaker",
        "seed-circuit-breaker",
        "failure-budget",
        "preflight-plan",
        "backup",
    }
    assert chained["failure-budget"] == {Action.UPGRADE}
    assert chained["backup"] == {Action.UPGRADE}
    assert chained["circuit-breaker"] == {Action.UPGRADE, Action.ROLLBACK}
    assert chained["seed-circuit-breaker"] == {Action.UPGRADE}
    assert chained["preflight-plan"] == {Action.PREP, Action.UPGRADE}


def test_rate_limits_hold_only_what_loads_the_hub() -> None:
    """Whatever leads a cluster back starts as fast as its slots allow."""
    holds = {gate.name: {each for each in Action if gate.keeps(each)} for gate in GATES}
    limited = {
        name: kept for name, kept in holds.items() if kept != set(Action) and name != WARNING.name
    }
    on = {each for each in Action if not traits(each).leads_back}
    assert limited.pop("failure-budget") == on
    others = ("seed-circuit-breaker", "preflight-plan", "preflight", "backup")
    assert [limited.pop(name) for name in others] == [{Action.PREP, Action.UPGRADE}] * 4
    assert list(limited) == ["invalid-rate-limit", "start-rate", "hub-start-rate", "ramp-up"]
    assert all(kept == {Action.PREP, Action.UPGRADE} for kept in limited.values())
