"""Finds the clusters that a command is about, on the hub of the kubeconfig."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from ibgu.cli.rest.hub import hub_words
from ibgu.client import RestError
from ibgu.core.model import ClusterView
from ibgu.core.model.kinds import ManagedCluster
from ibgu.core.model.shown import view_cluster
from ibgu.core.text.natural import natural_key
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub


@asynccontextmanager
async def connected() -> AsyncIterator[HubClient]:
    """Connects with the rights of the kubeconfig's current user. Raises RestError for a
    HubError."""
    try:
        async with await HubClient.connect() as hub:
            yield hub
    except HubError as error:
        raise RestError(hub_words(error)) from error


def unready(view: ClusterView) -> str:
    """Returns why a work for the cluster would be without effect now; empty: it would not."""
    if not view.accepted or view.deleting:
        return "the hub has not accepted it, or it is being deleted"
    return "" if view.reachable else "is not reachable: run the command again later"


async def selected(hub: Hub, names: Sequence[str], selector: str) -> list[ClusterView]:
    """Returns the clusters in natural order, without the hub itself. Raises HubError."""
    if names:
        found = [await hub.get(paths.managed_cluster(each), ManagedCluster) for each in names]
    else:
        found = []
        pages = hub.list_pages(paths.MANAGED_CLUSTERS, ManagedCluster, selector=selector,
                               on_bad=lambda _: None)  # fmt: skip
        async for items, _ in pages:
            found.extend(items)
    views = [view for view in map(view_cluster, found) if not view.local]
    return sorted(views, key=lambda view: natural_key(view.name))
