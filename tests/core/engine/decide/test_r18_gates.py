"""R18 in a whole rollout: a closed gate stops new starts, is reported once, and opens again."""

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Kind, MemberState, Outcome, ReasonKind
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants

ONE, TWO = PayloadState(digest="one"), PayloadState(digest="two")
FORBIDDEN = PayloadState(problem="ibgu may not read ConfigMap oadp/backup")


def three(plan: str = "Prep", timeout: int = 240) -> InMemoryEngine:
    """site-1 is in flight, the others wait."""
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    Invariants(engine)
    engine.payload = ONE
    for name, spoke in engine.spokes.items():
        if plan.startswith("Upgrade"):
            spoke.to(Stage.PREP)
            engine.labels[name] = {"lcm.openshift.io/ibgu-prep-completed": ""}
    engine.apply(ibgu("a", plan, concurrency=1, timeout=timeout))
    engine.wait(seconds=20)
    return engine


def hold(engine: InMemoryEngine) -> ReasonKind | None:
    found = engine.tracked("uid-a").steps[0].step.hold
    return found.kind if found else None


def states(engine: InMemoryEngine) -> list[MemberState | Outcome]:
    members = engine.tracked("uid-a").steps[0].members.values()
    return [member.outcome or member.state for member in members]


@pytest.mark.parametrize("payload", [TWO, FORBIDDEN])
def test_a_closed_gate_stops_new_starts_and_not_runs_in_flight(payload: PayloadState) -> None:
    engine = three()
    engine.payload = payload
    engine.wait(hours=2)
    assert states(engine) == [Outcome.SUCCEEDED, MemberState.WAITING, MemberState.WAITING]
    assert engine.spokes["site-2"].executed == []


def test_a_closed_gate_is_recorded_once_as_a_warning() -> None:
    engine = three()
    engine.payload = TWO
    engine.wait(hours=1)
    engine.touch_everything()
    engine.settle()
    assert len(engine.told(Kind.STEP_HELD)) == 1
    assert engine.warnings() == engine.told(Kind.STEP_HELD)
    assert "has changed on the hub" in engine.warnings()[0]


def test_a_gate_that_no_person_has_to_open_lets_go_by_itself() -> None:
    engine = three()
    engine.payload = FORBIDDEN
    engine.wait(hours=1)
    assert hold(engine) is ReasonKind.PAYLOAD_BLOCKED
    engine.payload = ONE
    engine.touch("uid-a")
    engine.wait(minutes=10)
    assert engine.told(Kind.STEP_RELEASED) == ["no longer: ibgu may not read ConfigMap oadp/backup"]
    assert states(engine) == [Outcome.SUCCEEDED] * 3


def test_after_a_restart_nobody_starts_before_the_payload_is_read() -> None:
    """The payload may have changed, or be forbidden: who starts would only sit on a slot."""
    engine = three()
    engine.payload = FORBIDDEN
    engine.wait(hours=1)
    assert hold(engine) is ReasonKind.PAYLOAD_BLOCKED
    engine.payload = PayloadState(read=False)
    engine.restart()
    engine.wait(minutes=1)
    assert states(engine) == [Outcome.SUCCEEDED, MemberState.WAITING, MemberState.WAITING]
    engine.payload = TWO
    engine.touch("uid-a")
    engine.settle()
    assert hold(engine) is ReasonKind.PAYLOAD_CHANGED


def test_a_restart_that_reads_the_payload_at_once_records_no_hold() -> None:
    engine = three()
    engine.wait(minutes=2)
    engine.payload = PayloadState(read=False)
    engine.restart()
    engine.wait(seconds=1)
    engine.payload = ONE
    engine.touch("uid-a")
    engine.wait(minutes=10)
    assert engine.told(Kind.STEP_HELD) == []
    assert states(engine) == [Outcome.SUCCEEDED] * 3


def test_an_unread_payload_holds_the_step_and_is_recorded() -> None:
    engine = three()
    engine.payload = PayloadState(read=False)
    engine.restart()
    engine.wait(minutes=5)
    assert hold(engine) is ReasonKind.PAYLOAD_BLOCKED
    assert ["are not read yet" in words for words in engine.told(Kind.STEP_HELD)] == [True]
    engine.payload = ONE
    engine.touch("uid-a")
    engine.wait(minutes=10)
    assert states(engine) == [Outcome.SUCCEEDED] * 3


def test_a_changed_payload_waits_for_a_person_even_if_it_is_changed_back() -> None:
    engine = three()
    engine.payload = TWO
    engine.wait(minutes=5)
    engine.payload = ONE
    engine.touch("uid-a")
    engine.wait(hours=1)
    assert hold(engine) is ReasonKind.PAYLOAD_CHANGED
    engine.annotate("uid-a", resume="1")
    engine.wait(minutes=10)
    assert states(engine) == [Outcome.SUCCEEDED] * 3


def test_one_closed_gate_follows_the_other() -> None:
    engine = three()
    engine.payload = FORBIDDEN
    engine.wait(minutes=5)
    engine.payload = TWO
    engine.touch("uid-a")
    engine.settle()
    assert hold(engine) is ReasonKind.PAYLOAD_CHANGED


def test_a_member_that_a_gate_keeps_is_ready_all_the_same() -> None:
    """The member's reason tells what it would need by itself; the step's tells what keeps
    everybody."""
    engine = three()
    engine.payload = TWO
    engine.wait(minutes=5)
    assert engine.member("uid-a", 0, "site-2").reason.kind is ReasonKind.READY
    assert engine.member("uid-a", 0, "site-2").slot is None


def test_gates_ask_nobody_who_is_not_waiting() -> None:
    """The payload changes while the last member is in flight: there is nothing to hold."""
    engine = InMemoryEngine("site-1")
    engine.payload = ONE
    engine.apply(ibgu("a", "Prep"))
    engine.wait(seconds=20)
    engine.payload = TWO
    engine.wait(minutes=10)
    assert engine.told(Kind.STEP_HELD) == []
    assert states(engine) == [Outcome.SUCCEEDED]


def test_the_floor_goes_with_the_step() -> None:
    """The others come back with 3 minutes left, and half a share is 5."""
    engine = three("Upgrade", timeout=30)
    late = [engine.spokes["site-2"], engine.spokes["site-3"]]
    for spoke in late:
        spoke.dark = True
        engine.touch_cluster(spoke.name)
    engine.wait(minutes=27)
    for spoke in late:
        spoke.dark = False
        engine.touch_cluster(spoke.name)
    engine.wait(seconds=10)
    assert hold(engine) is ReasonKind.FLOOR
    assert engine.warnings() == [
        "less than 5 min are left of the step's timeout: nothing new starts"
    ]
    engine.wait(minutes=5)
    assert hold(engine) is None
    assert states(engine) == [Outcome.SUCCEEDED, Outcome.FAILED, Outcome.FAILED]


def test_a_hold_survives_a_restart() -> None:
    engine = three()
    engine.payload = TWO
    engine.wait(minutes=5)
    engine.restart()
    engine.wait(hours=1)
    assert hold(engine) is ReasonKind.PAYLOAD_CHANGED
    assert len(engine.told(Kind.STEP_HELD)) == 1
    assert engine.spokes["site-2"].executed == []
