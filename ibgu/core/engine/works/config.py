"""The manifest configs of a stage work: how the cluster's work agent handles the object that it
carries, and what it feeds back (R24)."""

from collections.abc import Iterable, Sequence
from itertools import islice

from msgspec import Raw

from ibgu.core.engine.driver import Target
from ibgu.core.model import Probe
from ibgu.core.model.kinds import JsonObject
from ibgu.core.text.cut import cut

PROBE_PREFIX = "probe-"
_MAX_PROBES = 16


DISARMED: JsonObject = {"type": "CreateOnly"}
"""The update strategy of a disarmed work, which only watches its object."""


def armed(consumed: Sequence[str]) -> JsonObject:
    """Returns the update strategy of an armed work; `consumed`: JSONPaths of the fields that the
    cluster takes away once it has read them.

    The work agent applies a work again after any conflict, and would bring such a field again. So
    it applies the same manifest only once, which older agents do not know.
    """
    if not consumed:
        return {"type": "Update"}
    once = {"condition": "OnSpokeChange", "jsonPaths": list(consumed)}
    options = {"force": True, "ignoreFields": [once]}
    return {"type": "ServerSideApply", "serverSideApply": options}


def manifest_config(
    target: Target, strategy: JsonObject, *, probe: Probe | None, watch: bool
) -> JsonObject:
    """Returns the entry of `manifestConfigs`.

    `watch`: the hub's schema has feedbackScrapeType (R21.1).
    """
    paths: list[Raw | dict[str, str]] = list(target.paths)
    if probe is not None:
        paths.append({"name": probe_value(probe.id), "path": target.probe_path})
    config: JsonObject = {
        "resourceIdentifier": {
            "group": target.group,
            "resource": target.resource,
            "name": target.name,
        },
        "updateStrategy": strategy,
        "feedbackRules": [{"type": "JSONPaths", "jsonPaths": paths}],
    }
    if watch:
        config["feedbackScrapeType"] = "Watch"
    return config


def probe_value(probe: str) -> str:
    """Returns the name of the value that answers a probe."""
    return f"{PROBE_PREFIX}{probe}"


def answered_probes(found: Iterable[str]) -> frozenset[str]:
    """Returns the ids of the probes that values by these names answer, at most as many as a cluster
    is ever sent."""
    told = (cut(name.removeprefix(PROBE_PREFIX)) for name in found if name.startswith(PROBE_PREFIX))
    return frozenset(islice(told, _MAX_PROBES))
