import pytest

from ibgu.core.model import Action
from ibgu.core.model.kinds import JsonObject, PlanItem, RolloutStrategy
from ibgu.core.views.stragglers import Retry, append_patch, manifest

ITEMS = [
    PlanItem(["Prep"], RolloutStrategy(max_concurrency=200, timeout=2400)),
    PlanItem(["Upgrade"], RolloutStrategy(max_concurrency=50, timeout=600)),
]
SPEC: JsonObject = {"seedImageRef": {"image": "quay.example/seed", "version": "4.17.2"}, "new": 1}


def retry(*, named: bool = True, annotations: dict[str, str] | None = None) -> JsonObject:
    return manifest(
        Retry(
            name="ran-retry-1",
            namespace="edge",
            annotations=annotations or {},
            ibu_spec=SPEC,
            items=ITEMS,
            plan=((Action.PREP,), (Action.UPGRADE, Action.FINALIZE_UPGRADE)),
            clusters=["site-10", "site-9"],
            named=named,
        )
    )


def test_it_is_complete() -> None:
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


def test_what_is_for_the_clusters_and_the_rate_limits_are_kept() -> None:
    kept = {"extra.lca.openshift.io/x": "1", "ibgu.dev/starts-per-minute": "5"}
    made = retry(annotations=kept | {"kubectl.kubernetes.io/y": "2", "ibgu.dev/resume": "3"})
    assert made["metadata"]["annotations"] == kept


@pytest.mark.parametrize(
    ("action", "slots"), [(Action.ABORT_ON_FAILURE, 200), (Action.UPGRADE, 50)]
)
def test_one_more_step(action: Action, slots: int) -> None:
    [patch] = append_patch(ITEMS, action)
    assert (patch["op"], patch["path"]) == ("add", "/spec/plan/-")
    assert patch["value"]["actions"] == [action]
    assert patch["value"]["rolloutStrategy"]["maxConcurrency"] == slots
