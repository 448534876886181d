"""Runs one term of a lead: creates its parts and runs them until it ends."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime
from functools import partial
from typing import Any

from ibgu.controller.clock import Clock
from ibgu.controller.facts import TermFacts
from ibgu.controller.inspections.canary_works import CanaryWorks
from ibgu.controller.journal.retention import Retention, old_events, old_rollouts
from ibgu.controller.journal.retries import JournalRetries
from ibgu.controller.journal.unreadable import reread_unreadable
from ibgu.controller.lookups.canary_health import CanaryHealth
from ibgu.controller.lookups.policy_compliance import PolicyCompliance
from ibgu.controller.lookups.talm import TalmWatch
from ibgu.controller.lookups.tenants import Tenants
from ibgu.controller.loop.commit import JournalWriter
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.mirror.versions import record_versions
from ibgu.controller.quarantine import Quarantine
from ibgu.controller.reports.leadership import report_leadership
from ibgu.controller.sources import HealthSources
from ibgu.controller.term.assembly import Assembly, RunningTerm, TermDeps
from ibgu.controller.term.recovery import Recovery
from ibgu.core.engine.gates.policies import PolicyGates
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.state.snapshot import Facts
from ibgu.core.model import Decision, Rollout
from ibgu.flowcontrol.deadline import Deadline

SEED_IMAGES_SECONDS = 5.0
"""The most seconds for which a term waits for the catalogue of seed images, which keeps nothing but
new starts."""
ROLLOUT_POLICIES_SECONDS = 5.0
"""The same for the policies."""
GRANTS_SECONDS = 5.0
"""The same for what people grant rollouts."""
RECOUNT_SECONDS = 10.0
"""Seconds between two counts of the clusters that policies select, for limits that are a share."""


class Term:
    """Term calls `leads` with its parts once it is ready to run; the writer stops by itself at the
    deadline."""

    def __init__(
        self,
        deps: TermDeps,
        clock: Clock,
        retries: JournalRetries,
        deadline: Deadline,
        quarantine: Quarantine,
        leads: Callable[[RunningTerm], None],
    ) -> None:
        self._deps = deps
        self._clock = clock
        self._retries = retries
        self._deadline = deadline
        self._quarantine = quarantine
        self._leads = leads

    async def run(self, proof: str, led_since: datetime | None) -> None:
        """Runs the term. `proof`: that the hub was restored from a backup; empty: none so far.
        `led_since`: see `Facts`.

        Raises (in a group) HubRestored on a new proof, the journal's errors about this leader,
        RolloutError, and RetryDue once a quarantined rollout is due.
        """
        async with asyncio.TaskGroup() as tasks:
            deps, settings = self._deps, self._deps.settings
            await self._retries.run(self._clock.sync)
            talm = TalmWatch(
                deps.client,
                self._clock,
                settings.talm_namespaces.split(","),
                deps.talm_seen,
                deps.lookups.talm_policy,
                deps.mirror,
            )
            tenants = Tenants(
                deps.client, settings.service_account, on=settings.tenancy == "clustersets"
            )
            talm_hold = tasks.create_task(talm.first())
            bound = tasks.create_task(tenants.first())
            fleet, decisions = await self._load(proof)
            hold = await talm_hold
            facts = Facts(
                in_sync_since=self._clock.now(),
                led_since=led_since,
                talm_hold=hold,
                beside_talm=talm.live and not hold,
                talm_breaches=talm.breaches(),
                starts_per_minute=settings.starts_per_minute,
                upgrade_backups=settings.upgrade_backups,
            )
            await bound
            await deps.lookups.seed_breakers.settled(SEED_IMAGES_SECONDS)
            await deps.lookups.rollout_policies.settled(ROLLOUT_POLICIES_SECONDS)
            await self._retries.run(deps.lookups.rollout_policies.begin)
            await deps.lookups.grants.settled(GRANTS_SECONDS)
            term = self._assemble(tasks, fleet, facts, tenants)
            term.resync.begin(decisions)
            self._start(tasks, term)
            tasks.create_task(talm.poll())
            tasks.create_task(talm.run(term.resync.talm))
            tasks.create_task(tenants.run(term.resync.touch_everything))
            tasks.create_task(deps.lookups.seed_breakers.report(term.resync.touch_everything))
            tasks.create_task(deps.lookups.rollout_policies.report(term.resync.touch_everything))
            tasks.create_task(deps.lookups.grants.report(term.resync.granted))
            self._leads(term)
            await term.loop.run()

    async def _load(self, proof: str) -> tuple[FleetState, list[Decision]]:
        deps = self._deps
        recovery = Recovery(
            deps.drivers,
            deps.journal,
            JournalWriter(deps.journal, self._retries),
            deps.mirror,
            deps.watches,
            self._quarantine,
            across_namespaces=deps.settings.preempts_across_namespaces,
        )
        return await recovery.load(self._clock.now(), proof)

    def _assemble(
        self, tasks: asyncio.TaskGroup, fleet: FleetState, facts: Facts, tenants: Tenants
    ) -> RunningTerm:
        deps = self._deps
        assembly = Assembly(
            deps,
            tasks,
            fleet,
            TermFacts(facts, self._retries, deps.complete, lambda: deps.watches.gaps),
            self._clock,
            self._quarantine,
            tenants,
        )
        return assembly.build(partial(JournalWriter, deps.journal, self._retries), self._deadline)

    def _start(self, tasks: asyncio.TaskGroup, term: RunningTerm) -> None:
        """Starts what runs beside the loop."""
        deps, settings = self._deps, self._deps.settings
        tasks.create_task(term.writer.run())
        tasks.create_task(report_leadership(deps.reads, deps.lease, term.event_writer))
        if term.refresh is not None:
            tasks.create_task(term.refresh.run())
        tasks.create_task(term.statuses.run(term.fleet))
        tasks.create_task(record_versions(deps.journal, deps.mirror, lambda: deps.watches.in_sync))
        unreadable, touch = term.fleet.unreadable, term.resync.touch_everything
        tasks.create_task(reread_unreadable(deps.journal, unreadable, self._quarantine, touch))
        tasks.create_task(term.preflights.run())
        tasks.create_task(term.payload_checks.run(settings.payload_check_seconds))
        gates, touched = term.policy_gates, term.changes.touched
        tasks.create_task(_follow_policies(gates, self._clock, touch, touched))
        self._observe_canaries(tasks, term)
        if days := settings.events_days:
            forget = old_events(deps.journal)
            tasks.create_task(Retention(forget, self._clock, days).run())
        if days := settings.rollouts_days:
            forget = old_rollouts(deps.journal, partial(_in_use, deps.mirror, term.fleet))
            tasks.create_task(Retention(forget, self._clock, days).run())

    def _observe_canaries(self, tasks: asyncio.TaskGroup, term: RunningTerm) -> None:
        deps, health = self._deps, self._deps.canary_health

        def touch(rollout: str) -> None:
            term.changes.touched(rollout, "")

        health.begin(self._clock.now, term.policy_gates.to_observe, touch)
        works = CanaryWorks(
            deps.settings,
            deps.client,
            deps.served,
            health,
            deps.rng,
            term.fleet.namespace_of,
            lambda: bool(term.facts.talm_hold),
        )
        compliance = PolicyCompliance(deps.client, health)
        sources = HealthSources(deps.health_sources, health, partial(_rollout, term.fleet))
        ways = (works.run(self._deadline), compliance.run(), sources.run())
        tasks.create_task(_observe(ways, health))


async def _observe(ways: Iterable[Coroutine[Any, Any, None]], health: CanaryHealth) -> None:
    try:
        await asyncio.gather(*ways)
    finally:
        # It outlives the term, whose fleet would stay in memory.
        health.end()


async def _follow_policies(
    gates: PolicyGates,
    clock: Clock,
    changed: Callable[[], None],
    touched: Callable[[str, str], None],
) -> None:
    """Has members decided on again once time, or labels of clusters, change what policies say of
    them: nothing else tells."""
    while True:
        await asyncio.sleep(RECOUNT_SECONDS)
        now = clock.now()
        if gates.recount(now):
            changed()
        for uid, names in gates.closed_meanwhile(now):
            for name in names:
                touched(uid, name)


def _rollout(fleet: FleetState, uid: str) -> Rollout | None:
    tracked = fleet.rollouts.get(uid)
    return tracked.rollout if tracked is not None else None


def _in_use(mirror: Mirror, fleet: FleetState) -> set[str]:
    """Returns the uids of the rollouts that are in memory, or have a work on the hub."""
    return {*fleet.rollouts, *mirror.works.values_of("rollout")}
