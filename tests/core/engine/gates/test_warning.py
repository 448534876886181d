"""R18.8: where an annotation says so, a cluster that has warned waits for a person."""

import pytest

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.engine.decide.rollout import controls
from ibgu.core.model import ActingParty, Kind, Outcome, ReasonKind
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants

WARNING = "Thing[1] - CRD not deployed on cluster"


def prepared(*plan: str, held: bool = True, concurrency: int = 1) -> InMemoryEngine:
    """Returns a fleet of three clusters after their Prep, of which site-2 has warned."""
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    Invariants(engine)
    engine.spokes["site-2"].prep_warning = WARNING
    engine.apply(ibgu("a", *plan, concurrency=concurrency))
    if held:
        engine.annotate("uid-a", hold_on_warning="yes")
    engine.wait(hours=2)
    return engine


def outcomes(engine: InMemoryEngine, step: int = 1) -> list[Outcome | None]:
    return [engine.member("uid-a", step, f"site-{n}").outcome for n in (1, 2, 3)]


def test_without_the_annotation_it_goes_on() -> None:
    assert outcomes(prepared("Prep", "Upgrade", held=False)) == [Outcome.SUCCEEDED] * 3


def test_a_warned_cluster_waits_and_those_behind_it_pass() -> None:
    engine = prepared("Prep", "Upgrade")
    assert outcomes(engine) == [Outcome.SUCCEEDED, None, Outcome.SUCCEEDED]
    reason = engine.member("uid-a", 1, "site-2").reason
    assert (reason.kind, reason.message, reason.who) == (
        ReasonKind.WARNING,
        WARNING,
        ActingParty.PERSON,
    )
    assert engine.spokes["site-2"].stage is Stage.PREP


def test_a_resume_accepts_the_warnings_so_far() -> None:
    engine = prepared("Prep", "Upgrade")
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=1)
    assert outcomes(engine) == [Outcome.SUCCEEDED] * 3
    assert engine.told(Kind.CONTROL)[-1].endswith("1 cluster may go on in spite of a warning")
    [accepted] = engine.told(Kind.WARNING_ACCEPTED)
    assert accepted.endswith(WARNING)
    assert engine.member("uid-a", 1, "site-2").accepted_warning == WARNING


def test_a_skipped_cluster_does_not_continue_after_a_resume() -> None:
    engine = prepared("Prep", "Upgrade")
    engine.annotate("uid-a", skip="site-2")
    engine.wait(hours=1)
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=1)
    assert outcomes(engine)[1] is Outcome.SKIPPED
    assert engine.told(Kind.CONTROL)[-1].endswith("nothing was held")


def test_all_go_on_once_the_annotation_is_removed() -> None:
    engine = prepared("Prep", "Upgrade")
    obj = engine.ibgus["uid-a"]
    obj.metadata.annotations.clear()
    engine.apply(obj)
    engine.wait(hours=1)
    assert outcomes(engine) == [Outcome.SUCCEEDED] * 3
    assert engine.told(Kind.CONTROL) == [
        "ibgu.dev/hold-on-warning=yes: clusters with a warning wait for a person before Upgrade",
        "ibgu.dev/hold-on-warning: removed, so that clusters with a warning continue, unless a "
        "RolloutPolicy holds them",
    ]


def test_the_annotation_may_change_before_a_step_runs() -> None:
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep"))
    engine.annotate("uid-a", hold_on_warning="yes")
    engine.wait(hours=1)
    engine.ibgus["uid-a"].metadata.annotations.clear()
    engine.apply(engine.ibgus["uid-a"])
    engine.wait(minutes=1)
    assert len(engine.told(Kind.CONTROL)) == 2


def test_a_warned_member_in_a_chain_keeps_its_slot_and_gets_a_new_limit() -> None:
    engine = prepared("Prep Upgrade")
    member = engine.member("uid-a", 0, "site-2")
    assert (member.reason.kind, member.slot) == (ReasonKind.WARNING, 1)
    limit = member.limit
    engine.annotate("uid-a", resume="1")
    engine.settle()
    found = engine.member("uid-a", 0, "site-2").limit
    assert limit is not None
    assert found is not None
    assert found > limit
    engine.wait(hours=2)
    assert outcomes(engine, 0) == [Outcome.SUCCEEDED] * 3


def test_another_warning_is_asked_about_again() -> None:
    """Somebody prepares the cluster once more while it waits for its slot."""
    engine = prepared("Prep", "Upgrade")
    engine.spokes["site-2"].prep_warning = "Other[2] - CRD not deployed on cluster"
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=1)
    member = engine.member("uid-a", 1, "site-2")
    assert member.reason.kind is ReasonKind.WARNING
    assert member.reason.message.startswith("Other[2]")


def test_the_ways_back_are_open() -> None:
    for action in (Action.ABORT, Action.ROLLBACK):
        engine = prepared("Prep", "Upgrade")
        uid = engine.apply(ibgu("b", action, age=-1))
        engine.wait(hours=1)
        other = engine.member(uid, 0, "site-2" if action == Action.ABORT else "site-1")
        assert other.outcome is Outcome.SUCCEEDED


def test_hundreds_are_accepted_in_more_than_one_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, 6)))
    for spoke in engine.spokes.values():
        spoke.prep_warning = WARNING
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=5))
    engine.annotate("uid-a", hold_on_warning="yes")
    engine.wait(hours=1)
    monkeypatch.setattr(controls, "MEMBERS_PER_CYCLE", 2)
    engine.annotate("uid-a", resume="1")
    engine.wait(hours=1)
    members = [engine.member("uid-a", 1, f"site-{n}") for n in range(1, 6)]
    assert {member.outcome for member in members} == {Outcome.SUCCEEDED}
