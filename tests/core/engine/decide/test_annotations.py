"""Annotations of an IBGU that go to the clusters: a change is accepted."""

from msgspec import json

from ibgu.core.drivers.ibu import IBU
from ibgu.core.engine.works import DesiredWork, stage_body
from ibgu.core.model import Kind, OnRollout
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import sites

UID = "uid-a"
KEY = "cleanup.lca.openshift.io/x"


def armed(engine: InMemoryEngine, name: str) -> dict[str, str]:
    """Returns what the run brings along that is armed on the cluster next."""
    engine.until(Kind.RUN_ARMING)
    wanted = engine.writes[UID, name]
    assert isinstance(wanted, DesiredWork)
    assert wanted.armed
    body = json.decode(stage_body(IBU, wanted, engine.tracked(UID).rollout, name, watch=True))
    found: dict[str, str] = body["spec"]["workload"]["manifests"][1]["metadata"]["annotations"]
    return {key: value for key, value in found.items() if "lca.openshift.io" in key}


def test_a_later_annotation_goes_along_with_the_next_run() -> None:
    engine = sites(2)
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    assert armed(engine, "site-1") == {}
    engine.until(Kind.RUN_ACCEPTED)
    engine.carry(uid, cleanup="Disabled")
    assert armed(engine, "site-2") == {KEY: "Disabled"}


def test_an_armed_work_is_not_rewritten_for_new_annotations() -> None:
    engine = sites(1)
    uid = engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.RUN_INTENDED)
    engine.muted.add("site-1")
    engine.until(Kind.RUN_ARMED)
    before = engine.works[uid, "site-1"].generation
    engine.carry(uid, cleanup="Disabled")
    engine.settle()
    assert engine.works[uid, "site-1"].generation == before
    assert engine.tracked(uid).rollout.annotations == {KEY: "Disabled"}


def test_changed_and_removed_annotations_are_recorded_once() -> None:
    engine = sites(1)
    uid = engine.apply(ibgu("a", "Prep"))
    engine.settle()
    engine.carry(uid, cleanup="Disabled", other="1")
    engine.settle()
    engine.annotate(uid, circuit_breaker="off")
    engine.settle()
    (told,) = engine.decisions(Kind.ANNOTATIONS_CHANGED)
    assert told.why.endswith(f"from now on: {KEY}, other.lca.openshift.io/x")
    assert isinstance(told, OnRollout)
    assert told.actor == "via the hub"
    engine.carry(uid)
    engine.settle()
    assert len(engine.told(Kind.ANNOTATIONS_CHANGED)) == 2
    assert engine.tracked(uid).rollout.annotations == {}


def test_an_invalid_plan_does_not_keep_them() -> None:
    engine = sites(1)
    uid = engine.apply(ibgu("a", "Upgrade", "Prep"))
    engine.carry(uid, cleanup="Disabled")
    engine.settle()
    assert engine.tracked(uid).rollout.annotations == {KEY: "Disabled"}
    assert engine.tracked(uid).rollout.hold is not None
