"""Collects the hub's objects, as far as the kubeconfig's user may read them."""

from collections.abc import AsyncIterator, Collection
from http import HTTPStatus
from typing import Any

from msgspec import Struct
from msgspec.json import Decoder

from ibgu.cli.collect.bundle import Bundle
from ibgu.cli.collect.logs import logs
from ibgu.client.responses import RolloutResponse
from ibgu.core.model import names
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.decode import ObjectIdentity
from ibgu.hub.errors import HubError
from ibgu.hub.lenient import decode

_PAGE = "500"
_ANY: Decoder[Any] = Decoder()


class RestRollout(Struct, frozen=True):
    """RestRollout is what the REST API returned."""

    hub: str
    """The uid of its namespace kube-system; "" if the API could not be asked for it."""
    rollout: RolloutResponse
    clusters: Collection[str]


async def from_hub(bundle: Bundle, rest_rollout: RestRollout, home: str) -> str:
    """Collects from the hub and returns its uid, "" if unknown. Nothing is taken from a hub other
    than the REST API's. `home`: the namespace where ibgu runs."""
    hub_uid = ""
    try:
        async with await HubClient.connect() as client:
            hub_uid = await _uid(client, paths.namespace("kube-system"))
            if why := await _why_another_hub(client, hub_uid, rest_rollout):
                bundle.failed("hub", why)
            else:
                await _objects(bundle, client, rest_rollout)
                await bundle.tried_on_hub("hub/logs", logs(bundle, client, home))
    except HubError as error:
        bundle.failed("hub", error.message if error.reason == "NoConfiguration" else str(error))
    return hub_uid


async def _why_another_hub(client: HubClient, hub_uid: str, rest_rollout: RestRollout) -> str:
    """Returns why it is not the hub of the REST API; without the right to see its uid, by the
    rollout's."""
    advice = (
        "check your kubeconfig's current context. Nothing was collected from this hub, "
        "and doctor.json describes it"
    )
    if hub_uid and rest_rollout.hub:
        if hub_uid == rest_rollout.hub:
            return ""
        return (
            f"{client.url} is hub {hub_uid}, but the REST API serves hub {rest_rollout.hub}: "
            f"{advice}"
        )
    rollout = rest_rollout.rollout
    there = await _uid(client, _path(rollout))
    if there in ("", rollout.uid):
        return ""
    return (
        f"{rollout.namespace}/{rollout.name} of {client.url} is not the rollout that "
        f"the REST API serves (uid {there} instead of {rollout.uid}): {advice}"
    )


def _path(rollout: RolloutResponse) -> str:
    return paths.rollout_object(rollout.kind, rollout.namespace, rollout.name)


async def _uid(client: HubClient, path: str) -> str:
    """Returns the object's uid; "" if there is none, or the user may not see it. Raises
    HubError."""
    try:
        return (await client.get(path, ObjectIdentity)).metadata.uid
    except HubError as error:
        if error.not_found or error.status == HTTPStatus.FORBIDDEN:
            return ""
        raise


async def _objects(bundle: Bundle, client: HubClient, rest_rollout: RestRollout) -> None:
    namespace, name, clusters = (
        rest_rollout.rollout.namespace,
        rest_rollout.rollout.name,
        rest_rollout.clusters,
    )

    async def one(file: str, path: str) -> None:
        bundle.one(file, decode(_ANY, await client.request("GET", path)))

    async def many(file: str, path: str, key: str, **query: str) -> None:
        found = [each async for each in _listed(client, path, query) if _of(each, key, clusters)]
        bundle.many(file, found)

    file = "hub/ibgu.json" if rest_rollout.rollout.kind == names.IBGU else "hub/fleetupdate.json"
    about = {"fieldSelector": f"regarding.name={name}"}
    gathering = {
        "hub/version.json": one("hub/version.json", paths.VERSION),
        file: one(file, _path(rest_rollout.rollout)),
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
    """Returns whether the object belongs to one of the clusters; without a key, to any."""
    return not key or found["metadata"][key] in clusters


async def _listed(
    client: HubClient, path: str, query: dict[str, str]
) -> AsyncIterator[dict[str, Any]]:
    asked = {"limit": _PAGE, **query}
    while True:
        page = decode(_ANY, await client.request("GET", path, query=asked, verb="list"))
        for item in page["items"] or ():
            yield item
        following = page["metadata"].get("continue")
        if not following:
            return
        asked["continue"] = following
