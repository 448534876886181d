"""Reads again what running steps carry, where a change closes a gate (R25.4), and what people have
just approved, or say that they have written (R50.13)."""

import asyncio

import structlog
from msgspec import Struct

from ibgu.controller import naming
from ibgu.controller.lookups.grants import RolloutGrants
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.loop.work_queue import WorkQueue
from ibgu.controller.quarantine import Quarantine, attributed_to
from ibgu.core.drivers import carry_payload
from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.model import Rollout, RolloutState
from ibgu.hub.errors import HubError

log = structlog.get_logger("ibgu.controller")

UNKNOWN = 2.0
"""Seconds until a payload that is not known is read; its step starts nothing before."""


class PayloadChecks(Struct, frozen=True, eq=False):
    _fleet: FleetState
    _payloads: Payloads
    _work_queue: WorkQueue
    _quarantine: Quarantine
    _grants: RolloutGrants

    async def run(self, every: float) -> None:
        """Reads all that running steps carry every so many seconds, and sooner what is not
        known."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            all_again = loop.time() >= due
            due = loop.time() + every if all_again else due
            await self.check(all_again=all_again)
            await asyncio.sleep(min(every, UNKNOWN))

    async def check(self, *, all_again: bool) -> None:
        """Reads what is not known; `all_again`: also what running steps carry."""
        for uid, tracked in list(self._fleet.rollouts.items()):
            if tracked.rollout.deleted_at is not None or uid in self._quarantine:
                continue
            known = self._payloads.state(uid).fresh
            if _carries(tracked):
                needed = all_again or not known
            else:
                needed = not known and self._is_approved(tracked.rollout)
            if needed or self._has_new_author(tracked.rollout):
                await self._read(tracked)

    def _is_approved(self, rollout: Rollout) -> bool:
        """Whether somebody has approved a step of it, and ibgu has not noted that yet."""
        grants, _, _ = self._grants.of(rollout)
        noted = {each.uid for each in rollout.grants.approvals}
        return grants is not None and any(each.uid not in noted for each in grants.approvals)

    def _has_new_author(self, rollout: Rollout) -> bool:
        complete = rollout.state is RolloutState.COMPLETE
        return not complete and self._payloads.names_new_authors(rollout.uid)

    async def _read(self, tracked: TrackedRollout) -> None:
        """Reads the payload; a change queues the members in flight."""
        uid, step = tracked.rollout.uid, tracked.current
        before = self._payloads.state(uid)
        frozen = step.step.payload_digest if step is not None else ""
        try:
            with attributed_to(uid):
                after = await self._payloads.read(tracked.rollout, frozen)
        except HubError as error:
            names = naming.of_rollout(self._fleet, uid)
            log.warning("can't read a payload", **names, error=str(error))
            return
        if after != before:
            self._work_queue.touch(uid, step.in_flight if step is not None else ())


def _carries(tracked: TrackedRollout) -> bool:
    """Whether the step that runs carries a payload."""
    step = tracked.current
    return step is not None and step.unfinished > 0 and carry_payload(step.step.actions)
