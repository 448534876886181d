"""R50.12: nothing new starts on a cluster that somebody holds by annotation."""

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import ActingParty, Kind, MemberState, Outcome, ReasonKind
from ibgu.core.model.names import HOLD, HOLD_REASON, HOLD_UNTIL
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.policy import reason

OWNER = {HOLD: "field-ops"}
CRANE = "new antennas by crane"


def fleet(**annotations: str) -> InMemoryEngine:
    """One cluster with these annotations, and one without."""
    engine = InMemoryEngine("site-1", "site-2")
    Invariants(engine)
    engine.annotations["site-1"] = annotations
    return engine


@pytest.mark.parametrize(
    ("annotations", "words", "who"),
    [
        (OWNER, "field-ops holds the cluster until the annotation ibgu.dev/hold is removed", 1),
        (
            {**OWNER, HOLD_REASON: CRANE},
            f"field-ops holds the cluster until the annotation ibgu.dev/hold is removed: {CRANE}",
            1,
        ),
        (
            {HOLD: "", HOLD_REASON: "", HOLD_UNTIL: "2026-01-02T01:00:00+01:00"},
            "somebody holds the cluster until 2026-01-02T00:00:00Z",
            0,
        ),
        (
            {**OWNER, HOLD_UNTIL: "tomorrow", HOLD_REASON: CRANE},
            f'field-ops holds the cluster: {CRANE}; ibgu.dev/hold-until is "tomorrow", and no time '
            "such as 2026-12-02T00:00:00Z",
            1,
        ),
        (
            {HOLD: "a\nb" + "c" * 1000},
            f"a b{'c' * 197} holds the cluster until the annotation ibgu.dev/hold is removed",
            1,
        ),
    ],
)
def test_a_held_cluster_waits_and_those_behind_it_start(
    annotations: dict[str, str], words: str, who: int
) -> None:
    engine = fleet(**annotations)
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(minutes=20)
    found = reason(engine, "uid-a", "site-1")
    assert (found.kind, found.gate, found.message) == (ReasonKind.GATE, "ClusterHold", words)
    assert found.who is (ActingParty.PERSON if who else ActingParty.IBGU)
    assert engine.member("uid-a", 0, "site-2").outcome is Outcome.SUCCEEDED


def test_the_hold_ends_at_its_time() -> None:
    engine = fleet(**OWNER, **{HOLD_UNTIL: "2026-01-01T05:00:00Z"})
    engine.apply(ibgu("a", "Prep", timeout=60))
    engine.wait(hours=4)
    assert engine.member("uid-a", 0, "site-1").state is MemberState.WAITING
    engine.wait(hours=2)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_the_hold_ends_with_its_annotation() -> None:
    engine = fleet(**OWNER)
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=20)
    engine.annotations["site-1"].clear()
    engine.touch_cluster("site-1")
    engine.wait(minutes=20)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_cluster_in_flight_goes_on_and_stops_before_its_next_action() -> None:
    engine = fleet()
    engine.apply(ibgu("a", "Prep Upgrade"))
    engine.until(Kind.RUN_ACCEPTED)
    engine.annotations["site-1"] = dict(OWNER)
    engine.touch_cluster("site-1")
    engine.wait(hours=1)
    member = engine.member("uid-a", 0, "site-1")
    assert (member.state, member.action_index) == (MemberState.IN_FLIGHT, 1)
    assert member.reason.gate == "ClusterHold"
    assert engine.member("uid-a", 0, "site-2").outcome is Outcome.SUCCEEDED


def test_a_held_cluster_goes_back_all_the_same() -> None:
    engine = fleet(**OWNER)
    engine.annotations["site-1"].clear()
    engine.spokes["site-1"].faults[Stage.PREP] = "fail"
    engine.apply(ibgu("a", "Prep", "AbortOnFailure"))
    engine.until(Kind.FINISHED)
    engine.annotations["site-1"] = dict(OWNER)
    engine.touch_cluster("site-1")
    engine.wait(hours=1)
    assert engine.member("uid-a", 1, "site-1").outcome is Outcome.SUCCEEDED
