"""Makes a change on the hub for the caller, and reports it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

import structlog
from fastapi import Depends, Query, Request

from ibgu.api.changes.schemas import ChangeBody
from ibgu.api.problems import Problem
from ibgu.api.requests.access import CLUSTERS, Caller, CallerOfRequest, to_rollouts
from ibgu.api.requests.async_dependency import async_dependency
from ibgu.api.requests.hub import HubOfCaller
from ibgu.api.requests.inputs import RolloutOfPath
from ibgu.api.requests.refusals import refusals_as_problems
from ibgu.client.wire import USER_AGENT
from ibgu.core.model import Rollout
from ibgu.core.views.change import ChangeRefused, ChangeTarget, RequestedChange, require_on_hub
from ibgu.hub import paths
from ibgu.hub.authorization.access import AccessReview
from ibgu.hub.writing.changes import Changes, manager_of

log = structlog.get_logger("ibgu.api")

DryRun = Annotated[
    bool,
    Query(
        alias="dryRun",
        description="Check the change on the hub and return its result, without making it.",
    ),
]


class RolloutChanges:
    """RolloutChanges makes one request's changes of one rollout."""

    def __init__(
        self,
        row: RolloutOfPath,
        caller: CallerOfRequest,
        hub: HubOfCaller,
        request: Request,
        dry_run: DryRun = False,
    ) -> None:
        self._rollout = row.rollout
        self._caller = caller
        self._who = caller.user.username
        self._name = request.url.path.rpartition("/")[2]
        self._dry_run = dry_run
        self.hub = Changes(hub, manager_of(self._who, _client(request)), dry_run=dry_run)

    async def make(self, decide: Callable[[ChangeTarget], RequestedChange]) -> ChangeBody:
        async with self.deciding():
            require_on_hub(self._rollout)
        target = await self.read()
        async with self.deciding():
            change = decide(target)
        return await self.send(target, change)

    async def grant(
        self, decide: Callable[[ChangeTarget], RequestedChange], resource: str
    ) -> tuple[RequestedChange, ChangeBody]:
        """Makes a change that creates an object of `resource` and leaves the rollout's as it is.
        A caller who may not create one learns that, and not what policies there are."""
        target = await self.read()
        try:
            change = decide(target)
        except ChangeRefused as refused:
            within = self._rollout.namespace
            right = AccessReview("create", paths.OWN_GROUP, resource, namespace=within)
            await self._caller.require(right)
            raise Problem(409, refused.code, str(refused)) from refused
        return change, await self.send(target, change)

    @asynccontextmanager
    async def deciding(self) -> AsyncIterator[None]:
        """Raises the state's refusal as a problem. A caller who may not patch the rollout at all
        learns that instead."""
        try:
            yield
        except ChangeRefused as refused:
            await self._caller.require(_patch(self._rollout))
            raise Problem(409, refused.code, str(refused)) from refused

    async def read(self) -> ChangeTarget:
        rollout = self._rollout
        with self._refusals():
            require_on_hub(rollout)
            now = datetime.now(UTC)
            target = await self.hub.read(
                rollout.kind, rollout.namespace, rollout.name, self._who, now
            )
            target.require(rollout.uid)
        return target

    async def send(self, target: ChangeTarget, change: RequestedChange) -> ChangeBody:
        with self._refusals():
            await self.hub.make(target, change)
        log.info(
            "changed for a user",
            change=self._name,
            user=self._who,
            rollout=self._rollout.full_name,
            dry_run=self._dry_run,
            done=change.done,
        )
        return _body_of(target, change)

    def _refusals(self) -> AbstractContextManager[None]:
        rollout = self._rollout
        return refusals_as_problems(self._who, rollout.namespace, rollout.name, kind=rollout.kind)


def _body_of(target: ChangeTarget, change: RequestedChange) -> ChangeBody:
    return ChangeBody(
        uid=target.uid,
        done=change.done,
        kubectl=change.kubectl,
        danger=change.risk.danger,
        lost=change.risk.lost,
    )


def _client(request: Request) -> str:
    """Returns the client as it names itself: browsers name the origin of their page."""
    if "origin" in request.headers:
        return "page"
    return "cli" if request.headers.get("user-agent", "") == USER_AGENT else "rest"


ChangingOfRequest = Annotated[RolloutChanges, Depends(async_dependency(RolloutChanges))]


_PATCHES = ("pause", "resume", "skip", "append-step", "adopt")
_CREATES = ("retry", "cancel", "rollback", "finalize", "confirm-cleanup")


async def missing_rights(caller: Caller, rollout: Rollout) -> dict[str, str]:
    """Returns why the hub would refuse changes of the caller, by the change's name."""
    patches = await caller.lacks(_patch(rollout))
    creates = await caller.lacks(*retry_rights(rollout))
    found = dict.fromkeys(_PATCHES, patches) | dict.fromkeys(_CREATES, creates)
    found["approve"] = await caller.lacks(
        AccessReview("create", paths.OWN_GROUP, "rolloutapprovals", namespace=rollout.namespace)
    )
    return {name: why for name, why in found.items() if why}


def _patch(rollout: Rollout) -> AccessReview:
    return to_rollouts("patch", rollout.namespace, rollout.name, kind=rollout.kind)


def retry_rights(rollout: Rollout) -> tuple[AccessReview, ...]:
    return (
        to_rollouts("create", rollout.namespace, kind=rollout.kind),
        to_rollouts("list", rollout.namespace, kind=rollout.kind),
        AccessReview("list", paths.CLUSTER_GROUP, CLUSTERS),
    )
