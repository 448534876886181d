"""R6: one rollout per cluster, and cancelling by a second rollout."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.decide import quarantine_rollout
from ibgu.core.engine.state import Holder
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.engine.timing.times import PROBE_GRACE, PROBE_TIMEOUT
from ibgu.core.model import (
    ActingParty,
    Cause,
    Kind,
    MemberState,
    OnMember,
    Outcome,
    Preempt,
    ReasonKind,
)
from ibgu.core.model.kinds import LabelSelector, RolloutObject
from ibgu.core.plan import Scope
from tests.core.engine.decide.builders import unreadable_rollout
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.oracle.logs import certify, log_of, told


def two(older: str, newer: str, *clusters: str, wait: int = 10) -> tuple[InMemoryEngine, str, str]:
    """The older rollout has run for `wait` seconds when the newer one comes."""
    engine = InMemoryEngine(*(clusters or ("site-1",)))
    Invariants(engine)
    first = engine.apply(ibgu("older", older, concurrency=1, age=10))
    engine.wait(seconds=wait)
    second = engine.apply(ibgu("newer", newer, concurrency=1))
    return engine, first, second


def asked(engine: InMemoryEngine) -> list[str]:
    decisions = (said.decision for said in engine.said)
    return [decision.cluster for decision in decisions if isinstance(decision, Preempt)]


def test_a_lost_claim_is_an_answer_that_names_the_holder() -> None:
    engine, older, newer = two("Prep", "Prep")
    engine.settle()
    member = engine.member(newer, 0, "site-1")
    assert member.reason.kind is ReasonKind.CLAIM
    assert "fleet/older" in member.reason.message
    assert member.slot is None
    engine.wait(hours=1)
    assert engine.member(older, 0, "site-1").outcome is Outcome.SUCCEEDED
    (done,) = engine.member(newer, 0, "site-1").completed
    assert done.note.startswith("was already prepared")


@pytest.mark.parametrize(("namespace", "named"), [("fleet", "fleet/x"), ("o", "a rollout of an")])
def test_a_claim_stays_where_the_records_of_its_rollout_can_not_be_read(
    namespace: str, named: str
) -> None:
    """An Abort leaves it, too: nobody knows how far the other one was."""
    engine = InMemoryEngine("site-1", "site-2")
    holder = Holder("uid-x", 0, "site-1")
    unreadable = unreadable_rollout(namespace=namespace, claims={"uid-site-1": holder})
    engine.fleet.keep_claims([unreadable])
    uid = engine.apply(ibgu("mine", "Abort"))
    engine.wait(hours=1)
    blocked = engine.member(uid, 0, "site-1")
    assert (blocked.reason.kind, blocked.reason.who) == (ReasonKind.CLAIM, ActingParty.PERSON)
    assert blocked.reason.message.startswith(named)
    assert blocked.reason.message.endswith("and its records can't be read")
    assert engine.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED
    assert engine.fleet.claims == {"uid-site-1": holder}


def test_two_rollouts_in_one_turn_never_take_the_same_cluster() -> None:
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    one = engine.apply(ibgu("one", "Prep"))
    two = engine.apply(ibgu("two", "Prep"))
    engine.wait(seconds=5)
    kinds = [engine.member(uid, 0, "site-1").state for uid in (one, two)]
    assert sorted(kinds) == [MemberState.IN_FLIGHT, MemberState.WAITING]


def test_waiting_members_of_the_older_one_are_cancelled() -> None:
    engine, older, _newer = two("Prep", "Abort", "site-1", "site-2")
    engine.settle()
    member = engine.member(older, 0, "site-2")
    assert (member.outcome, member.cause) == (Outcome.CANCELLED, Cause.CANCELLED)
    assert member.message == "cancelled by fleet/newer"


def test_the_running_member_is_preempted_when_the_cancellers_slot_reaches_it() -> None:
    engine, older, newer = two("Prep", "Abort")
    engine.wait(minutes=3)
    member = engine.member(older, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.CANCELLED, Cause.PREEMPTED)
    assert member.run is not None
    assert member.run.disarmed
    assert [stage for _, stage in engine.spokes["site-1"].executed] == ["Prep", "Idle"]
    assert engine.member(newer, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert engine.labels["site-1"] == {}


def test_only_as_many_are_preempted_as_the_canceller_has_slots() -> None:
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    Invariants(engine)
    for spoke in engine.spokes.values():
        spoke.faults[Stage.PREP] = "slow"
    older = engine.apply(ibgu("older", "Prep", concurrency=3, age=10))
    engine.wait(seconds=10)
    engine.apply(ibgu("newer", "Abort", concurrency=1))
    engine.settle()
    assert asked(engine) == ["site-1"]
    assert list(engine.tracked(older).steps[0].in_flight) == ["site-2", "site-3"]
    engine.wait(hours=1)
    assert asked(engine) == ["site-1", "site-2", "site-3"]


def test_a_quarantined_rollout_keeps_no_slot_of_its_canceller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No request is answered until ibgu can decide on that rollout again."""
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    older = engine.apply(ibgu("older", "Prep", concurrency=1, age=10))
    engine.wait(seconds=10)
    for decision in quarantine_rollout(engine.tracked(older), "KeyError", engine.now):
        engine.fleet.apply(decision)
    with monkeypatch.context() as quarantined:
        decide = engine._decide
        quarantined.setattr(
            engine, "_decide", lambda uid, *given: None if uid == older else decide(uid, *given)
        )
        newer = engine.apply(ibgu("newer", "Abort", concurrency=1))
        engine.wait(minutes=1)
        waiting = engine.member(newer, 0, "site-1").reason
        assert (waiting.kind, waiting.who) == (ReasonKind.CLAIM, ActingParty.PERSON)
        assert "which an internal error of ibgu holds" in waiting.message
        for name in ("site-2", "site-3"):
            assert engine.member(newer, 0, name).outcome is Outcome.SUCCEEDED
    engine.touch(older)
    engine.wait(minutes=10)
    assert engine.member(newer, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_no_preemption_for_a_slot_that_an_earlier_member_may_still_take() -> None:
    """The one before has lost its place, not its answer; only when that is overdue the other is the
    next one."""
    engine = InMemoryEngine("site-1", "site-2")
    Invariants(engine)
    engine.spokes["site-2"].faults[Stage.PREP] = "slow"
    engine.frozen.add("site-1")
    engine.apply(ibgu("older", "Prep", concurrency=1, age=10))
    engine.wait(seconds=10)
    newer = engine.apply(ibgu("newer", "Abort", concurrency=1))
    engine.drive(PROBE_GRACE * 2)
    assert engine.member(newer, 0, "site-2").reason.kind is ReasonKind.PREEMPTING
    assert asked(engine) == []
    engine.drive(PROBE_TIMEOUT)
    assert asked(engine) == ["site-2"]


def test_a_chain_does_not_go_on_after_the_canceller_has_come() -> None:
    """The canceller's slot is elsewhere, but nothing more begins on its members."""
    engine = InMemoryEngine("site-1", "site-2")
    Invariants(engine)
    older = engine.apply(ibgu("older", "Prep Upgrade", concurrency=2, age=10))
    engine.wait(seconds=10)
    engine.spokes["site-1"].faults[Stage.IDLE] = "hang"
    engine.apply(ibgu("newer", "Abort", concurrency=1))
    engine.wait(minutes=5)
    member = engine.member(older, 0, "site-2")
    assert (member.outcome, member.cause) == (Outcome.CANCELLED, Cause.PREEMPTED)
    assert member.failed_action == "Upgrade"
    assert [done.action for done in member.completed] == ["Prep"]


def test_an_intended_run_is_cancelled_at_once() -> None:
    engine = InMemoryEngine("site-1")
    engine.payload = PayloadState(digest="digest")
    older = engine.apply(ibgu("older", "Prep", age=10))
    while not engine.loading:
        engine.step()
    engine.stalled = engine.now + timedelta(hours=1)
    engine.apply(ibgu("newer", "Abort"))
    engine.settle()
    assert engine.member(older, 0, "site-1").cause is Cause.PREEMPTED
    assert engine.spokes["site-1"].executed == []


def test_an_arming_that_was_lost_is_not_sent_again_once_cancelled() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    Invariants(engine)
    older = engine.apply(ibgu("older", "Prep", concurrency=2, age=10))
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.until(Kind.RUN_ARMING)
    while engine.touched:
        engine.turn()
    engine.writes.pop((older, "site-2"))
    engine.apply(ibgu("newer", "Abort", concurrency=1))
    for _ in range(3):
        engine.turn()
    engine.touch(older, "site-2")
    engine.wait(hours=1)
    ended = engine.member(older, 0, "site-2")
    assert (ended.outcome, ended.cause) == (Outcome.CANCELLED, Cause.CANCELLED)
    assert engine.spokes["site-2"].executed == []
    assert not certify(log_of(engine)).violations


def test_no_later_step_of_the_older_one_touches_the_cluster() -> None:
    engine, older, _newer = two("Prep", "Abort", "site-1", wait=600)
    engine.wait(minutes=10)
    engine.labels["site-1"]["lcm.openshift.io/ibgu-prep-completed"] = ""
    engine.append(older, "Upgrade")
    engine.wait(hours=1)
    assert engine.tracked(older).steps[1].step.total == 0
    assert "taken over by a newer ImageBasedGroupUpgrade" in engine.warnings()[-1]


@pytest.mark.parametrize("action", ["Abort", "Rollback"])
def test_between_two_cancellers_the_first_to_hold_the_claim_wins(action: str) -> None:
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    spoke = engine.spokes["site-1"]
    for stage in ("Prep", "Upgrade")[: 2 if action == "Rollback" else 1]:
        spoke.to(stage)
    if action == "Rollback":
        engine.labels["site-1"]["lcm.openshift.io/ibgu-upgrade-completed"] = ""
    older = engine.apply(ibgu("older", action, age=10))
    engine.wait(seconds=10)
    newer = engine.apply(ibgu("newer", action))
    engine.settle()
    assert engine.member(older, 0, "site-1").state is MemberState.IN_FLIGHT
    assert engine.member(newer, 0, "site-1").reason.kind is ReasonKind.CLAIM
    engine.wait(hours=1)
    assert engine.member(older, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert engine.member(newer, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert "was already" in engine.member(newer, 0, "site-1").completed[0].note


def test_an_older_canceller_does_not_preempt_a_newer_rollout() -> None:
    engine = InMemoryEngine("site-1")
    newer = engine.apply(ibgu("newer", "Prep"))
    engine.wait(seconds=10)
    older = engine.apply(ibgu("older", "Abort", age=10))
    engine.settle()
    assert engine.member(older, 0, "site-1").reason.kind is ReasonKind.CLAIM
    assert engine.member(newer, 0, "site-1").state is MemberState.IN_FLIGHT


@pytest.mark.parametrize("turns", range(1, 12))
def test_a_restart_between_request_and_answer_asks_again(turns: int) -> None:
    engine, older, newer = two("Prep", "Abort")
    for _ in range(turns):
        engine.turn()
        engine.deliver()
    engine.restart()
    engine.wait(minutes=10)
    assert engine.member(older, 0, "site-1").outcome is Outcome.CANCELLED
    assert engine.member(newer, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert not engine.fleet.preempts


def test_a_request_waits_for_the_hold_to_be_passed() -> None:
    """The older one's work is armed; the hub takes no writes for a while."""
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    older = engine.apply(ibgu("older", "Prep", age=10))
    engine.until(Kind.RUN_ARMING)
    engine.frozen.add("site-1")
    engine.settle()
    engine.stalled = engine.now + timedelta(minutes=1)
    newer = engine.apply(ibgu("newer", "Abort"))
    engine.settle()
    assert engine.member(older, 0, "site-1").reason.kind is ReasonKind.DISARMING
    assert engine.member(newer, 0, "site-1").reason.kind is ReasonKind.PREEMPTING
    assert engine.fleet.preempts == {"uid-site-1": "fleet/newer"}
    engine.frozen.clear()
    engine.wait(minutes=5)
    assert engine.member(newer, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_stale_request_never_hits_the_canceller_itself() -> None:
    """The older one lets go by itself in the very turn in which it is asked to."""
    engine, older, newer = two("Prep", "Abort", wait=10)
    engine.settle()
    assert Kind.RUN_ENDED in engine.kinds("site-1")
    engine.wait(minutes=10)
    results = [engine.member(uid, 0, "site-1").cause for uid in (older, newer)]
    assert results == [Cause.PREEMPTED, None]


def test_a_ready_member_does_not_start_in_the_turn_in_which_its_canceller_comes() -> None:
    """The canceller's step starts first in that turn; the member itself is not touched."""
    engine = InMemoryEngine("site-1", "site-2")
    Invariants(engine)
    older = engine.apply(ibgu("older", "Prep", concurrency=1, age=10))
    engine.wait(seconds=10)
    assert engine.member(older, 0, "site-2").reason.kind is ReasonKind.READY
    newer = engine.apply(ibgu("newer", "Abort"))
    engine.turn()
    engine.now += timedelta(minutes=2)
    engine.spokes["site-1"].tick(engine.now)
    engine.touched = {newer: {}, older: {"site-1": None}}
    engine.agents()
    engine.turn()
    assert engine.member(older, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert engine.member(older, 0, "site-2").outcome is Outcome.CANCELLED
    assert Kind.RUN_INTENDED not in engine.kinds("site-2")


# -- across namespaces -------------------------------------------------------------------------

SHARED = Scope("fleet", (LabelSelector(),))
"""Several namespaces may have one set."""


def elsewhere(name: str, step: str) -> RolloutObject:
    """An IBGU of another namespace."""
    found = ibgu(name, step, concurrency=1)
    return replace(found, metadata=replace(found.metadata, namespace="theirs"))


def between_two(
    action: str, *, across: bool, scope: Scope = SHARED
) -> tuple[InMemoryEngine, str, str]:
    """Both clusters belong to a rollout, one is in flight; another namespace's cancels."""
    engine = InMemoryEngine("site-1", "site-2")
    Invariants(engine)
    engine.fleet.across_namespaces = across
    older = engine.apply(ibgu("older", "Prep", concurrency=1, age=10))
    engine.wait(seconds=10)
    newer = engine.apply(elsewhere("newer", action))
    engine.scope = scope
    engine.settle()
    return engine, older, newer


def test_a_rollout_of_another_namespace_is_not_cancelled_where_that_is_off() -> None:
    engine, older, newer = between_two("Abort", across=False)
    reason = engine.member(newer, 0, "site-1").reason
    assert (reason.kind, reason.who) == (ReasonKind.CLAIM, ActingParty.IBGU)
    assert reason.message == "a rollout of another namespace works on the cluster"
    engine.restart()
    engine.wait(hours=1)
    outcomes = [engine.member(older, 0, name).outcome for name in engine.spokes]
    assert outcomes == [Outcome.SUCCEEDED, Outcome.SUCCEEDED]
    assert asked(engine) == []
    assert told(certify(log_of(engine))) == []


def test_later_steps_of_a_rollout_that_can_not_be_cancelled_keep_clusters() -> None:
    engine, older, _newer = between_two("Abort", across=False)
    engine.wait(hours=1)
    for name in engine.spokes:
        engine.labels[name]["lcm.openshift.io/ibgu-prep-completed"] = ""
    engine.append(older, "Upgrade")
    engine.wait(hours=2)
    assert engine.tracked(older).steps[1].step.total == 2
    assert told(certify(log_of(engine))) == []


@pytest.mark.parametrize("scope", [SHARED, Scope("fleet")], ids=["tenancy", "no tenancy"])
def test_cancelling_across_namespaces_names_no_foreign_rollout(scope: Scope) -> None:
    """A reader of one rollout need not be able to read the other, with tenancy or without."""
    engine, older, newer = between_two("Abort", across=True, scope=scope)
    member = engine.member(older, 0, "site-2")
    assert (member.outcome, member.cause) == (Outcome.CANCELLED, Cause.CANCELLED)
    engine.wait(hours=1)
    first = engine.member(older, 0, "site-1")
    words = [member.message, first.message]
    assert words == ["cancelled by a rollout of another namespace"] * 2
    assert engine.member(newer, 0, "site-1").outcome is Outcome.SUCCEEDED
    told_of = [said.decision.why for said in engine.said if isinstance(said.decision, OnMember)]
    assert not [why for why in told_of if "fleet/" in why or "theirs/" in why]


def test_the_own_namespaces_older_ones_are_cancelled_all_the_same() -> None:
    engine = InMemoryEngine("site-1")
    engine.fleet.across_namespaces = False
    engine.scope = SHARED
    older = engine.apply(ibgu("older", "Prep", age=10))
    engine.wait(seconds=10)
    engine.apply(ibgu("newer", "Abort"))
    engine.wait(minutes=5)
    assert engine.member(older, 0, "site-1").message == "cancelled by fleet/newer"


def test_cancelling_across_namespaces_is_fixed_when_the_step_opens() -> None:
    """A setting that changes later neither ends nor frees anything."""
    engine, older, _newer = between_two("Abort", across=False)
    engine.fleet.across_namespaces = True
    engine.restart()
    engine.wait(hours=1)
    assert engine.member(older, 0, "site-2").outcome is Outcome.SUCCEEDED


def test_a_start_behind_a_cancel_is_found_where_namespaces_are_no_bound() -> None:
    """The certifier goes by what the step itself says."""
    engine, _older, _newer = between_two("Abort", across=False)
    engine.wait(hours=1)
    log = [
        replace(event, data={k: v for k, v in event.data.items() if k != "across_namespaces"})
        for event in log_of(engine)
    ]
    assert any("had cancelled it" in words for words in told(certify(log)))
