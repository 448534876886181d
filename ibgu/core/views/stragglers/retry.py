"""Builds a new ImageBasedGroupUpgrade for stragglers, and the patch that appends a step to the old
one."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from ibgu.core.model import Action
from ibgu.core.model.kinds import JsonObject, PlanItem
from ibgu.core.model.names import for_retry
from ibgu.core.plan import natural_key
from ibgu.core.views.stragglers.left import Plan

NAME_LABEL = "name"
"""Open Cluster Management's label on every imported cluster: its name."""
RETRY_LABEL = "ibgu.dev/retry"
"""A label to set by hand on clusters that lack the label of their name."""

_API = {"apiVersion": "lcm.openshift.io/v1alpha1", "kind": "ImageBasedGroupUpgrade"}


class Retry(Struct, frozen=True, kw_only=True):
    """The input of a retry: the old object, and the clusters."""

    name: str
    namespace: str
    annotations: Mapping[str, str]
    """The old object's annotations."""
    ibu_spec: JsonObject
    """The old object's ibuSpec, unknown fields included."""
    items: Sequence[PlanItem]
    """The old plan."""
    plan: Plan
    clusters: Sequence[str]
    named: bool
    """Whether every cluster carries the label of its name."""


def manifest(retry: Retry) -> JsonObject:
    """Returns the complete manifest: it can be applied once `labelled` clusters have their
    label."""
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
    """Returns a JSON patch that appends one step to the plan."""
    step = _item((action,), items)
    return [{"op": "add", "path": "/spec/plan/-", "value": step}]


def _item(actions: Sequence[Action], items: Sequence[PlanItem]) -> JsonObject:
    """Returns the step with maxConcurrency and timeout of the most similar old step."""
    like = max(items, key=lambda item: len(set(item.actions) & set(actions)))
    strategy = like.rollout_strategy
    return {
        "actions": [action.value for action in actions],
        "rolloutStrategy": {
            "maxConcurrency": strategy.max_concurrency,
            "timeout": strategy.timeout,
        },
    }
