"""The CRD's rules on single fields: what is fixed, bounds, defaults, the status."""

import json
from collections.abc import Callable

import pytest

from ibgu.sandbox.kubectl import Kubectl
from tests.charts.ibgus import Ibgus, Object, ibgu, step

LARGEST = 2**31 - 1
SELECTORS, FIELD = "/spec/clusterLabelSelectors", "spec.clusterLabelSelectors"
SELECTORS_FIXED = "clusterLabelSelectors is immutable"
IBU_FIXED = ("spec.ibuSpec", "ibuSpec is immutable")


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/spec/ibuSpec/seedImageRef/version", "value": "2"},
        {"op": "add", "path": "/spec/ibuSpec/stage", "value": "Idle"},
        {"op": "add", "path": "/spec/ibuSpec/oadpContent", "value": []},
        {"op": "remove", "path": "/spec/ibuSpec/seedImageRef/image"},
    ],
)
def test_ibu_spec_is_fixed(ibgus: Ibgus, stored: Callable[..., str], operation: Object) -> None:
    answer = ibgus.patch(stored(step("Prep")), [operation])
    assert (answer.code, answer.causes) == (422, [IBU_FIXED])


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        (
            {
                "op": "replace",
                "path": "/spec/clusterLabelSelectors/0/matchLabels/site",
                "value": "s",
            },
            "spec.clusterLabelSelectors",
        ),
        (
            {"op": "add", "path": "/spec/clusterLabelSelectors/-", "value": {}},
            "spec.clusterLabelSelectors",
        ),
        ({"op": "remove", "path": "/spec/clusterLabelSelectors"}, "spec"),
    ],
)
def test_selectors_are_fixed(
    ibgus: Ibgus, stored: Callable[..., str], operation: Object, field: str
) -> None:
    answer = ibgus.patch(stored(step("Prep")), [operation])
    assert (answer.code, answer.causes) == (422, [(field, SELECTORS_FIXED)])


def test_selectors_may_follow_once(
    ibgus: Ibgus, kubectl: Kubectl, unique_name: Callable[[str], str]
) -> None:
    body = ibgu(unique_name("late"), step("Prep"))
    selectors = body["spec"].pop("clusterLabelSelectors")
    kubectl.apply(body)
    body["spec"]["clusterLabelSelectors"] = selectors
    kubectl.apply(body)
    del body["spec"]["clusterLabelSelectors"]
    answer = kubectl.run("replace", "-f", "-", stdin=json.dumps(body))
    assert SELECTORS_FIXED in answer.err


@pytest.mark.parametrize("field", ["maxConcurrency", "timeout"])
@pytest.mark.parametrize(
    ("value", "allowed"),
    [(1, True), (LARGEST, True), (0, False), (-1, False), (LARGEST + 1, False)],
)
def test_bounds_of_the_strategy(ibgus: Ibgus, field: str, value: int, allowed: bool) -> None:
    strategy = {"maxConcurrency": 1, "timeout": 1, field: value}
    plan = {"actions": ["Prep"], "rolloutStrategy": strategy}
    answer = ibgus.create(ibgu("bounds", plan), dry_run=True)
    assert answer.code == (201 if allowed else 422)
    if not allowed:
        assert [where for where, _ in answer.causes] == [f"spec.plan[0].rolloutStrategy.{field}"]


@pytest.mark.parametrize(
    ("value", "allowed"), [(0, True), (LARGEST, True), (-1, False), (LARGEST + 1, False)]
)
def test_bounds_of_the_agents_own_time(ibgus: Ibgus, value: int, allowed: bool) -> None:
    body = ibgu("bounds", step("Prep"))
    body["spec"]["ibuSpec"]["autoRollbackOnFailure"] = {"initMonitorTimeoutSeconds": value}
    assert ibgus.create(body, dry_run=True).code == (201 if allowed else 422)


@pytest.mark.parametrize("value", ["10", 1.5, None])
def test_max_concurrency_is_a_whole_number(ibgus: Ibgus, value: object) -> None:
    plan = {"actions": ["Prep"], "rolloutStrategy": {"maxConcurrency": value}}
    assert ibgus.create(ibgu("types", plan), dry_run=True).code == 422


@pytest.mark.parametrize("missing", ["ibuSpec", "plan"])
def test_missing_required_fields_are_refused(ibgus: Ibgus, missing: str) -> None:
    body = ibgu("missing", step("Prep"))
    del body["spec"][missing]
    answer = ibgus.create(body, dry_run=True)
    assert [where for where, _ in answer.causes] == [f"spec.{missing}"]


def test_the_timeout_is_240_minutes_unless_said(ibgus: Ibgus) -> None:
    answer = ibgus.create(ibgu("default", step("Prep"), step("Upgrade", timeout=7)), dry_run=True)
    strategies = [item["rolloutStrategy"] for item in answer.body["spec"]["plan"]]
    assert strategies == [
        {"maxConcurrency": 2, "timeout": 240},
        {"maxConcurrency": 2, "timeout": 7},
    ]


@pytest.mark.parametrize(("length", "allowed"), [(229, True), (230, False)])
def test_length_of_the_name(ibgus: Ibgus, length: int, allowed: bool) -> None:
    answer = ibgus.create(ibgu("n" * length, step("Prep")), dry_run=True)
    assert answer.code == (201 if allowed else 422)
    if not allowed:
        message = "Name length must be less than 230 characters"
        assert [text for _, text in answer.causes] == [message]


@pytest.mark.parametrize(
    ("seed", "field"),
    [
        ({"image": ""}, "spec.ibuSpec.seedImageRef.image"),
        ({"image": "quay.io/with a space"}, "spec.ibuSpec.seedImageRef.image"),
        ({"image": "i", "pullSecretRef": {}}, "spec.ibuSpec.seedImageRef.pullSecretRef.name"),
    ],
)
def test_a_seed_image_that_cannot_be(ibgus: Ibgus, seed: Object, field: str) -> None:
    answer = ibgus.create(ibgu("seed", step("Prep"), ibuSpec={"seedImageRef": seed}), dry_run=True)
    assert answer.code == 422
    assert {where for where, _ in answer.causes} == {field}


def test_large_objects_are_within_the_cost_of_the_rules(
    ibgus: Ibgus, stored: Callable[..., str]
) -> None:
    """Many selectors and ConfigMaps: the rules compare them whole on every update."""
    selectors = [
        {"matchExpressions": [{"key": "name", "operator": "In", "values": [f"spoke{n}"]}]}
        for n in range(5000)
    ]
    content = [{"name": f"cm-{n}", "namespace": "openshift-adp"} for n in range(500)]
    spec = {"seedImageRef": {"image": "i"}, "oadpContent": content, "extraManifests": content}
    name = stored(step("Prep"), clusterLabelSelectors=selectors, ibuSpec=spec)
    answer = ibgus.append(name, step("Upgrade"))
    assert answer.code == 200, answer.body


STATUS = {
    "observedGeneration": 1,
    "phase": "Running",
    "startedAt": "2026-01-02T03:04:05Z",
    "completedAt": "2026-01-02T04:04:05Z",
    "summary": {
        "step": 2,
        "total": 10,
        "waiting": 4,
        "running": 2,
        "succeeded": 3,
        "failed": 1,
        "skipped": 0,
    },
    "hidden": 7,
    "conditions": [
        {
            "type": "Progressing",
            "status": "True",
            "reason": "InProgress",
            "message": "Waiting for plan step 1 to be completed",
            "lastTransitionTime": "2026-01-02T03:04:05Z",
            "observedGeneration": 1,
        }
    ],
    "clusters": [
        {
            "name": "spoke1",
            "completedActions": [{"action": "Prep"}],
            "currentAction": {"action": "Upgrade", "message": "rebooting"},
        },
        {"name": "spoke2", "failedActions": [{"action": "Prep", "message": "no disk"}]},
    ],
}


def test_the_status_is_kept_whole_and_printed(
    ibgus: Ibgus, kubectl: Kubectl, stored: Callable[..., str]
) -> None:
    name = stored(step("Prep"))
    operations = [{"op": "add", "path": "/status", "value": STATUS}]
    answer = ibgus.patch(name, operations, status=True)
    assert answer.body["status"] == STATUS
    header, row = kubectl("get", "ibgu", name).splitlines()
    assert header.split() == ["NAME", "PHASE", "STEP", "DONE", "FAILED", "TOTAL", "AGE"]
    assert row.split()[:-1] == [name, "Running", "2", "3", "1", "10"]
    wide = kubectl("get", "ibgu", name, "-o", "wide").splitlines()[0]
    assert {"RUNNING", "WAITING"} <= set(wide.split())


def test_the_status_is_written_apart(ibgus: Ibgus, stored: Callable[..., str]) -> None:
    name = stored(step("Prep"))
    answer = ibgus.patch(name, [{"op": "add", "path": "/status", "value": STATUS}])
    assert "status" not in answer.body
