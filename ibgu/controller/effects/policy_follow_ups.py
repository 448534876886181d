"""Makes the second rollouts that policies ask for, once the journal has them (R50.19, R50.20)."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from math import inf

import structlog
from msgspec import Struct, json
from msgspec.structs import replace

from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import attributed_to
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import Rollout, names
from ibgu.core.model.follow_ups import PolicyFollowUp, ShownFollowUp
from ibgu.core.text.cut import cut
from ibgu.core.text.harmless import one_line
from ibgu.core.views.policy_follow_up import follow_up_body
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.writing.writer import Write, Writer, WriteResult

log = structlog.get_logger("ibgu.controller")

KEY = "follow-up"
"""The first part of the key of every write of this module."""
RETRY_SECONDS = 5.0
"""Seconds until a creation is sent again that the hub did not answer."""
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
    checked: bool = False
    """Whether nothing is sent yet, and it was checked that it may be."""


class PolicyFollowUps:
    """PolicyFollowUps sends each creation until the hub shows the object, or refuses it. A creation
    that is sent twice makes one object: its name is the same."""

    def __init__(
        self,
        mirror: Mirror,
        writer: Writer,
        payloads: Payloads,
        tasks: asyncio.TaskGroup,
        checked: Callable[[str], None],
    ) -> None:
        """`checked` is called with the rollout's uid when it can be decided on again."""
        self._mirror = mirror
        self._writer = writer
        self._payloads = payloads
        self._tasks = tasks
        self._checked = checked
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
        if each.attempt and not (sent is not None and sent.checked):
            self._sent[key] = _Sent(inf)
            self._tasks.create_task(self._check(key, rollout))
        else:
            self._create(key, rollout, each)

    async def _check(self, key: _Key, rollout: Rollout) -> None:
        """Lets the new rollout be created, which brings a payload, unless it was not checked that
        the author of the first one may read that: the new one would count as checked. The next turn
        creates it, if nothing holds it by then."""
        with attributed_to(rollout.uid):
            try:
                problem = await self._payloads.unchecked(rollout)
            except HubError as error:
                log.warning("can't check a payload", rollout=rollout.full_name, error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
                self._sent.pop(key, None)
            else:
                again = inf if problem else self._now()
                self._sent[key] = _Sent(again, problem=problem, checked=not problem)
            self._checked(rollout.uid)

    def _create(self, key: _Key, rollout: Rollout, each: PolicyFollowUp) -> None:
        self._sent[key] = _Sent(self._now() + RETRY_SECONDS)
        shown = self._mirror.rollout_object(rollout.uid)
        if shown is None:
            return
        path = paths.rollout_objects(rollout.kind, rollout.namespace)
        body = json.encode(follow_up_body(rollout, each, shown.metadata))
        self._writer.submit(Write(key, "POST", path, body, owner=rollout.uid))


def _refusal(error: HubError) -> str:
    if error.status == HTTPStatus.FORBIDDEN and "cannot create resource" in error.message:
        return FORBIDDEN
    return f"the hub refused it: {one_line(cut(error.message))}"
