"""R17: every unfinished member has one reason why it has not finished, and who must act."""

import pytest

from ibgu.core.engine.gates import LASTING
from ibgu.core.model import ActingParty, Reason, ReasonKind
from tests.core.engine.decide.fleet import START, InMemoryEngine
from tests.core.engine.decide.invariants import IN_FLIGHT, WAITING
from tests.core.engine.decide.scenes import HOLDS, WAITS, Scene, running
from tests.core.engine.decide.spoke import told


@pytest.mark.parametrize("scene", [*WAITS, *HOLDS], ids=lambda scene: scene.__name__)
def test_each_scene_has_its_reason(scene: Scene) -> None:
    kind, words, who = {**WAITS, **HOLDS}[scene]
    engine = InMemoryEngine("site-1")
    scene(engine)
    engine.settle()
    reason = engine.member("uid-a", 0, "site-1").reason
    assert (reason.kind, reason.who) == (kind, who)
    assert words in reason.message
    assert START <= reason.since <= engine.now


def test_every_kind_of_a_waiting_member_has_a_scene() -> None:
    assert {kind for kind, _, _ in WAITS.values()} == WAITING


def test_every_kind_of_a_member_in_flight_has_a_scene() -> None:
    assert {kind for kind, _, _ in HOLDS.values()} == IN_FLIGHT


def test_holds_of_a_step_are_no_reasons_of_members() -> None:
    """A member that such a hold keeps waits for a slot, or is ready. Only circuit breakers
    also keep members that have their slot already, from their Upgrade."""
    assert not LASTING & WAITING
    breakers = {
        ReasonKind.CIRCUIT_BREAKER,
        ReasonKind.SEED_BREAKER,
        ReasonKind.FAILURE_BUDGET,
    }
    assert breakers == LASTING & IN_FLIGHT


def test_a_reason_that_stands_keeps_its_since_while_its_words_change() -> None:
    engine = InMemoryEngine("site-1")
    running(engine)
    before = engine.member("uid-a", 0, "site-1").reason
    spoke = engine.spokes["site-1"]
    spoke.conditions["PrepInProgress"] = told("True", "InProgress", "Precaching images")
    engine.wait(seconds=5)
    assert engine.member("uid-a", 0, "site-1").reason == Reason(
        ReasonKind.RUNNING, before.since, "Precaching images", None, ActingParty.CLUSTER
    )


def test_the_same_reason_is_not_said_again() -> None:
    engine = InMemoryEngine("site-1")
    running(engine)
    known = len(engine.said)
    engine.touch_everything()
    engine.settle()
    assert engine.said[known:] == []


def test_the_last_words_stay_while_the_feedback_is_frozen() -> None:
    engine = InMemoryEngine("site-1")
    running(engine)
    before = engine.member("uid-a", 0, "site-1").reason
    work = engine.works["uid-a", "site-1"]
    engine.frozen.add("site-1")
    work.available = "Unknown"
    engine.touch("uid-a", "site-1")
    engine.settle()
    assert engine.member("uid-a", 0, "site-1").reason == before
    assert before.message == "In progress"
