"""Creates the parts of a term, each with what it needs and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from random import Random

from msgspec import Struct

from ibgu.controller.clock import Clock
from ibgu.controller.effects.adopting import Adoption
from ibgu.controller.effects.effects import Effects
from ibgu.controller.effects.feedback_refresh import FeedbackRefresh
from ibgu.controller.effects.outcomes import WriteOutcomes
from ibgu.controller.effects.policy_follow_ups import PolicyFollowUps
from ibgu.controller.effects.refusals import denied
from ibgu.controller.facts import TermFacts
from ibgu.controller.journal.durations import ActionDurations
from ibgu.controller.lookups.canary_health import CanaryHealth
from ibgu.controller.lookups.hub_lookups import HubLookups
from ibgu.controller.lookups.hub_releases import HubReleases
from ibgu.controller.lookups.membership import MembershipLister
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.lookups.preflights import Preflights
from ibgu.controller.lookups.step_inspections import StepInspections
from ibgu.controller.lookups.talm import SeenLeases
from ibgu.controller.lookups.tenants import Tenants
from ibgu.controller.loop.changes import ChangeHandlers
from ibgu.controller.loop.cleanup import Cleanup
from ibgu.controller.loop.commit import JournalWriter
from ibgu.controller.loop.deferred_errors import DeferredErrors
from ibgu.controller.loop.foreign_runs import ForeignRuns
from ibgu.controller.loop.loop import Loop
from ibgu.controller.loop.payload_checks import PayloadChecks
from ibgu.controller.loop.planner import Planner
from ibgu.controller.loop.post_commit import HubWrites, PostCommit, disarm_without_journal
from ibgu.controller.loop.responses import ResponseHandlers
from ibgu.controller.loop.resync import Resync
from ibgu.controller.loop.snapshots import Snapshots
from ibgu.controller.loop.term_end import TermEnd
from ibgu.controller.loop.work_queue import WorkQueue
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.mirror.watches import Watches
from ibgu.controller.quarantine import Quarantine
from ibgu.controller.reports.events import EventWriter
from ibgu.controller.reports.reporter import Reporter
from ibgu.controller.reports.statuses import Statuses
from ibgu.core.engine.driver import Drivers
from ibgu.core.engine.gates.policies import HoldingPolicies, PolicyGates
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import ClusterView, Rollout
from ibgu.core.model.kinds import ObjectMeta
from ibgu.core.notify import HealthSource
from ibgu.core.plan.references import UncheckedPolicy
from ibgu.db.inspections import Inspections
from ibgu.db.journal import Journal
from ibgu.db.reads import Reads
from ibgu.flowcontrol.deadline import Deadline
from ibgu.hub.discovery import Served
from ibgu.hub.port import Hub
from ibgu.hub.writing.writer import WriteLimits, Writer, WriteResult
from ibgu.settings import Settings

NewClock = Callable[[Callable[[], Awaitable[datetime]]], Clock]
"""Creates the clock that limits are measured by from a function that reads the database's."""


class TermDeps(Struct, frozen=True, kw_only=True):
    """TermDeps holds what a controller has before it leads, and keeps from term to term. Only
    `Term` and `Assembly` see it."""

    drivers: Drivers
    settings: Settings
    client: Hub
    served: Served
    journal: Journal
    mirror: Mirror
    watches: Watches
    lookups: HubLookups
    durations: ActionDurations
    rng: Random
    clock: NewClock
    talm_seen: SeenLeases
    canary_health: CanaryHealth
    health_sources: tuple[HealthSource, ...]
    reads: Reads
    inspections: Inspections
    lease: Callable[[], ObjectMeta | None]
    """Returns the metadata of the Lease while this controller holds it."""

    def complete(self) -> bool:
        """Returns whether the mirror shows all of the hub, and the same hub as before."""
        return self.watches.in_sync and not self.mirror.hub_restored


class RunningTerm(Struct, frozen=True, kw_only=True):
    """RunningTerm holds what `Term` runs and the service reads; no part of a term gets it."""

    fleet: FleetState
    facts: TermFacts
    quarantine: Quarantine
    writer: Writer
    outcomes: WriteOutcomes
    adopting: Adoption
    lister: MembershipLister
    statuses: Statuses
    event_writer: EventWriter
    refresh: FeedbackRefresh | None
    """None if refreshes are turned off."""
    payload_checks: PayloadChecks
    preflights: Preflights
    policy_gates: PolicyGates
    journal_writer: JournalWriter
    resync: Resync
    changes: ChangeHandlers
    loop: Loop

    def rights_given(self) -> None:
        """Retries denied writes after a right was granted."""
        self.outcomes.denials.clear()
        self.resync.touch_everything()


class _HubParts(Struct, frozen=True, kw_only=True):
    """_HubParts holds the parts of a term that read and write the hub."""

    work_queue: WorkQueue
    errors: DeferredErrors
    payloads: Payloads
    writer: Writer
    outcomes: WriteOutcomes
    effects: Effects
    adopting: Adoption
    follow_ups: PolicyFollowUps
    policy_gates: PolicyGates
    preflights: Preflights
    lister: MembershipLister


class Assembly(Struct, frozen=True, eq=False):
    """Assembly creates each part after those that it needs. The writer alone comes before what
    handles its responses, since a response may lead to the next write."""

    _deps: TermDeps
    _tasks: asyncio.TaskGroup
    _fleet: FleetState
    _facts: TermFacts
    _clock: Clock
    _quarantine: Quarantine
    _tenants: Tenants

    def build(
        self, new_journal_writer: Callable[[Callable[[], None]], JournalWriter], deadline: Deadline
    ) -> RunningTerm:
        deps, clock, lookups = self._deps, self._clock, self._deps.lookups
        fleet, facts, quarantine = self._fleet, self._facts, self._quarantine
        drivers, mirror = deps.drivers, deps.mirror
        hub = self._hub_parts(lambda result: responses.answered(result), deadline)
        work_queue, outcomes, effects = hub.work_queue, hub.outcomes, hub.effects
        meanwhile = partial(disarm_without_journal, fleet, facts, effects, hub.errors)
        journal_writer = new_journal_writer(meanwhile)
        statuses = self._statuses(hub.payloads, hub.writer, journal_writer)
        event_writer = EventWriter(mirror, clock, hub.writer, instance=deps.settings.identity)
        reporter = Reporter(fleet, mirror, hub.payloads, quarantine, statuses, event_writer)
        refresh = self._refresh(outcomes, effects)
        changes = ChangeHandlers(fleet, drivers, mirror, work_queue, hub.errors, facts, reporter)
        responses = ResponseHandlers(
            *(fleet, clock, work_queue, hub.errors, outcomes, hub.adopting, hub.follow_ups),
            *(changes, reporter),
        )
        resync = Resync(fleet, mirror, work_queue, facts, effects, reporter, hub.payloads)
        planner = Planner(
            *(fleet, drivers, mirror, self._snapshots(hub), outcomes, hub.lister, work_queue),
            quarantine,
        )
        post_commit = self._post_commit(hub, reporter, refresh)
        runs = ForeignRuns(fleet, mirror, journal_writer, quarantine)
        ending = TermEnd(mirror, hub.errors, quarantine, journal_writer, hub.writer)
        return RunningTerm(
            fleet=fleet,
            facts=facts,
            quarantine=quarantine,
            writer=hub.writer,
            outcomes=outcomes,
            adopting=hub.adopting,
            lister=hub.lister,
            statuses=statuses,
            event_writer=event_writer,
            refresh=refresh,
            preflights=hub.preflights,
            policy_gates=hub.policy_gates,
            payload_checks=PayloadChecks(
                fleet, hub.payloads, work_queue, quarantine, lookups.grants
            ),
            journal_writer=journal_writer,
            resync=resync,
            changes=changes,
            loop=Loop(
                *(clock, work_queue, planner, journal_writer, post_commit, runs, facts, resync),
                ending,
            ),
        )

    def _hub_parts(self, done: Callable[[WriteResult], None], deadline: Deadline) -> _HubParts:
        """Creates what reads and writes the hub; `done` takes the response to each write."""
        deps, tasks, quarantine = self._deps, self._tasks, self._quarantine
        drivers, client, mirror, settings = deps.drivers, deps.client, deps.mirror, deps.settings
        work_queue = WorkQueue(self._namespace_of)
        unchecked = UncheckedPolicy(settings.payload_references)
        account = settings.service_account
        payloads = Payloads(drivers, client, account, unchecked, mirror.annotations)
        writer = self._writer(done, deadline)
        outcomes = WriteOutcomes(drivers, mirror, writer, deps.rng)
        touch, touch_now = work_queue.touch, work_queue.touch_now
        policy_gates = self._policy_gates()
        preflights = self._preflights(payloads, touch_now, policy_gates)
        return _HubParts(
            work_queue=work_queue,
            errors=DeferredErrors(quarantine, work_queue),
            payloads=payloads,
            writer=writer,
            outcomes=outcomes,
            effects=self._effects(payloads, writer, outcomes),
            adopting=Adoption(client, mirror, payloads, writer, tasks, touch, self._facts),
            follow_ups=PolicyFollowUps(mirror, writer, payloads, tasks, touch),
            policy_gates=policy_gates,
            preflights=preflights,
            lister=MembershipLister(
                client, mirror, payloads, self._tenants, preflights, tasks, touch_now
            ),
        )

    def _snapshots(self, hub: _HubParts) -> Snapshots:
        deps, lookups = self._deps, self._deps.lookups
        return Snapshots(
            self._fleet,
            deps.drivers,
            deps.mirror,
            hub.outcomes,
            hub.payloads,
            hub.preflights,
            self._tenants,
            hub.adopting,
            hub.follow_ups,
            lookups.seed_breakers,
            lookups.rollout_policies,
            hub.policy_gates,
            lookups.grants,
            self._facts,
        )

    def _post_commit(
        self, hub: _HubParts, reporter: Reporter, refresh: FeedbackRefresh | None
    ) -> PostCommit:
        fleet, mirror, quarantine = self._fleet, self._deps.mirror, self._quarantine
        cleanup = Cleanup(
            *(fleet, mirror, hub.payloads, hub.preflights, hub.lister, hub.adopting),
            *(hub.follow_ups, hub.outcomes, reporter),
        )
        writes = HubWrites(
            fleet, hub.work_queue, quarantine, hub.effects, hub.adopting, hub.follow_ups
        )
        return PostCommit(
            *(fleet, quarantine, writes, hub.work_queue, hub.lister, cleanup, reporter),
            *(hub.policy_gates, refresh),
        )

    def _policy_gates(self) -> PolicyGates:
        mirror, durations = self._deps.mirror, self._deps.durations

        def clusters() -> Iterable[ClusterView]:
            return (found.view for found in mirror.clusters)

        def measured() -> DurationsByAction:
            durations.ask()
            return durations.duration_stats

        observed = self._deps.canary_health.finding
        sources = {each.name for each in self._deps.health_sources}
        return PolicyGates(self._fleet, mirror.cluster, clusters, measured, observed, sources)

    def _preflights(
        self, payloads: Payloads, touch: Callable[[str], None], gates: PolicyGates
    ) -> Preflights:
        mirror, policies = self._deps.mirror, self._deps.lookups.rollout_policies

        def holding(rollout: Rollout) -> HoldingPolicies:
            found = mirror.rollout_object(rollout.uid)
            labels = found.metadata.labels if found is not None else {}
            return gates.of(policies.state(), rollout.namespace, labels)

        return Preflights(
            self._fleet,
            self._deps.drivers,
            self._deps.mirror,
            payloads,
            self._quarantine,
            self._clock.now,
            touch,
            self._step_inspections(),
            HubReleases(self._deps.client) if self._deps.settings.preflight_hub_releases else None,
            holding,
        )

    def _step_inspections(self) -> StepInspections | None:
        settings = self._deps.settings
        if not settings.preflight_inspections:
            return None
        ttl = timedelta(seconds=settings.preflight_inspection_ttl)
        seconds, facts = settings.preflight_inspection_seconds, self._facts
        return StepInspections(self._deps.inspections, ttl, seconds, lambda: bool(facts.talm_hold))

    def _effects(self, payloads: Payloads, writer: Writer, outcomes: WriteOutcomes) -> Effects:
        deps = self._deps
        return Effects(
            deps.drivers,
            deps.mirror,
            payloads,
            writer,
            outcomes,
            watch=deps.served.feedback_by_watch,
            remove_secrets=deps.settings.take_back_pull_secrets,
            upgrade_backups=deps.settings.upgrade_backups,
        )

    def _statuses(
        self, payloads: Payloads, writer: Writer, journal_writer: JournalWriter
    ) -> Statuses:
        return Statuses(
            self._deps.mirror,
            payloads,
            self._clock,
            writer,
            self._quarantine,
            served=self._deps.served.ibgu_status,
            committed=lambda: journal_writer.committed,
            talm_live=lambda: bool(self._facts.talm_hold),
            rng=self._deps.rng,
        )

    def _refresh(self, outcomes: WriteOutcomes, effects: Effects) -> FeedbackRefresh | None:
        deps = self._deps
        if not deps.settings.feedback_refreshes:
            return None
        return FeedbackRefresh(
            self._fleet,
            outcomes,
            effects,
            self._clock,
            deps.durations,
            self._quarantine,
            self._facts,
            rate=deps.settings.feedback_refresh_rate,
            watch=deps.served.feedback_by_watch,
        )

    def _writer(self, done: Callable[[WriteResult], None], deadline: Deadline) -> Writer:
        settings, rights = self._deps.settings, self._deps.lookups.rights

        def answered(result: WriteResult) -> None:
            if denied(result.error):
                rights.doubt()
            done(result)

        writer = Writer(
            self._deps.client,
            done=answered,
            limits=WriteLimits(
                concurrency=settings.hub_concurrency,
                rate=settings.hub_rate,
                burst=settings.hub_burst,
            ),
            rng=self._deps.rng,
            tenant_of=self._namespace_of,
        )
        writer.resume(deadline)
        return writer

    def _namespace_of(self, rollout: str) -> str:
        """Returns the namespace that the rollout belongs to; each tenant has namespaces of its
        own."""
        found = self._deps.mirror.rollout_object(rollout)
        return found.metadata.namespace if found is not None else self._fleet.namespace_of(rollout)
