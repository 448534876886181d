"""Runs the controller as a process: connects, watches, campaigns, and leads for a `Term`."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from random import Random

import structlog
from msgspec import Struct
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu import telemetry
from ibgu.controller.clock import Clock
from ibgu.controller.journal.durations import ActionDurations
from ibgu.controller.journal.retries import JournalRetries
from ibgu.controller.leader_tasks import LeaderTasks, leader_tasks
from ibgu.controller.lookups.canary_health import CanaryHealth
from ibgu.controller.lookups.hub_lookups import HubLookups
from ibgu.controller.loop.term_end import HubRestored
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.mirror.sync_record import SyncRecord
from ibgu.controller.mirror.watches import Watches
from ibgu.controller.quarantine import Quarantine, RetryDue, RolloutError
from ibgu.controller.reports import measures
from ibgu.controller.sources import sources_of
from ibgu.controller.term.after_error import quarantine_broken
from ibgu.controller.term.assembly import NewClock, RunningTerm, TermDeps
from ibgu.controller.term.term import Term
from ibgu.core.drivers import DRIVERS
from ibgu.core.engine.driver import Drivers
from ibgu.db.errors import JournalUnavailable, LeadershipLost, ReloadNeeded, UnreadableJournal
from ibgu.db.inspections import Inspections
from ibgu.db.journal import Journal
from ibgu.db.reads import Reads
from ibgu.flowcontrol.backoff import Backoff
from ibgu.flowcontrol.deadline import Deadline
from ibgu.flowcontrol.log_throttle import LogThrottle
from ibgu.hub.client import HubClient
from ibgu.hub.discovery import Served, discover
from ibgu.hub.election.competing_leases import CompetingLeases
from ibgu.hub.election.lease import Elector
from ibgu.hub.election.times import LeaseTimes
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.settings import Settings

log = structlog.get_logger("ibgu.controller")

LEASE = "ibgu-controller"
TERM_PAUSE = 1.0
"""Seconds from a term that ended by an error to the next one: requests in progress have arrived by
then, and the mirror shows their effects."""
UNANSWERED = 60.0
"""Seconds after which no request of an ended term waits for its answer."""
DEPOSED = 300.0
"""The longest pause after a lead that another controller ended, in seconds."""
RIVAL_PAUSE = 10.0
"""The mean pause, in seconds, of a controller that does not lead because another ibgu leads."""


class _Lead(Struct):
    """_Lead holds what belongs to one lead."""

    retries: JournalRetries
    quarantine: Quarantine
    clock: Clock
    term: RunningTerm | None = None
    """None while a term starts."""


class Controller:
    """Controller does its work in `run` until cancelled; a task that fails ends it."""

    def __init__(
        self,
        settings: Settings,
        client: Hub,
        engine: AsyncEngine,
        served: Served,
        clock: NewClock = Clock,
        rng: Random | None = None,
        leader_tasks: LeaderTasks | None = None,
        drivers: Drivers = DRIVERS,
    ) -> None:
        self._rng = rng or Random()
        self._leader_tasks = leader_tasks or LeaderTasks()
        self._settings = settings
        self._client = client
        reads = Reads(engine, served.hub)
        self._durations = ActionDurations(reads)
        self._tally = telemetry.Tally(client)
        self._journal = Journal(engine, served.hub)
        self._mirror = Mirror(
            self._touched, self._status_changed, self._changed_by_person, self._now
        )
        self._watches = Watches(drivers, client, self._mirror, served, settings, self._rng)
        self._lookups = HubLookups.of(
            settings, client, served, self._journal, self._rng, LEASE, self._rights_given
        )
        self._deps = TermDeps(
            drivers=drivers,
            settings=settings,
            client=client,
            served=served,
            journal=self._journal,
            mirror=self._mirror,
            watches=self._watches,
            lookups=self._lookups,
            durations=self._durations,
            rng=self._rng,
            clock=clock,
            talm_seen={},
            canary_health=CanaryHealth(),
            health_sources=sources_of(settings),
            reads=reads,
            inspections=Inspections(engine, served.hub),
            lease=lambda: self._elector.held,
        )
        self._log_throttle = LogThrottle(time.monotonic)
        self._sync_record = SyncRecord(self._watches, asyncio.get_running_loop().time)
        self._elector = self._new_elector()
        self._rivals = CompetingLeases(client, settings.namespace, LEASE)
        self._rival = ""
        """Why this controller did not lead when it last held the Lease."""
        self._epoch = 0
        self._lead: _Lead | None = None
        self._clock: Clock | None = None
        """That of the last term which led."""
        self._deposed = ""
        """Why the last lead ended; cleared when the next one begins."""
        self._depositions = 0
        """Number of depositions in a row, with no long lead between them."""

    async def run(self) -> None:
        measures.begin()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watches.run())
            self._lookups.start(tasks)
            tasks.create_task(self._durations.run())
            tasks.create_task(self._load_ahead())
            tasks.create_task(self._elector.read())
            await self._watches.synced()
            log.info("in sync", **self._watches.sizes())
            await self._campaign()

    async def _load_ahead(self) -> None:
        """Loads the journal in parallel with the hub's lists, which take longer."""
        with suppress(JournalUnavailable, UnreadableJournal, DBAPIError):
            await self._journal.load_ahead()
        await self._watches.synced()
        await asyncio.sleep(2 * self._settings.lease_seconds)
        self._journal.forget_ahead()

    async def _campaign(self) -> None:
        """Campaigns for the Lease, again also after the journal has ended a lead: it is then loaded
        again.

        A deposed controller pauses, so that two controllers that do not share a Lease because of a
        configuration error do not depose each other without end.
        """
        backoff = Backoff(self._settings.lease_seconds, DEPOSED)
        while True:
            await self._elector.run(self._lead_alone)
            if self._deposed:
                await asyncio.sleep(backoff.delay(self._depositions, self._rng))
            if self._rival:
                # Random, so that two rivals do not check at the same moment again.
                await asyncio.sleep(RIVAL_PAUSE * self._rng.uniform(0.5, 1.5))

    def problems(self) -> list[str]:
        """Returns why the controller does not work now; empty if it does, or stands by."""
        replaced = self._elector.leader not in ("", self._settings.identity)
        found = [each for each in (self._rival, self._deposed) if each and not replaced]
        found += self._lookups.rights.problems()
        if not self._watches.in_sync:
            found.append(f"the mirror of the hub is not complete{self._watches.errors}")
        if self._lead is not None and self._lead.retries.away:
            found.append(self._lead.retries.away)
        if self._term is not None and self._term.facts.talm_hold:
            found.append(self._term.facts.talm_hold)
        if self._term is not None and (problem := self._lookups.rollout_policies.state().problem):
            found.append(problem)
        if self._lead is not None and self._lead.term is None:
            found.append("this controller has just been elected and is not ready to lead yet")
        if self._term is None and not self._elector.leader:
            found.append("no controller leads yet")
        return found

    @property
    def leading(self) -> bool:
        return self._term is not None

    @property
    def _term(self) -> RunningTerm | None:
        return self._lead.term if self._lead is not None else None

    def _now(self) -> datetime | None:
        """Returns the time, also between two leads; None: this process has not led yet."""
        return self._clock.now() if self._clock is not None else None

    def _touched(self, rollout: str, cluster: str) -> None:
        if not rollout:
            self._leader_tasks.cluster_changed(cluster)
        if self._term is not None:
            self._term.changes.touched(rollout, cluster)

    def _changed_by_person(self, rollout: str) -> None:
        if self._lead is not None:
            self._lead.quarantine.changed(rollout)
        if self._term is not None:
            self._term.changes.changed_by_person(rollout)

    def _status_changed(self, rollout: str) -> None:
        if self._term is not None:
            self._term.changes.status_changed(rollout)

    def _rights_given(self) -> None:
        if self._term is not None:
            self._term.rights_given()

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
            longest=settings.lease_max_seconds,
            on_error=self._lease_failed,
            rng=self._rng,
        )

    def _lease_failed(self, error: HubError) -> None:
        """Logs an error of the Lease; the same one only rarely, since a standby tries twice a
        second."""
        if self._log_throttle.due("lease", str(error)):
            log.warning("lease", error=str(error))

    # -- leading -------------------------------------------------------------------------------

    async def _lead_alone(self, deadline: Deadline) -> None:
        """Leads until the journal ends the lead; the loss of the Lease cancels it."""
        began = asyncio.get_running_loop().time()
        if not await self._alone():
            return
        try:
            await self._lead_until_lost(deadline)
        except* ReloadNeeded as group:
            log.warning("the journal is loaded again", error=_error_text(group))
        except* LeadershipLost as group:
            led = asyncio.get_running_loop().time() - began
            self._depositions = 1 if led > DEPOSED else self._depositions + 1
            self._deposed = _error_text(group)
            log.error("deposed", error=self._deposed)

    async def _alone(self) -> bool:
        """Returns whether no other ibgu leads this hub. The check comes once our own Lease is
        visible, so that of two that begin together at least one sees the other."""
        rival = await self._rivals.first()
        self._rival = rival.problem(self._settings.namespace) if rival is not None else ""
        if rival is not None:
            log.error("does not lead", error=self._rival, do=rival.remedy)
        return rival is None

    async def _lead_until_lost(self, deadline: Deadline) -> None:
        # One clock for all terms: the next term must not follow a jump that this one did not.
        lead = self._lead = _Lead(
            JournalRetries(), Quarantine(self._rng), self._deps.clock(self._journal.now)
        )
        epoch = 0
        try:
            epoch = await lead.retries.run(lambda: self._journal.lead(self._settings.identity))
            log.info("leading", epoch=epoch)
            self._deposed = ""
            # What was seen while another controller led was for that one to act on.
            again = epoch == self._epoch + 1
            proof = self._mirror.hub_restored if again else ""
            led_since = self._sync_record.begin(again=again and not proof)
            self._epoch = epoch
            telemetry.LEADS.inc()
            self._leader_tasks.lead(epoch, deadline, self._mirror, self._talm_holds)
            await self._terms(lead, deadline, proof, led_since)
        finally:
            self._remember(lead)
            self._leader_tasks.rest()
            self._lead = None
            _collect_later()
            telemetry.LEADER.set(0)
            log.info("leadership ended", epoch=epoch)

    def _remember(self, lead: _Lead) -> None:
        """Remembers for the next lead since when the mirror was in sync, unless decisions have not
        reached the journal."""
        if lead.term is not None and not lead.retries.away:
            facts = lead.term.facts.facts
            self._sync_record.end(facts.led_since or facts.in_sync_since)

    async def _terms(
        self, lead: _Lead, deadline: Deadline, proof: str, led_since: datetime | None
    ) -> None:
        """Runs term after term: a new one begins if the hub proves to be restored or ibgu fails on
        one rollout."""

        def begun(term: RunningTerm) -> None:
            lead.term, self._clock = term, lead.clock
            telemetry.LEADER.set(1)

        while True:
            lead.quarantine.release_due()
            pause = 0.0
            term = Term(self._deps, lead.clock, lead.retries, deadline, lead.quarantine, begun)
            try:
                await term.run(proof, led_since)
            except* HubRestored as group:
                proof = str(group.exceptions[0])
            except* (RolloutError, RetryDue) as group:
                # Once the term led, its initial proof was acted on; there may be another one.
                proof = self._mirror.hub_restored or ("" if lead.term is not None else proof)
                quarantine_broken(self._mirror, lead.quarantine, group)
                pause = TERM_PAUSE
            lead.term = led_since = None
            _collect_later()
            # The Lease may be lost beside an error, which then hides the cancellation in the group.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError
            await asyncio.sleep(pause)

    def _talm_holds(self) -> bool:
        """Returns whether nothing may be written beside a live TALM, as far as a term knows."""
        return self._term is None or bool(self._term.facts.talm_hold)

    # -- for the metrics -----------------------------------------------------------------------

    def measure(self) -> None:
        """Updates the gauges; called at each scrape."""
        self._watches.measure()
        self._tally.count()
        lead, term = self._lead, self._term
        telemetry.JOURNAL_UNAVAILABLE.set(1 if lead is not None and lead.retries.away else 0)
        telemetry.RIGHTS_MISSING.set(len(self._lookups.rights.problems()))
        if lead is None or term is None:
            measures.silence()
        else:
            self._durations.ask()
            measures.gauge(term.fleet, lead.clock.now(), self._durations.duration_stats)
            telemetry.QUEUE.set(term.writer.depth)
            telemetry.TALM_LIVE.set(1 if term.facts.talm_holds_some else 0)
        telemetry.QUARANTINED.set(len(lead.quarantine) if lead is not None else 0)


def _collect_later() -> None:
    """Frees what an ended term leaves in cycles (its tasks' exceptions hold their frames), once
    nothing waits for it: `ibgu.cli.serve` has cycles collected so rarely that the FleetStates of
    several leads would be in memory. A request that the hub does not answer may hold them until its
    timeout."""
    for delay in (TERM_PAUSE, UNANSWERED):
        asyncio.get_running_loop().call_later(delay, gc.collect)


def _error_text(error: BaseException) -> str:
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
    """Yields a controller that is connected to the hub and ready to `run`. Tests give it a clock of
    their own.

    `discovering` may wait for a hub that is away; by default that is an error.
    """
    async with await HubClient.connect(settings.kubeconfig) as client:
        served = await discovering(client)
        async with leader_tasks(settings, client, engine, served) as tasks:
            yield Controller(settings, client, engine, served, clock, leader_tasks=tasks)
