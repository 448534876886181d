"""Creating the hub's side of a fleet: a namespace and a ManagedCluster each."""

import asyncio
from collections.abc import Iterable

from msgspec import json

from ibgu.core.kinds import JsonObject, ManagedCluster
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.errors import HubError
from ibgu.sim.registration import SIMULATED, managed_cluster
from ibgu.sim.spec import FleetSpec

CONCURRENCY = 16

_ATTEMPTS = 6


class NotOurs(Exception):
    """A cluster of that name exists on the hub and was not made by a simulator."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(
            f"{kind} {name} exists on the hub and is not a simulated one (it lacks the label "
            f"{SIMULATED}): choose other names for the fleet, or another hub"
        )


async def create_fleet(
    client: HubClient, spec: FleetSpec, names: Iterable[str]
) -> dict[str, ManagedCluster]:
    """The ManagedClusters by name; those that a former simulation left are taken over.

    Raises NotOurs before it touches a cluster that somebody else made, and HubError.
    """
    limit = asyncio.Semaphore(CONCURRENCY)
    made: dict[str, ManagedCluster] = {}

    async def one(name: str) -> None:
        async with limit:
            made[name] = await create_cluster(client, spec, name)

    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(one(name))
    return made


async def create_cluster(client: HubClient, spec: FleetSpec, name: str) -> ManagedCluster:
    body = managed_cluster(name, spec.version, spec.labels)
    cluster = await _create(client, paths.MANAGED_CLUSTERS, paths.managed_cluster(name), body)
    namespace = {"metadata": {"name": name, "labels": {SIMULATED: "true"}}}
    await _create(client, "/api/v1/namespaces", paths.namespace(name), namespace)
    return cluster


async def _create(
    client: HubClient, collection: str, path: str, body: JsonObject
) -> ManagedCluster:
    """Decodes any kind as if it were a ManagedCluster: only its metadata is looked at."""
    try:
        data = await persist(client, "POST", collection, body)
    except HubError as error:
        if not error.conflict:
            raise
        data = await client.request("GET", path)
    found = json.decode(data, type=ManagedCluster)
    if found.metadata.labels.get(SIMULATED) != "true":
        raise NotOurs(str(body.get("kind", "namespace")), found.metadata.name)
    return found


async def persist(client: HubClient, method: str, path: str, body: object | None = None) -> bytes:
    """Tries again for a while where it may help. Raises HubError."""
    for attempt in range(_ATTEMPTS):
        try:
            return await client.request(method, path, body=body)
        except HubError as error:
            if not error.transient or attempt == _ATTEMPTS - 1:
                raise
            await asyncio.sleep(max(error.retry_after or 0.0, 0.1 * 2**attempt))
    raise AssertionError("unreachable")
