"""A work as a person reads it: from the object alone, without its content."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.observe.ibu_state import IbuState
from ibgu.core.model.bounds import moment
from ibgu.core.model.kinds import JsonObject, ManifestWork
from ibgu.core.views.reported import ReportedWork, agent, asks, reported, stands

SECRET = "cGFzc3dvcmQ="
IBU = {
    "kind": "ImageBasedUpgrade",
    "group": "lca.openshift.io",
    "name": "upgrade",
    "resource": "imagebasedupgrades",
}


def value(name: str, kind: str, given: Any) -> JsonObject:
    return {"name": name, "fieldValue": {"type": kind.title(), kind: given}}


def stage(**annotations: str) -> JsonObject:
    condition = {"type": "Applied", "status": "True", "observedGeneration": 4, "reason": "Done"}
    available = {"type": "Available", "status": "True"}
    values = [
        value("stage", "string", "Prep"),
        value("generation", "integer", 3),
        value("prepInProgressStatus", "string", "True"),
        value("flag", "boolean", False),
        {"name": "odd", "fieldValue": {"type": "String"}},
    ]
    return {
        "metadata": {
            "name": "ran-417-0123-stage",
            "namespace": "site-1",
            "generation": 4,
            "creationTimestamp": "2026-01-02T03:04:05Z",
            "labels": {"ibgu.dev/rollout": "uid-1", "ibgu.dev/part": "stage"},
            "annotations": {"ibgu.dev/rollout": "default/ran-417", **annotations},
        },
        "spec": {"workload": {"manifests": [{"kind": "Secret", "data": {"x": SECRET}}]}},
        "status": {
            "conditions": [condition],
            "resourceStatus": {
                "manifests": [
                    {
                        "resourceMeta": IBU,
                        "conditions": [condition, available],
                        "statusFeedback": {"values": values},
                    }
                ]
            },
        },
    }


def read(work: JsonObject) -> ReportedWork:
    return reported(msgspec.convert(work, ManifestWork))


def test_a_work_is_read_with_its_request_and_feedback() -> None:
    marks = {"action": "Prep", "run": "r1", "attempt": "2", "arming": "armed", "generation": "4"}
    found = read(stage(**{f"ibgu.dev/{key}": mark for key, mark in marks.items()}))
    assert (found.part, found.rollout, found.rollout_uid) == ("stage", "default/ran-417", "uid-1")
    assert found.run is not None
    assert (found.run.action, found.run.run, found.run.attempt) == (Action.PREP, "r1", 2)
    assert (found.work.armed, found.work.edited, found.work.applied) == (True, False, True)
    assert found.ibu_state is IbuState.PREPARING
    assert found.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert found.conditions[0].reason == "Done"


def test_feedback_values_are_shown_as_text() -> None:
    [manifest] = read(stage()).manifests
    assert (manifest.kind, manifest.name) == ("ImageBasedUpgrade", "upgrade")
    assert manifest.feedback == {
        "stage": "Prep",
        "generation": "3",
        "prepInProgressStatus": "True",
        "flag": "false",
        "odd": "",
    }


def test_a_bare_work_has_no_run_and_no_state() -> None:
    found = read({"metadata": {"name": "x", "namespace": "site-1"}})
    assert (found.part, found.run, found.ibu_state, found.manifests) == ("", None, None, ())


def test_the_content_of_a_work_is_not_included() -> None:
    assert SECRET not in repr(read(stage()))


@pytest.mark.parametrize("told", ["", "soon", "2026-01-02T03:04:05"])
def test_invalid_times_are_ignored(told: str) -> None:
    assert moment(told) is None


RUN = {
    "ibgu.dev/action": "Prep",
    "ibgu.dev/run": "r1",
    "ibgu.dev/generation": "4",
    "ibgu.dev/arming": "disarmed",
}


def test_the_request_of_a_work_is_described() -> None:
    assert asks(read(stage())) == "nothing: ibgu only watches the cluster"
    armed = RUN | {"ibgu.dev/arming": "armed", "ibgu.dev/attempt": "2"}
    assert asks(read(stage(**armed))) == "Prep, attempt 2 (armed)"
    over = RUN | {"ibgu.dev/outcome": "refused"}
    assert asks(read(stage(**over))) == (
        "Prep, attempt 1 (it ended: refused; disarmed, only watched)"
    )
    payload = stage(**RUN)
    payload["metadata"]["labels"]["ibgu.dev/part"] = "payload"
    assert asks(read(payload)) == ""
    job = stage(**{"ibgu.dev/run": "r1", "ibgu.dev/action": "Backup"})
    job["metadata"]["labels"]["ibgu.dev/part"] = "job"
    assert asks(read(job)) == "Backup: a Job on the cluster, which goes with this work"


def test_the_progress_of_the_agent_is_described() -> None:
    assert agent(read(stage(**RUN))) == "has applied this version"
    edited = stage()
    edited["metadata"] |= {"generation": 5, "deletionTimestamp": "2026-01-02T03:07:00Z"}
    marks = "; the work is being deleted; edited by someone else"
    assert agent(read(edited)) == f"has not applied this version yet{marks}"
    del edited["status"]
    assert agent(read(edited)) == f"has reported nothing yet{marks}"


def test_the_state_of_the_cluster_is_described() -> None:
    found = stage(**RUN)
    [entry] = found["status"]["resourceStatus"]["manifests"]
    values = entry["statusFeedback"]["values"]
    assert stands(read(found)) == (
        "preparing: stage Prep; may follow: nothing; the Lifecycle Agent has not seen the stage yet"
    )
    values += [
        value("observedGeneration", "integer", 3),
        value("seedVersion", "string", "4.17.2"),
        value("nextIdle", "string", "Idle"),
    ]
    told = "preparing: stage Prep, seed 4.17.2; may follow: Idle"
    assert stands(read(found)) == told
    entry["conditions"][1]["status"] = "Unknown"
    assert stands(read(found)) == f"{told}; the agent can't read it, so this is old"
    assert stands(read({"metadata": {"name": "x", "namespace": "site-1"}})) == ""
