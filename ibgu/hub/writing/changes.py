"""Changes the objects that ask for rollouts, with the rights of the caller."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus

import msgspec

from ibgu.core.drivers import DRIVERS
from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject, ManagedCluster, RolloutObject
from ibgu.core.views.change import ChangeRefused, ChangeTarget, RequestedChange
from ibgu.hub import paths
from ibgu.hub.decode import left_out
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub

_GRANTS: Mapping[str, Callable[[str], str]] = {
    "RolloutApproval": paths.rollout_approvals,
    "BreakGlass": paths.break_glasses,
}
_MANAGER = 128
"""The most bytes that the API server accepts as a field manager."""


class Changes:
    """Changes makes changes whose author the hub records as `manager`. All methods raise
    HubError."""

    def __init__(self, hub: Hub, manager: str, *, dry_run: bool = False) -> None:
        self._hub = hub
        self._query = {"fieldManager": field_manager(manager)}
        if dry_run:
            self._query["dryRun"] = "All"

    async def read(
        self, kind: str, namespace: str, name: str, who: str, now: datetime
    ) -> ChangeTarget:
        answer = await self._hub.request("GET", paths.rollout_object(kind, namespace, name))
        found = msgspec.json.decode(answer, type=JsonObject)
        return ChangeTarget(found, who, now, DRIVERS[kind].actions)

    async def read_any(self, namespace: str, name: str, who: str, now: datetime) -> ChangeTarget:
        """Reads the object of that name, of whichever kind. Of two, the older one has the name. A
        kind that the caller may not read is passed over if there is another."""
        found: list[ChangeTarget] = []
        refused: list[HubError] = []
        for kind in DRIVERS:
            try:
                found.append(await self.read(kind, namespace, name, who, now))
            except HubError as error:
                if not error.not_found and error.status != HTTPStatus.FORBIDDEN:
                    raise
                refused.append(error)
        if not found:
            # The caller hears of a missing right before hearing of a missing object.
            raise min(refused, key=lambda error: error.not_found)
        return min(found, key=lambda target: target.age)

    async def make(self, target: ChangeTarget, change: RequestedChange) -> None:
        """Raises ChangeRefused, too: if a rollout that it would create is there already."""
        if isinstance(change.patch, list):
            with _plan_changed(target):
                await self._patch(target, change.patch, paths.JSON_PATCH)
        elif change.patch is not None:
            await self._patch(target, change.patch, paths.MERGE_PATCH)
        if change.create is not None:
            path = paths.rollout_objects(target.kind, target.namespace)
            try:
                await self._hub.request("POST", path, body=change.create, query=self._query)
            except HubError as error:
                if not error.already_exists:
                    raise
                name = change.create["metadata"]["name"]
                words = f"the rollout {name} does this already: `ibgu status {name}"
                raise ChangeRefused(
                    f"{words} -n {target.namespace}` shows how far it is"
                ) from error
        if change.grant is not None:
            path = _GRANTS[change.grant["kind"]](target.namespace)
            await self._hub.request("POST", path, body=change.grant, query=self._query)

    async def _patch(self, target: ChangeTarget, patch: object, form: str) -> None:
        path = paths.rollout_object(target.kind, target.namespace, target.name)
        await self._hub.request("PATCH", path, body=patch, content_type=form, query=self._query)

    async def objects(self, kind: str, namespace: str) -> list[RolloutObject]:
        """Returns the objects of a kind that ask for rollouts in the namespace."""
        found: list[RolloutObject] = []
        async for items, _ in self._hub.list_pages(
            paths.rollout_objects(kind, namespace), RolloutObject
        ):
            found.extend(items)
        return found

    async def clusters(self) -> AsyncIterator[ManagedCluster]:
        """Yields all ManagedClusters, page by page: keep only what is needed of them."""
        async for items, _ in self._hub.list_pages(
            paths.MANAGED_CLUSTERS, ManagedCluster, on_bad=left_out
        ):
            for each in items:
                yield each


def manager_of(username: str, client: str) -> str:
    """Returns the field manager of ibgu's REST API when it changes something for that user."""
    return names.REST_MANAGERS[client] + username


@contextmanager
def _plan_changed(target: ChangeTarget) -> Iterator[None]:
    """Explains a JSON patch that did not apply: the API server gives no reason."""
    try:
        yield
    except HubError as error:
        if not error.conflict:
            raise
        words = f"someone changed the plan of {target.name} meanwhile"
        raise HubError(409, "Conflict", words, method=error.method, path=error.path) from error


def field_manager(text: str) -> str:
    """Returns the text as the API server accepts it: printable, and of at most 128 bytes."""
    printable = "".join(char if char.isprintable() else "?" for char in text)
    return printable.encode()[:_MANAGER].decode(errors="ignore")
