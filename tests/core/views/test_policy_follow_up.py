"""The objects of second rollouts that policies ask for."""

from typing import Any

from msgspec import json
from msgspec.structs import replace

from ibgu.core.model import names
from ibgu.core.model.follow_ups import PolicyFollowUp
from ibgu.core.model.kinds import ObjectMeta
from ibgu.core.views.policy_follow_up import follow_up_body
from tests.core.engine.decide.builders import START, ibgu, rollout_of

ASKED = PolicyFollowUp(
    policy="proven",
    action="Rollback",
    clusters=("site-10", "site-9"),
    uids=("uid-10", "uid-9"),
    why="site-9 broke\x1b[0m",
    decided_at=START,
    name="a-rollback-1",
)
AGAIN = replace(ASKED, action="Prep", name="a-retry-1", attempt=1)
ROLLOUT = replace(
    rollout_of(ibgu("a", "Prep", "AbortOnFailure", "Upgrade", concurrency=7)),
    annotations={"x.lca.openshift.io/y": "z"},
)


def body(asked: PolicyFollowUp = ASKED, **shown: Any) -> dict[str, Any]:
    found = follow_up_body(ROLLOUT, asked, ObjectMeta(name="a", **shown))
    read: dict[str, Any] = json.decode(json.encode(found))
    return read


def test_the_object_has_the_accepted_spec_for_just_these_clusters() -> None:
    found = body()
    assert found["metadata"] == {
        "name": "a-rollback-1",
        "namespace": "fleet",
        "labels": {names.FOLLOW_UP_OF: "uid-a"},
        "annotations": {
            "x.lca.openshift.io/y": "z",
            names.FOLLOW_UP_POLICY: "proven",
            names.FOLLOW_UP_REASON: "site-9 broke\ufffd[0m",
        },
    }
    assert (found["apiVersion"], found["kind"]) == ("lcm.openshift.io/v1alpha1", names.IBGU)
    [selector] = found["spec"]["clusterLabelSelectors"]
    assert selector == {
        "matchExpressions": [{"key": "name", "operator": "In", "values": ["site-9", "site-10"]}]
    }
    assert [each["actions"] for each in found["spec"]["plan"]] == [["Rollback"]]
    seed = ROLLOUT.spec.ibu_spec.seed_image_ref
    assert found["spec"]["ibuSpec"]["seedImageRef"] == {
        "image": seed.image,
        "version": seed.version,
    }
    assert "update" not in found["spec"]


def test_another_attempt_has_the_whole_plan_of_the_author() -> None:
    plan = body(AGAIN)["spec"]["plan"]
    assert [each["actions"] for each in plan] == [["Prep"], ["AbortOnFailure"], ["Upgrade"]]
    assert {each["rolloutStrategy"]["maxConcurrency"] for each in plan} == {7}


def test_labels_are_kept_apart_from_those_of_gitops_tools() -> None:
    labels = {
        "ring": "a",
        "app.kubernetes.io/instance": "fleet",
        "app.kubernetes.io/managed-by": "Helm",
        "argocd.argoproj.io/instance": "fleet",
        names.FOLLOW_UP_OF: "uid-before",
    }
    found = body(AGAIN, labels=labels)["metadata"]["labels"]
    assert found == {"ring": "a", names.FOLLOW_UP_OF: "uid-a"}


def test_limits_are_kept_and_annotations_that_were_added_since_are_not() -> None:
    limited = replace(ROLLOUT, controls={names.STARTS_PER_MINUTE: "5", names.RESUME: "me"})
    shown = ObjectMeta(name="a", annotations={"x": "y"})
    found = follow_up_body(limited, AGAIN, shown)["metadata"]["annotations"]
    assert found[names.STARTS_PER_MINUTE] == "5"
    assert not {names.RESUME, "x"} & found.keys()
