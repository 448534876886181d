"""R31.4: what a step carries to its clusters, after the journal that knew it was lost."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from ibgu.core.drivers.ibu import IBU
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.engine.works import shown_work
from ibgu.core.model import MemberState, OnStep, Outcome, ReasonKind, RolloutState, names
from ibgu.core.model.kinds import ManifestWork, ObjectMeta
from ibgu.core.model.records import UNKNOWN_PAYLOAD
from ibgu.core.recover import find
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import sites
from tests.core.engine.decide.restores import lose_journal, write_status
from tests.core.recover.objects import OURS, cluster, entry, obj, work
from tests.core.recover.test_rebuild import LATER, Rebuilt, status

UID = "uid-a"


def preparing(seconds: int, clusters: int = 2) -> InMemoryEngine:
    """Clusters get their Prep, one after the other, with content that has the digest "one"."""
    engine = sites(clusters)
    engine.payload = PayloadState(digest="one")
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=seconds)
    return engine


def lose(engine: InMemoryEngine) -> None:
    write_status(engine, UID)
    lose_journal(engine)
    engine.settle()


def digest(engine: InMemoryEngine) -> str:
    return engine.tracked(UID).steps[0].step.payload_digest


def goes_on(engine: InMemoryEngine) -> None:
    engine.annotate(UID, resume="1")
    engine.wait(hours=1)


def test_the_digest_of_the_step_comes_from_payload_works() -> None:
    engine = preparing(20)
    lose(engine)
    assert digest(engine) == "one"
    goes_on(engine)
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE


def test_a_cluster_in_its_prep_keeps_its_payload() -> None:
    """With the work the pull secret might leave the cluster, which needs it until Prep ends."""
    engine = preparing(20)
    lose(engine)
    assert engine.member(UID, 0, "site-1").state is MemberState.IN_FLIGHT
    assert engine.loads[UID, "site-1"].digest == "one"
    engine.wait(minutes=5)
    assert engine.member(UID, 0, "site-1").outcome is Outcome.SUCCEEDED
    assert not engine.loads


def test_content_that_has_changed_still_holds_the_step() -> None:
    engine = preparing(20)
    engine.payload = PayloadState(digest="two")
    lose(engine)
    goes_on(engine)
    hold = engine.tracked(UID).steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.PAYLOAD_CHANGED
    assert engine.spokes["site-2"].executed == []


def test_without_a_work_the_resume_takes_what_is_on_the_hub() -> None:
    """A step that no cluster is in: nothing tells what it carried, so nothing says it changed."""
    engine = sites(2)
    engine.payload = PayloadState(digest="one")
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=1)
    engine.annotate(UID, pause="yes")
    engine.wait(minutes=5)
    lose(engine)
    assert digest(engine) == UNKNOWN_PAYLOAD
    engine.payload = PayloadState(digest="two")
    engine.annotate(UID, resume="1")
    engine.settle()
    assert digest(engine) == "two"
    assert engine.tracked(UID).steps[0].step.hold is None
    steps = (each.decision for each in engine.said if isinstance(each.decision, OnStep))
    assert any("is not known" in decision.why for decision in steps)


def test_content_that_can_not_be_read_is_frozen_once_it_can() -> None:
    engine = preparing(90, clusters=3)
    engine.loads.clear()
    lose(engine)
    engine.payload = PayloadState(read=False)
    engine.annotate(UID, resume="1")
    engine.settle()
    assert digest(engine) == UNKNOWN_PAYLOAD
    engine.payload = PayloadState(digest="three")
    engine.touch_everything()
    engine.wait(hours=1)
    assert digest(engine) == "three"
    assert engine.tracked(UID).rollout.state is RolloutState.COMPLETE


def test_only_payload_works_of_the_rollout_count() -> None:
    """A cluster's agent may label any of its works as the rollout's; it can't name them."""
    works = [
        shown_work(IBU, ManifestWork(ObjectMeta(name=name, annotations={names.DIGEST: digest})))
        for name, digest in (
            (names.payload_name(UID, "a"), "one"),
            (names.payload_name(UID, "a"), ""),
            (names.payload_name("uid-b", "a"), "two"),
            ("mine", "three"),
        )
    ]
    assert find(obj(), [*works, work("site-1")], cluster).payloads == ("one",)


def test_a_step_that_carries_nothing_is_not_asked_for() -> None:
    found = Rebuilt(obj("Upgrade", status=status(entry("site-1", current="Upgrade"))))
    assert found.steps[0].payload_digest == ""


class TestOfTimes:
    """The status tells of no time: what it tells had ended when ibgu wrote it last."""

    WRITTEN = datetime(2026, 1, 1, 11, 30, tzinfo=UTC)

    def rebuilt(self, time: str = "2026-01-01T11:30:00Z") -> Rebuilt:
        entries = [entry("site-1", "Prep"), entry("site-2", failed={"Prep": "PrepFailed: x"})]
        by = replace(OURS, time=time)
        return Rebuilt(obj("Prep Upgrade", status=status(*entries), by=by))

    def test_an_action_that_another_one_has_followed(self) -> None:
        marks = {"action": "Upgrade", "started": "2026-01-01T10:40:00Z"}
        works = [work("site-1", echo="run-1 Upgrade", **marks)]
        found = Rebuilt(obj("Prep Upgrade", status=status(entry("site-1"))), works)
        assert found.member(0, "site-1").completed[0].at == datetime(2026, 1, 1, 10, 40, tzinfo=UTC)

    def test_an_end_in_the_status(self) -> None:
        found = self.rebuilt()
        assert found.member(0, "site-1").completed[0].at == self.WRITTEN
        assert found.member(0, "site-2").ended_at == self.WRITTEN

    def test_a_clock_that_is_ahead_makes_no_end_in_the_future(self) -> None:
        found = self.rebuilt((LATER + timedelta(hours=1)).isoformat())
        assert found.member(0, "site-2").ended_at == LATER

    def test_without_a_time_it_has_ended_by_now(self) -> None:
        assert self.rebuilt("").member(0, "site-2").ended_at == LATER
