"""R46.8, R46.9: an error of preflight keeps its clusters where the rollout enforces preflight."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.engine.gates.preflight import PREFLIGHT
from ibgu.core.model import ActingParty, Cause, Kind, Outcome, ReasonKind
from ibgu.core.model.kinds import RolloutObject
from ibgu.core.model.preflight import (
    FindingSeverity,
    PreflightMode,
    PreflightRecord,
    PreflightResult,
    RecordedFinding,
    merged,
    preflight_mode,
)
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.oracle.logs import certify, log_of

ALL = ("site-1", "site-2", "site-3")
ERROR, WARNING = FindingSeverity.ERROR, FindingSeverity.WARNING
TOO_OLD = RecordedFinding("P3", ERROR, "more than 2 minor releases behind 4.17.3", ("site-2",))
UNNAMED = RecordedFinding("P11", ERROR, "lacks image or version: every cluster will refuse Prep")
SLOW = RecordedFinding("P33", WARNING, "are not reachable", ("site-1", "site-2"))


def evaluated(
    *findings: RecordedFinding,
    judged: tuple[str, ...] = ALL,
    minutes: int = 0,
    unknown: tuple[str, ...] = (),
    enforced: bool = True,
) -> PreflightResult:
    at = START + timedelta(minutes=minutes)
    record = PreflightRecord(at, findings, unknown, enforced=enforced)
    return PreflightResult(record, frozenset(judged))


def rollout(
    *plan: str, mode: str | None = "enforce", found: PreflightResult | None, concurrency: int = 3
) -> InMemoryEngine:
    """Returns three clusters, of which a plan is carried out for an hour or two."""
    engine = InMemoryEngine(*ALL)
    Invariants(engine)
    engine.preflight = found
    engine.apply(ibgu("a", *plan, concurrency=concurrency))
    if mode is not None:
        engine.annotate("uid-a", preflight=mode)
    engine.wait(minutes=90)
    return engine


def outcomes(engine: InMemoryEngine, step: int = 0) -> list[Outcome | None]:
    return [engine.member("uid-a", step, name).outcome for name in ALL]


def judge_again(engine: InMemoryEngine, *findings: RecordedFinding, minutes: int = 5) -> None:
    engine.preflight = evaluated(*findings, minutes=minutes)
    engine.touch("uid-a")


DONE = Outcome.SUCCEEDED


def test_a_cluster_with_an_error_waits_and_those_behind_it_pass() -> None:
    engine = rollout("Prep", found=evaluated(TOO_OLD), concurrency=1)
    assert outcomes(engine) == [DONE, None, DONE]
    reason = engine.member("uid-a", 0, "site-2").reason
    assert (reason.kind, reason.who) == (ReasonKind.PREFLIGHT, ActingParty.PERSON)
    assert reason.message == "more than 2 minor releases behind 4.17.3 [P3]"
    assert engine.spokes["site-2"].stage is Stage.IDLE


@pytest.mark.parametrize("mode", [None, "warn", "off", " Warn "])
def test_without_enforcement_an_error_holds_nothing(mode: str | None) -> None:
    engine = rollout("Prep", mode=mode, found=evaluated(TOO_OLD, UNNAMED))
    assert outcomes(engine) == [DONE] * 3
    [said] = engine.told(Kind.PREFLIGHT)
    assert said == (
        "preflight: 2 errors, 0 warnings, 0 rules unknown; "
        "the plan: lacks image or version: every cluster will refuse Prep [P11]; "
        "1 cluster: more than 2 minor releases behind 4.17.3 [P3]"
    )


def test_a_mistyped_mode_enforces() -> None:
    engine = rollout("Prep", mode="enforced", found=evaluated(TOO_OLD))
    assert outcomes(engine) == [DONE, None, DONE]


def test_warnings_and_unknown_rules_hold_nothing() -> None:
    engine = rollout("Prep", found=evaluated(SLOW, unknown=("P6", "P30")))
    assert outcomes(engine) == [DONE] * 3
    [said] = engine.told(Kind.PREFLIGHT)
    assert said == "preflight: 0 errors, 1 warning, 2 rules unknown"


def test_a_step_with_a_member_that_was_not_judged_waits_for_the_next_evaluation() -> None:
    """A label that is written between evaluation and start lets a cluster in."""
    engine = rollout("Prep", found=evaluated(judged=("site-1", "site-3")))
    assert outcomes(engine) == [None] * 3
    hold = engine.tracked("uid-a").steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.PREFLIGHT_PENDING
    judge_again(engine, TOO_OLD)
    engine.wait(minutes=60)
    assert outcomes(engine) == [DONE, None, DONE]


def test_members_that_were_not_judged_start_where_nothing_is_enforced() -> None:
    found = evaluated(judged=("site-1", "site-3"), enforced=False)
    assert outcomes(rollout("Prep", mode="warn", found=found)) == [DONE] * 3


def test_an_error_of_the_plan_holds_the_step_until_it_heals() -> None:
    engine = rollout("Prep", found=evaluated(UNNAMED))
    assert outcomes(engine) == [None] * 3
    hold = engine.tracked("uid-a").steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.PREFLIGHT_PLAN
    judge_again(engine)
    engine.wait(minutes=60)
    assert outcomes(engine) == [DONE] * 3


def test_nothing_starts_before_the_step_was_judged_where_preflight_is_enforced() -> None:
    engine = rollout("Prep", found=None)
    hold = engine.tracked("uid-a").steps[0].step.hold
    assert hold is not None
    assert (hold.kind, hold.who) == (ReasonKind.PREFLIGHT_PENDING, ActingParty.IBGU)
    assert hold.message == "preflight is still checking the clusters of this step"
    judge_again(engine)
    engine.wait(minutes=60)
    assert outcomes(engine) == [DONE] * 3


def test_a_cluster_starts_by_itself_once_the_fact_heals() -> None:
    engine = rollout("Prep", found=evaluated(TOO_OLD))
    judge_again(engine)
    engine.wait(minutes=60)
    assert outcomes(engine) == [DONE] * 3


@pytest.mark.parametrize("mode", ["warn", "off"])
def test_a_person_lets_the_clusters_start_in_spite_of_errors(mode: str) -> None:
    engine = rollout("Prep", found=evaluated(TOO_OLD))
    engine.annotate("uid-a", preflight=mode)
    engine.wait(minutes=60)
    assert outcomes(engine) == [DONE] * 3
    said = (
        "warn and off keep no cluster, unless a RolloutPolicy enforces preflight; any other value "
        "keeps those with an error"
    )
    assert engine.told(Kind.CONTROL) == [
        f"ibgu.dev/preflight=enforce: {said}",
        f"ibgu.dev/preflight={mode}: {said}",
    ]


def test_an_error_that_comes_up_before_a_chained_upgrade_keeps_the_slot() -> None:
    engine = InMemoryEngine(*ALL)
    Invariants(engine)
    engine.preflight = evaluated()
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=3))
    engine.annotate("uid-a", preflight="enforce")
    engine.until(Kind.RUN_ACCEPTED)
    judge_again(engine, TOO_OLD, minutes=1)
    engine.wait(minutes=90)
    assert outcomes(engine) == [DONE, None, DONE]
    member = engine.member("uid-a", 0, "site-2")
    assert member.reason.kind is ReasonKind.PREFLIGHT
    assert member.slot is not None
    judge_again(engine)
    engine.wait(minutes=60)
    assert outcomes(engine) == [DONE] * 3


def kept_in_a_chain(minutes: int = 80) -> InMemoryEngine:
    """Returns a fleet whose first cluster preflight keeps before its Upgrade, past its limit; it
    has 80 minutes."""
    engine = InMemoryEngine(*ALL)
    Invariants(engine)
    engine.preflight = evaluated()
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=1, timeout=240))
    engine.annotate("uid-a", preflight="enforce")
    engine.until(Kind.RUN_ACCEPTED)
    judge_again(engine, replace(TOO_OLD, clusters=("site-1",)), minutes=1)
    engine.wait(minutes=minutes)
    return engine


def test_a_cluster_that_is_kept_in_its_chain_leaves_its_slot_past_its_limit() -> None:
    engine = kept_in_a_chain()
    member = engine.member("uid-a", 0, "site-1")
    assert (member.slot, member.reason.kind) == (None, ReasonKind.PREFLIGHT)
    [said] = engine.told(Kind.RETURNED)
    assert said.startswith("leaves its slot to others, since its limit has passed: more than 2")
    judge_again(engine)
    engine.wait(minutes=100)
    assert outcomes(engine) == [DONE] * 3
    member = engine.member("uid-a", 0, "site-1")
    assert [done.action for done in member.completed] == [Action.PREP, Action.UPGRADE]
    assert member.attempts == 2
    assert not certify(log_of(engine)).violations


def test_a_cluster_whose_error_is_gone_at_its_limit_goes_on_in_its_slot() -> None:
    engine = kept_in_a_chain(minutes=70)
    engine.preflight = evaluated(minutes=5)
    engine.wait(minutes=15)
    member = engine.member("uid-a", 0, "site-1")
    assert member.run is not None
    assert (member.slot, member.run.action) == (1, Action.UPGRADE)
    assert engine.told(Kind.RETURNED) == []


def test_a_kept_cluster_that_left_its_slot_ends_with_the_step() -> None:
    engine = kept_in_a_chain()
    engine.wait(hours=3)
    assert outcomes(engine) == [Outcome.FAILED, DONE, DONE]
    member = engine.member("uid-a", 0, "site-1")
    assert (member.cause, member.failed_action) == (Cause.NEVER_STARTED, Action.UPGRADE)
    assert engine.spokes["site-1"].stage is Stage.PREP


def test_a_kept_cluster_that_others_do_not_wait_for_keeps_its_slot() -> None:
    engine = InMemoryEngine("site-1")
    engine.preflight = evaluated()
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=1, timeout=60))
    engine.annotate("uid-a", preflight="enforce")
    engine.until(Kind.RUN_ACCEPTED)
    judge_again(engine, replace(TOO_OLD, clusters=("site-1",)), minutes=1)
    engine.wait(minutes=55)
    assert engine.member("uid-a", 0, "site-1").slot == 1


def test_a_cluster_that_leaves_its_slot_reaches_no_level_of_the_ramp_up() -> None:
    """The cluster has not ended, so as many may be in flight as before."""
    sites = tuple(f"site-{n}" for n in range(1, 6))
    engine = InMemoryEngine(*sites)
    Invariants(engine)
    engine.preflight = evaluated(judged=sites)
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=4, timeout=240))
    engine.annotate("uid-a", preflight="enforce", ramp_up="true")
    engine.until(Kind.RUN_ACCEPTED)
    found = replace(TOO_OLD, clusters=("site-1",))
    engine.preflight = evaluated(found, judged=sites, minutes=1)
    engine.touch_everything()
    engine.until(Kind.RETURNED)
    engine.settle()
    assert set(engine.tracked("uid-a").steps[0].in_flight) == {"site-2"}
    engine.wait(hours=2)
    assert outcomes(engine)[0] is None
    assert not certify(log_of(engine)).violations


def test_an_error_of_the_plan_before_a_chained_upgrade_keeps_all_slots() -> None:
    engine = InMemoryEngine(*ALL)
    engine.preflight = evaluated()
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=3))
    engine.annotate("uid-a", preflight="enforce")
    engine.until(Kind.RUN_ACCEPTED)
    judge_again(engine, UNNAMED, minutes=1)
    engine.wait(minutes=60)
    assert outcomes(engine) == [None] * 3
    judge_again(engine)
    engine.wait(minutes=60)
    assert outcomes(engine) == [DONE] * 3


@pytest.mark.parametrize("action", [Action.ABORT, Action.ABORT_ON_FAILURE, Action.ROLLBACK])
def test_the_ways_back_and_the_ends_are_never_held(action: Action) -> None:
    engine = InMemoryEngine("site-2")
    engine.preflight = evaluated(TOO_OLD, UNNAMED)
    engine.spokes["site-2"].faults[Stage.PREP] = "fail" if action == Action.ABORT_ON_FAILURE else ""
    engine.apply(ibgu("a", "Prep"))
    if action == Action.ROLLBACK:
        engine.append("uid-a", "Upgrade")
    engine.wait(minutes=90)
    engine.apply(ibgu("b", action, age=-1))
    engine.annotate("uid-b", preflight="enforce")
    engine.wait(minutes=60)
    assert engine.member("uid-b", 0, "site-2").outcome is DONE


def test_an_evaluation_is_recorded_once_and_a_later_one_again() -> None:
    engine = rollout("Prep", mode=None, found=evaluated(SLOW))
    engine.touch("uid-a")
    engine.wait(minutes=1)
    assert len(engine.told(Kind.PREFLIGHT)) == 1
    record = engine.tracked("uid-a").steps[0].step.preflight
    assert record is not None
    assert record.of_cluster("site-1") == (SLOW,)
    assert record.of_cluster("site-3") == ()


def test_findings_about_clusters_that_were_not_judged_again_stay() -> None:
    known = PreflightRecord(START, (TOO_OLD, SLOW, UNNAMED))
    later = evaluated(RecordedFinding("P3", ERROR, "x", ("site-1", "site-9")), judged=("site-1",))
    found = merged(known, later, frozenset(ALL))
    assert found.findings == (
        RecordedFinding("P3", ERROR, "x", ("site-1",)),
        TOO_OLD,
        RecordedFinding("P33", WARNING, "are not reachable", ("site-2",)),
    )


def test_the_modes_of_the_annotation() -> None:
    key = "ibgu.dev/preflight"
    assert preflight_mode({}) is PreflightMode.WARN
    assert preflight_mode({key: "OFF"}) is PreflightMode.OFF
    assert preflight_mode({key: ""}) is PreflightMode.ENFORCE


def test_the_gate_is_about_prep_and_upgrade_alone() -> None:
    assert [action for action in Action if PREFLIGHT.keeps(action)] == [Action.PREP, Action.UPGRADE]


def test_the_pause_grows_with_the_clusters_that_are_judged_and_at_fault() -> None:
    many = tuple(f"site-{number}" for number in range(5000))
    few, all_ = (replace(TOO_OLD, clusters=names) for names in (many[:1], many))
    assert PreflightRecord(START, (few,)).pause(1) < timedelta(seconds=6)
    assert PreflightRecord(START, (all_,)).pause(1) > timedelta(seconds=100)
    assert timedelta(seconds=30) < PreflightRecord(START).pause(10_000) < timedelta(minutes=1)


def test_an_event_names_the_first_errors_alone() -> None:
    found = [RecordedFinding(f"P{number}", ERROR, "x" * 4000, ("site-1",)) for number in range(20)]
    engine = rollout("Prep", mode="warn", found=evaluated(*found))
    [said] = engine.told(Kind.PREFLIGHT)
    assert said.startswith("preflight: 20 errors, 0 warnings, 0 rules unknown; 1 cluster: xxx")
    assert len(said) <= 4096
    short = [replace(each, message="is wrong") for each in found]
    [said] = rollout("Prep", mode="warn", found=evaluated(*short)).told(Kind.PREFLIGHT)
    assert said.endswith("1 cluster: is wrong [P4]; 15 more errors")


def test_a_record_that_was_made_to_warn_lets_no_enforced_cluster_start() -> None:
    engine = rollout("Prep", found=evaluated(enforced=False))
    assert outcomes(engine) == [None] * 3
    judge_again(engine)
    engine.wait(minutes=60)
    assert outcomes(engine) == [DONE] * 3


@pytest.mark.parametrize("mode", ["off", "warn"])
def test_a_step_that_is_enforced_again_waits_for_a_new_evaluation(mode: str) -> None:
    """A cluster that was not reachable is back when the old record is of another time."""
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    engine.spokes["site-1"].dark = True
    engine.preflight = evaluated()
    engine.apply(with_mode(ibgu("a", "Prep"), "enforce"))
    engine.wait(minutes=5)
    engine.annotate("uid-a", preflight=mode)
    engine.wait(minutes=5)
    assert engine.told(Kind.PREFLIGHT)[1:] == ["preflight is no longer enforced"]
    engine.annotate("uid-a", preflight="enforce")
    engine.settle()
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is None
    hold = engine.tracked("uid-a").steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.PREFLIGHT_PENDING
    judge_again(engine)
    engine.wait(minutes=60)
    assert engine.member("uid-a", 0, "site-1").outcome is DONE


def test_an_evaluation_that_ends_after_its_mode_is_not_enforced() -> None:
    """The IBGU enforced preflight when the evaluation began, and only warns when it is recorded."""
    engine = InMemoryEngine("site-1")
    engine.preflight = evaluated()
    engine.apply(with_mode(ibgu("a", "Prep"), "warn"))
    engine.until(Kind.PREFLIGHT)
    record = engine.tracked("uid-a").steps[0].step.preflight
    assert record is not None
    assert not record.enforced


def test_a_record_stays_enforced_while_the_rollout_is_not_on_the_hub() -> None:
    engine = rollout("Prep", found=evaluated(TOO_OLD))
    engine.delete("uid-a")
    engine.settle()
    record = engine.tracked("uid-a").steps[0].step.preflight
    assert record is not None
    assert record.enforced


def with_mode(obj: RolloutObject, mode: str) -> RolloutObject:
    meta = replace(obj.metadata, annotations={"ibgu.dev/preflight": mode})
    return replace(obj, metadata=meta)


def test_members_between_two_actions_go_on_after_the_first_evaluation() -> None:
    """Enforced while Prep is under way, in a step that was not evaluated before."""
    engine = InMemoryEngine(*ALL)
    engine.apply(ibgu("a", "Prep Upgrade", concurrency=1))
    engine.until(Kind.RUN_ACCEPTED)
    engine.annotate("uid-a", preflight="enforce")
    engine.wait(minutes=60)
    assert outcomes(engine) == [None] * 3
    judge_again(engine)
    engine.wait(minutes=180)
    assert outcomes(engine) == [DONE] * 3


def test_an_error_of_ibgus_own_says_why_an_enforced_step_waits() -> None:
    broken = PreflightResult(PreflightRecord(START, problem="can't be evaluated"), frozenset())
    engine = rollout("Prep", found=broken)
    hold = engine.tracked("uid-a").steps[0].step.hold
    assert hold is not None
    assert (hold.message, hold.who) == ("can't be evaluated", ActingParty.PERSON)
    assert engine.told(Kind.PREFLIGHT) == ["preflight: can't be evaluated"]
    judge_again(engine)
    engine.wait(minutes=60)
    assert outcomes(engine) == [DONE] * 3


def test_an_error_of_the_plan_stays_while_it_can_not_be_checked() -> None:
    known = PreflightRecord(START, (UNNAMED, TOO_OLD))
    later = PreflightResult(PreflightRecord(START), frozenset(ALL), {"P11": None, "P3": None})
    assert merged(known, later, frozenset(ALL)).findings == (UNNAMED, TOO_OLD)
    partly = replace(later, unchecked={"P3": frozenset({"site-1"}), "P11": frozenset({"site-1"})})
    assert merged(known, partly, frozenset(ALL)).findings == ()


def test_a_value_that_is_too_long_for_the_journal_enforces() -> None:
    assert preflight_mode({"ibgu.dev/preflight": " " * 300 + "off"}) is PreflightMode.ENFORCE


def test_clusters_at_fault_are_listed_by_rule() -> None:
    record = PreflightRecord(
        START, (TOO_OLD, RecordedFinding("P31", ERROR, "are full", ("site-1",)))
    )
    assert record.erring() == {"site-1", "site-2"}
    assert record.erring({"P31"}) == {"site-1"}


def test_a_cluster_that_has_finished_is_left_alone_when_its_error_heals() -> None:
    engine = InMemoryEngine(*ALL)
    engine.preflight = evaluated(replace(TOO_OLD, clusters=("site-1",)))
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until(Kind.FINISHED)
    judge_again(engine, minutes=1)
    engine.wait(minutes=60)
    assert outcomes(engine) == [DONE] * 3
