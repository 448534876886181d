"""A person's control annotations: a closed list, acted on once per value."""

from hashlib import sha256

import pytest
from msgspec.structs import replace

from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Cause, Kind, OnRollout, Outcome, ReasonKind
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu


def controls(engine: InMemoryEngine) -> list[str]:
    return engine.told(Kind.CONTROL)


def warnings(engine: InMemoryEngine) -> list[bool]:
    found = engine.decisions(Kind.CONTROL)
    return [each.warning for each in found if isinstance(each, OnRollout)]


def three() -> tuple[InMemoryEngine, str]:
    engine = InMemoryEngine("site-1", "site-2", "site-3")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=20)
    return engine, uid


def test_waiting_clusters_can_be_skipped_by_name() -> None:
    engine, uid = three()
    engine.annotate(uid, skip="site-1, site-3,site-99")
    engine.settle()
    members = engine.tracked(uid).steps[0].members
    assert [m.outcome for m in members.values()] == [None, None, Outcome.SKIPPED]
    skipped = members["site-3"]
    assert (skipped.cause, skipped.failed_action) == (Cause.SKIPPED, None)
    assert skipped.message == "skipped via the hub"
    (said,) = engine.decisions(Kind.CONTROL)
    assert isinstance(said, OnRollout)
    assert said.warning
    assert said.why == (
        "ibgu.dev/skip=site-1, site-3,site-99: 1 waiting cluster skipped; "
        "not skipped: in flight (Prep): site-1; not in step 1: site-99"
    )


def test_a_long_skip_is_done_once_and_journaled_by_its_digest() -> None:
    """Every event of a control tells all controls: 200 KB would be journaled again and again."""
    engine, uid = three()
    many = ",".join(["site-3", *(f"elsewhere-{number}" for number in range(5000))])
    engine.annotate(uid, skip=many)
    engine.settle()
    engine.wait(hours=1)
    assert engine.member(uid, 0, "site-3").outcome is Outcome.SKIPPED
    assert len(controls(engine)) == 1
    [kept] = engine.tracked(uid).rollout.controls.values()
    assert kept == f"sha256:{sha256(many.encode()).hexdigest()}"


def test_a_skip_that_takes_all_that_it_names_is_no_warning() -> None:
    engine, uid = three()
    engine.annotate(uid, skip="2026-11-20T02:00:00Z,site-2,site-3")
    engine.settle()
    (said,) = engine.decisions(Kind.CONTROL)
    assert isinstance(said, OnRollout)
    assert (said.warning, said.why[-26:]) == (False, "2 waiting clusters skipped")


def test_all_waiting_clusters_can_be_skipped() -> None:
    engine, uid = three()
    engine.annotate(uid, skip="waiting")
    engine.wait(minutes=5)
    outcomes = [m.outcome for m in engine.tracked(uid).steps[0].members.values()]
    assert outcomes == [Outcome.SUCCEEDED, Outcome.SKIPPED, Outcome.SKIPPED]
    assert "1 succeeded, 2 skipped" in engine.told(Kind.STEP_FINISHED)[0]
    assert engine.labels["site-3"] == {}


@pytest.mark.parametrize(
    ("value", "skipped"),
    [
        ("waiting,step-1,2026-11-20T02:00:00Z", 2),
        ("waiting, step-2", 0),
        ("2026-11-20T02:00:00Z,waiting,site-3", 1),
    ],
)
def test_a_skip_of_waiting_clusters_applies_to_the_named_step(value: str, skipped: int) -> None:
    engine, uid = three()
    engine.annotate(uid, skip=value)
    engine.settle()
    members = engine.tracked(uid).steps[0].members.values()
    assert [m.outcome for m in members].count(Outcome.SKIPPED) == skipped


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("waiting,site-3", '"site-3"'),
        (" waiting , SITE 3,step-1,2026-11-20T02:00:00Z,", '"SITE 3"'),
        ("waiting,step-one,2", '"step-one", "2"'),
        ("waiting,20260101,2026-11-20", '"20260101", "2026-11-20"'),
    ],
)
def test_a_skip_of_all_beside_a_name_skips_nobody(value: str, shown: str) -> None:
    engine, uid = three()
    engine.annotate(uid, skip=value)
    engine.settle()
    members = engine.tracked(uid).steps[0].members.values()
    assert [m.outcome for m in members].count(Outcome.SKIPPED) == 0
    (said,) = engine.decisions(Kind.CONTROL)
    assert isinstance(said, OnRollout)
    assert said.warning
    assert said.why.endswith(
        f": nothing skipped: waiting takes all waiting clusters, and beside it stands {shown}; "
        "give names without waiting, or waiting without names"
    )


def test_a_value_is_acted_on_once() -> None:
    engine, uid = three()
    engine.annotate(uid, skip="site-2")
    engine.settle()
    engine.touch(uid)
    engine.settle()
    engine.restart()
    engine.settle()
    assert len(controls(engine)) == 1
    engine.annotate(uid, skip="site-3")
    engine.settle()
    assert len(controls(engine)) == 2


def test_a_control_records_its_actor() -> None:
    engine, uid = three()
    engine.annotate(uid, skip="site-2")
    engine.settle()
    (said,) = engine.decisions(Kind.CONTROL)
    assert isinstance(said, OnRollout)
    assert said.actor == "via the hub"


def test_outside_of_a_step_there_is_nobody_to_skip() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    engine.annotate(uid, skip="waiting")
    engine.settle()
    assert controls(engine) == ["ibgu.dev/skip=waiting: no step is running"]


def test_resume_without_a_hold_says_so() -> None:
    engine, uid = three()
    engine.annotate(uid, resume="1")
    engine.settle()
    assert controls(engine) == ["ibgu.dev/resume=1: nothing was held"]


def test_a_changed_payload_goes_on_with_the_new_content_after_resume() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.payload = PayloadState(digest="one")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=20)
    engine.payload = PayloadState(digest="two")
    engine.wait(minutes=5)
    hold = engine.tracked(uid).steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.PAYLOAD_CHANGED
    assert engine.spokes["site-2"].executed == []
    engine.annotate(uid, resume="1")
    engine.settle()
    assert engine.tracked(uid).steps[0].step.payload_digest == "two"
    assert controls(engine)[0] == (
        "ibgu.dev/resume=1: goes on after: a ConfigMap or Secret that this step carries has "
        "changed on the hub"
    )
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED


def test_resume_waits_until_the_new_content_can_be_read() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.payload = PayloadState(digest="one")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=20)
    engine.payload = PayloadState(digest="two")
    engine.wait(minutes=5)
    for unknown in (PayloadState(read=False), PayloadState(problem="forbidden")):
        engine.payload = unknown
        engine.annotate(uid, resume="1")
        engine.settle()
        assert controls(engine) == []
        assert engine.tracked(uid).steps[0].step.payload_digest == "one"
    engine.payload = PayloadState(digest="three")
    engine.touch(uid)
    engine.settle()
    assert len(controls(engine)) == 1
    assert engine.tracked(uid).steps[0].step.payload_digest == "three"


def test_an_unknown_value_of_the_breaker_is_answered() -> None:
    engine, uid = three()
    engine.annotate(uid, circuit_breaker="sometimes")
    engine.settle()
    assert controls(engine) == [
        "ibgu.dev/circuit-breaker=sometimes: the annotation ibgu.dev/circuit-breaker is "
        '"sometimes"; expected: off'
    ]
    assert warnings(engine) == [True]


def test_the_breaker_can_be_switched_off_before_it_is_needed() -> None:
    engine, uid = three()
    engine.annotate(uid, circuit_breaker="off")
    engine.settle()
    assert controls(engine) == ["ibgu.dev/circuit-breaker=off: the circuit breaker is off"]


def marked(engine: InMemoryEngine, uid: str, marks: dict[str, str]) -> None:
    obj = engine.ibgus[uid]
    engine.apply(replace(obj, metadata=replace(obj.metadata, annotations=marks)))
    engine.settle()


def test_other_annotations_are_no_control() -> None:
    engine, uid = three()
    marked(engine, uid, {"example.com/unknown": "1", "lca.openshift.io/x": "y"})
    assert controls(engine) == []


def test_a_mistyped_annotation_is_noted_while_it_is_there() -> None:
    engine, uid = three()
    engine.annotate(uid, pasue="nora")
    engine.settle()
    assert engine.tracked(uid).rollout.controls == {"ibgu.dev/pasue": "nora"}
    marked(engine, uid, {"ibgu.dev/xyz": "1"})
    assert engine.tracked(uid).rollout.controls == {"ibgu.dev/xyz": "1"}
    marked(engine, uid, {})
    assert engine.tracked(uid).rollout.controls == {}
    assert controls(engine) == [
        "ibgu.dev/pasue=nora: the annotation ibgu.dev/pasue does nothing; do you mean "
        "ibgu.dev/pause?",
        "no ibgu.dev/pasue, ibgu.dev/xyz=1: the annotation ibgu.dev/xyz does nothing: ibgu has no "
        "annotation of that name",
        "no ibgu.dev/xyz: no annotation without effect is left",
    ]
    assert warnings(engine) == [True, True, False]


def test_a_long_value_without_effect_is_kept_in_part() -> None:
    engine, uid = three()
    marked(engine, uid, {"ibgu.dev/pasue": "x\n" * 100_000})
    [kept] = engine.tracked(uid).rollout.controls.values()
    assert kept == ("x " * 20).strip()


def test_no_more_than_ten_mistyped_annotations_are_noted() -> None:
    engine, uid = three()
    marked(engine, uid, {f"ibgu.dev/x{number:03}": "" for number in range(200)})
    assert [*engine.tracked(uid).rollout.controls] == [f"ibgu.dev/x{n:03}" for n in range(10)]


def test_a_skip_warns_of_parts_that_name_no_cluster() -> None:
    engine, uid = three()
    engine.annotate(uid, skip="2026-11-20T02:00:00Z, site-3, SITE-2,")
    engine.settle()
    assert controls(engine) == [
        "ibgu.dev/skip=2026-11-20T02:00:00Z, site-3, SITE-2,: 1 waiting cluster skipped; "
        'not skipped: not the name of a cluster: "SITE-2"'
    ]
    assert warnings(engine) == [True]
