"""The manifest configs of a stage work: how the cluster's work agent handles the object that it
carries, and what it feeds back (R24)."""

from collections.abc import Iterable
from itertools import islice

from msgspec import Raw

from ibgu.core.engine.driver import Target
from ibgu.core.model import Probe
from ibgu.core.model.kinds import JsonObject
from ibgu.core.text.cut import cut

PROBE_PREFIX = "probe-"
_MOST_PROBES = 16


def manifest_config(target: Target, *, armed: bool, probe: Probe | None, watch: bool) -> JsonObject:
    """Returns the entry of `manifestConfigs`; a disarmed work only watches its object.

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
        "updateStrategy": {"type": "Update" if armed else "CreateOnly"},
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
    return frozenset(islice(told, _MOST_PROBES))
