"""R8.10: while a step is held, no member fails for the state of its cluster."""

from datetime import timedelta

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import SeedState
from ibgu.core.engine.timing.times import PROBE_RETRY
from ibgu.core.model import ActingParty, Cause, Kind, Outcome, ReasonKind
from tests.core.engine.decide.builders import seeded
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants

OTHER_SEED = ("quay.io/other", "4.16")


def held() -> tuple[InMemoryEngine, str]:
    """Two clusters with another seed, and a step that may not start: the seeds are not known."""
    engine = InMemoryEngine("site-1", "site-2")
    Invariants(engine)
    for spoke in engine.spokes.values():
        spoke.to("Prep", OTHER_SEED)
    engine.seeds = SeedState(problem="ibgu may not list SeedImages")
    uid = engine.apply(seeded(ibgu("a", "Prep", concurrency=1)))
    engine.wait(minutes=5)
    return engine, uid


def release(engine: InMemoryEngine) -> None:
    engine.seeds = SeedState()
    engine.touch_everything()


def test_a_held_step_fails_nobody_for_the_state_of_its_cluster() -> None:
    engine, uid = held()
    for name in ("site-1", "site-2"):
        found = engine.member(uid, 0, name).reason
        assert (found.kind, found.who) == (ReasonKind.WRONG_STATE, ActingParty.PERSON)
        assert "quay.io/other" in found.message
    release(engine)
    engine.wait(seconds=30)
    for name in ("site-1", "site-2"):
        member = engine.member(uid, 0, name)
        assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.WRONG_STATE)
    assert not engine.told(Kind.RUN_INTENDED)


def test_a_cluster_that_a_person_corrects_before_they_resume_does_not_fail() -> None:
    engine, uid = held()
    first, second = engine.spokes.values()
    first.ask(Stage.IDLE, "", first.seed)
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.READY
    assert engine.member(uid, 0, "site-2").reason.kind is ReasonKind.WRONG_STATE
    release(engine)
    engine.wait(hours=1)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert engine.member(uid, 0, "site-2").outcome is Outcome.FAILED
    assert second.executed == []


def test_a_correction_counts_that_the_hub_does_not_show_yet() -> None:
    """The agent reports it once it is asked again."""
    engine, uid = held()
    engine.frozen.add("site-1")
    spoke = engine.spokes["site-1"]
    spoke.ask(Stage.IDLE, "", spoke.seed)
    engine.wait(minutes=3)
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.WRONG_STATE
    release(engine)
    engine.wait(seconds=5)
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.PROBING
    engine.frozen.clear()
    engine.deliver()
    engine.wait(hours=1)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_missing_agent_fails_nobody_in_a_held_step() -> None:
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    engine.spokes["site-1"].absent = True
    engine.seeds = SeedState(problem="ibgu may not list SeedImages")
    uid = engine.apply(seeded(ibgu("a", "Prep")))
    engine.wait(minutes=25)
    found = engine.member(uid, 0, "site-1").reason
    assert found.kind is ReasonKind.WRONG_STATE
    assert "Lifecycle Agent is not installed" in found.message
    release(engine)
    engine.wait(seconds=110)
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.ABSENT
    engine.wait(seconds=30)
    assert engine.member(uid, 0, "site-1").cause is Cause.AGENT_ABSENT


def test_members_that_would_fail_are_asked_again_while_their_step_is_held() -> None:
    engine, uid = held()
    asked = engine.works[uid, "site-1"].generation
    engine.drive(PROBE_RETRY + timedelta(minutes=1))
    assert engine.works[uid, "site-1"].generation == asked + 1
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.WRONG_STATE


def test_the_step_ends_as_always_while_clusters_are_in_a_wrong_state() -> None:
    engine, uid = held()
    engine.annotate(uid, skip="site-1")
    engine.wait(hours=5)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SKIPPED
    member = engine.member(uid, 0, "site-2")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.NEVER_STARTED)
    assert "quay.io/other" in member.message
