"""Creates the hub's side of a fleet: a namespace and a ManagedCluster each."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple, TypeVar

from msgspec import json

from ibgu.core.model.kinds import JsonObject, ManagedCluster
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.sim.player.bounded import each
from ibgu.sim.registration import SIMULATED, managed_cluster
from ibgu.sim.spec import FleetSpec

_ATTEMPTS = 6

T = TypeVar("T")


class ForeignCluster(Exception):
    """ForeignCluster: a cluster of that name exists on the hub and was not made by a simulator."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(
            f"{kind} {name} exists on the hub and is not a simulated one (it lacks the label "
            f"{SIMULATED}): choose other names for the fleet, or another hub"
        )


class CreatedCluster(NamedTuple):
    """CreatedCluster is a ManagedCluster; `fresh`: created just now, so that nothing on it is
    outdated."""

    cluster: ManagedCluster
    fresh: bool


async def create_fleet(
    client: Hub, spec: FleetSpec, names: Iterable[str]
) -> dict[str, CreatedCluster]:
    """Returns the ManagedClusters by name; those that a former simulation left are taken over.
    Raises ForeignCluster for a name that another cluster has, which is left as it is; HubError."""
    made: dict[str, CreatedCluster] = {}

    async def one(name: str) -> None:
        made[name] = await create_cluster(client, spec, name)

    await each(names, one)
    return made


async def create_cluster(client: Hub, spec: FleetSpec, name: str) -> CreatedCluster:
    body = managed_cluster(name, spec.version, spec.labels)
    made = await _create(client, paths.MANAGED_CLUSTERS, paths.managed_cluster(name), body)
    namespace = {"metadata": {"name": name, "labels": {SIMULATED: "true"}}}
    await _create(client, "/api/v1/namespaces", paths.namespace(name), namespace)
    return made


async def _create(client: Hub, collection: str, path: str, body: JsonObject) -> CreatedCluster:
    """Creates an object of any kind, decoded as a ManagedCluster: only its metadata is read."""
    fresh = True
    try:
        data = await persist(client, "POST", collection, body)
    except HubError as error:
        if not error.conflict:
            raise
        fresh, data = False, await client.request("GET", path)
    found = json.decode(data, type=ManagedCluster)
    if found.metadata.labels.get(SIMULATED) != "true":
        raise ForeignCluster(str(body.get("kind", "namespace")), found.metadata.name)
    return CreatedCluster(found, fresh)


async def persist(client: Hub, method: str, path: str, body: object | None = None) -> bytes:
    """Sends one request, retried for a while where that may help. Raises HubError."""
    return await patiently(lambda: client.request(method, path, body=body))


async def patiently(act: Callable[[], Awaitable[T]]) -> T:
    """Retries `act` for a while. Raises HubError."""
    for attempt in range(_ATTEMPTS):
        try:
            return await act()
        except HubError as error:
            if not error.transient:
                raise
            await asyncio.sleep(max(error.retry_after or 0.0, 0.1 * 2**attempt))
    return await act()
