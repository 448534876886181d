"""The common parts of all ibgu ManifestWorks."""

from collections.abc import Mapping

from ibgu.core.model import Rollout, names
from ibgu.core.model.kinds import JsonObject

# Set from creation on: without it the agent would delete the IBU together with the work.
ORPHAN = {"propagationPolicy": "Orphan"}


def labels(rollout: Rollout, part: str) -> dict[str, str]:
    return {
        names.MANAGED_BY: names.MANAGER,
        names.ROLLOUT: rollout.uid,
        names.PART: part,
    }


def new_work(
    name: str, cluster: str, rollout: Rollout, part: str, annotations: Mapping[str, str]
) -> JsonObject:
    """Returns a ManifestWork without its spec."""
    return {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {
            "name": name,
            "namespace": cluster,
            "labels": labels(rollout, part),
            "annotations": {names.ROLLOUT: rollout.full_name, **annotations},
        },
    }
