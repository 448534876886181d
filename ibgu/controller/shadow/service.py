"""Runs the process: the controller's watches, records in the database, and no writer at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from random import Random

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu import telemetry
from ibgu.controller.clock import Clock
from ibgu.controller.journal.retention import Retention
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.mirror.watches import Watches, watch_timing
from ibgu.controller.shadow.policies import ShadowPolicyWatch
from ibgu.controller.shadow.recorder import ShadowRecorder
from ibgu.core.drivers import DRIVERS
from ibgu.core.model import names
from ibgu.db import JournalUnavailable, LeadershipLost
from ibgu.db.shadow import ShadowStore
from ibgu.hub.client import HubClient
from ibgu.hub.discovery import Served, discover
from ibgu.settings import Settings

log = structlog.get_logger("ibgu.shadow")

GATHER = 0.25
"""Seconds from the first change to the look: one action causes a burst of changes."""
SILENCE = timedelta(seconds=30)
"""The silence after which another shadow replaces this one."""
RENEW = 8.0
"""Seconds without changes after which the shadow renews its lead."""
RETRY = 1.0
POLICIES = 10.0
"""The most seconds to wait for the RolloutPolicies before the watch begins."""


class Shadow:
    """Shadow runs until cancelled. It reads the hub by watches and a few gets, and never writes
    there."""

    def __init__(
        self, settings: Settings, client: HubClient, engine: AsyncEngine, served: Served
    ) -> None:
        self._settings = settings
        self._client = client
        self._served = served
        self._store = ShadowStore(engine, served.hub)
        self._dirty = asyncio.Event()
        self._mirror = Mirror(lambda *_: self._dirty.set(), lambda _: self._dirty.set())
        # TALM carries out no other kind, and shadow mode may read none.
        upgrades = {names.IBGU: DRIVERS[names.IBGU]}
        self._watches = Watches(upgrades, client, self._mirror, served, settings, Random())
        self._policies = ShadowPolicyWatch(
            client,
            served=served.rollout_policies,
            streaming=served.streaming_lists,
            timing=watch_timing(settings),
            rng=Random(),
        )
        self._clock = Clock(self._store.now)
        self._away = ""
        self._tally = telemetry.Tally(client)
        self._recorder: ShadowRecorder | None = None
        self.leading = False

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watches.run())
            tasks.create_task(self._policies.run())
            await self._watches.synced()
            await self._policies.settled(POLICIES)
            log.info("in sync", **self._watches.sizes())
            while True:
                await self._campaign()
                await asyncio.sleep(RETRY)

    def problems(self) -> list[str]:
        """Returns why the shadow does not see TALM, or can't keep what it sees."""
        found = []
        if not self._served.cgus:
            found.append(
                "ClusterGroupUpgrade is not served on this hub: there is no TALM to watch; "
                "start the shadow again once TALM is installed"
            )
        if not self._watches.in_sync:
            found.append("the mirror of the hub is not complete")
        if self._away:
            found.append(self._away)
        return found

    def measure(self) -> None:
        self._watches.measure()
        telemetry.LEADER.set(1 if self.leading else 0)
        telemetry.JOURNAL_UNAVAILABLE.set(1 if self._away else 0)
        telemetry.SHADOW_ROLLOUTS.set(len(self._recorder.rollouts) if self._recorder else 0)
        telemetry.SHADOW_RUNS.set(self._recorder.post_commit if self._recorder else 0)
        self._tally.count()

    # -- one at a time -------------------------------------------------------------------------

    async def _campaign(self) -> None:
        try:
            if await self._store.lead(self._settings.identity, SILENCE):
                await self._clock.sync()
                known = await self._store.load()
                self._recorder = ShadowRecorder(self._mirror, known, self._policies.state)
                await self._lead(self._recorder)
        except JournalUnavailable as error:
            self._lost(str(error))
        except LeadershipLost as error:
            log.warning("another shadow has taken over", error=str(error))
        finally:
            self.leading = False
            self._recorder = None

    async def _lead(self, recorder: ShadowRecorder) -> None:
        days = self._settings.events_days
        forgetting = asyncio.create_task(self._forget(days)) if days else None
        try:
            await self._follow(recorder)
        finally:
            if forgetting is not None:
                forgetting.cancel()

    async def _forget(self, days: int) -> None:
        """Deletes old events, by the same setting as those of ibgu's own history."""

        async def forget(before: datetime) -> dict[str, int]:
            return {"shadow_rollouts": await self._store.forget(before)}

        await Retention(forget, self._clock, days).run()

    def _lost(self, why: str) -> None:
        if not self._away:
            log.error("journal unavailable", error=why)
        self._away = why

    async def _follow(self, recorder: ShadowRecorder) -> None:
        self.leading = True
        self._dirty.set()
        log.info("watching TALM", rollouts=len(recorder.rollouts))
        while True:
            await self._wait_for_work(recorder)
            self._dirty.clear()
            if self._watches.in_sync:
                await self._keep(recorder)

    async def _keep(self, recorder: ShadowRecorder) -> None:
        """Records and writes what is new. What is seen while the journal is away keeps its time."""
        try:
            if self._clock.stale:
                await self._clock.sync()
            recorder.observe(self._clock.now())
            await self._store.write(recorder.changed())
        except JournalUnavailable as error:
            self._lost(str(error))
            await asyncio.sleep(RETRY)
            self._dirty.set()
        else:
            self._away = ""
            recorder.kept()

    async def _wait_for_work(self, recorder: ShadowRecorder) -> None:
        """Waits for a change, a due symptom, or the time to renew."""
        try:
            async with asyncio.timeout(self._patience(recorder.due())):
                await self._dirty.wait()
        except TimeoutError:
            return
        await asyncio.sleep(GATHER)

    def _patience(self, due: datetime | None) -> float:
        if due is None:
            return RENEW
        return min(RENEW, max(GATHER, self._clock.seconds_until(due)))


@asynccontextmanager
async def shadow(
    settings: Settings,
    engine: AsyncEngine,
    *,
    discovering: Callable[[HubClient], Awaitable[Served]] = discover,
) -> AsyncIterator[Shadow]:
    """Yields a shadow that is connected to the hub and ready to `run`."""
    async with await HubClient.connect(settings.kubeconfig) as client:
        yield Shadow(settings, client, engine, await discovering(client))
