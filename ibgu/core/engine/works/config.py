"""The manifest configs of a stage work: how the cluster's work agent handles the objects that it
carries, and what it feeds back (R24)."""

from collections.abc import Iterable, Sequence
from itertools import islice

from msgspec import Raw

from ibgu.core.engine.driver import Companion, Target
from ibgu.core.model import Probe
from ibgu.core.model.kinds import JsonObject
from ibgu.core.text.cut import cut

PROBE_PREFIX = "probe-"
UNREAD = "unread"
"""The name of the value that says that an object beside the target could not be read."""
_MAX_PROBES = 16


DISARMED: JsonObject = {"type": "CreateOnly"}
"""The update strategy of a disarmed work, which only watches its object."""


def update_strategy(consumed: Sequence[str]) -> JsonObject:
    """Returns the strategy that replaces the object's whole spec; `consumed`: JSONPaths of the
    fields that the cluster takes away once it has read them.

    The work agent applies a work again after any conflict, and would bring such a field again. So
    it applies the same manifest only once, which older agents do not know.
    """
    if not consumed:
        return {"type": "Update"}
    once = {"condition": "OnSpokeChange", "jsonPaths": list(consumed)}
    options = {"force": True, "ignoreFields": [once]}
    return {"type": "ServerSideApply", "serverSideApply": options}


MARK_MANAGER = "work-agent-ibgu-mark"
"""The field manager of all that only marks an object: it never owns a field of a spec."""


def apply_strategy(manager: str) -> JsonObject:
    """Returns the strategy that applies nothing but the manifest's fields, on behalf of this field
    manager."""
    options = {"force": True, "fieldManager": manager}
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
    identifier = {"group": target.group, "resource": target.resource, "name": target.name}
    return _config(identifier, strategy, paths, watch=watch)


def companion_config(companion: Companion, *, watch: bool) -> JsonObject:
    """Returns the entry of an object beside the target."""
    found = companion.read
    identifier = {"group": found.group, "resource": found.resource, "name": found.name}
    if found.namespace:
        identifier["namespace"] = found.namespace
    strategy = companion.strategy or DISARMED
    return _config(identifier, strategy, list(found.paths), watch=watch)


def _config(
    identifier: dict[str, str], strategy: JsonObject, paths: Sequence[object], *, watch: bool
) -> JsonObject:
    config: JsonObject = {
        "resourceIdentifier": identifier,
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
    probe_ids = (
        cut(name.removeprefix(PROBE_PREFIX)) for name in found if name.startswith(PROBE_PREFIX)
    )
    return frozenset(islice(probe_ids, _MAX_PROBES))
