"""Reads TALM's policies and the clusters from the hub, with the rights of the kubeconfig's current
user."""

import asyncio
from collections.abc import Collection

from ibgu.cli.read.asking import asking
from ibgu.cli.rest.hub import hub_words
from ibgu.client import RestError
from ibgu.core.model import ClusterView
from ibgu.core.model.kinds import JsonObject, ManagedCluster
from ibgu.core.model.shown import view_cluster
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.errors import HubError
from ibgu.hub.policies import NO_POLICIES, read_written_policies

_FORBIDDEN = (
    "you may not list policies of all namespaces on the hub: give their files with --file, such as "
    "the output of oc get policies -n NAMESPACE -o yaml"
)


def policies_of_hub(names: Collection[str]) -> list[JsonObject]:
    """Returns the policies by these names, in whatever namespace; ends the command if the hub
    can't be read."""
    with asking():
        return asyncio.run(_read(names))


def clusters_of_hub() -> list[ClusterView]:
    """Returns the clusters without the hub itself; ends the command if the hub can't be read."""
    with asking():
        return asyncio.run(_read_clusters())


async def _read_clusters() -> list[ClusterView]:
    try:
        async with await HubClient.connect() as hub:
            pages = hub.list_pages(paths.MANAGED_CLUSTERS, ManagedCluster, on_bad=lambda _: None)
            found = [view_cluster(each) async for items, _ in pages for each in items]
    except HubError as error:
        raise RestError(hub_words(error)) from error
    return [each for each in found if not each.local]


async def _read(names: Collection[str]) -> list[JsonObject]:
    try:
        async with await HubClient.connect() as hub:
            return await read_written_policies(hub, names)
    except HubError as error:
        raise RestError(_words(error)) from error


def _words(error: HubError) -> str:
    if error.not_found:
        return NO_POLICIES
    return _FORBIDDEN if error.status == 403 else hub_words(error)
