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
    twin = InMemoryEngine("site-1", "site-2", "site-3")
    Invariants(twin)
    twin.payload = ONE
    for name, spoke in twin.spokes.items():
        if plan.startswith("Upgrade"):
            spoke.to(Stage.PREP)
            twin.labels[name] = {"lcm.openshift.io/ibgu-prep-completed": ""}
    twin.apply(ibgu("a", plan, concurrency=1, timeout=timeout))
    twin.wait(seconds=20)
    return twin


def hold(twin: InMemoryEngine) -> ReasonKind | None:
    found = twin.tracked("uid-a").steps[0].step.hold
    return found.kind if found else None


def states(twin: InMemoryEngine) -> list[MemberState | Outcome]:
    members = twin.tracked("uid-a").steps[0].members.values()
    return [member.outcome or member.state for member in members]


@pytest.mark.parametrize("payload", [TWO, FORBIDDEN])
def test_a_closed_gate_stops_new_starts_and_not_runs_in_flight(payload: PayloadState) -> None:
    twin = three()
    twin.payload = payload
    twin.wait(hours=2)
    assert states(twin) == [Outcome.SUCCEEDED, MemberState.WAITING, MemberState.WAITING]
    assert twin.spokes["site-2"].executed == []


def test_a_closed_gate_is_recorded_once_as_a_warning() -> None:
    twin = three()
    twin.payload = TWO
    twin.wait(hours=1)
    twin.touch_everything()
    twin.settle()
    assert len(twin.told(Kind.STEP_HELD)) == 1
    assert twin.warnings() == twin.told(Kind.STEP_HELD)
    assert "has changed on the hub" in twin.warnings()[0]


def test_a_gate_that_no_person_has_to_open_lets_go_by_itself() -> None:
    twin = three()
    twin.payload = FORBIDDEN
    twin.wait(hours=1)
    assert hold(twin) is ReasonKind.PAYLOAD_BLOCKED
    twin.payload = ONE
    twin.touch("uid-a")
    twin.wait(minutes=10)
    assert twin.told(Kind.STEP_RELEASED) == ["no longer: ibgu may not read ConfigMap oadp/backup"]
    assert states(twin) == [Outcome.SUCCEEDED] * 3


def test_after_a_restart_nobody_starts_before_the_payload_is_read() -> None:
    """The payload may have changed, or be forbidden: who starts would only sit on a slot."""
    twin = three()
    twin.payload = FORBIDDEN
    twin.wait(hours=1)
    assert hold(twin) is ReasonKind.PAYLOAD_BLOCKED
    twin.payload = PayloadState(read=False)
    twin.restart()
    twin.wait(minutes=1)
    assert states(twin) == [Outcome.SUCCEEDED, MemberState.WAITING, MemberState.WAITING]
    twin.payload = TWO
    twin.touch("uid-a")
    twin.settle()
    assert hold(twin) is ReasonKind.PAYLOAD_CHANGED


def test_a_restart_that_reads_the_payload_at_once_records_no_hold() -> None:
    twin = three()
    twin.wait(minutes=2)
    twin.payload = PayloadState(read=False)
    twin.restart()
    twin.wait(seconds=1)
    twin.payload = ONE
    twin.touch("uid-a")
    twin.wait(minutes=10)
    assert twin.told(Kind.STEP_HELD) == []
    assert states(twin) == [Outcome.SUCCEEDED] * 3


def test_an_unread_payload_holds_the_step_and_is_recorded() -> None:
    twin = three()
    twin.payload = PayloadState(read=False)
    twin.restart()
    twin.wait(minutes=5)
    assert hold(twin) is ReasonKind.PAYLOAD_BLOCKED
    assert ["are not read yet" in words for words in twin.told(Kind.STEP_HELD)] == [True]
    twin.payload = ONE
    twin.touch("uid-a")
    twin.wait(minutes=10)
    assert states(twin) == [Outcome.SUCCEEDED] * 3


def test_a_changed_payload_waits_for_a_person_even_if_it_is_changed_back() -> None:
    twin = three()
    twin.payload = TWO
    twin.wait(minutes=5)
    twin.payload = ONE
    twin.touch("uid-a")
    twin.wait(hours=1)
    assert hold(twin) is ReasonKind.PAYLOAD_CHANGED
    twin.annotate("uid-a", resume="1")
    twin.wait(minutes=10)
    assert states(twin) == [Outcome.SUCCEEDED] * 3


def test_one_closed_gate_follows_the_other() -> None:
    twin = three()
    twin.payload = FORBIDDEN
    twin.wait(minutes=5)
    twin.payload = TWO
    twin.touch("uid-a")
    twin.settle()
    assert hold(twin) is ReasonKind.PAYLOAD_CHANGED


def test_a_member_that_a_gate_keeps_is_ready_all_the_same() -> None:
    """The member's reason tells what it would need by itself; the step's tells what keeps
    everybody."""
    twin = three()
    twin.payload = TWO
    twin.wait(minutes=5)
    assert twin.member("uid-a", 0, "site-2").reason.kind is ReasonKind.READY
    assert twin.member("uid-a", 0, "site-2").slot is None


def test_gates_ask_nobody_who_is_not_waiting() -> None:
    """The payload changes while the last member is in flight: there is nothing to hold."""
    twin = InMemoryEngine("site-1")
    twin.payload = ONE
    twin.apply(ibgu("a", "Prep"))
    twin.wait(seconds=20)
    twin.payload = TWO
    twin.wait(minutes=10)
    assert twin.told(Kind.STEP_HELD) == []
    assert states(twin) == [Outcome.SUCCEEDED]


def test_the_floor_goes_with_the_step() -> None:
    """The others come back with 3 minutes left, and half a share is 5."""
    twin = three("Upgrade", timeout=30)
    late = [twin.spokes["site-2"], twin.spokes["site-3"]]
    for spoke in late:
        spoke.dark = True
        twin.touch_cluster(spoke.name)
    twin.wait(minutes=27)
    for spoke in late:
        spoke.dark = False
        twin.touch_cluster(spoke.name)
    twin.wait(seconds=10)
    assert hold(twin) is ReasonKind.FLOOR
    assert twin.warnings() == ["less than 5 min are left of the step's timeout: nothing new starts"]
    twin.wait(minutes=5)
    assert hold(twin) is None
    assert states(twin) == [Outcome.SUCCEEDED, Outcome.FAILED, Outcome.FAILED]


def test_a_hold_survives_a_restart() -> None:
    twin = three()
    twin.payload = TWO
    twin.wait(minutes=5)
    twin.restart()
    twin.wait(hours=1)
    assert hold(twin) is ReasonKind.PAYLOAD_CHANGED
    assert len(twin.told(Kind.STEP_HELD)) == 1
    assert twin.spokes["site-2"].executed == []
