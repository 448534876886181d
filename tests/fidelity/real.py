"""Plays a scene on a real API server with a real work agent."""

import asyncio
from collections.abc import Sequence

from ibgu.core.model.kinds import JsonObject
from ibgu.hub import paths
from tests.fidelity.model import DURATIONS, NAME, SCALE
from tests.fidelity.scene import Scene, Step
from tests.fidelity.trace import Trace, on_the_cluster
from tests.neighbours.scene import RealScene
from tests.neighbours.watch import watch

_PATIENCE = 90.0  # seconds; only a difference ever takes them
_READ_AGAIN = 4.0  # seconds in which the agent reads once more what it has just reported


class PlayedForReal:
    """A step is over when hub and cluster show what the model shows at its end: nothing else says
    that no more will come. Where they don't, the difference is left for the comparison."""

    def __init__(self, scene: RealScene, cluster: str, models: Sequence[Trace]) -> None:
        self.trace = Trace()
        self._scene = scene
        self._cluster = cluster
        self._models = models

    async def play(self, scene: Scene) -> Trace:
        self._scene.poll = scene.poll
        await self._scene.fleet(
            names=(self._cluster,),
            scale=SCALE,
            durations=DURATIONS,
            faults=scene.faults,
            defects=scene.defects,
        )
        if scene.equipped:
            self._scene.real(self._cluster).show_equipment()
        watched = watch(self._scene.admin, paths.works(self._cluster), self._heard)
        watching = asyncio.create_task(watched)
        try:
            for number, step in enumerate(scene.steps):
                await self._play(number, step)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        return self.trace

    def _heard(self, kind: str, work: JsonObject) -> None:
        self.trace.add(None if kind == "DELETED" else work)

    async def _play(self, number: int, step: Step) -> None:
        cluster = self._scene.real(self._cluster)
        self.trace.begin()
        if step.deed is not None:
            # On the model that read is over, so that it sees none of what comes now.
            await asyncio.sleep(_READ_AGAIN)
        await self._act(step)
        await self._scene.until(lambda: step.until(self.trace.last, cluster), step.name)
        agent = cluster.server.agent
        await self._scene.until(lambda: agent.running == cluster.connected, "the agent to follow")
        wanted = [model.ends[number] for model in self._models]
        end = asyncio.get_running_loop().time() + _PATIENCE
        while asyncio.get_running_loop().time() < end:
            if self.trace.last | on_the_cluster(cluster) in wanted:
                break
            await asyncio.sleep(0.05)
        self.trace.end(on_the_cluster(cluster))

    async def _act(self, step: Step) -> None:
        path = paths.work(self._cluster, NAME)
        if step.deed is not None:
            self._scene.act(self._cluster, step.deed)
        if step.remove:
            await self._scene.admin.request("DELETE", path)
        if step.touch:
            await self._patch("/metadata/annotations", {"touch": step.touch})
        if step.spec is not None and self.trace.last:
            await self._patch("/spec", step.spec)
        elif step.spec is not None:
            body = {
                "apiVersion": "work.open-cluster-management.io/v1",
                "kind": "ManifestWork",
                "metadata": {"name": NAME},
                "spec": step.spec,
            }
            await self._scene.admin.request("POST", paths.works(self._cluster), body=body)

    async def _patch(self, at: str, value: JsonObject) -> None:
        path = paths.work(self._cluster, NAME)
        patch = [{"op": "add", "path": at, "value": value}]
        await self._scene.admin.request("PATCH", path, body=patch, content_type=paths.JSON_PATCH)
