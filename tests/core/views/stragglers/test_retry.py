from typing import Any

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model.kinds import JsonObject
from ibgu.core.views.stragglers import manifest

SPEC: JsonObject = {"seedImageRef": {"image": "quay.example/seed", "version": "4.17.2"}, "new": 1}


def retry(*, named: bool = True, **given: dict[str, str]) -> JsonObject:
    """`given`: labels or annotations of the old object."""
    metadata: dict[str, Any] = {"name": "ran", "namespace": "edge", "uid": "u1", **given}
    plan = [
        {"actions": ["Prep"], "rolloutStrategy": {"maxConcurrency": 200, "timeout": 2400}},
        {"actions": ["Upgrade"], "rolloutStrategy": {"maxConcurrency": 50, "timeout": 600}},
    ]
    old = {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": metadata,
        "spec": {"ibuSpec": SPEC, "clusterLabelSelectors": [{}], "plan": plan},
    }
    left = ((Action.PREP,), (Action.UPGRADE, Action.FINALIZE_UPGRADE))
    return manifest(old, "ran-retry-1", ["site-10", "site-9"], left, named=named)


def test_the_same_policies_hold_the_retry() -> None:
    """Labels by which tools know what is theirs are not the new object's."""
    labels = {"wave": "production", "argocd.argoproj.io/instance": "ran"}
    assert retry(labels=labels)["metadata"]["labels"] == {"wave": "production"}


def test_the_retry_manifest_is_complete() -> None:
    assert retry() == {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": "ran-retry-1", "namespace": "edge"},
        "spec": {
            "ibuSpec": SPEC,
            "clusterLabelSelectors": [
                {
                    "matchExpressions": [
                        {"key": "name", "operator": "In", "values": ["site-9", "site-10"]}
                    ]
                }
            ],
            "plan": [
                {
                    "actions": ["Prep"],
                    "rolloutStrategy": {"maxConcurrency": 200, "timeout": 2400},
                },
                {
                    "actions": ["Upgrade", "FinalizeUpgrade"],
                    "rolloutStrategy": {"maxConcurrency": 50, "timeout": 600},
                },
            ],
        },
    }


def test_clusters_without_the_label_of_their_name() -> None:
    selectors = retry(named=False)["spec"]["clusterLabelSelectors"]
    assert selectors == [{"matchLabels": {"ibgu.dev/retry": "ran-retry-1"}}]


def test_annotations_for_clusters_and_rate_limits_are_kept() -> None:
    kept = {"extra.lca.openshift.io/x": "1", "ibgu.dev/starts-per-minute": "5"}
    made = retry(annotations=kept | {"kubectl.kubernetes.io/y": "2", "ibgu.dev/resume": "3"})
    assert made["metadata"]["annotations"] == kept
