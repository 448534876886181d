"""Makes a change on the hub for the caller, and reports it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import structlog
from fastapi import Depends, Query, Request

from ibgu.api.changes.schemas import ChangeBody
from ibgu.api.requests.access import CLUSTERS, ROLLOUTS, Caller, CallerOfRequest
from ibgu.api.requests.hub import HubOfCaller
from ibgu.api.requests.inputs import RolloutOfPath
from ibgu.api.requests.refusals import refusals_as_problems
from ibgu.client.wire import USER_AGENT
from ibgu.core.model import Rollout
from ibgu.core.views.change import ChangeRefused, ChangeTarget, RequestedChange
from ibgu.hub import paths
from ibgu.hub.authorization.access import Question
from ibgu.hub.writing.changes import Changes, manager_of

log = structlog.get_logger("ibgu.api")

DryRun = Annotated[
    bool,
    Query(alias="dryRun", description="Have it checked by the hub, and told, but not done."),
]


class Changing:
    """Changing makes one request's changes of one rollout."""

    def __init__(
        self,
        row: RolloutOfPath,
        caller: CallerOfRequest,
        hub: HubOfCaller,
        request: Request,
        dry_run: DryRun = False,
    ) -> None:
        self._rollout = row.rollout
        self._who = caller.user.username
        self._name = request.url.path.rpartition("/")[2]
        self._dry_run = dry_run
        self.hub = Changes(hub, manager_of(self._who, _client(request)), dry_run=dry_run)

    async def make(self, decide: Callable[[ChangeTarget], RequestedChange]) -> ChangeBody:
        rollout = self._rollout
        with refusals_as_problems(self._who, rollout.namespace, rollout.name):
            target = await self.hub.read(
                rollout.namespace, rollout.name, self._who, datetime.now(UTC)
            )
            if target.object["metadata"]["uid"] != rollout.uid:
                raise ChangeRefused(f"{rollout.name} on the hub is a newer object; look again")
            change = decide(target)
            await self.hub.make(target, change)
        log.info(
            "changed for a user",
            change=self._name,
            user=self._who,
            rollout=rollout.full_name,
            dry_run=self._dry_run,
            done=change.done,
        )
        return ChangeBody(done=change.done, kubectl=change.kubectl)


def _client(request: Request) -> str:
    """Returns the client as it names itself: browsers name the origin of their page."""
    if "origin" in request.headers:
        return "page"
    return "cli" if request.headers.get("user-agent", "") == USER_AGENT else "rest"


ChangingOfRequest = Annotated[Changing, Depends(Changing)]


_CHANGES = ("pause", "resume", "skip", "abort", "append-step", "adopt")


async def missing_rights(caller: Caller, rollout: Rollout) -> dict[str, str]:
    """Returns why the hub would refuse changes of the caller, by the change's name."""
    where = rollout.namespace
    patch = Question("patch", paths.IBGU_GROUP, ROLLOUTS, namespace=where, name=rollout.name)
    found = dict.fromkeys(_CHANGES, await caller.lacks(patch)) | {
        "retry": await caller.lacks(*retry_rights(where))
    }
    return {name: why for name, why in found.items() if why}


def retry_rights(namespace: str) -> tuple[Question, ...]:
    return (
        Question("create", paths.IBGU_GROUP, ROLLOUTS, namespace=namespace),
        Question("list", paths.IBGU_GROUP, ROLLOUTS, namespace=namespace),
        Question("list", paths.CLUSTER_GROUP, CLUSTERS),
    )
