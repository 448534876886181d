"""R50.14: a person lets one rollout pass gates of policies for a while."""

from datetime import timedelta
from typing import Any

import pytest

from ibgu.core.engine.gates import GATES
from ibgu.core.model import Kind, MemberState, OnRollout, Outcome, ReasonKind
from ibgu.core.model.names import HOLD
from ibgu.core.plan.grants import MAX_GRANTS
from tests.core.engine.decide.builders import START
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.grants import STEP_1, break_glass, mend_glass
from tests.core.engine.gates.policies.policy import policy, reason, set_policies

GATE = "RolloutPolicy/network"
WINTER = {"from": "2025-12-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"}
FREEZE: dict[str, Any] = {"freezes": [WINTER]}


def fleet(*clusters: str) -> InMemoryEngine:
    """A fleet that a freeze keeps."""
    engine = InMemoryEngine(*(clusters or ("site-1",)))
    Invariants(engine)
    set_policies(engine, policy(**FREEZE))
    return engine


def test_a_rollout_passes_the_gate_that_somebody_has_broken() -> None:
    engine = fleet()
    engine.apply(ibgu("a", "Prep"))
    engine.apply(ibgu("b", "Prep", age=-1))
    engine.wait(minutes=5)
    break_glass(engine, GATE)
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert reason(engine, "uid-b", "site-1").gate == GATE
    [told] = engine.decisions(Kind.BREAK_GLASS)
    assert isinstance(told, OnRollout)
    assert told.why == (
        "nora lets the rollout pass RolloutPolicy/network until 2026-01-01T02:05:00Z: INC-7"
    )
    assert (told.actor, told.warning) == ("nora", True)


def test_a_gate_that_no_policy_has_is_named() -> None:
    engine = fleet()
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=5)
    break_glass(engine, "RolloutPolicy/netwrok", GATE)
    engine.wait(minutes=5)
    [told] = engine.told(Kind.BREAK_GLASS)
    assert told.endswith(": INC-7; no gate RolloutPolicy/netwrok can hold the rollout now")


def test_the_gate_keeps_the_rollout_again_after_the_end() -> None:
    engine = fleet("site-1", "site-2")
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(minutes=5)
    break_glass(engine, GATE, hours=1 / 60)
    engine.wait(hours=3)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert reason(engine, "uid-a", "site-2").gate == GATE
    assert engine.told(Kind.BREAK_GLASS)[-1] == (
        "RolloutPolicy/network keeps the rollout again, which nora had let it pass"
    )


def test_a_glass_that_is_deleted_is_whole_at_once() -> None:
    engine = fleet("site-1", "site-2")
    engine.apply(ibgu("a", "Prep", concurrency=1))
    break_glass(engine, GATE)
    engine.until(Kind.RUN_ACCEPTED)
    mend_glass(engine)
    engine.wait(hours=1)
    assert reason(engine, "uid-a", "site-2").gate == GATE
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("deleted", [True, False])
def test_a_glass_is_whole_once_it_is_deleted_though_nothing_proves_it(*, deleted: bool) -> None:
    engine = fleet("site-1", "site-2")
    engine.apply(ibgu("a", "Prep", concurrency=1))
    break_glass(engine, GATE, hours=48)
    engine.until(Kind.RUN_ACCEPTED)
    engine.unproven = "the admission policy is not in force"
    if deleted:
        mend_glass(engine)
    engine.wait(hours=1)
    assert (engine.member("uid-a", 0, "site-2").outcome is None) is deleted


def test_a_cluster_that_waits_for_a_slot_is_kept_once_the_glass_is_whole() -> None:
    engine = fleet("site-1", "site-2")
    engine.apply(ibgu("a", "Prep", concurrency=1))
    break_glass(engine, GATE)
    engine.until(Kind.RUN_ACCEPTED)
    assert reason(engine, "uid-a", "site-2").kind is ReasonKind.READY
    mend_glass(engine)
    engine.until(Kind.BREAK_GLASS)
    engine.step()
    assert engine.member("uid-a", 0, "site-1").state is MemberState.IN_FLIGHT
    assert reason(engine, "uid-a", "site-2").gate == GATE


def test_a_glass_that_has_ended_stays_so_when_the_clock_goes_back() -> None:
    engine = fleet()
    engine.apply(ibgu("a", "Prep"))
    engine.spokes["site-1"].dark = True
    break_glass(engine, GATE, hours=1)
    engine.wait(hours=2)
    engine.now -= timedelta(hours=1, minutes=30)
    engine.spokes["site-1"].dark = False
    engine.touch_everything()
    engine.wait(minutes=10)
    assert reason(engine, "uid-a", "site-1").gate == GATE
    mend_glass(engine)
    engine.wait(minutes=1)
    assert engine.told(Kind.BREAK_GLASS)[-1] == "the BreakGlass glass-0, which is over, is gone"


def test_only_the_gates_that_it_names_are_passed() -> None:
    engine = fleet()
    engine.annotations["site-1"] = {HOLD: "field-ops"}
    engine.apply(ibgu("a", "Prep"))
    break_glass(engine, GATE)
    engine.wait(minutes=5)
    assert reason(engine, "uid-a", "site-1").gate == "ClusterHold"
    break_glass(engine, "ClusterHold")
    engine.wait(minutes=30)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_gate_inside_the_chain_is_passed_too() -> None:
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    held: dict[str, Any] = {"actions": ["FinalizeUpgrade"], "approval": {"before": "Action"}}
    set_policies(engine, policy(**held))
    engine.apply(ibgu("a", "Prep Upgrade FinalizeUpgrade"))
    engine.wait(hours=2)
    assert engine.member("uid-a", 0, "site-1").state is MemberState.IN_FLIGHT
    break_glass(engine, GATE)
    engine.wait(hours=1)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_the_engines_own_safety_is_never_passed() -> None:
    engine = fleet()
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=5)
    engine.annotate("uid-a", pause="1")
    break_glass(engine, GATE, *(gate.name for gate in GATES))
    engine.wait(hours=1)
    assert engine.member("uid-a", 0, "site-1").state is MemberState.WAITING
    assert engine.tracked("uid-a").rollout.paused


def test_a_glass_without_proof_or_time_breaks_nothing() -> None:
    engine = fleet()
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=5)
    break_glass(engine, GATE, until="soon")
    break_glass(engine, GATE, hours=-1)
    engine.wait(minutes=5)
    engine.proven_since = engine.now
    break_glass(engine, GATE)
    engine.wait(minutes=30)
    assert reason(engine, "uid-a", "site-1").gate == GATE
    told = engine.told(Kind.BREAK_GLASS)
    assert any("can't let the rollout pass" in why and "is no time" in why for why in told)
    assert any("which is over: INC-7" in why for why in told)
    assert any("ibgu-grants" in why for why in told)


def test_a_glass_for_an_older_rollout_of_the_name_breaks_nothing() -> None:
    engine = fleet()
    break_glass(engine, GATE, created=START - timedelta(minutes=1))
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=5)
    assert reason(engine, "uid-a", "site-1").gate == GATE


def test_a_glass_that_is_not_read_is_no_approval_that_is_missing() -> None:
    engine = InMemoryEngine("site-1")
    set_policies(engine, policy(approval={"fourEyes": False}))
    engine.apply(ibgu("a", "Prep"))
    for _ in range(MAX_GRANTS + 1):
        break_glass(engine, "RolloutPolicy/other")
    engine.wait(minutes=5)
    assert reason(engine, "uid-a", "site-1").message == f"1 person must approve {STEP_1}"
    assert engine.told(Kind.APPROVAL) == [
        "1 of the rollout's approvals and BreakGlasses are not read: of each kind ibgu reads the "
        "50 oldest, so delete those of no use"
    ]
