"""Lists all ManagedClusters once for all who ask before the list begins."""

import asyncio

from ibgu.core.model import ClusterView
from ibgu.core.model.kinds import ManagedCluster
from ibgu.core.model.shown import HubObject, shown_cluster
from ibgu.hub import paths
from ibgu.hub.decode import left_out
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub

Fleet = list[HubObject[ClusterView]]


class Clusters:
    """Clusters makes one list at a time. A caller that asks while one is in progress gets the next:
    a list shows the moment at which it began, and a step takes its members from a moment after it
    opened.

    Hundreds of steps that open at once would otherwise list the fleet hundreds of times and keep
    every other rollout waiting.
    """

    def __init__(self, client: Hub, tasks: asyncio.TaskGroup) -> None:
        self._client = client
        self._tasks = tasks
        self._next: asyncio.Future[Fleet] | None = None
        self._free = asyncio.Lock()

    async def listed(self) -> Fleet:
        """Returns a list that began after this call. Raises HubError."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
            self._tasks.create_task(self._make(self._next))
        return await asyncio.shield(self._next)

    async def _make(self, future: asyncio.Future[Fleet]) -> None:
        async with self._free:
            self._next = None
            try:
                future.set_result(await self._list())
            except HubError as error:
                future.set_exception(error)

    async def _list(self) -> Fleet:
        found: Fleet = []
        # The watch reports malformed ones. No step of the hub waits for them.
        async for items, _ in self._client.list_pages(
            paths.MANAGED_CLUSTERS, ManagedCluster, on_bad=left_out
        ):
            found.extend(map(shown_cluster, items))
        return found
