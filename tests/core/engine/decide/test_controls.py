"""A person's control annotations: a closed list, acted on once per value."""

from hashlib import sha256

import pytest
from msgspec.structs import replace

from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Cause, Kind, OnRollout, Outcome, ReasonKind
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu


def controls(twin: InMemoryEngine) -> list[str]:
    return twin.told(Kind.CONTROL)


def three() -> tuple[InMemoryEngine, str]:
    twin = InMemoryEngine("site-1", "site-2", "site-3")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(seconds=20)
    return twin, uid


def test_waiting_clusters_can_be_skipped_by_name() -> None:
    twin, uid = three()
    twin.annotate(uid, skip="site-1, site-3,site-99")
    twin.settle()
    members = twin.tracked(uid).steps[0].members
    assert [m.outcome for m in members.values()] == [None, None, Outcome.SKIPPED]
    skipped = members["site-3"]
    assert (skipped.cause, skipped.failed_action) == (Cause.SKIPPED, None)
    assert skipped.message == "skipped via the hub"
    (said,) = twin.decisions(Kind.CONTROL)
    assert isinstance(said, OnRollout)
    assert said.warning
    assert said.why == (
        "ibgu.dev/skip=site-1, site-3,site-99: 1 waiting cluster skipped; "
        "not skipped: in flight (Prep): site-1; not in step 1: site-99"
    )


def test_a_long_skip_is_done_once_and_journaled_by_its_digest() -> None:
    """Every event of a control tells all controls: 200 KB would be journaled again and again."""
    twin, uid = three()
    many = ",".join(["site-3", *(f"elsewhere-{number}" for number in range(5000))])
    twin.annotate(uid, skip=many)
    twin.settle()
    twin.wait(hours=1)
    assert twin.member(uid, 0, "site-3").outcome is Outcome.SKIPPED
    assert len(controls(twin)) == 1
    [kept] = twin.tracked(uid).rollout.controls.values()
    assert kept == f"sha256:{sha256(many.encode()).hexdigest()}"


def test_a_skip_that_takes_all_that_it_names_is_no_warning() -> None:
    twin, uid = three()
    twin.annotate(uid, skip="2026-11-20T02:00:00Z,site-2,site-3")
    twin.settle()
    (said,) = twin.decisions(Kind.CONTROL)
    assert isinstance(said, OnRollout)
    assert (said.warning, said.why[-26:]) == (False, "2 waiting clusters skipped")


def test_all_waiting_clusters_can_be_skipped() -> None:
    twin, uid = three()
    twin.annotate(uid, skip="waiting")
    twin.wait(minutes=5)
    outcomes = [m.outcome for m in twin.tracked(uid).steps[0].members.values()]
    assert outcomes == [Outcome.SUCCEEDED, Outcome.SKIPPED, Outcome.SKIPPED]
    assert "1 succeeded, 2 skipped" in twin.told(Kind.STEP_FINISHED)[0]
    assert twin.labels["site-3"] == {}


@pytest.mark.parametrize(
    ("value", "skipped"),
    [
        ("waiting,step-1,2026-11-20T02:00:00Z", 2),
        ("waiting, step-2", 0),
        ("2026-11-20T02:00:00Z,waiting,site-3", 1),
    ],
)
def test_a_skip_of_waiting_clusters_applies_to_the_named_step(value: str, skipped: int) -> None:
    twin, uid = three()
    twin.annotate(uid, skip=value)
    twin.settle()
    members = twin.tracked(uid).steps[0].members.values()
    assert [m.outcome for m in members].count(Outcome.SKIPPED) == skipped


def test_a_value_is_acted_on_once() -> None:
    twin, uid = three()
    twin.annotate(uid, skip="site-2")
    twin.settle()
    twin.touch(uid)
    twin.settle()
    twin.restart()
    twin.settle()
    assert len(controls(twin)) == 1
    twin.annotate(uid, skip="site-3")
    twin.settle()
    assert len(controls(twin)) == 2


def test_a_control_records_its_actor() -> None:
    twin, uid = three()
    twin.annotate(uid, skip="site-2")
    twin.settle()
    (said,) = twin.decisions(Kind.CONTROL)
    assert isinstance(said, OnRollout)
    assert said.actor == "via the hub"


def test_outside_of_a_step_there_is_nobody_to_skip() -> None:
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    twin.annotate(uid, skip="waiting")
    twin.settle()
    assert controls(twin) == ["ibgu.dev/skip=waiting: no step is running"]


def test_resume_without_a_hold_says_so() -> None:
    twin, uid = three()
    twin.annotate(uid, resume="1")
    twin.settle()
    assert controls(twin) == ["ibgu.dev/resume=1: nothing was held"]


def test_a_changed_payload_goes_on_with_the_new_content_after_resume() -> None:
    twin = InMemoryEngine("site-1", "site-2")
    twin.payload = PayloadState(digest="one")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(seconds=20)
    twin.payload = PayloadState(digest="two")
    twin.wait(minutes=5)
    hold = twin.tracked(uid).steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.PAYLOAD_CHANGED
    assert twin.spokes["site-2"].executed == []
    twin.annotate(uid, resume="1")
    twin.settle()
    assert twin.tracked(uid).steps[0].step.payload_digest == "two"
    assert controls(twin)[0].startswith("ibgu.dev/resume=1: goes on after: a ConfigMap")
    twin.wait(minutes=5)
    assert twin.member(uid, 0, "site-2").outcome is Outcome.SUCCEEDED


def test_resume_waits_until_the_new_content_can_be_read() -> None:
    twin = InMemoryEngine("site-1", "site-2")
    twin.payload = PayloadState(digest="one")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(seconds=20)
    twin.payload = PayloadState(digest="two")
    twin.wait(minutes=5)
    for unknown in (PayloadState(read=False), PayloadState(problem="forbidden")):
        twin.payload = unknown
        twin.annotate(uid, resume="1")
        twin.settle()
        assert controls(twin) == []
        assert twin.tracked(uid).steps[0].step.payload_digest == "one"
    twin.payload = PayloadState(digest="three")
    twin.touch(uid)
    twin.settle()
    assert len(controls(twin)) == 1
    assert twin.tracked(uid).steps[0].step.payload_digest == "three"


def test_an_unknown_value_of_the_breaker_is_answered() -> None:
    twin, uid = three()
    twin.annotate(uid, circuit_breaker="sometimes")
    twin.settle()
    assert controls(twin) == [
        "ibgu.dev/circuit-breaker=sometimes: unknown value, expected off: sometimes"
    ]


def test_the_breaker_can_be_switched_off_before_it_is_needed() -> None:
    twin, uid = three()
    twin.annotate(uid, circuit_breaker="off")
    twin.settle()
    assert controls(twin) == ["ibgu.dev/circuit-breaker=off: the circuit breaker is off"]


def test_other_annotations_are_no_control() -> None:
    twin, uid = three()
    obj = twin.ibgus[uid]
    marks = {"ibgu.dev/unknown": "1", "lca.openshift.io/x": "y"}
    twin.apply(replace(obj, metadata=replace(obj.metadata, annotations=marks)))
    twin.settle()
    assert controls(twin) == []
