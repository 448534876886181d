"""Every test of this folder runs twice: on a real API server, and on the hub in memory."""

import itertools
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec import json

from ibgu.hub import paths
from ibgu.hub.client import HubClient, HubError
from ibgu.hub.port import Hub
from ibgu.sandbox.hub import SandboxHub
from ibgu.sim.hub import MemoryClient, MemoryHub

Json = dict[str, Any]

END = "zzz"
"""A work that is made to see where a watch is."""

_numbers = itertools.count(1)


class Edge:
    """A hub, and a namespace on it that no one else uses."""

    def __init__(self, client: Hub, memory: MemoryHub | None) -> None:
        self.client = client
        self.memory = memory
        self.namespace = f"contract-{time.time_ns()}-{next(_numbers)}"

    async def open(self) -> None:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        await self.send("POST", "/api/v1/namespaces", body)

    def age(self) -> None:
        """Long ago is forgotten; a real API server has nothing of the time before its start."""
        if self.memory is not None:
            self.memory.compact()

    # -- requests --------------------------------------------------------------------------------

    async def send(self, method: str, path: str, body: object = None, **query: str) -> Json:
        type_ = paths.MERGE_PATCH if method == "PATCH" else paths.JSON
        answer = await self.client.request(
            method, path, body=body, content_type=type_, query=query, timeout=20
        )
        decoded: Json = json.decode(answer)
        return decoded

    async def refused(self, method: str, path: str, body: object = None, **query: str) -> HubError:
        with pytest.raises(HubError) as caught:
            await self.send(method, path, body, **query)
        return caught.value

    async def watch(self, path: str, **query: str) -> list[Json]:
        """Returns what a watch tells until it shows what happens now, or ends, or its list is
        complete."""
        key, _, value = query.get("labelSelector", "x").partition("=")
        await self.make(END, labels={key: value})
        events: list[Json] = []
        query = {"watch": "true", "timeoutSeconds": "20", **query}
        async with self.client.stream(path, query=query, timeout=20) as lines:
            async for line in lines:
                event: Json = json.decode(line)
                if event["object"]["metadata"].get("name") == END:
                    if "sendInitialEvents" not in query:
                        break
                else:
                    events.append(event)
                if event["type"] == "BOOKMARK":
                    break
        await self.send("DELETE", self.work(END))
        return events

    # -- works -----------------------------------------------------------------------------------

    @property
    def works(self) -> str:
        return paths.works(self.namespace)

    def work(self, name: str) -> str:
        return paths.work(self.namespace, name)

    async def patch_steps(self, name: str, steps: list[Json]) -> Json:
        answer = await self.client.request(
            "PATCH", self.work(name), body=steps, content_type=paths.JSON_PATCH, timeout=20
        )
        decoded: Json = json.decode(answer)
        return decoded

    async def make(self, name: str, **metadata: Any) -> Json:
        return await self.send("POST", self.works, work_body(name, **metadata))


def work_body(name: str, **metadata: Any) -> Json:
    return {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {"name": name, **metadata},
        "spec": {"workload": {"manifests": []}},
    }


def version(obj: Json) -> int:
    return int(obj["metadata"]["resourceVersion"])


@pytest.fixture(params=["memory", "real"])
async def edge(request: pytest.FixtureRequest) -> AsyncIterator[Edge]:
    if request.param == "memory":
        hub = MemoryHub(now=time.time)
        made = Edge(MemoryClient(hub), hub)
        await made.open()
        yield made
        return
    real: SandboxHub = request.getfixturevalue("sandbox_hub")
    ca = str(real.ca_file)
    async with await HubClient.with_token(real.url, real.token("admin"), ca) as client:
        made = Edge(client, None)
        await made.open()
        yield made
