from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.observe.ibu_view import IbuCondition, IbuView
from ibgu.core.engine.works import (
    DesiredWork,
    disarming,
    refresh_patch,
    stage_body,
    stage_patch,
    view_work,
)
from ibgu.core.model import Rollout, RunResult, RunState, WorkView, names
from ibgu.core.model.kinds import (
    AutoRollback,
    IbuSpec,
    ManifestWork,
    ObjectMeta,
    ObjectRef,
    RolloutSpec,
    SeedImageRef,
)
from ibgu.core.model.names import MANUAL_CLEANUP_DONE, stage_name
from ibgu.sim.hub.merge import DoesNotFit, patched
from tests.core.drivers.ibu.works.samples import IBU_SPEC, NOW, ROLLOUT, probe, run, view
from tests.runs import changed

ARMED = DesiredWork(armed=True, run=run(), probe=probe(), limit=NOW)
CONFIRMED = replace(ROLLOUT, controls={MANUAL_CLEANUP_DONE: "alice: removed the backups"})
CLEANUP_DONE = "lca.openshift.io/manual-cleanup-done"
CLEANED = [
    (Action.ABORT, "AbortFailed"),
    (Action.ABORT_ON_FAILURE, "AbortFailed"),
    (Action.FINALIZE_UPGRADE, "FinalizeFailed"),
    (Action.FINALIZE_ROLLBACK, "FinalizeFailed"),
]
"""Actions, and the failure of each after which a person may have cleaned up."""
DISARMED = DesiredWork(armed=False, probe=probe())


def body(wanted: DesiredWork, *, watch: bool = True) -> dict[str, Any]:
    found = json.decode(stage_body(IBU, wanted, ROLLOUT, "site-1", watch=watch))
    assert isinstance(found, dict)
    return found


def patch(wanted: DesiredWork, current: WorkView) -> dict[str, Any]:
    found = json.decode(stage_patch(IBU, wanted, ROLLOUT, current, watch=True))
    assert isinstance(found, dict)
    return found


def armed_where(
    reason: str, action: Action, rollout: Rollout = CONFIRMED, status: str = "False"
) -> dict[str, Any]:
    """The work that is armed on a cluster with that condition Idle."""
    seen = view(feedback=IbuView(idle=IbuCondition(status, reason)))
    armed = DesiredWork(armed=True, run=run(action=action), limit=NOW)
    found = json.decode(stage_patch(IBU, armed, rollout, seen, watch=True))
    assert isinstance(found, dict)
    return found


def ibu(work: dict[str, Any]) -> dict[str, Any]:
    found = work["spec"]["workload"]["manifests"][1]
    assert isinstance(found, dict)
    return found


def empty_places(value: object, path: str = "") -> Iterator[str]:
    if value is None or value == {} or value == []:
        yield path
    if isinstance(value, dict):
        for key, part in value.items():
            yield from empty_places(part, f"{path}.{key}")
    if isinstance(value, list):
        for part in value:
            yield from empty_places(part, f"{path}[]")


def test_the_metadata_of_a_stage_work() -> None:
    assert body(DISARMED)["metadata"] == {
        "name": stage_name(ROLLOUT.uid, "ran-417"),
        "namespace": "site-1",
        "labels": {
            "app.kubernetes.io/managed-by": "ibgu",
            "ibgu.dev/rollout": ROLLOUT.uid,
            "ibgu.dev/part": "stage",
        },
        "annotations": {
            "ibgu.dev/rollout": "default/ran-417",
            "ibgu.dev/generation": "1",
            "ibgu.dev/arming": "disarmed",
            "ibgu.dev/probe": "l1",
        },
    }


def test_never_takes_the_ibu_away_with_it() -> None:
    assert body(ARMED)["spec"]["deleteOption"] == {"propagationPolicy": "Orphan"}


def test_the_role_comes_first_and_is_exactly_talms() -> None:
    assert body(ARMED)["spec"]["workload"]["manifests"][0] == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": "open-cluster-management:klusterlet-work:ibu-role",
            "labels": {"open-cluster-management.io/aggregate-to-work": "true"},
        },
        "rules": [
            {
                "apiGroups": ["lca.openshift.io"],
                "resources": ["imagebasedupgrades"],
                "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
            }
        ],
    }


def test_an_armed_work_carries_the_whole_spec_and_the_run() -> None:
    assert ibu(body(ARMED)) == {
        "apiVersion": "lca.openshift.io/v1",
        "kind": "ImageBasedUpgrade",
        "metadata": {
            "name": "upgrade",
            "annotations": {
                "image-cleanup.lca.openshift.io/on-prep": "Disabled",
                "ibgu.dev/run": "r1",
            },
        },
        "spec": {
            "stage": "Prep",
            "seedImageRef": {
                "image": "registry/seed@sha256:aa",
                "version": "4.17.2",
                "pullSecretRef": {"name": "seed-pull-secret"},
            },
            "oadpContent": [{"name": "oadp-cm", "namespace": "openshift-adp"}],
        },
    }


def test_a_disarmed_work_does_not_confirm_a_clean_up_again() -> None:
    seen = view(feedback=IbuView(idle=IbuCondition("False", "AbortFailed")))
    work = json.decode(stage_patch(IBU, DISARMED, CONFIRMED, seen, watch=True))
    assert CLEANUP_DONE not in ibu(work)["metadata"]["annotations"]


@pytest.mark.parametrize("action", list(Action))
def test_the_stage_is_the_actions(action: Action) -> None:
    wanted = DesiredWork(armed=True, run=run(action=action))
    assert ibu(body(wanted))["spec"]["stage"] == action.stage


def test_a_disarmed_work_has_a_stage_that_can_not_create_an_ibu() -> None:
    found = ibu(body(DISARMED))
    assert found["spec"] == {"stage": "Disarmed"}
    assert found["metadata"]["annotations"] == {"ibgu.dev/generation": "1"}


@pytest.mark.parametrize(("wanted", "strategy"), [(ARMED, "Update"), (DISARMED, "CreateOnly")])
def test_the_strategy_is_for_the_ibu_alone(wanted: DesiredWork, strategy: str) -> None:
    (config,) = body(wanted)["spec"]["manifestConfigs"]
    assert config["resourceIdentifier"] == {
        "group": "lca.openshift.io",
        "resource": "imagebasedupgrades",
        "name": "upgrade",
    }
    assert config["updateStrategy"] == {"type": strategy}


@pytest.mark.parametrize(("action", "reason"), CLEANED)
def test_a_confirmed_clean_up_is_brought_to_the_cluster_once(action: Action, reason: str) -> None:
    """The agent applies a work again after a conflict, and would restore what the Lifecycle Agent
    has removed."""
    found = armed_where(reason, action)
    assert ibu(found)["metadata"]["annotations"][CLEANUP_DONE] == "ran-417"
    (config,) = found["spec"]["manifestConfigs"]
    path = r".metadata.annotations.lca\.openshift\.io/manual-cleanup-done"
    once = {"condition": "OnSpokeChange", "jsonPaths": [path]}
    assert config["updateStrategy"] == {
        "type": "ServerSideApply",
        "serverSideApply": {"force": True, "ignoreFields": [once]},
    }


ARMED_AS_EVER = {
    "another action": ("AbortFailed", Action.PREP, CONFIRMED),
    "a finalize after a failed abort": ("AbortFailed", Action.FINALIZE_UPGRADE, CONFIRMED),
    "an abort after a failed finalize": ("FinalizeFailed", Action.ABORT, CONFIRMED),
    "an abort of a cluster that is prepared": ("InProgress", Action.ABORT, CONFIRMED),
    "a finalize in a chain": ("InProgress", Action.FINALIZE_UPGRADE, CONFIRMED),
    "nobody has confirmed": ("AbortFailed", Action.ABORT, ROLLOUT),
}


@pytest.mark.parametrize(
    ("reason", "action", "rollout"), ARMED_AS_EVER.values(), ids=ARMED_AS_EVER.keys()
)
def test_a_cluster_that_does_not_wait_for_a_clean_up_by_hand_hears_of_none(
    reason: str, action: Action, rollout: Rollout
) -> None:
    """The cluster would keep the word, and a later failure there would count as cleaned up by
    hand."""
    found = armed_where(reason, action, rollout)
    (config,) = found["spec"]["manifestConfigs"]
    assert config["updateStrategy"] == {"type": "Update"}
    assert CLEANUP_DONE not in ibu(found)["metadata"]["annotations"]


def test_a_cluster_that_has_become_idle_meanwhile_hears_of_no_clean_up_by_hand() -> None:
    found = armed_where("Idle", Action.ABORT, status="True")
    assert CLEANUP_DONE not in ibu(found)["metadata"]["annotations"]


def test_feedback_by_watch_only_where_the_schema_has_it() -> None:
    (config,) = body(DISARMED)["spec"]["manifestConfigs"]
    assert config["feedbackScrapeType"] == "Watch"
    (config,) = body(DISARMED, watch=False)["spec"]["manifestConfigs"]
    assert "feedbackScrapeType" not in config


def paths(work: dict[str, Any]) -> dict[str, str]:
    (config,) = work["spec"]["manifestConfigs"]
    (rule,) = config["feedbackRules"]
    assert rule["type"] == "JSONPaths"
    found = {entry["name"]: entry["path"] for entry in rule["jsonPaths"]}
    assert len(found) == len(rule["jsonPaths"])
    return found


def test_a_work_requests_feedback_by_these_paths() -> None:
    found = paths(body(DISARMED))
    assert found["probe-l1"] == found["stage"] == ".spec.stage"
    assert found["run"] == r".metadata.annotations.ibgu\.dev/run"
    assert found["idleStatus"] == '.status.conditions[?(@.type=="Idle")].status'
    completed = {name for name in found if "Completed" in name}
    assert completed == {
        "prepCompletedStatus",
        "upgradeCompletedStatus",
        "upgradeCompletedMessage",
        "rollbackCompletedStatus",
    }
    assert found["prepInProgressMessage"] == (
        '.status.conditions[?(@.type=="PrepInProgress")].message'
    )
    assert found["nextUpgrade"] == '.status.validNextStages[?(@=="Upgrade")]'
    assert all(path.startswith(".") and not path.endswith("'") for path in found.values())


def test_only_the_newest_probe_is_sent() -> None:
    assert [n for n in paths(body(DISARMED)) if n.startswith("probe-")] == ["probe-l1"]
    bare = paths(body(DesiredWork(armed=False)))
    assert not [name for name in bare if name.startswith("probe-")]


def test_annotations_of_an_armed_work() -> None:
    marks = body(ARMED)["metadata"]["annotations"]
    assert marks == {
        "ibgu.dev/rollout": "default/ran-417",
        "ibgu.dev/generation": "1",
        "ibgu.dev/arming": "armed",
        "ibgu.dev/probe": "l1",
        "ibgu.dev/run": "r1",
        "ibgu.dev/action": "Prep",
        "ibgu.dev/attempt": "2",
        "ibgu.dev/started": "2026-01-02T03:04:05.678000Z",
        "ibgu.dev/limit": "2026-01-02T03:04:05.678000Z",
    }


def test_a_run_that_is_only_intended_started_when_it_was_intended() -> None:
    wanted = DesiredWork(armed=False, run=run(state=RunState.INTENDED))
    marks = body(wanted)["metadata"]["annotations"]
    assert marks["ibgu.dev/started"] == "2026-01-02T03:04:04.678000Z"
    assert "ibgu.dev/limit" not in marks


def test_the_patch_is_conditional_and_complete() -> None:
    ended = changed(run(), state=RunState.ENDED, result=RunResult.FAILED)
    current = view(armed=True, run="r1", probe="l1")
    found = patch(DesiredWork(armed=False, run=ended), current)
    assert found["metadata"] == {
        "uid": "u",
        "resourceVersion": "77",
        "managedFields": [{}],
        "labels": body(ARMED)["metadata"]["labels"],
        "annotations": {
            "ibgu.dev/rollout": "default/ran-417",
            "ibgu.dev/generation": "5",
            "ibgu.dev/arming": "disarmed",
            "ibgu.dev/probe": None,
            "ibgu.dev/run": "r1",
            "ibgu.dev/action": "Prep",
            "ibgu.dev/attempt": "2",
            "ibgu.dev/started": "2026-01-02T03:04:05.678000Z",
            "ibgu.dev/limit": None,
            "ibgu.dev/outcome": "failed",
        },
    }
    assert found["spec"].pop("executor") is None
    assert ibu(found)["metadata"]["annotations"] == {"ibgu.dev/generation": "5"}
    assert set(found["spec"]) == set(body(DISARMED)["spec"])


def test_a_disarming_says_the_same_and_goes_by_uid_and_generation() -> None:
    ended = DesiredWork(
        armed=False, run=changed(run(), state=RunState.ENDED, result=RunResult.FAILED)
    )
    current = view(armed=True, run="r1", probe="l1")
    work: dict[str, Any] = {
        "metadata": {
            "uid": "u",
            "generation": current.generation,
            "labels": {"ibgu.dev/part": "?", "of": "others"},
            "annotations": {"ibgu.dev/limit": "?", "of": "others"},
        },
        "spec": {"executor": {}},
    }
    found = patched(work, json.decode(disarming(IBU, ended, ROLLOUT, current, watch=True)))
    merging = patch(ended, current)
    del merging["spec"]["executor"]
    assert found["spec"] == merging["spec"]
    meta = merging["metadata"]
    kept = {key: mark for key, mark in meta["annotations"].items() if mark is not None}
    assert found["metadata"] == {
        "uid": "u",
        "generation": current.generation,
        "managedFields": [{}],
        "labels": {**meta["labels"], "of": "others"},
        "annotations": {**kept, "of": "others"},
    }
    for name, other in (("uid", "v"), ("generation", current.generation + 1)):
        told = {**work, "metadata": {**work["metadata"], name: other}}
        with pytest.raises(DoesNotFit):
            patched(told, json.decode(disarming(IBU, ended, ROLLOUT, current, watch=True)))


def test_the_patch_that_arms() -> None:
    found = patch(ARMED, view(probe="l1"))
    assert ibu(found) == ibu(body(ARMED))
    assert found["metadata"]["annotations"]["ibgu.dev/generation"] == "5"


@pytest.mark.parametrize(
    ("wanted", "current"),
    [
        (ARMED, view(armed=True, run="r1")),
        (DISARMED, view(probe="l1")),
        (DesiredWork(armed=False), view(probe="l1")),
    ],
)
def test_a_work_that_shows_the_wanted_state_is_not_patched(
    wanted: DesiredWork, current: WorkView
) -> None:
    with pytest.raises(ValueError, match="shows what is wanted already"):
        patch(wanted, current)


def test_an_edited_work_may_be_patched_again() -> None:
    assert patch(DISARMED, view(probe="l1", edited=True))


def test_an_armed_work_needs_a_run() -> None:
    with pytest.raises(ValueError, match="needs the run"):
        DesiredWork(armed=True)


SPECS = [
    IBU_SPEC,
    IbuSpec(SeedImageRef("image", "1.2.3")),
    IbuSpec(
        SeedImageRef("image", "1.2.3"),
        extra_manifests=[ObjectRef("a", "b")],
        auto_rollback_on_failure=AutoRollback(900),
    ),
    IbuSpec(SeedImageRef("image", "1.2.3"), auto_rollback_on_failure=AutoRollback(0)),
    IbuSpec(),
]


@pytest.mark.parametrize("spec", SPECS)
def test_nothing_empty_in_the_ibus_spec(spec: IbuSpec) -> None:
    rollout = replace(ROLLOUT, spec=RolloutSpec(spec))
    work = json.decode(stage_body(IBU, ARMED, rollout, "site-1", watch=True))
    assert list(empty_places(work)) == []
    assert ibu(work)["spec"]["stage"] == "Prep"


def test_everything_that_is_given_arrives() -> None:
    rollout = replace(ROLLOUT, spec=RolloutSpec(SPECS[2]))
    spec = ibu(json.decode(stage_body(IBU, ARMED, rollout, "site-1", watch=True)))["spec"]
    assert spec["extraManifests"] == [{"name": "a", "namespace": "b"}]
    assert spec["autoRollbackOnFailure"] == {"initMonitorTimeoutSeconds": 900}


def test_small_enough_to_be_watched_by_the_thousand() -> None:
    assert len(stage_body(IBU, ARMED, ROLLOUT, "site-1", watch=True)) < 5_000


def test_a_refresh_says_nothing_but_that_it_was_there() -> None:
    """No resourceVersion: it must not meet a conflict, and never be one's cause by an old body."""
    found = json.decode(refresh_patch(view(), NOW))

    assert found == {
        "metadata": {
            "uid": view().uid,
            "annotations": {"ibgu.dev/refresh-feedback": "2026-01-02T03:04:05.678000Z"},
        }
    }


def test_a_stage_work_whose_mark_somebody_has_removed_counts_as_armed() -> None:
    marks = {names.GENERATION: "3", names.RUN: "r1"}
    meta = ObjectMeta(
        name="w", namespace="s1", uid="u", resource_version="7", generation=3, annotations=marks
    )
    assert not view_work(IBU, ManifestWork(meta)).armed
    labels = {names.PART: names.STAGE}
    stage = replace(meta, labels=labels)
    assert view_work(IBU, ManifestWork(stage)).armed
    for mark, armed in ((names.ARMED, True), (names.DISARMED, False), (names.RESUMING, False)):
        marked = replace(stage, annotations={**marks, names.ARMING: mark})
        assert view_work(IBU, ManifestWork(marked)).armed is armed
