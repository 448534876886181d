"""Makes the second rollouts that policies ask for, once the journal has them (R50.19)."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from msgspec import Struct, json, to_builtins
from msgspec.structs import replace

from ibgu.controller.mirror.mirror import Mirror
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import Rollout, names
from ibgu.core.model.follow_ups import PolicyFollowUp, ShownFollowUp
from ibgu.core.model.kinds import JsonObject
from ibgu.core.text.cut import cut
from ibgu.core.text.harmless import one_line
from ibgu.core.views.stragglers import manifest
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.writing.writer import Write, Writer, WriteResult

KEY = "follow-up"
"""The first part of the key of every write of this module."""
RETRY_SECONDS = 5.0
"""Seconds until a creation is sent again that the hub did not answer."""
_MAX_REASON = 500
FORBIDDEN = (
    "ibgu may not create it: set policyFollowUps.enabled of the chart, or give the controller the "
    "ClusterRole ibgu-policy-follow-ups"
)
_TAKEN = "an object of that name is there that ibgu has not made for it"
_Key = tuple[str, str, str]
"""KEY, namespace and name."""


class _Sent(Struct, frozen=True):
    """_Sent is the creation that was sent last."""

    again: float
    """When it may be sent again, by the event loop's clock."""
    made: bool = False
    problem: str = ""


class PolicyFollowUps:
    """PolicyFollowUps sends each creation until the hub shows the object, or refuses it. A creation
    that is sent twice makes one object: its name is the same."""

    def __init__(self, mirror: Mirror, writer: Writer) -> None:
        self._mirror = mirror
        self._writer = writer
        self._sent: dict[_Key, _Sent] = {}
        self._now = asyncio.get_running_loop().time

    def shown(self, rollout: Rollout) -> Callable[[str], ShownFollowUp]:
        """Returns what is known of the rollout's follow-ups, by their names."""

        def of(name: str) -> ShownFollowUp:
            found = self._mirror.objects.stores[rollout.kind].get((rollout.namespace, name))
            if found is not None:
                mine = found.metadata.labels.get(names.FOLLOW_UP_OF) == rollout.uid
                return ShownFollowUp(ours=mine, problem="" if mine else _TAKEN)
            sent = self._sent.get((KEY, rollout.namespace, name))
            if sent is None:
                return ShownFollowUp()
            return ShownFollowUp(ours=sent.made, problem=sent.problem)

        return of

    def reconcile(self, tracked: TrackedRollout) -> None:
        """Sends what the journal has and the hub does not; called in every turn of the rollout in
        which writing is allowed."""
        rollout = tracked.rollout
        if rollout.hold is not None or rollout.deleted_at is not None:
            return
        for step in tracked.steps:
            for each in step.step.follow_ups.made:
                if each.pending and self.shown(rollout)(each.name) == ShownFollowUp():
                    self._send(rollout, each)

    def answered(self, result: WriteResult) -> float:
        """Notes the hub's answer; returns the seconds until the rollout is to be decided on again,
        0: now."""
        _, namespace, name = result.write.key
        key, error = (KEY, namespace, name), result.error
        sent = self._sent.get(key, _Sent(self._now()))
        if result.superseded:
            self._sent.pop(key, None)
            return RETRY_SECONDS
        if error is None:
            self._sent[key] = replace(sent, made=True)
            return 0.0
        if error.conflict or error.transient:
            # After a conflict the watch shows whose object has the name.
            self._sent[key] = _Sent(self._now() + RETRY_SECONDS)
            return RETRY_SECONDS
        self._sent[key] = replace(sent, problem=_refusal(error))
        return 0.0

    def forget(self, tracked: TrackedRollout) -> None:
        """Drops what is known of the follow-ups of a rollout that is over."""
        for step in tracked.steps:
            for each in step.step.follow_ups.made:
                self._sent.pop((KEY, tracked.rollout.namespace, each.name), None)

    def _send(self, rollout: Rollout, each: PolicyFollowUp) -> None:
        key = (KEY, rollout.namespace, each.name)
        sent = self._sent.get(key)
        if self._writer.pending(key) or (sent is not None and self._now() < sent.again):
            return
        self._sent[key] = _Sent(self._now() + RETRY_SECONDS)
        path = paths.rollout_objects(rollout.kind, rollout.namespace)
        body = json.encode(follow_up_body(rollout, each))
        self._writer.submit(Write(key, "POST", path, body, owner=rollout.uid))


def follow_up_body(rollout: Rollout, each: PolicyFollowUp) -> JsonObject:
    """Returns the object, with the spec that was accepted of the rollout's author, and nothing that
    was changed since."""
    old = {
        "apiVersion": paths.ROLLOUT_KINDS[rollout.kind][0],
        "kind": rollout.kind,
        "metadata": {"namespace": rollout.namespace, "annotations": rollout.annotations},
        "spec": _given(to_builtins(rollout.spec)),
    }
    body = manifest(old, each.name, each.clusters, ((each.action,),))
    metadata = body["metadata"]
    metadata["labels"] = {names.FOLLOW_UP_OF: rollout.uid}
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


def _refusal(error: HubError) -> str:
    if error.status == HTTPStatus.FORBIDDEN and "cannot create resource" in error.message:
        return FORBIDDEN
    return f"the hub refused it: {one_line(cut(error.message))}"
