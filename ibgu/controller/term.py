"""One term of leading: what is made for it, and runs until it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from random import Random

from msgspec import Struct

from ibgu.controller.adopting import Adopting
from ibgu.controller.agenda import Agenda
from ibgu.controller.aside import Aside
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
from ibgu.controller.poking import Poking
from ibgu.controller.recovery import Recovery
from ibgu.controller.retention import Retention
from ibgu.controller.rights import RightsWatch
from ibgu.controller.statuses import Statuses
from ibgu.controller.talm import SeenLeases, TalmWatch
from ibgu.controller.tenants import Tenants
from ibgu.controller.usual import Usual
from ibgu.controller.watches import Watches
from ibgu.core.fleet import FleetState
from ibgu.core.references import Unchecked
from ibgu.core.snapshot import Facts
from ibgu.db.errors import JournalAway
from ibgu.db.journal import Journal
from ibgu.hub.deadline import Deadline
from ibgu.hub.discovery import Served
from ibgu.hub.port import Hub
from ibgu.hub.writer import Limits, Writer, WriteResult
from ibgu.settings import Settings

UNKNOWN_PAYLOAD = 2.0
"""Seconds until a payload that this controller could not read yet is asked for again: until then
nobody starts."""
NOTE_EVERY = 15.0
"""Seconds between two notes of how far the hub was seen to get; backups are older."""

NewClock = Callable[[Callable[[], Awaitable[datetime]]], Clock]
"""Makes the clock that limits are measured by from a way to read the database's."""


class Outfit(Struct, frozen=True, kw_only=True):
    """What a controller has before it leads, and keeps from term to term."""

    settings: Settings
    client: Hub
    served: Served
    journal: Journal
    mirror: Mirror
    watches: Watches
    rights: RightsWatch
    usual: Usual
    rng: Random
    clock: NewClock
    talm_seen: SeenLeases


class Basis(Struct, frozen=True):
    """What a term begins with."""

    fleet: FleetState
    clock: Clock
    facts: Facts
    aside: Aside
    tenants: Tenants


class Term:
    """`leads` is called with the loop once it is ready to run; the writer stops by itself at the
    deadline."""

    def __init__(
        self,
        outfit: Outfit,
        clock: Clock,
        ledger: Ledger,
        deadline: Deadline,
        aside: Aside,
        leads: Callable[[Loop], None],
    ) -> None:
        self._outfit = outfit
        self._clock = clock
        self._ledger = ledger
        self._deadline = deadline
        self._aside = aside
        self._leads = leads
        self._world: FleetState | None = None

    async def run(self, proof: str, led_since: datetime | None) -> None:
        """`proof` that the hub was restored from a backup; empty: none so far. `led_since`: see
        `Facts`. Raises (in a group) WentBack once there is one, what the journal has against this
        leader, Broken, and TryAgain once what was set aside is due."""
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._work(tasks, proof, led_since)
        finally:
            if self._world is not None:
                # The parts of a term hang together in cycles, which are seldom looked for
                # (`ibgu.cli.serve`): who leads again would have several worlds in memory.
                self._world.clear()

    async def _work(self, tasks: asyncio.TaskGroup, proof: str, led_since: datetime | None) -> None:
        outfit, ledger = self._outfit, self._ledger
        clock = self._clock
        await ledger.survive(clock.sync)
        talm = TalmWatch(
            outfit.client, clock, outfit.settings.talm_namespaces.split(","), outfit.talm_seen
        )
        talm_live = tasks.create_task(talm.first())
        tenants = self._tenants()
        bound = tasks.create_task(tenants.first())
        recovery = Recovery(
            *(outfit.journal, ledger, outfit.mirror, outfit.watches, self._aside),
            across_namespaces=outfit.settings.preempts_across_namespaces,
        )
        fleet, decisions = await recovery.load(clock.now(), proof)
        self._world = fleet
        facts = Facts(
            in_sync_since=clock.now(),
            led_since=led_since,
            talm_live=await talm_live,
            starts_per_minute=outfit.settings.starts_per_minute,
        )
        await bound
        loop = self._assemble(tasks, Basis(fleet, clock, facts, self._aside, tenants))
        ledger.on_away, ledger.on_back = loop.disarm_what_was_taken, loop.was_away
        loop.recovered(decisions)
        loop.touch_everything()
        loop.tell_aside()
        tasks.create_task(self._note_versions())
        tasks.create_task(talm.run(loop.talm))
        tasks.create_task(tenants.run(loop.touch_everything))
        tasks.create_task(self._payload_checks(loop))
        if days := outfit.settings.events_days:
            tasks.create_task(Retention(outfit.journal.forget, clock, days).run())
        self._leads(loop)
        await loop.run()

    def _tenants(self) -> Tenants:
        outfit = self._outfit
        return Tenants(
            outfit.client,
            outfit.settings.service_account,
            on=outfit.settings.tenancy == "clustersets",
        )

    def _assemble(self, tasks: asyncio.TaskGroup, basis: Basis) -> Loop:
        outfit, clock = self._outfit, basis.clock
        client, mirror, served = outfit.client, outfit.mirror, outfit.served
        mirror.refusals.clear()
        mirror.denials.clear()
        agenda = Agenda(partial(self._namespace_of, basis.fleet))
        payloads = Payloads(
            client, outfit.settings.service_account, Unchecked(outfit.settings.payload_references)
        )
        writer = self._writer(basis.fleet, lambda result: self._answered(loop, result))
        effects = Effects(
            *(mirror, payloads, writer),
            watch=served.feedback_by_watch,
            take_back=outfit.settings.take_back_pull_secrets,
        )
        poking = self._poking(basis, effects, lambda: loop.hushed)
        parts = Parts(
            fleet=basis.fleet,
            mirror=mirror,
            adopting=Adopting(client, mirror, payloads, writer, tasks, agenda.touch),
            agenda=agenda,
            aside=basis.aside,
            ledger=self._ledger,
            effects=effects,
            openings=Openings(client, mirror, payloads, basis.tenants, tasks, agenda.touch_now),
            payloads=payloads,
            tenants=basis.tenants,
            statuses=Statuses(
                *(mirror, payloads, clock, writer, basis.aside),
                served=served.ibgu_status,
                settled=lambda: self._ledger.settled,
            ),
            notices=Notices(mirror, clock, writer, instance=outfit.settings.identity),
            clock=clock,
            poking=poking,
            in_sync=lambda: outfit.watches.in_sync,
        )
        loop = Loop(parts, basis.facts)
        tasks.create_task(writer.run())
        if poking is not None:
            tasks.create_task(poking.run())
        tasks.create_task(parts.statuses.run(basis.fleet))
        return loop

    def _poking(self, basis: Basis, effects: Effects, hushed: Callable[[], bool]) -> Poking | None:
        """Only where the hub can't ask agents to report by themselves."""
        outfit = self._outfit
        if outfit.served.feedback_by_watch or not outfit.settings.pokes:
            return None
        return Poking(
            *(basis.fleet, outfit.mirror, effects, basis.clock, outfit.usual, basis.aside),
            rate=outfit.settings.poke_rate,
            hushed=hushed,
        )

    def _writer(self, fleet: FleetState, done: Callable[[WriteResult], None]) -> Writer:
        settings = self._outfit.settings
        limits = Limits(
            concurrency=settings.hub_concurrency, rate=settings.hub_rate, burst=settings.hub_burst
        )
        writer = Writer(
            self._outfit.client,
            done=done,
            limits=limits,
            rng=self._outfit.rng,
            tenant_of=partial(self._namespace_of, fleet),
        )
        writer.resume(self._deadline)
        return writer

    def _namespace_of(self, fleet: FleetState, rollout: str) -> str:
        """Whose work it is: namespaces are what tenants have of their own."""
        found = self._outfit.mirror.ibgu(rollout)
        return found.metadata.namespace if found is not None else fleet.namespace_of(rollout)

    def _answered(self, loop: Loop, result: WriteResult) -> None:
        if denied(result.error):
            self._outfit.rights.doubt()
        loop.news.answered(result)

    async def _payload_checks(self, loop: Loop) -> None:
        every = self._outfit.settings.payload_check_seconds
        while True:
            known = await loop.check_payloads()
            await asyncio.sleep(every if known else min(every, UNKNOWN_PAYLOAD))

    async def _note_versions(self) -> None:
        """By these the next start sees whether the hub was restored from a backup since."""
        mirror, noted = self._outfit.mirror, None
        while True:
            seen = mirror.versions()
            if seen != noted and self._outfit.watches.in_sync and not mirror.went_back:
                with suppress(JournalAway):
                    await self._outfit.journal.note(seen)
                    noted = seen
            await asyncio.sleep(NOTE_EVERY)
