"""Previews a plan for the caller: from the hub (with the caller's token) and from measured
durations."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from msgspec import Struct
from msgspec.structs import replace

from ibgu.api.context import Context
from ibgu.api.durations.measured import DurationsOfHub
from ibgu.api.preview.fleet import HubFleet, hub_answers
from ibgu.api.preview.inspections import InspectionsOfRequest
from ibgu.api.preview.limits import POLICIES_UNKNOWN, policies_of, scope_of
from ibgu.api.preview.mapping import preview_body
from ibgu.api.preview.proposals import RequestedPreview
from ibgu.api.preview.schemas import PreviewBody
from ibgu.api.preview.warnings import in_an_upgrade, in_newer, refused
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.async_dependency import async_dependency
from ibgu.api.requests.hub import FleetListsOfProcess, HubOfCaller
from ibgu.api.requests.inputs import ReadsOfRequest
from ibgu.api.requests.refusals import refusals_as_problems
from ibgu.core.drivers.ibu.preflight import ClusterFacts, PreflightReport
from ibgu.core.drivers.ibu.preflight.plan import MANIFEST_COUNT
from ibgu.core.drivers.ibu.preflight.policies import ClusterPolicies
from ibgu.core.drivers.ibu.preflight.releases import label_values
from ibgu.core.drivers.preflight import RULE_BOOKS, judge
from ibgu.core.engine.gates.policies import CLUSTER_HOLD, PolicyGates
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.state.failures import FailedMember
from ibgu.core.model import ClusterView
from ibgu.core.model.rollout_policy import BudgetScope
from ibgu.core.views.preview import Preview, Proposal, preflight_facts, preview
from ibgu.hub import paths
from ibgu.hub.decode import ObjectIdentity
from ibgu.hub.errors import HubError
from ibgu.hub.policies import read_policies
from ibgu.hub.preflight import Admission, ask_admission
from ibgu.hub.writing.changes import Changes


class PreviewedPlan(Struct, frozen=True):
    """PreviewedPlan is a preview with what preflight says of it."""

    found: Preview
    report: PreflightReport
    upgraded: Sequence[str]
    """The clusters of the first step that are in the middle of an upgrade."""


class PlanPreviews:
    """PlanPreviews previews plans for one request."""

    def __init__(
        self,
        request: Request,
        caller: CallerOfRequest,
        hub: HubOfCaller,
        reads: ReadsOfRequest,
        duration_stats: DurationsOfHub,
        lists: FleetListsOfProcess,
        inspections: InspectionsOfRequest,
    ) -> None:
        self._inspections = inspections
        self._context: Context = request.app.state.context
        self._caller = caller
        self._hub = hub
        self._reads = reads
        self._duration_stats = duration_stats
        self._lists = lists

    async def preview(self, asked: RequestedPreview) -> PreviewBody:
        """Lists the fleet, and previews."""
        with self._refusals(asked):
            return await self.body(asked, await self.judged(asked))

    async def preflight(self, asked: RequestedPreview) -> PreflightReport:
        """Lists the fleet, and judges. Raises JournalUnavailable."""
        with self._refusals(asked):
            return (await self.judged(asked)).report

    def _refusals(self, asked: RequestedPreview) -> AbstractContextManager[None]:
        kind = asked.proposal.driver.kind
        who, name = self._caller.user.username, asked.name or kind
        return refusals_as_problems(who, asked.namespace, name, kind=kind)

    async def judged(self, asked: RequestedPreview) -> PreviewedPlan:
        """Lists the fleet, and judges the plan. Raises HubError."""
        asked = await self.within_limits(asked)
        async with self._lists.turn(self._caller.user.counted_as):
            fleet = await HubFleet.read(Changes(self._hub, "").clusters())
            found = await self.over(asked, fleet.views)
            members = fleet.only(found.selected)
            del fleet
        return await self.judge(asked, found, members)

    async def within_limits(self, asked: RequestedPreview) -> RequestedPreview:
        """Adds the limits of hub and namespace, and the policies. Raises HubError: without the
        caller's right to read bindings there is no answer (403)."""
        scope = await scope_of(self._hub, self._context, asked.namespace)
        rate = self._context.starts_per_minute
        limits = replace(
            asked.proposal,
            hub_rate=rate,
            scope=scope,
            upgrade_backups=self._context.upgrade_backups,
        )
        return replace(asked, proposal=await self._under_policies(asked, limits))

    async def _under_policies(self, asked: RequestedPreview, proposal: Proposal) -> Proposal:
        """Adds the policies that hold the rollout, or why the caller does not know them. Raises
        HubError."""
        state = await policies_of(self._hub)
        if state is None:
            known = (CLUSTER_HOLD,)
            return replace(proposal, policies=known, policies_unknown=POLICIES_UNKNOWN)
        gates = PolicyGates(
            FleetState(), lambda name: None, lambda: (), lambda: self._duration_stats
        )
        labels = await self._labels(asked)
        holding = gates.of(state, asked.namespace, labels)
        failures: tuple[FailedMember, ...] = ()
        if any(each.budget.per is BudgetScope.HUB for each in holding.budgets):
            failures = await self._reads.failures(asked.resumed_at)
        return replace(
            proposal,
            policies=holding.gates,
            limits=holding.limits,
            canaries=holding.canaries,
            budgets=holding.budgets,
            failures=failures,
        )

    async def _labels(self, asked: RequestedPreview) -> Mapping[str, str]:
        """Returns the labels of the object that asks for the rollout."""
        if asked.rollout is None:
            return asked.labels
        path = paths.rollout_object(asked.rollout.kind, asked.namespace, asked.name)
        try:
            return (await self._hub.get(path, ObjectIdentity)).metadata.labels
        except HubError as error:
            if error.not_found:
                return {}
            raise

    async def over(self, asked: RequestedPreview, clusters: Sequence[ClusterView]) -> Preview:
        """Previews over these clusters, which are all that the hub has: many windows of thousands
        of clusters take seconds."""
        now = datetime.now(UTC)
        return await asyncio.to_thread(preview, asked.proposal, clusters, self._duration_stats, now)

    async def judge(
        self, asked: RequestedPreview, found: Preview, fleet: HubFleet
    ) -> PreviewedPlan:
        """Asks what else preflight needs, and judges. Raises HubError."""
        upgraded = in_an_upgrade(found, fleet.views)
        answers = await hub_answers(asked, found, upgraded, self._hub, self._reads, self._caller)
        kind = asked.proposal.driver.kind
        chosen: Sequence[ClusterFacts] = [fleet.reported[each] for each in found.selected]
        if RULE_BOOKS[kind].inspects:
            chosen = await self._inspections.added(chosen)
        reported = {each.name: each for each in chosen}
        answers = replace(
            answers,
            uninspected=self._inspections.reason,
            policies=await self._policies(asked, found),
        )
        name = f"{asked.namespace}/{asked.name}"
        facts = preflight_facts(name, asked.proposal, found, reported, answers)
        # Half a megabyte of Backups takes a moment, and templates one for each cluster.
        async with self._context.preflights.turn(self._caller.user.counted_as):
            report = await asyncio.to_thread(judge, kind, facts)
        return PreviewedPlan(found, report, upgraded)

    async def _policies(
        self, asked: RequestedPreview, found: Preview
    ) -> Mapping[str, ClusterPolicies]:
        """Reads the clusters' policies where the plan counts their manifests: one list for each
        cluster."""
        version = asked.proposal.spec.ibu_spec.seed_image_ref.version
        if MANIFEST_COUNT not in asked.proposal.annotations or not (
            releases := label_values(version)
        ):
            return {}
        async with self._context.preflights.turn(self._caller.user.counted_as):
            return await read_policies(self._hub, found.selected, releases)

    async def body(
        self, asked: RequestedPreview, plan: PreviewedPlan, warnings: Sequence[str] = ()
    ) -> PreviewBody:
        """Adds what the hub and the journal say besides. `warnings`: those of the change itself.
        Raises HubError."""
        admission = Admission()
        if asked.manifest is not None:
            admission = await ask_admission(self._hub, asked.manifest, asked.namespace)
        proposal = asked.proposal
        newer = await in_newer(plan.found, asked.rollout, self._reads, self._caller)
        fields = await refused(plan.found, proposal, plan.upgraded, self._caller, self._reads)
        all_warnings = [*warnings, *fields, *newer, *admission.warnings]
        return preview_body(plan.found, plan.report, admission.problems, all_warnings)


PreviewingOfRequest = Annotated[PlanPreviews, Depends(async_dependency(PlanPreviews))]
