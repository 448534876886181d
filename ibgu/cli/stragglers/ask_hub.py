"""Asks the hub for the object itself, and the clusters' labels."""

import msgspec

from ibgu.cli.stragglers.facts import HubClusters, NoProposals
from ibgu.client.responses import RolloutResponse
from ibgu.core.drivers import DRIVERS
from ibgu.core.model.kinds import JsonObject, RolloutObject
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.decode import ObjectIdentity, decode_one
from ibgu.hub.errors import HubError


async def hub_clusters(rollout: RolloutResponse) -> HubClusters | NoProposals:
    """Returns what the kubeconfig's current user may see; it must be the hub that ibgu works on."""
    if why := DRIVERS[rollout.kind].actions.no_follow_ups:
        return NoProposals(why)
    try:
        async with await HubClient.connect() as client:
            found = await _live(client, rollout.namespace, rollout.name)
            return found if found.ibgu.metadata.uid == rollout.uid else _another(client, found)
    except HubError as error:
        return _unchecked(error.message if error.reason == "NoConfiguration" else str(error))


def _another(client: HubClient, found: HubClusters) -> NoProposals:
    name = f"{found.ibgu.metadata.namespace}/{found.ibgu.metadata.name}"
    return _unchecked(
        f"the {name} of {client.url} is not the one that ibgu knows (its uid differs): "
        "check your kubeconfig's current context"
    )


def _unchecked(why: str) -> NoProposals:
    return NoProposals(f"the hub could not be checked: {why}")


async def _live(client: HubClient, namespace: str, name: str) -> HubClusters:
    path = paths.ibgu(namespace, name)
    body = await client.request("GET", path)
    raw: JsonObject = msgspec.json.decode(body)
    ibgus = await _all(client, paths.ibgus(namespace))
    clusters = await _all(client, paths.MANAGED_CLUSTERS)
    return HubClusters(
        ibgu=decode_one(path, body, RolloutObject),
        object=raw,
        taken=frozenset(ibgu.metadata.name for ibgu in ibgus),
        labels={cluster.metadata.name: cluster.metadata.labels for cluster in clusters},
    )


async def _all(client: HubClient, path: str) -> list[ObjectIdentity]:
    pages = client.list_pages(path, ObjectIdentity, on_bad=lambda _: None)
    return [found async for items, _ in pages for found in items]
