"""R50.14: a person lets one rollout pass gates of policies for a while."""

from datetime import timedelta
from typing import Any

from ibgu.core.engine.gates import GATES
from ibgu.core.model import Kind, MemberState, OnRollout, Outcome, ReasonKind
from ibgu.core.model.names import HOLD
from ibgu.core.plan.grants import MAX_GRANTS
from tests.core.engine.decide.builders import START
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.grants import break_glass, mend_glass
from tests.core.engine.gates.policies.policy import policy, reason, set_policies

GATE = "RolloutPolicy/network"
WINTER = {"from": "2025-12-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"}
FREEZE: dict[str, Any] = {"freezes": [WINTER]}


def fleet(*clusters: str) -> InMemoryEngine:
    """A fleet that a freeze keeps."""
    twin = InMemoryEngine(*(clusters or ("site-1",)))
    Invariants(twin)
    set_policies(twin, policy(**FREEZE))
    return twin


def test_a_rollout_passes_the_gate_that_somebody_has_broken() -> None:
    twin = fleet()
    twin.apply(ibgu("a", "Prep"))
    twin.apply(ibgu("b", "Prep", age=-1))
    twin.wait(minutes=5)
    break_glass(twin, GATE)
    twin.wait(minutes=30)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert reason(twin, "uid-b", "site-1").gate == GATE
    [told] = twin.decisions(Kind.BREAK_GLASS)
    assert isinstance(told, OnRollout)
    assert told.why == (
        "nora lets the rollout pass RolloutPolicy/network until 2026-01-01T02:05:00Z: INC-7"
    )
    assert (told.actor, told.warning) == ("nora", True)


def test_a_gate_that_no_policy_has_is_named() -> None:
    twin = fleet()
    twin.apply(ibgu("a", "Prep"))
    twin.wait(minutes=5)
    break_glass(twin, "RolloutPolicy/netwrok", GATE)
    twin.wait(minutes=5)
    [told] = twin.told(Kind.BREAK_GLASS)
    assert told.endswith(": INC-7; no gate RolloutPolicy/netwrok can hold the rollout now")


def test_the_gate_keeps_the_rollout_again_after_the_end() -> None:
    twin = fleet("site-1", "site-2")
    twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(minutes=5)
    break_glass(twin, GATE, hours=1 / 60)
    twin.wait(hours=3)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert reason(twin, "uid-a", "site-2").gate == GATE
    assert twin.told(Kind.BREAK_GLASS)[-1] == (
        "RolloutPolicy/network keeps the rollout again, which nora had let it pass"
    )


def test_a_glass_that_is_deleted_is_whole_at_once() -> None:
    twin = fleet("site-1", "site-2")
    twin.apply(ibgu("a", "Prep", concurrency=1))
    break_glass(twin, GATE)
    twin.until(Kind.RUN_ACCEPTED)
    mend_glass(twin)
    twin.wait(hours=1)
    assert reason(twin, "uid-a", "site-2").gate == GATE
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_cluster_that_waits_for_a_slot_is_kept_once_the_glass_is_whole() -> None:
    twin = fleet("site-1", "site-2")
    twin.apply(ibgu("a", "Prep", concurrency=1))
    break_glass(twin, GATE)
    twin.until(Kind.RUN_ACCEPTED)
    assert reason(twin, "uid-a", "site-2").kind is ReasonKind.READY
    mend_glass(twin)
    twin.until(Kind.BREAK_GLASS)
    twin.step()
    assert twin.member("uid-a", 0, "site-1").state is MemberState.IN_FLIGHT
    assert reason(twin, "uid-a", "site-2").gate == GATE


def test_a_glass_that_has_ended_stays_so_when_the_clock_goes_back() -> None:
    twin = fleet()
    twin.apply(ibgu("a", "Prep"))
    twin.spokes["site-1"].dark = True
    break_glass(twin, GATE, hours=1)
    twin.wait(hours=2)
    twin.now -= timedelta(hours=1, minutes=30)
    twin.spokes["site-1"].dark = False
    twin.touch_everything()
    twin.wait(minutes=10)
    assert reason(twin, "uid-a", "site-1").gate == GATE
    mend_glass(twin)
    twin.wait(minutes=1)
    assert twin.told(Kind.BREAK_GLASS)[-1] == "the BreakGlass glass-0, which is over, is gone"


def test_only_the_gates_that_it_names_are_passed() -> None:
    twin = fleet()
    twin.annotations["site-1"] = {HOLD: "field-ops"}
    twin.apply(ibgu("a", "Prep"))
    break_glass(twin, GATE)
    twin.wait(minutes=5)
    assert reason(twin, "uid-a", "site-1").gate == "ClusterHold"
    break_glass(twin, "ClusterHold")
    twin.wait(minutes=30)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_gate_inside_the_chain_is_passed_too() -> None:
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    held: dict[str, Any] = {"actions": ["FinalizeUpgrade"], "approval": {"before": "Action"}}
    set_policies(twin, policy(**held))
    twin.apply(ibgu("a", "Prep Upgrade FinalizeUpgrade"))
    twin.wait(hours=2)
    assert twin.member("uid-a", 0, "site-1").state is MemberState.IN_FLIGHT
    break_glass(twin, GATE)
    twin.wait(hours=1)
    assert twin.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_the_engines_own_safety_is_never_passed() -> None:
    twin = fleet()
    twin.apply(ibgu("a", "Prep"))
    twin.wait(minutes=5)
    twin.annotate("uid-a", pause="1")
    break_glass(twin, GATE, *(gate.name for gate in GATES))
    twin.wait(hours=1)
    assert twin.member("uid-a", 0, "site-1").state is MemberState.WAITING
    assert twin.tracked("uid-a").rollout.paused


def test_a_glass_without_proof_or_time_breaks_nothing() -> None:
    twin = fleet()
    twin.apply(ibgu("a", "Prep"))
    twin.wait(minutes=5)
    break_glass(twin, GATE, until="soon")
    break_glass(twin, GATE, hours=-1)
    twin.wait(minutes=5)
    twin.proven_since = twin.now
    break_glass(twin, GATE)
    twin.wait(minutes=30)
    assert reason(twin, "uid-a", "site-1").gate == GATE
    told = twin.told(Kind.BREAK_GLASS)
    assert any("can't let the rollout pass" in why and "is no time" in why for why in told)
    assert any("which is over: INC-7" in why for why in told)
    assert any("ibgu-grants" in why for why in told)


def test_a_glass_for_an_older_rollout_of_the_name_breaks_nothing() -> None:
    twin = fleet()
    break_glass(twin, GATE, created=START - timedelta(minutes=1))
    twin.apply(ibgu("a", "Prep"))
    twin.wait(minutes=5)
    assert reason(twin, "uid-a", "site-1").gate == GATE


def test_a_glass_that_is_not_read_is_no_approval_that_is_missing() -> None:
    twin = InMemoryEngine("site-1")
    set_policies(twin, policy(approval={"fourEyes": False}))
    twin.apply(ibgu("a", "Prep"))
    for _ in range(MAX_GRANTS + 1):
        break_glass(twin, "RolloutPolicy/other")
    twin.wait(minutes=5)
    assert reason(twin, "uid-a", "site-1").message == "1 person must approve step 1"
    assert twin.told(Kind.APPROVAL) == [
        "1 of the rollout's approvals and BreakGlasses are not read: of each kind ibgu reads the "
        "50 oldest, so delete those of no use"
    ]
