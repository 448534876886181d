"""Reads again what the steps of running rollouts carry: a change closes a gate (R25.4), and what
was approved before no longer counts (R50.13)."""

import asyncio

import structlog
from msgspec import Struct

from ibgu.controller import naming
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.loop.work_queue import WorkQueue
from ibgu.controller.quarantine import Quarantine, attributed_to
from ibgu.core.drivers import carry_payload
from ibgu.core.engine.state import FleetState, TrackedRollout, TrackedStep
from ibgu.hub.errors import HubError

log = structlog.get_logger("ibgu.controller")

UNKNOWN = 2.0
"""Seconds until a payload that can't be read yet is read again; its step starts nothing before."""


class PayloadChecks(Struct, frozen=True, eq=False):
    _fleet: FleetState
    _payloads: Payloads
    _work_queue: WorkQueue
    _quarantine: Quarantine

    async def run(self, every: float) -> None:
        """Checks every so many seconds, and sooner while some payload is unknown."""
        while True:
            known = await self._check()
            await asyncio.sleep(every if known else min(every, UNKNOWN))

    async def _check(self) -> bool:
        """Returns False if the payload of some step is not known yet."""
        known = True
        for uid, tracked in list(self._fleet.rollouts.items()):
            step = tracked.current
            if step is None or not step.unfinished or tracked.rollout.deleted_at is not None:
                continue
            if _carries(tracked, step) and uid not in self._quarantine:
                known = await self._read(tracked, step) and known
        return known

    async def _read(self, tracked: TrackedRollout, step: TrackedStep) -> bool:
        """Returns whether the payload is known; a change queues the members in flight."""
        uid = tracked.rollout.uid
        before = self._payloads.state(uid)
        try:
            with attributed_to(uid):
                after = await self._payloads.read(tracked.rollout, step.step.payload_digest)
        except HubError as error:
            names = naming.of_rollout(self._fleet, uid)
            log.warning("can't read a payload", **names, step=step.step.index + 1, error=str(error))
            return before.read
        if after != before:
            self._work_queue.touch(uid, step.in_flight)
        return True


def _carries(tracked: TrackedRollout, step: TrackedStep) -> bool:
    """Whether the step, or one behind it, carries a payload: what people approve ahead must be
    known."""
    behind = tracked.rollout.spec.plan[step.step.index + 1 :]
    return carry_payload(step.step.actions) or any(carry_payload(each.actions) for each in behind)
