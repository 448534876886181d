"""Annotations of an IBGU that go to the clusters: a change is accepted."""

from msgspec import json

from ibgu.core.drivers.ibu import IBU
from ibgu.core.engine.works import DesiredWork, stage_body
from ibgu.core.model import Kind, OnRollout
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import sites

UID = "uid-a"
KEY = "cleanup.lca.openshift.io/x"


def armed(twin: InMemoryEngine, name: str) -> dict[str, str]:
    """Returns what the run brings along that is armed on the cluster next."""
    twin.until(Kind.RUN_ARMING)
    wanted = twin.writes[UID, name]
    assert isinstance(wanted, DesiredWork)
    assert wanted.armed
    body = json.decode(stage_body(IBU, wanted, twin.tracked(UID).rollout, name, watch=True))
    found: dict[str, str] = body["spec"]["workload"]["manifests"][1]["metadata"]["annotations"]
    return {key: value for key, value in found.items() if "lca.openshift.io" in key}


def test_a_later_annotation_goes_along_with_the_next_run() -> None:
    twin = sites(2)
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    assert armed(twin, "site-1") == {}
    twin.until(Kind.RUN_ACCEPTED)
    twin.carry(uid, cleanup="Disabled")
    assert armed(twin, "site-2") == {KEY: "Disabled"}


def test_an_armed_work_is_not_rewritten_for_new_annotations() -> None:
    twin = sites(1)
    uid = twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.RUN_INTENDED)
    twin.muted.add("site-1")
    twin.until(Kind.RUN_ARMED)
    before = twin.works[uid, "site-1"].generation
    twin.carry(uid, cleanup="Disabled")
    twin.settle()
    assert twin.works[uid, "site-1"].generation == before
    assert twin.tracked(uid).rollout.annotations == {KEY: "Disabled"}


def test_changed_and_removed_annotations_are_recorded_once() -> None:
    twin = sites(1)
    uid = twin.apply(ibgu("a", "Prep"))
    twin.settle()
    twin.carry(uid, cleanup="Disabled", other="1")
    twin.settle()
    twin.annotate(uid, circuit_breaker="off")
    twin.settle()
    (told,) = twin.decisions(Kind.ANNOTATIONS_CHANGED)
    assert told.why.endswith(f"from now on: {KEY}, other.lca.openshift.io/x")
    assert isinstance(told, OnRollout)
    assert told.actor == "via the hub"
    twin.carry(uid)
    twin.settle()
    assert len(twin.told(Kind.ANNOTATIONS_CHANGED)) == 2
    assert twin.tracked(uid).rollout.annotations == {}


def test_an_invalid_plan_does_not_keep_them() -> None:
    twin = sites(1)
    uid = twin.apply(ibgu("a", "Upgrade", "Prep"))
    twin.carry(uid, cleanup="Disabled")
    twin.settle()
    assert twin.tracked(uid).rollout.annotations == {KEY: "Disabled"}
    assert twin.tracked(uid).rollout.hold is not None
