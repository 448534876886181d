"""What the hub's objects tell, as far as the kubeconfig's user may read them."""

from collections.abc import AsyncIterator, Collection
from typing import Any

import msgspec

from ibgu.cli.collect.bundle import Bundle
from ibgu.core.works import names
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.errors import HubError

_PAGE = "500"


async def from_hub(bundle: Bundle, namespace: str, name: str, clusters: Collection[str]) -> None:
    try:
        async with await HubClient.connect() as client:
            await _objects(bundle, client, namespace, name, clusters)
    except HubError as error:
        bundle.failed("hub", error.message if error.reason == "NoConfiguration" else str(error))


async def _objects(
    bundle: Bundle, client: HubClient, namespace: str, name: str, clusters: Collection[str]
) -> None:
    async def one(file: str, path: str) -> None:
        bundle.one(file, msgspec.json.decode(await client.request("GET", path)))

    async def many(file: str, path: str, key: str, **query: str) -> None:
        found = [each async for each in _listed(client, path, query) if _of(each, key, clusters)]
        bundle.many(file, found)

    about = {"fieldSelector": f"regarding.name={name}"}
    gathering = {
        "hub/version.json": one("hub/version.json", paths.VERSION),
        "hub/ibgu.json": one("hub/ibgu.json", paths.ibgu(namespace, name)),
        "hub/events.jsonl": many("hub/events.jsonl", paths.events(namespace), "", **about),
        "hub/managedclusters.jsonl": many(
            "hub/managedclusters.jsonl", paths.MANAGED_CLUSTERS, "name"
        ),
        "hub/manifestworks.jsonl": many(
            "hub/manifestworks.jsonl", paths.works(), "namespace", labelSelector=names.SELECTOR
        ),
    }
    for file, gather in gathering.items():
        await bundle.tried_on_hub(file, gather)


def _of(found: dict[str, Any], key: str, clusters: Collection[str]) -> bool:
    """Whether it belongs to one of the clusters; without a key, to whom it likes."""
    return not key or found["metadata"][key] in clusters


async def _listed(
    client: HubClient, path: str, query: dict[str, str]
) -> AsyncIterator[dict[str, Any]]:
    asked = {"limit": _PAGE, **query}
    while True:
        page = msgspec.json.decode(await client.request("GET", path, query=asked, verb="list"))
        for item in page["items"] or ():
            yield item
        following = page["metadata"].get("continue")
        if not following:
            return
        asked["continue"] = following
