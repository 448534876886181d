"""Rehearses plans for the caller: with clusters and policies of the hub, which the caller's own
token reads, and with measured durations."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from msgspec import Struct
from msgspec.structs import replace

from ibgu.api.context import Context
from ibgu.api.durations.measured import DurationsOfHub
from ibgu.api.preview.limits import POLICIES_UNKNOWN, policies_of, scope_of
from ibgu.api.problems import Problem, invalid
from ibgu.api.rehearsal.mapping import plan_body, rehearsal_body
from ibgu.api.rehearsal.process import rehearsed
from ibgu.api.rehearsal.schemas import RehearsalBody, RehearsalSubjectBody
from ibgu.api.rehearsal.subjects import RehearsalSubject, annotated, odds_of, subjects_of
from ibgu.api.rehearsal.work import PlanAndOdds
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.async_dependency import async_dependency
from ibgu.api.requests.hub import FleetListsOfProcess, HubOfCaller
from ibgu.api.requests.inputs import ReadsOfRequest
from ibgu.api.requests.refusals import refusals_as_problems
from ibgu.core.model import ClusterView
from ibgu.core.model.bounds import moment
from ibgu.core.model.rollout_policy import RolloutPolicy
from ibgu.core.model.shown import view_cluster
from ibgu.core.rehearsal.model import RehearsedPlan
from ibgu.core.rehearsal.planned import NotRehearsable, RehearsedRollout, planned, readable
from ibgu.core.views.preview import preview
from ibgu.hub.writing.changes import Changes

_FORGOTTEN = (
    "failures in the steps that have ended do not count here for budgets of policies; "
    "`ibgu rehearse NAME` counts them"
)


class _Hub(Struct, frozen=True):
    """_Hub is what the hub shows to the caller."""

    clusters: Sequence[ClusterView]
    policies: Sequence[RolloutPolicy]
    warnings: Sequence[str]


class _Checked(Struct, frozen=True):
    """_Checked is a plan that can be carried out, with what the preview warns of."""

    subject: RehearsalSubject
    plan: RehearsedPlan
    warnings: Sequence[str]


class Rehearsals:
    """Rehearsals rehearses for one request."""

    def __init__(
        self,
        request: Request,
        caller: CallerOfRequest,
        hub: HubOfCaller,
        reads: ReadsOfRequest,
        durations: DurationsOfHub,
        lists: FleetListsOfProcess,
    ) -> None:
        self._context: Context = request.app.state.context
        self._caller = caller
        self._hub = hub
        self._reads = reads
        self._durations = durations
        self._lists = lists

    async def rehearse(self, body: RehearsalSubjectBody) -> RehearsalBody:
        """Reads the hub, and rehearses. Raises Problem."""
        now = datetime.now(UTC)
        subjects = await subjects_of(body, self._caller, self._reads, now)
        begin = (moment(body.begin) if body.begin else None) or now
        async with self._context.rehearsals.turn(self._caller.user.counted_as):
            checked = await self._checked(subjects, begin)
            found = await rehearsed(
                [
                    PlanAndOdds(each.plan, odds_of(each.subject, body.assumed, self._durations))
                    for each in checked
                ],
                body.runs,
                body.seed,
                body.by,
                self._context.rehearsal_limits,
            )
        return rehearsal_body(
            begin,
            [
                plan_body(each.subject.asked, each.subject.begun, outlook, each.warnings)
                for each, outlook in zip(checked, found, strict=True)
            ],
            found[0].runs,
        )

    async def _checked(
        self, subjects: Sequence[RehearsalSubject], begin: datetime
    ) -> list[_Checked]:
        first = subjects[0].asked
        kind = first.proposal.driver.kind
        who, name = self._caller.user.username, first.name or kind
        with refusals_as_problems(who, first.namespace, name, kind=kind):
            hub = await self._read()
            return [await self._check(each, hub, begin) for each in subjects]

    async def _read(self) -> _Hub:
        """Raises HubError, and Problem if a policy holds all rollouts."""
        async with self._lists.turn(self._caller.user.counted_as):
            clusters = [view_cluster(each) async for each in Changes(self._hub, "").clusters()]
        state = await policies_of(self._hub)
        if state is None:
            return _Hub(clusters, (), (POLICIES_UNKNOWN,))
        try:
            return _Hub(clusters, readable(state), ())
        except NotRehearsable as error:
            raise Problem(409, "not-now", str(error)) from error

    async def _check(self, subject: RehearsalSubject, hub: _Hub, begin: datetime) -> _Checked:
        """Raises HubError, and Problem if the plan can't be carried out."""
        asked = subject.asked
        scope = await scope_of(self._hub, self._context, asked.namespace)
        proposal = replace(asked.proposal, scope=scope)
        found = preview(proposal, hub.clusters, self._durations, datetime.now(UTC))
        if found.problems:
            raise invalid(subject.field, "body", "; ".join(found.problems))
        labels, annotations = await annotated(subject, self._hub)
        rollout = RehearsedRollout(
            driver=proposal.driver,
            spec=proposal.spec,
            namespace=asked.namespace,
            labels=labels,
            annotations=annotations,
            begun=subject.begun,
            scope=scope,
        )
        clusters = [each for each in hub.clusters if each.uid not in proposal.barred]
        try:
            plan = planned(rollout, clusters, hub.policies, self._durations, begin)
        except NotRehearsable as error:
            raise Problem(409, "not-now", str(error)) from error
        warnings = (found.nobody, _FORGOTTEN if subject.begun else "")
        return _Checked(subject, plan, (*hub.warnings, *filter(None, warnings), *found.warnings))


RehearsalsOfRequest = Annotated[Rehearsals, Depends(async_dependency(Rehearsals))]
