"""Removes a simulated fleet from a hub: everything that carries the simulator's label."""

from collections.abc import Awaitable

from ibgu.core.model.kinds import ManagedCluster, ManifestWork
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.sim.player.bounded import each
from ibgu.sim.player.setup import patiently, persist
from ibgu.sim.registration import SIMULATED

_SELECTOR = f"{SIMULATED}=true"
_NO_FINALIZERS = {"metadata": {"finalizers": None}}


async def clean_up(client: Hub) -> int:
    """Deletes the simulated clusters with their works and namespaces; returns how many there were.
    The works' finalizers are taken off, as there is no agent left to do it. Raises HubError."""
    namespaces = await patiently(lambda: _names(client, "/api/v1/namespaces"))
    clusters = await patiently(lambda: _names(client, paths.MANAGED_CLUSTERS))
    await each(namespaces, lambda name: remove_works(client, name))
    await each(clusters, lambda name: _gone(client, paths.managed_cluster(name)))
    await each(namespaces, lambda name: _remove_namespace(client, name))
    return len(clusters)


async def _names(client: Hub, path: str) -> list[str]:
    names: list[str] = []
    async for items, _ in client.list_pages(path, ManagedCluster, selector=_SELECTOR):
        names += [item.metadata.name for item in items]
    return names


async def remove_works(client: Hub, namespace: str) -> None:
    """Deletes the works of a cluster's namespace, without waiting for an agent to finalize them.
    Raises HubError."""
    async for works, _ in client.list_pages(paths.works(namespace), ManifestWork):
        for work in works:
            path = paths.work(namespace, work.metadata.name)
            await _gone(client, path)
            await _tolerant(
                client.request("PATCH", path, body=_NO_FINALIZERS, content_type=paths.MERGE_PATCH)
            )


async def _gone(client: Hub, path: str) -> None:
    await _tolerant(persist(client, "DELETE", path))


async def _remove_namespace(client: Hub, name: str) -> None:
    """Deletes and finalizes the namespace: a hub without a namespace controller leaves it
    Terminating, and otherwise this is harmless."""
    await _gone(client, paths.namespace(name))
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {}}
    try:
        await _tolerant(client.request("PUT", f"{paths.namespace(name)}/finalize", body=body))
    except HubError as error:
        if error.status != 403:
            raise


async def _tolerant(request: Awaitable[bytes]) -> None:
    """Ignores errors of objects that are gone already, or were changed since."""
    try:
        await request
    except HubError as error:
        if not (error.not_found or error.conflict):
            raise
