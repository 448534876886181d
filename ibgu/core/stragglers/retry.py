"""A new ImageBasedGroupUpgrade for stragglers, and the patch that appends a step to the old one."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from ibgu.core.kinds import JsonObject, PlanItem
from ibgu.core.model import Action
from ibgu.core.plan import natural_key
from ibgu.core.stragglers.left import Plan
from ibgu.core.works.names import for_retry

NAME_LABEL = "name"
"""Open Cluster Management's own, on every imported cluster: its name."""
RETRY_LABEL = "ibgu.dev/retry"
"""Put on clusters by hand, where they lack the label of their name."""

_API = {"apiVersion": "lcm.openshift.io/v1alpha1", "kind": "ImageBasedGroupUpgrade"}


class Retry(Struct, frozen=True, kw_only=True):
    """What is made of the old object, and for whom."""

    name: str
    namespace: str
    annotations: Mapping[str, str]
    """Of the old object."""
    ibu_spec: JsonObject
    """As the old object has it, unknown fields too."""
    items: Sequence[PlanItem]
    """The old plan."""
    plan: Plan
    clusters: Sequence[str]
    named: bool
    """Every one of them carries the label of its name."""


def manifest(retry: Retry) -> JsonObject:
    """Complete: it can be applied as it is, once `labelled` ones have their label."""
    kept = for_retry(retry.annotations)
    metadata: JsonObject = {"name": retry.name, "namespace": retry.namespace}
    if kept:
        metadata["annotations"] = kept
    return {
        **_API,
        "metadata": metadata,
        "spec": {
            "ibuSpec": retry.ibu_spec,
            "clusterLabelSelectors": [_selector(retry)],
            "plan": [_item(step, retry.items) for step in retry.plan],
        },
    }


def _selector(retry: Retry) -> JsonObject:
    if not retry.named:
        return {"matchLabels": {RETRY_LABEL: retry.name}}
    names = sorted(retry.clusters, key=natural_key)
    return {"matchExpressions": [{"key": NAME_LABEL, "operator": "In", "values": names}]}


def append_patch(items: Sequence[PlanItem], action: Action) -> list[JsonObject]:
    """A JSON patch: one more step at the end of the plan."""
    step = _item((action,), items)
    return [{"op": "add", "path": "/spec/plan/-", "value": step}]


def _item(actions: Sequence[Action], items: Sequence[PlanItem]) -> JsonObject:
    """With slots and time of the old step that had most in common with it."""
    like = max(items, key=lambda item: len(set(item.actions) & set(actions)))
    strategy = like.rollout_strategy
    return {
        "actions": [action.value for action in actions],
        "rolloutStrategy": {
            "maxConcurrency": strategy.max_concurrency,
            "timeout": strategy.timeout,
        },
    }
