"""Runs one term of a lead: creates its parts and runs them until it ends."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from datetime import datetime
from functools import partial
from random import Random

import structlog
from msgspec import Struct
from sqlalchemy.exc import DBAPIError

from ibgu.controller.clock import Clock
from ibgu.controller.effects.adopting import Adopting
from ibgu.controller.effects.effects import Effects
from ibgu.controller.effects.feedback_refresh import FeedbackRefresh
from ibgu.controller.effects.refusals import denied
from ibgu.controller.journal.durations import ActionDurations
from ibgu.controller.journal.retention import Retention
from ibgu.controller.lookups.membership import MembershipLister
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.lookups.rights import RightsWatch
from ibgu.controller.lookups.talm import SeenLeases, TalmWatch
from ibgu.controller.lookups.tenants import Tenants
from ibgu.controller.loop.commit import JournalWriter
from ibgu.controller.loop.deps import LoopDeps
from ibgu.controller.loop.loop import Loop
from ibgu.controller.loop.work_queue import WorkQueue
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.mirror.watches import Watches
from ibgu.controller.quarantine import Quarantine
from ibgu.controller.reports.notices import Notices
from ibgu.controller.reports.statuses import Statuses
from ibgu.controller.term.recovery import Recovery
from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.references import UncheckedPolicy
from ibgu.core.engine.snapshot import Facts
from ibgu.core.engine.state import FleetState
from ibgu.core.model.kinds import ObjectMeta
from ibgu.db.errors import JournalAway, told
from ibgu.db.journal import Journal
from ibgu.db.reads import Reads
from ibgu.flowcontrol.deadline import Deadline
from ibgu.hub.discovery import Served
from ibgu.hub.port import Hub
from ibgu.hub.writing.writer import WriteLimits, Writer, WriteResult
from ibgu.settings import Settings

log = structlog.get_logger("ibgu.controller")

UNKNOWN_PAYLOAD = 2.0
"""Seconds until a payload that can't be read yet is read again; its step starts nothing before."""
NOTE_EVERY = 15.0
"""Seconds between two records of the hub's resourceVersions; backups are older."""

REREAD_EVERY = 60.0
"""Seconds between two reads of records that can't be read."""

NewClock = Callable[[Callable[[], Awaitable[datetime]]], Clock]
"""Creates the clock that limits are measured by from a function that reads the database's."""


class TermDeps(Struct, frozen=True, kw_only=True):
    """TermDeps holds what a controller has before it leads, and keeps from term to term."""

    settings: Settings
    client: Hub
    served: Served
    journal: Journal
    mirror: Mirror
    watches: Watches
    rights: RightsWatch
    durations: ActionDurations
    rng: Random
    clock: NewClock
    talm_seen: SeenLeases
    reads: Reads
    lease: Callable[[], ObjectMeta | None]
    """Returns the metadata of the Lease while this controller holds it."""


class TermInputs(Struct, frozen=True):
    """TermInputs holds what a term begins with."""

    fleet: FleetState
    clock: Clock
    facts: Facts
    quarantine: Quarantine
    tenants: Tenants


class Term:
    """Term calls `leads` with the loop once it is ready to run; the writer stops by itself at the
    deadline."""

    def __init__(
        self,
        deps: TermDeps,
        clock: Clock,
        journal_writer: JournalWriter,
        deadline: Deadline,
        quarantine: Quarantine,
        leads: Callable[[Loop], None],
    ) -> None:
        self._deps = deps
        self._clock = clock
        self._journal_writer = journal_writer
        self._deadline = deadline
        self._quarantine = quarantine
        self._leads = leads
        self._fleet: FleetState | None = None

    async def run(self, proof: str, led_since: datetime | None) -> None:
        """Runs the term. `proof`: that the hub was restored from a backup; empty: none so far.
        `led_since`: see `Facts`.

        Raises (in a group) HubRestored on a new proof, the journal's errors about this leader,
        Broken, and TryAgain once a quarantined rollout is due.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._work(tasks, proof, led_since)
        finally:
            if self._fleet is not None:
                # The parts of a term form reference cycles, which are collected seldom
                # (`ibgu.cli.serve`): after several leads several FleetStates would be in memory.
                self._fleet.clear()

    async def _work(self, tasks: asyncio.TaskGroup, proof: str, led_since: datetime | None) -> None:
        deps, journal_writer = self._deps, self._journal_writer
        clock = self._clock
        await journal_writer.with_retries(clock.sync)
        talm = TalmWatch(
            deps.client, clock, deps.settings.talm_namespaces.split(","), deps.talm_seen
        )
        talm_live = tasks.create_task(talm.first())
        tenants = self._tenants()
        bound = tasks.create_task(tenants.first())
        recovery = Recovery(
            *(deps.journal, journal_writer, deps.mirror, deps.watches, self._quarantine),
            across_namespaces=deps.settings.preempts_across_namespaces,
        )
        fleet, decisions = await recovery.load(clock.now(), proof)
        self._fleet = fleet
        facts = Facts(
            in_sync_since=clock.now(),
            led_since=led_since,
            talm_live=await talm_live,
            starts_per_minute=deps.settings.starts_per_minute,
        )
        await bound
        loop = self._assemble(tasks, TermInputs(fleet, clock, facts, self._quarantine, tenants))
        journal_writer.on_away, journal_writer.on_back = loop.disarm_what_was_taken, loop.was_away
        loop.recovered(decisions)
        loop.touch_everything()
        loop.report_quarantine()
        tasks.create_task(self._note_versions())
        tasks.create_task(self._reread(fleet.unreadable, loop))
        tasks.create_task(talm.run(loop.talm))
        tasks.create_task(tenants.run(loop.touch_everything))
        tasks.create_task(self._payload_checks(loop))
        if days := deps.settings.events_days:
            tasks.create_task(Retention(deps.journal.forget, clock, days).run())
        self._leads(loop)
        await loop.run()

    def _tenants(self) -> Tenants:
        deps = self._deps
        return Tenants(
            deps.client,
            deps.settings.service_account,
            on=deps.settings.tenancy == "clustersets",
        )

    def _assemble(self, tasks: asyncio.TaskGroup, inputs: TermInputs) -> Loop:
        deps, clock = self._deps, inputs.clock
        client, mirror, served = deps.client, deps.mirror, deps.served
        mirror.refusals.clear()
        mirror.denials.clear()
        work_queue = WorkQueue(partial(self._namespace_of, inputs.fleet))
        payloads = Payloads(
            client, deps.settings.service_account, UncheckedPolicy(deps.settings.payload_references)
        )
        writer = self._writer(inputs.fleet, lambda result: self._answered(loop, result))
        effects = Effects(
            *(mirror, payloads, writer),
            watch=served.feedback_by_watch,
            take_back=deps.settings.take_back_pull_secrets,
        )
        refresh = self._refresh(inputs, effects, lambda: loop.writes_suspended)
        notices = Notices(mirror, clock, writer, instance=deps.settings.identity)
        loop_deps = LoopDeps(
            fleet=inputs.fleet,
            driver=IBU,
            mirror=mirror,
            adopting=Adopting(client, mirror, payloads, writer, tasks, work_queue.touch),
            work_queue=work_queue,
            quarantine=inputs.quarantine,
            journal_writer=self._journal_writer,
            effects=effects,
            lister=MembershipLister(
                client, mirror, payloads, inputs.tenants, tasks, work_queue.touch_now
            ),
            payloads=payloads,
            tenants=inputs.tenants,
            statuses=Statuses(
                *(mirror, payloads, clock, writer, inputs.quarantine),
                served=served.ibgu_status,
                settled=lambda: self._journal_writer.settled,
            ),
            notices=notices,
            clock=clock,
            refresh=refresh,
            in_sync=lambda: deps.watches.in_sync,
        )
        loop = Loop(loop_deps, inputs.facts)
        tasks.create_task(writer.run())
        if not inputs.facts.talm_live:
            tasks.create_task(self._tell_leadership(notices))
        if refresh is not None:
            tasks.create_task(refresh.run())
        tasks.create_task(loop_deps.statuses.run(inputs.fleet))
        return loop

    def _refresh(
        self, inputs: TermInputs, effects: Effects, writes_suspended: Callable[[], bool]
    ) -> FeedbackRefresh | None:
        """Creates the refresh only if the hub can't make agents report changes by themselves."""
        deps = self._deps
        if deps.served.feedback_by_watch or not deps.settings.feedback_refreshes:
            return None
        return FeedbackRefresh(
            *(inputs.fleet, deps.mirror, effects, inputs.clock, deps.durations, inputs.quarantine),
            rate=deps.settings.feedback_refresh_rate,
            writes_suspended=writes_suspended,
        )

    def _writer(self, fleet: FleetState, done: Callable[[WriteResult], None]) -> Writer:
        settings = self._deps.settings
        limits = WriteLimits(
            concurrency=settings.hub_concurrency, rate=settings.hub_rate, burst=settings.hub_burst
        )
        writer = Writer(
            self._deps.client,
            done=done,
            limits=limits,
            rng=self._deps.rng,
            tenant_of=partial(self._namespace_of, fleet),
        )
        writer.resume(self._deadline)
        return writer

    def _namespace_of(self, fleet: FleetState, rollout: str) -> str:
        """Returns the namespace that the rollout belongs to; each tenant has namespaces of its
        own."""
        found = self._deps.mirror.ibgu(rollout)
        return found.metadata.namespace if found is not None else fleet.namespace_of(rollout)

    def _answered(self, loop: Loop, result: WriteResult) -> None:
        if denied(result.error):
            self._deps.rights.doubt()
        loop.handlers.answered(result)

    async def _payload_checks(self, loop: Loop) -> None:
        every = self._deps.settings.payload_check_seconds
        while True:
            known = await loop.check_payloads()
            await asyncio.sleep(every if known else min(every, UNKNOWN_PAYLOAD))

    async def _tell_leadership(self, notices: Notices) -> None:
        """Writes the Event of this lead; a journal that can't be read is tolerated."""
        try:
            found, lease = await self._deps.reads.leadership(), self._deps.lease()
        except (JournalAway, DBAPIError) as error:
            log.warning("can't tell of the new leader", error=told(error))
            return
        if found is not None and lease is not None:
            notices.leads(lease, found)

    async def _reread(self, unreadable: Collection[str], loop: Loop) -> None:
        """Ends the term once records that could not be read can be, or are gone."""
        while unreadable:
            await asyncio.sleep(REREAD_EVERY)
            try:
                found = await self._deps.journal.unreadable(unreadable)
            except (JournalAway, DBAPIError) as error:
                log.warning("can't look again at records that can't be read", error=told(error))
                continue
            if found < set(unreadable):
                self._quarantine.readable_again()
                loop.touch_everything()

    async def _note_versions(self) -> None:
        """Records the hub's resourceVersions, by which the next start sees whether the hub was
        restored since."""
        mirror, noted = self._deps.mirror, None
        while True:
            seen = mirror.versions()
            if seen != noted and self._deps.watches.in_sync and not mirror.hub_restored:
                with suppress(JournalAway):
                    await self._deps.journal.note(seen)
                    noted = seen
            await asyncio.sleep(NOTE_EVERY)
