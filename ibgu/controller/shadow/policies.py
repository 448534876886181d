"""Watches the RolloutPolicies of the hub for shadow mode, which brings none into force."""

import asyncio
import time
from contextlib import suppress
from random import Random

import structlog

from ibgu.controller.lookups.rollout_policies import PolicyStore
from ibgu.core.model.rollout_policy import PolicyState, RolloutPolicy
from ibgu.flowcontrol.log_throttle import LogThrottle
from ibgu.hub import paths
from ibgu.hub.decode import BadObject
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.hub.watching.reflector import Reflector, Timing, WatchedKind, whole

log = structlog.get_logger("ibgu.shadow")

UNREAD = "the RolloutPolicies were not read"
_PLURAL = paths.resource(paths.ROLLOUT_POLICIES)


class ShadowPolicyWatch:
    """ShadowPolicyWatch follows the hub's policies. While they can't be read, no start of TALM's is
    judged by them; nothing of ibgu's own depends on it."""

    def __init__(
        self, client: Hub, *, served: bool, streaming: bool, timing: Timing, rng: Random
    ) -> None:
        """`served`: the hub serves RolloutPolicies; one that does not has none."""
        self._served = served
        self._settled = asyncio.Event()
        self._unread = UNREAD if served else ""
        self._log_throttle = LogThrottle(time.monotonic)
        self._policies = PolicyStore(self._read)
        self._reflector = Reflector(
            client,
            WatchedKind(paths.ROLLOUT_POLICIES, RolloutPolicy, whole),
            self._policies,
            streaming=streaming,
            timing=timing,
            on_bad=self._bad,
            on_error=self._failed,
            rng=rng,
        )

    async def run(self) -> None:
        if self._served:
            await self._reflector.run()

    async def settled(self, seconds: float) -> None:
        """Waits until the policies were read, or could not be, but no longer than these seconds."""
        if self._served:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._settled.wait()

    def state(self) -> PolicyState:
        """Returns the policies as they are on the hub."""
        if self._unread:
            return PolicyState(problem=self._unread)
        return PolicyState(self._policies.in_order(), self._policies.unreadable())

    def _read(self, *, listed: bool) -> None:
        if listed:
            self._unread = ""
            self._settled.set()

    def _failed(self, error: HubError) -> None:
        if error.status == 403 or error.not_found:
            self._unread = UNREAD
        self._settled.set()
        if self._log_throttle.due(_PLURAL, f"{error.status} {error.reason}"):
            log.warning("watch interrupted", kind=_PLURAL, error=str(error))

    def _bad(self, bad: BadObject) -> None:
        log.warning("malformed RolloutPolicy", error=str(bad))
        self._policies.refuse(bad)
