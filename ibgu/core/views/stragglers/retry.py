"""Builds the new ImageBasedGroupUpgrade that takes clusters of an old one further."""

from collections.abc import Mapping, Sequence

from ibgu.core.drivers import DRIVERS
from ibgu.core.engine.driver import Driver
from ibgu.core.engine.gates import SWITCHES
from ibgu.core.model import names as written
from ibgu.core.model.kinds import JsonObject
from ibgu.core.model.names import BACKUP_ANNOTATIONS, RATE_LIMIT_ANNOTATIONS
from ibgu.core.plan.timeouts import timeout_like, timeouts_of
from ibgu.core.text.natural import natural_key
from ibgu.core.views.stragglers.members import Plan

NAME_LABEL = written.NAME_LABEL
"""A label that Advanced Cluster Management sets on every ManagedCluster, with its name as value."""
RETRY_LABEL = "ibgu.dev/retry"
"""A label to set by hand on clusters that lack the label of their name."""
_OWNED_BY_TOOLS = (
    written.FOLLOW_UP_OF,
    written.MANAGED_BY,
    "app.kubernetes.io/instance",
    "argocd.argoproj.io/",
    "applyset.kubernetes.io/",
    "objectset.rio.cattle.io/",
    "velero.io/",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
)
"""Labels, or beginnings of them, by which tools know what is theirs; what is not in their
repository, they delete."""


def manifest(
    old: JsonObject, name: str, clusters: Sequence[str], plan: Plan, *, named: bool = True
) -> JsonObject:
    """Returns the complete manifest. `named`: every cluster carries the label of its name; else it
    can be applied once the clusters have `RETRY_LABEL`. It has the labels of the old object, so
    that the same policies hold it."""
    metadata: JsonObject = {"name": name, "namespace": old["metadata"]["namespace"]}
    if labels := _kept(old["metadata"].get("labels") or {}):
        metadata["labels"] = labels
    if kept := for_retry(DRIVERS[old["kind"]], old["metadata"].get("annotations") or {}):
        metadata["annotations"] = kept
    selector: JsonObject = {"matchLabels": {RETRY_LABEL: name}}
    if named:
        names = sorted(clusters, key=natural_key)
        selector = {"matchExpressions": [{"key": NAME_LABEL, "operator": "In", "values": names}]}
    spec = old["spec"]
    return {
        "apiVersion": old["apiVersion"],
        "kind": old["kind"],
        "metadata": metadata,
        "spec": {
            **spec,
            "clusterLabelSelectors": [selector],
            "plan": [_item(step, spec["plan"]) for step in plan],
        },
    }


def _kept(labels: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if not key.startswith(_OWNED_BY_TOOLS)}


def for_retry(driver: Driver, annotations: Mapping[str, str]) -> dict[str, str]:
    """Returns the annotations that a retry takes over: those for the clusters, and those that limit
    or hold starts."""
    ours = (*RATE_LIMIT_ANNOTATIONS, *BACKUP_ANNOTATIONS, *SWITCHES)
    kept = {key: annotations[key] for key in ours if key in annotations}
    return driver.annotations(annotations) | kept


def _item(step: Sequence[str], items: Sequence[JsonObject]) -> JsonObject:
    """Returns the step with maxConcurrency and timeout of the most similar old step; the timeout of
    another one where that would be too short (`timeout_like`)."""
    like = max(items, key=lambda item: len({*item["actions"]} & {*step}))
    minutes = timeout_like(timeouts_of(items), step, timeouts_of([like])[0])
    return {
        **like,
        "actions": [str(action) for action in step],
        "rolloutStrategy": {**(like.get("rolloutStrategy") or {}), "timeout": minutes},
    }
