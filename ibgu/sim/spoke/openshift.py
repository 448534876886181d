"""The rules by which the API server refuses the objects that an update reads."""

import re

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.spoke.objects import Key

_NEED_SPEC = frozenset(
    {
        "ClusterOperator",
        "ClusterVersion",
        "ImageContentSourcePolicy",
        "ImageDigestMirrorSet",
        "MachineConfigPool",
        "PinnedImageSet",
    }
)
"""Kinds whose schema requires a spec: a bare name can't be created."""


_SHARE = re.compile(r"[0-9]+%?")


def _of_health_check(obj: JsonObject) -> list[str]:
    share = str((obj.get("spec") or {}).get("maxUnhealthy", "100%"))
    if _SHARE.fullmatch(share):
        return []
    words = "spec.maxUnhealthy in body should match '^((100|[0-9]{1,2})%|[0-9]+)$'"
    return [f'spec.maxUnhealthy: Invalid value: "{share}": {words}']


def _of_budget(obj: JsonObject) -> list[str]:
    most = str((obj.get("spec") or {}).get("maxUnavailable", "1"))
    if _SHARE.fullmatch(most):
        return []
    words = "a valid percent string must be a numeric string followed by an ending '%'"
    return [f'spec.maxUnavailable: Invalid value: "{most}": {words}']


def check_openshift(key: Key, obj: JsonObject) -> list[str]:
    """Returns the errors of the schema, on create and on update alike."""
    if key.kind == "MachineHealthCheck":
        return _of_health_check(obj)
    if key.kind == "PodDisruptionBudget":
        return _of_budget(obj)
    if key.kind not in _NEED_SPEC:
        return []
    if "spec" not in obj:
        return ["spec: Required value"]
    wanted = (obj["spec"] or {}).get("desiredUpdate") or {}
    if key.kind == "ClusterVersion" and wanted.get("architecture") and wanted.get("image"):
        words = "cannot set both Architecture and Image"
        return [f'spec.desiredUpdate: Invalid value: "object": {words}']
    return []
