"""The object of a second rollout that a policy asks for (R50.19, R50.20)."""

from msgspec import to_builtins

from ibgu.core.drivers import DRIVERS
from ibgu.core.model import Rollout, names
from ibgu.core.model.follow_ups import PolicyFollowUp
from ibgu.core.model.kinds import JsonObject, ObjectMeta
from ibgu.core.text.harmless import one_line
from ibgu.core.views.stragglers import manifest

_MAX_REASON = 500


def follow_up_body(rollout: Rollout, each: PolicyFollowUp, shown: ObjectMeta) -> JsonObject:
    """Returns the object, with the spec that was accepted of the rollout's author, and nothing that
    was changed since. It has the labels of the rollout, `shown`, so that the same policies hold
    it."""
    spec = _given(to_builtins(rollout.spec))
    old = {
        "apiVersion": DRIVERS[rollout.kind].api_version,
        "kind": rollout.kind,
        "metadata": {
            "namespace": rollout.namespace,
            "labels": shown.labels,
            "annotations": rollout.annotations | rollout.controls,
        },
        "spec": spec,
    }
    body = manifest(old, each.name, each.clusters, ((each.action,),))
    if each.attempt:
        body["spec"]["plan"] = spec["plan"]
    metadata = body["metadata"]
    metadata["labels"] = {**metadata.get("labels", {}), names.FOLLOW_UP_OF: rollout.uid}
    metadata["annotations"] = {
        **metadata.get("annotations", {}),
        names.FOLLOW_UP_POLICY: each.policy,
        names.FOLLOW_UP_REASON: one_line(each.why)[:_MAX_REASON],
    }
    return body


def _given(value: JsonObject) -> JsonObject:
    """Returns the object without the fields that nobody has given."""
    return {
        key: _given(each) if isinstance(each, dict) else each
        for key, each in value.items()
        if each is not None
    }
