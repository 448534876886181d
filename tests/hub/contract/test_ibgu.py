"""Our own CRD's handling of an IBGU, and discovery of what is served."""

import copy
from typing import Any

import pytest

from ibgu.hub import paths
from ibgu.hub.discovery import discover
from tests.hub.contract.conftest import Edge, Json

NAME_RULE = "Name length must be less than 230 characters"


def step(*actions: str, **strategy: Any) -> Json:
    return {"actions": list(actions), "rolloutStrategy": {"maxConcurrency": 2, **strategy}}


def ibgu(*steps: Json, name: str = "g") -> Json:
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": name},
        "spec": {
            "clusterLabelSelectors": [{"matchLabels": {"a": "b"}}],
            "ibuSpec": {"seedImageRef": {"image": "quay.io/seed:1", "version": "4.18.1"}},
            "plan": [*steps] or [step("Prep")],
        },
    }


def changed(path: str, value: Any) -> Json:
    """The usual IBGU with one field set ("plan.0.actions"), or removed where it is None."""
    body = copy.deepcopy(ibgu())
    at: Any = body["spec"]
    *way, last = path.split(".")
    for part in way:
        at = at[int(part)] if part.isdigit() else at[part]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return body


STRATEGY = "spec.plan[0].rolloutStrategy"


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("plan", None, "spec.plan: Required value"),
        ("ibuSpec", None, "spec.ibuSpec: Required value"),
        ("plan.0.rolloutStrategy", None, f"{STRATEGY}: Required value"),
        (
            "plan.0.rolloutStrategy.maxConcurrency",
            None,
            f"{STRATEGY}.maxConcurrency: Required value",
        ),
        (
            "plan.0.rolloutStrategy.maxConcurrency",
            0,
            f"{STRATEGY}.maxConcurrency in body should be greater than or equal to 1",
        ),
        (
            "plan.0.rolloutStrategy.timeout",
            0,
            f"{STRATEGY}.timeout in body should be greater than or equal to 1",
        ),
        (
            "plan.0.rolloutStrategy.maxConcurrency",
            "many",
            f"{STRATEGY}.maxConcurrency in body must be of type integer",
        ),
        ("plan.0.actions", ["Nope"], "spec.plan: Invalid value: invalid combinations of actions"),
        ("plan", [], "spec.plan: Invalid value: invalid combinations of actions in the plan"),
        (
            "ibuSpec.stage",
            "Nope",
            'spec.ibuSpec.stage: Unsupported value: "Nope": supported values:',
        ),
        ("ibuSpec.seedImageRef.image", "", "spec.ibuSpec.seedImageRef.image in body should be at"),
        (
            "ibuSpec.seedImageRef.image",
            "a b",
            "spec.ibuSpec.seedImageRef.image in body should match",
        ),
        ("ibuSpec.oadpContent", [{"name": "x"}], "spec.ibuSpec.oadpContent[0].namespace: Required"),
        ("plan", [step("Prep")] * 7, "spec.plan: Too many: 7: must have at most 6 items"),
        (
            "clusterLabelSelectors",
            "all",
            "spec.clusterLabelSelectors in body must be of type array",
        ),
    ],
)
async def test_invalid_ibgus_are_refused(edge: Edge, path: str, value: Any, words: str) -> None:
    error = await edge.refused("POST", paths.ibgus(edge.namespace), changed(path, value))

    assert error.status == 422
    assert error.reason == "Invalid"
    assert error.message.startswith('ImageBasedGroupUpgrade.lcm.openshift.io "g" is invalid: ')
    assert words in error.message


async def test_a_name_may_be_too_long(edge: Edge) -> None:
    error = await edge.refused("POST", paths.ibgus(edge.namespace), ibgu(name="g" * 230))
    assert NAME_RULE in error.message


async def test_unknown_fields_go_and_defaults_come(edge: Edge) -> None:
    body = changed("unknown", 1)
    body["spec"]["ibuSpec"]["unknown"] = {}
    made = await edge.send("POST", paths.ibgus(edge.namespace), body)

    assert made["spec"] == ibgu(step("Prep", timeout=240))["spec"]


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        ({"plan": []}, "spec.plan: Invalid value: plan is append only"),
        ({"plan": [step("Upgrade")]}, "spec.plan: Invalid value: plan is append only"),
        (
            {"plan": [step("Upgrade"), step("Prep")]},
            "[spec.plan: Invalid value: plan is append only, spec.plan: Invalid value: invalid "
            "combinations of actions in the plan]",
        ),
        (
            {"ibuSpec": {"seedImageRef": {"version": "5"}}},
            "spec.ibuSpec: Invalid value: ibuSpec is immutable",
        ),
        (
            {"clusterLabelSelectors": []},
            "spec.clusterLabelSelectors: Invalid value: clusterLabelSelectors is immutable",
        ),
        (
            {"clusterLabelSelectors": None},
            "spec: Invalid value: clusterLabelSelectors is immutable",
        ),
    ],
)
async def test_forbidden_changes_of_an_ibgu_are_refused(
    edge: Edge, patch: Json, words: str
) -> None:
    await edge.send("POST", paths.ibgus(edge.namespace), ibgu())
    error = await edge.refused("PATCH", paths.ibgu(edge.namespace, "g"), {"spec": patch})

    assert error.status == 422
    assert words in error.message


async def test_a_step_can_be_appended(edge: Edge) -> None:
    made = await edge.send("POST", paths.ibgus(edge.namespace), ibgu())
    plan = [*made["spec"]["plan"], step("Upgrade", timeout=30)]
    changed_ = await edge.send("PATCH", paths.ibgu(edge.namespace, "g"), {"spec": {"plan": plan}})

    assert changed_["spec"]["plan"] == plan
    assert changed_["metadata"]["generation"] == 2


async def test_selectors_can_come_later(edge: Edge) -> None:
    body = changed("clusterLabelSelectors", None)
    await edge.send("POST", paths.ibgus(edge.namespace), body)
    selectors = [{"matchLabels": {"c": "d"}}]
    patch = {"spec": {"clusterLabelSelectors": selectors}}
    changed_ = await edge.send("PATCH", paths.ibgu(edge.namespace, "g"), patch)

    assert changed_["spec"]["clusterLabelSelectors"] == selectors


async def test_a_status_keeps_what_the_schema_knows(edge: Edge) -> None:
    await edge.send("POST", paths.ibgus(edge.namespace), ibgu())
    path = paths.ibgu_status(edge.namespace, "g")
    body = {"status": {"phase": "Running", "nonsense": 1, "clusters": [{"name": "a", "x": 1}]}}
    written = await edge.send("PATCH", path, body)

    assert written["status"] == {"phase": "Running", "clusters": [{"name": "a"}]}
    error = await edge.refused("PATCH", path, {"status": {"clusters": [{}]}})
    assert "status.clusters[0].name: Required value" in error.message


async def test_discovery_finds_the_served_features(edge: Edge) -> None:
    served = await discover(edge.client)

    assert served.works
    assert served.ibgus
    assert not served.cgus
    assert served.streaming_lists
    assert served.feedback_by_watch
    assert {"Update", "CreateOnly", "ServerSideApply", "ReadOnly"} == served.update_strategies
    assert {"phase", "summary", "clusters", "conditions"} <= served.ibgu_status
