"""Cancels, rolls back or finalizes clusters of a rollout for the caller, and previews it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends
from msgspec import Struct
from msgspec.structs import replace

from ibgu.api.changes.changes import ChangingOfRequest, retry_rights
from ibgu.api.changes.other_rollouts import others_of
from ibgu.api.changes.schemas import NewStepBody
from ibgu.api.changes.situation import situation_of
from ibgu.api.failures.mapping import causes
from ibgu.api.follow_ups.schemas import ChosenBody, FollowUpBody, OfClustersBody
from ibgu.api.preview.fleet import HubFleet
from ibgu.api.preview.previews import PreviewingOfRequest
from ibgu.api.preview.proposals import RequestedPreview, of_manifest, of_rollout
from ibgu.api.preview.schemas import ProposalBody
from ibgu.api.problems import Problem, invalid
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.async_dependency import async_dependency
from ibgu.api.requests.hub import FleetListsOfProcess
from ibgu.api.requests.inputs import ReadsOfRequest, RolloutOfPath
from ibgu.api.requests.refusals import refusals_as_problems
from ibgu.core.model import ClusterView
from ibgu.core.plan import matcher, parse_selector
from ibgu.core.views.change import (
    ChangeRefused,
    ChangeTarget,
    FollowUp,
    FollowUpRequest,
    RolloutCluster,
)
from ibgu.core.views.preview import Preview
from ibgu.core.views.status import complete

Decide = Callable[[ChangeTarget, Sequence[RolloutCluster], FollowUpRequest], FollowUp]


class _Chosen(Struct, frozen=True):
    all: HubFleet
    found: Sequence[RolloutCluster]
    """The rollout's clusters that are asked for."""


class RolloutFollowUps:
    """RolloutFollowUps makes one request's follow-up of one rollout."""

    def __init__(
        self,
        row: RolloutOfPath,
        reads: ReadsOfRequest,
        caller: CallerOfRequest,
        changing: ChangingOfRequest,
        previewing: PreviewingOfRequest,
        lists: FleetListsOfProcess,
    ) -> None:
        self._row = row
        self._rollout = row.rollout
        self._reads = reads
        self._caller = caller
        self._changing = changing
        self._previewing = previewing
        self._lists = lists

    async def make(self, of: ChosenBody, decide: Decide, cause: str | None = None) -> FollowUpBody:
        """Decides on the chosen clusters, or on those of them that failed for `cause`."""
        rollout, user = self._rollout, self._caller.user
        await self._caller.require(*retry_rights(rollout))
        asked = await self._asked(of, cause)
        target = await self._changing.read()
        with refusals_as_problems(
            user.username, rollout.namespace, rollout.name, kind=rollout.kind
        ):
            if target.table.no_follow_ups:
                raise ChangeRefused(target.table.no_follow_ups)
            async with self._lists.turn(user.counted_as):
                fleet = await self._fleet(of, cause)
                follow_up = decide(target, fleet.found, asked)
                proposed, found = await self._over(follow_up, fleet.all.views)
                if follow_up.takes_other_clusters(found.selected):
                    asked = replace(asked, narrowed=True)
                    follow_up = decide(target, fleet.found, asked)
                    proposed, found = await self._over(follow_up, fleet.all.views)
                if follow_up.change.create is not None:
                    follow_up.require_own(found.selected)
                    starts = found.starts or asked.starts
                    follow_up = decide(target, fleet.found, replace(asked, starts=starts))
                plan = await self._previewing.judge(proposed, found, fleet.all)
                preview = await self._previewing.body(proposed, plan, follow_up.warnings)
        done = await self._changing.send(target, follow_up.change)
        return FollowUpBody(
            **done.model_dump(),
            rollout=follow_up.rollout,
            clusters=len(follow_up.clusters),
            preview=preview,
            again=follow_up.again,
        )

    async def _asked(self, of: ChosenBody, cause: str | None) -> FollowUpRequest:
        situation = await situation_of(self._row, self._reads)
        rollout = situation.rollout
        bounds = of if isinstance(of, OfClustersBody) else OfClustersBody()
        return FollowUpRequest(
            named=of.clusters is not None,
            narrowed=of.clusters is not None or bool(of.label) or cause is not None,
            idle=complete(rollout, situation.newest) and rollout.hold is None,
            max_concurrency=bounds.max_concurrency,
            timeout=bounds.timeout,
        )

    async def _fleet(self, of: ChosenBody, cause: str | None) -> _Chosen:
        """Reads the clusters that are asked for. Raises HubError, and Problem if one of those that
        were named is not in the rollout."""
        rollout, hub = self._rollout, self._changing.hub
        members = await self._reads.newest_members(rollout.uid)
        others = await others_of(
            rollout, [each.cluster for each in members], self._reads, self._caller
        )
        fleet = await HubFleet.read(hub.clusters())
        labels = {each.name: each.labels for each in fleet.views}
        wanted = _wanted(of)
        found = [
            RolloutCluster(
                member,
                labels.get(member.cluster),
                others.newer.get(member.cluster, ""),
                others.holders.get(member.cluster, ""),
                others.waiting.get(member.cluster, ""),
                member.cluster in others.aborted,
            )
            for member in members
            if wanted(member.cluster, labels.get(member.cluster, {}))
        ]
        _require_all(of, found, rollout.name)
        if cause is not None:
            found = [each for each in found if cause in causes(each.member)]
        return _Chosen(fleet, found)

    async def _over(
        self, follow_up: FollowUp, views: Sequence[ClusterView]
    ) -> tuple[RequestedPreview, Preview]:
        proposed = await self._previewing.within_limits(await self._proposed(follow_up))
        return proposed, await self._previewing.over(proposed, views)

    async def _proposed(self, follow_up: FollowUp) -> RequestedPreview:
        if follow_up.change.create is not None:
            # Without the manifest: to make the change asks for the hub's admission, too.
            return replace(of_manifest(follow_up.change.create), manifest=None)
        step = follow_up.step
        append = NewStepBody(
            actions=list(step.actions),
            max_concurrency=step.max_concurrency,
            timeout=step.timeout,
        )
        rollout = self._rollout
        body = ProposalBody(namespace=rollout.namespace, name=rollout.name, append=[append])
        return await of_rollout(body, self._reads, datetime.now(UTC))


def _wanted(of: ChosenBody) -> Callable[[str, Mapping[str, str]], bool]:
    names = None if of.clusters is None else frozenset(of.clusters)
    try:
        chooses = matcher([parse_selector(of.label)]) if of.label else None
    except ValueError as error:
        raise invalid("label", "body", str(error)) from error

    def wanted(cluster: str, labels: Mapping[str, str]) -> bool:
        return (names is None or cluster in names) and (chooses is None or chooses(labels))

    return wanted


def _require_all(of: ChosenBody, found: Sequence[RolloutCluster], rollout: str) -> None:
    missing = sorted({*(of.clusters or ())} - {each.name for each in found})
    if missing:
        words = "nothing was done, since it has no cluster of that name"
        raise Problem(409, "not-now", f"{rollout}: {words}: {', '.join(missing[:5])}")


FollowUpsOfRequest = Annotated[RolloutFollowUps, Depends(async_dependency(RolloutFollowUps))]
