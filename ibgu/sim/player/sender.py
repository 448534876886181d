"""Sends the patches of the clusters to the hub and returns the responses."""

import asyncio
from collections.abc import Callable, Coroutine

import msgspec

from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.wire import FullWork, Patch, WorkMeta

_RETRY = 0.5
_CLOSE_SECONDS = 2.0

_work = msgspec.json.Decoder(FullWork)


class PatchSender:
    """PatchSender calls `answered` with the cluster after every response. A patch that the hub
    refused is not sent again as it is: the cluster makes a new one from what it then knows."""

    def __init__(
        self,
        client: Hub,
        now: Callable[[], float],
        answered: Callable[[SimulatedCluster], None],
        workers: int = 24,
    ) -> None:
        self.sent = 0
        self.conflicts = 0
        self._client = client
        self._now = now
        self._answered = answered
        self._workers = workers
        self._queue: asyncio.Queue[tuple[SimulatedCluster, Patch]] = asyncio.Queue()

    def submit(self, cluster: SimulatedCluster, patch: Patch) -> None:
        self._queue.put_nowait((cluster, patch))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            await _whole(self._carry(*await self._queue.get()))

    async def _carry(self, cluster: SimulatedCluster, patch: Patch) -> None:
        if patch.name:
            await self._patch_work(cluster, patch)
        else:
            await self._patch_cluster(cluster, patch)
        self._answered(cluster)

    async def _patch_work(self, cluster: SimulatedCluster, patch: Patch) -> None:
        path = paths.work(cluster.name, patch.name)
        try:
            cluster.observe(_work.decode(await self._send(path, patch)), self._now(), answer=True)
        except HubError as error:
            await self._refused(cluster, patch, error)

    async def _refused(self, cluster: SimulatedCluster, patch: Patch, error: HubError) -> None:
        """Resolves a conflict from the newest version; everything else is retried after a while."""
        wait = 0.0
        if error.conflict:
            self.conflicts += 1
            wait = await self._refresh(cluster, patch)
        elif error.not_found:
            cluster.forget(patch.name, patch.body["metadata"]["uid"])
        else:
            wait = max(error.retry_after or 0.0, _RETRY)
        cluster.agent.refused(patch.name, self._now() + wait)

    async def _refresh(self, cluster: SimulatedCluster, patch: Patch) -> float:
        path = paths.work(cluster.name, patch.name)
        try:
            data = await self._client.request("GET", path)
        except HubError as error:
            if error.not_found:
                cluster.forget(patch.name, patch.body["metadata"]["uid"])
            return _RETRY
        work = _work.decode(data)
        cluster.observe(work, self._now(), answer=True)
        # A hub that was restored shows a version before the one that the agent knows: it meets
        # the same conflict until its watch has told it so.
        known = WorkMeta(resource_version=patch.body["metadata"].get("resourceVersion", ""))
        return 0.0 if work.metadata.newer_than(known) else _RETRY

    async def _patch_cluster(self, cluster: SimulatedCluster, patch: Patch) -> None:
        accepted = True
        try:
            await self._send(paths.managed_cluster(cluster.name), patch)
        except HubError as error:
            accepted = False
            if error.conflict or error.not_found:
                cluster.registration.left(patch.body["metadata"]["uid"])
            else:
                await asyncio.sleep(max(error.retry_after or 0.0, _RETRY))
        cluster.registration.answered(patch, accepted)

    async def _send(self, path: str, patch: Patch) -> bytes:
        self.sent += 1
        where = f"{path}/{patch.subresource}" if patch.subresource else path
        return await self._client.request(
            "PATCH", where, body=patch.body, content_type=paths.MERGE_PATCH
        )


async def _whole(act: Coroutine[None, None, None]) -> None:
    """Lets requests in progress end in good order when the fleet is stopped, if that is quick."""
    task = asyncio.ensure_future(act)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=_CLOSE_SECONDS)
        task.cancel()
        raise
