"""Builds the status of a ManifestWork, in the work agent's words."""

from collections import Counter
from collections.abc import Sequence

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.agent.apply import Applied, config_for
from ibgu.sim.agent.feedback import read_feedback
from ibgu.sim.clock import timestamp
from ibgu.sim.spoke import Key, Refusal, Spoke
from ibgu.sim.wire import FullWork, ManifestConfig

Conditions = list[JsonObject]


def condition(
    old: Conditions, kind: str, status: str, reason: str, message: str, now: float
) -> JsonObject:
    """Returns the condition; its transition time stays as long as the status does."""
    before = next((c for c in old if c["type"] == kind), None)
    same = before is not None and before["status"] == status
    at = before["lastTransitionTime"] if same and before is not None else timestamp(now)
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": at,
    }


def put(conditions: Conditions, new: JsonObject, generation: int | None = None) -> Conditions:
    if generation is not None:
        new = {**new, "observedGeneration": generation}
    if not any(c["type"] == new["type"] for c in conditions):
        return [*conditions, new]
    return [new if c["type"] == new["type"] else c for c in conditions]


def manifests_of(status: JsonObject) -> list[JsonObject]:
    return (status.get("resourceStatus") or {}).get("manifests") or []


def is_available(manifest: JsonObject) -> bool:
    conditions = manifest["conditions"]
    return any(c["type"] == "Available" and c["status"] == "True" for c in conditions)


def was_read(manifest: JsonObject) -> bool:
    """Returns whether the object was read since the work has it: a read may come before the report
    that adds the manifest."""
    return any(c["type"] == "Available" for c in manifest["conditions"])


# -- after applying ----------------------------------------------------------------------------


def with_applied(work: FullWork, results: Sequence[Applied], now: float) -> JsonObject:
    """Returns the status with Applied of this generation; feedback of manifests that stay is
    kept."""
    status, generation = work.status, work.metadata.generation
    before = {_identity(m["resourceMeta"]): m for m in manifests_of(status)}
    manifests = [
        _applied_manifest(before.get(_identity(result.meta)), result, generation, now)
        for result in results
    ]
    conditions = status.get("conditions") or []
    if any(result.error for result in results):
        outcome = ("False", "AppliedManifestWorkFailed", "Failed to apply manifest work")
    else:
        outcome = ("True", "AppliedManifestWorkComplete", "Apply manifest work complete")
    new = condition(conditions, "Applied", *outcome, now)
    return {
        **status,
        "conditions": put(conditions, new, generation),
        "resourceStatus": {"manifests": manifests},
    }


def _identity(meta: JsonObject) -> tuple[object, ...]:
    """Returns what the agent knows a manifest by: with the plural, which is unknown while the kind
    is not served."""
    return tuple(meta.get(part, "") for part in ("group", "kind", "resource", "namespace", "name"))


def _applied_manifest(
    before: JsonObject | None, result: Applied, generation: int, now: float
) -> JsonObject:
    conditions = _of_generation((before or {}).get("conditions") or [], generation)
    if result.error:
        outcome = ("False", "AppliedManifestFailed", result.error)
    else:
        outcome = ("True", "AppliedManifestComplete", "Apply manifest complete")
    new = condition(conditions, "Applied", *outcome, now)
    return {
        **(before or {"statusFeedback": {}}),
        "resourceMeta": result.meta,
        "conditions": put(conditions, new, generation),
    }


def _of_generation(conditions: Conditions, generation: int) -> Conditions:
    """Returns the conditions without the Applied of another generation: the new one comes last,
    with a new time."""
    return [
        c for c in conditions if c["type"] != "Applied" or c["observedGeneration"] == generation
    ]


# -- after reading -----------------------------------------------------------------------------


def with_read(work: FullWork, spoke: Spoke, now: float) -> JsonObject:
    """Returns the status with the objects' present state: availability and feedback."""
    manifests = [_read_manifest(work, spoke, m, now) for m in manifests_of(work.status)]
    conditions = work.status.get("conditions") or []
    new = condition(conditions, "Available", *_summary(manifests), now)
    return {
        **work.status,
        "conditions": put(conditions, new, work.metadata.generation),
        "resourceStatus": {"manifests": manifests},
    }


def _summary(manifests: Sequence[JsonObject]) -> tuple[str, str, str]:
    seen = Counter(
        c["status"] for m in manifests for c in m["conditions"] if c["type"] == "Available"
    )
    total = len(manifests)
    if seen["False"]:
        text = f"{seen['False']} of {total} resources are not available"
        return "False", "ResourcesNotAvailable", text
    if seen["Unknown"]:
        text = f"{seen['Unknown']} of {total} resources have unknown status"
        return "Unknown", "ResourcesStatusUnknown", text
    return "True", "ResourcesAvailable", "All resources are available"


def _read_manifest(work: FullWork, spoke: Spoke, manifest: JsonObject, now: float) -> JsonObject:
    meta, conditions = manifest["resourceMeta"], manifest["conditions"]
    key = Key(meta["group"], meta["kind"], meta["namespace"], meta["name"])
    outcome = _availability(spoke, key, meta, now)
    conditions = put(conditions, condition(conditions, "Available", *outcome, now))
    obj = spoke.get(key)
    if outcome[0] != "True" or obj is None:
        return {**manifest, "conditions": conditions}
    return _with_feedback(manifest, conditions, obj, config_for(work, key), now)


def _availability(spoke: Spoke, key: Key, meta: JsonObject, now: float) -> tuple[str, str, str]:
    if not meta["resource"]:
        return "Unknown", "IncompleteResourceMeta", "Resource meta is incomplete"
    try:
        spoke.may("get", key, now)
    except Refusal as error:
        return "Unknown", "FetchingResourceFailed", f"Failed to fetch resource: {error}"
    if spoke.get(key) is None:
        return "False", "ResourceNotAvailable", "Resource is not available"
    return "True", "ResourceAvailable", "Resource is available"


def _with_feedback(
    manifest: JsonObject,
    conditions: Conditions,
    obj: JsonObject,
    config: ManifestConfig,
    now: float,
) -> JsonObject:
    """Returns the conditions; a change of the values removes the condition and adds it again, with
    a new time."""
    feedback = read_feedback(obj, config.feedback_rules)
    old = (manifest.get("statusFeedback") or {}).get("values") or []
    if feedback.values != old:
        conditions = [c for c in conditions if c["type"] != "StatusFeedbackSynced"]
    if feedback.errors:
        outcome = ("False", "StatusFeedbackSyncFailed", feedback.message)
    elif config.feedback_rules:
        outcome = ("True", "StatusFeedbackSynced", "")
    else:
        outcome = ("True", "NoStatusFeedbackSynced", "")
    new = condition(conditions, "StatusFeedbackSynced", *outcome, now)
    values = {"values": feedback.values} if feedback.values else {}
    return {**manifest, "conditions": put(conditions, new), "statusFeedback": values}
