"""The controller as a process: connects, watches, campaigns, leads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from random import Random

import structlog
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu import telemetry
from ibgu.controller import measures
from ibgu.controller.adopting import Adopting
from ibgu.controller.agenda import Agenda
from ibgu.controller.clock import Clock
from ibgu.controller.commit import Ledger
from ibgu.controller.denials import denied
from ibgu.controller.effects import Effects
from ibgu.controller.loop import Loop
from ibgu.controller.mirror import Mirror
from ibgu.controller.notices import Notices
from ibgu.controller.openings import Openings
from ibgu.controller.parts import Parts
from ibgu.controller.payloads import Payloads
from ibgu.controller.recovery import Recovery, WentBack
from ibgu.controller.retention import Retention
from ibgu.controller.rights import RightsWatch, of_controller
from ibgu.controller.statuses import Statuses
from ibgu.controller.talm import TalmWatch
from ibgu.controller.watches import Watches
from ibgu.core.book import World
from ibgu.core.snapshot import Facts
from ibgu.db.errors import Deposed, JournalAway, ReloadNeeded
from ibgu.db.journal import Journal
from ibgu.hub.backoff import Backoff
from ibgu.hub.client import HubClient
from ibgu.hub.deadline import Deadline
from ibgu.hub.discovery import Served, discover
from ibgu.hub.lease import Elector, LeaseTimes
from ibgu.hub.port import Hub
from ibgu.hub.writer import Limits, Writer, WriteResult
from ibgu.settings import Settings

log = structlog.get_logger("ibgu.controller")

LEASE = "ibgu-controller"
DEPOSED = 300.0
"""Seconds: the longest pause after a lead that another controller has ended."""
NOTE_EVERY = 15.0
"""Seconds between two notes of how far the hub was seen to get; backups are older."""

NewClock = Callable[[Callable[[], Awaitable[datetime]]], Clock]
"""Makes the clock that limits are measured by from a way to read the database's."""


class Basis(Struct, frozen=True):
    """What a new leader begins with."""

    world: World
    ledger: Ledger
    clock: Clock
    facts: Facts


def _limits(settings: Settings) -> Limits:
    return Limits(
        concurrency=settings.hub_concurrency, rate=settings.hub_rate, burst=settings.hub_burst
    )


class Controller:
    """`run` until cancelled; a part that dies ends it."""

    def __init__(
        self,
        settings: Settings,
        client: Hub,
        engine: AsyncEngine,
        served: Served,
        clock: NewClock = Clock,
        rng: Random | None = None,
    ) -> None:
        self._rng = rng or Random()
        self._settings = settings
        self._client = client
        self._served = served
        self._new_clock = clock
        self._journal = Journal(engine, served.hub)
        self._mirror = Mirror(self._touched, self._status_changed)
        self._watches = Watches(client, self._mirror, served, settings, self._rng)
        needs = of_controller(settings, LEASE, cgus=served.cgus)
        self._rights = RightsWatch(client, needs, self._rights_given)
        self._elector = self._new_elector()
        self._epoch = 0
        self._loop: Loop | None = None
        self._ledger: Ledger | None = None
        self._deposed = ""
        """What ended our last lead, until the next one."""
        self._depositions = 0
        """In a row, with no long lead between them."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watches.run())
            asking = tasks.create_task(self._rights.run())
            await self._watches.synced()
            log.info("in sync", **self._watches.sizes())
            await self._campaign()
            watching.cancel()
            asking.cancel()

    async def _campaign(self) -> None:
        """Again also after the journal has ended a lead: what it holds by then is loaded anew.

        Whoever was deposed lets the other one lead for a while: two controllers that do not
        share a Lease, by a mistake in their set-up, must not depose each other without end.
        """
        backoff = Backoff(self._settings.lease_seconds, DEPOSED)
        while True:
            await self._elector.run(self._lead)
            if self._deposed:
                await asyncio.sleep(backoff.delay(self._depositions, self._rng))

    def problems(self) -> list[str]:
        """Why the controller does not do its work now; empty: it does, or stands by."""
        found = [self._deposed] if self._deposed else []
        found += self._rights.problems()
        if not self._watches.in_sync:
            found.append(f"the mirror of the hub is not complete{self._watches.told}")
        if self._ledger is not None and self._ledger.away:
            found.append(self._ledger.away)
        if self._loop is not None and self._loop.facts.talm_live:
            found.append("TALM is running on this hub: ibgu writes nothing until it is stopped")
        if self._loop is None and self._ledger is not None:
            found.append("this controller has just been elected and is not ready to lead yet")
        if self._loop is None and not self._elector.leader:
            found.append("no controller leads yet")
        return found

    @property
    def leading(self) -> bool:
        return self._loop is not None

    def _touched(self, rollout: str, cluster: str) -> None:
        if self._loop is not None:
            self._loop.touched(rollout, cluster)

    def _status_changed(self, rollout: str) -> None:
        if self._loop is not None:
            self._loop.status_changed(rollout)

    def _rights_given(self) -> None:
        """What was denied before is worth a try now."""
        self._mirror.denials.clear()
        if self._loop is not None:
            self._loop.touch_everything()

    def _new_elector(self) -> Elector:
        settings = self._settings
        times = LeaseTimes(
            settings.lease_seconds, settings.lease_renew_seconds, settings.lease_retry_seconds
        )
        return Elector(
            self._client,
            settings.namespace,
            LEASE,
            settings.identity,
            times=times,
            on_error=lambda error: log.warning("lease", error=str(error)),
            rng=self._rng,
        )

    # -- leading -------------------------------------------------------------------------------

    async def _lead(self, deadline: Deadline) -> None:
        """Returns when the journal has ended it; the Lease's loss cancels it."""
        began = asyncio.get_running_loop().time()
        try:
            await self._lead_until_lost(deadline)
        except* ReloadNeeded as group:
            log.warning("loads the journal anew", error=_words(group))
        except* Deposed as group:
            led = asyncio.get_running_loop().time() - began
            self._depositions = 1 if led > DEPOSED else self._depositions + 1
            self._deposed = _words(group)
            log.error("deposed", error=self._deposed)

    async def _lead_until_lost(self, deadline: Deadline) -> None:
        ledger = self._ledger = Ledger(self._journal)
        epoch = 0
        try:
            epoch = await ledger.survive(lambda: self._journal.lead(self._settings.identity))
            log.info("leading", epoch=epoch)
            self._deposed = ""
            # What was seen while another controller led was that one's to act on.
            proof = self._mirror.went_back if epoch == self._epoch + 1 else ""
            self._epoch = epoch
            await self._terms(deadline, proof)
        finally:
            self._loop = self._ledger = None
            telemetry.LEADER.set(0)
            log.info("leading no more", epoch=epoch)

    async def _terms(self, deadline: Deadline, proof: str) -> None:
        """Work; if the hub turns out to have been restored, begin anew with that knowledge."""
        while True:
            self._ledger = ledger = Ledger(self._journal)
            try:
                async with asyncio.TaskGroup() as tasks:
                    await self._work(tasks, deadline, ledger, proof)
            except* WentBack as group:
                proof = str(group.exceptions[0])
                self._loop = None

    async def _work(
        self, tasks: asyncio.TaskGroup, deadline: Deadline, ledger: Ledger, proof: str
    ) -> None:
        clock = self._new_clock(self._journal.now)
        await ledger.survive(clock.sync)
        recovery = Recovery(self._journal, ledger, self._mirror, self._watches)
        world, decisions = await recovery.load(clock.now(), proof)
        talm = TalmWatch(self._client, clock, self._settings.talm_namespaces.split(","))
        facts = Facts(in_sync_since=clock.now(), talm_live=await talm.first())
        loop = self._assemble(tasks, deadline, Basis(world, ledger, clock, facts))
        ledger.on_away, ledger.on_back = loop.disarm_what_was_taken, loop.was_away
        loop.recovered(decisions)
        loop.touch_everything()
        tasks.create_task(self._note_versions())
        tasks.create_task(talm.run(loop.talm))
        tasks.create_task(self._payload_checks(loop))
        if days := self._settings.events_days:
            tasks.create_task(Retention(self._journal.forget, clock, days).run())
        self._loop = loop
        telemetry.LEADER.set(1)
        await loop.run()

    def _assemble(self, tasks: asyncio.TaskGroup, deadline: Deadline, basis: Basis) -> Loop:
        settings, mirror, clock = self._settings, self._mirror, basis.clock
        mirror.refusals.clear()
        mirror.denials.clear()
        agenda = Agenda()
        payloads = Payloads(self._client, settings.service_account)
        writer = Writer(
            self._client,
            done=lambda result: self._answered(loop, result),
            limits=_limits(settings),
            rng=self._rng,
        )
        writer.resume(deadline)
        served = self._served.ibgu_status
        watch = self._served.feedback_by_watch
        parts = Parts(
            world=basis.world,
            mirror=mirror,
            adopting=Adopting(self._client, mirror, payloads, writer, tasks, agenda.touch),
            agenda=agenda,
            ledger=basis.ledger,
            effects=Effects(mirror, payloads, writer, watch=watch),
            openings=Openings(self._client, mirror, payloads, tasks, agenda.touch),
            payloads=payloads,
            statuses=Statuses(mirror, payloads, clock, writer, served=served),
            notices=Notices(mirror, clock, writer, instance=settings.identity),
            clock=clock,
            in_sync=lambda: self._watches.in_sync,
        )
        loop = Loop(parts, basis.facts)
        tasks.create_task(writer.run())
        tasks.create_task(parts.statuses.run(basis.world))
        return loop

    def _answered(self, loop: Loop, result: WriteResult) -> None:
        if denied(result.error):
            self._rights.doubt()
        loop.answered(result)

    async def _payload_checks(self, loop: Loop) -> None:
        while True:
            await loop.check_payloads()
            await asyncio.sleep(self._settings.payload_check_seconds)

    async def _note_versions(self) -> None:
        """By these the next start sees whether the hub was restored from a backup since."""
        noted = None
        while True:
            seen = self._mirror.versions()
            if seen != noted and self._watches.in_sync and not self._mirror.went_back:
                with suppress(JournalAway):
                    await self._journal.note(seen)
                    noted = seen
            await asyncio.sleep(NOTE_EVERY)

    # -- for the metrics -----------------------------------------------------------------------

    def measure(self) -> None:
        """Bring the gauges up to date; called when somebody asks for the metrics."""
        self._watches.measure()
        telemetry.JOURNAL_AWAY.set(1 if self._ledger is not None and self._ledger.away else 0)
        if self._loop is not None:
            measures.gauge(self._loop.world)
            telemetry.QUEUE.set(self._loop.depth)
        for (verb, code), count in self._client.requests.items():
            telemetry.HUB_REQUESTS.labels(verb, code).set(count)


def _words(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)


@asynccontextmanager
async def controller(
    settings: Settings,
    engine: AsyncEngine,
    *,
    clock: NewClock = Clock,
    discovering: Callable[[HubClient], Awaitable[Served]] = discover,
) -> AsyncIterator[Controller]:
    """Connected to the hub, ready to `run`. Tests give it a clock of their own.

    `discovering` may wait for a hub that is away; by default that is an error.
    """
    async with await HubClient.connect(settings.kubeconfig) as client:
        served = await discovering(client)
        yield Controller(settings, client, engine, served, clock)
