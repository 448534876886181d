"""What the hub says now: the object itself, and the clusters' labels."""

import msgspec

from ibgu.cli.stragglers.facts import Live, Unchecked
from ibgu.core.kinds import Ibgu, JsonObject
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.decode import Bare, decode_one
from ibgu.hub.errors import HubError


async def live(namespace: str, name: str) -> Live | Unchecked:
    """As the kubeconfig's current user may see it."""
    try:
        async with await HubClient.connect() as client:
            return await _live(client, namespace, name)
    except HubError as error:
        return Unchecked(error.message if error.reason == "NoConfiguration" else str(error))


async def _live(client: HubClient, namespace: str, name: str) -> Live:
    path = paths.ibgu(namespace, name)
    body = await client.request("GET", path)
    raw: JsonObject = msgspec.json.decode(body)
    ibgus = await _all(client, paths.ibgus(namespace))
    clusters = await _all(client, paths.MANAGED_CLUSTERS)
    return Live(
        ibgu=decode_one(path, body, Ibgu),
        ibu_spec=raw["spec"]["ibuSpec"],
        taken=frozenset(ibgu.metadata.name for ibgu in ibgus),
        labels={cluster.metadata.name: cluster.metadata.labels for cluster in clusters},
    )


async def _all(client: HubClient, path: str) -> list[Bare]:
    pages = client.list_pages(path, Bare, on_bad=lambda _: None)
    return [found async for items, _ in pages for found in items]
