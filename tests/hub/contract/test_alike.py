"""The same requests to both hubs, and the same answers: whatever a test did not think of."""

import random
import re
from typing import Any

import pytest

from ibgu.hub.client import HubClient, HubError
from ibgu.sandbox.hub import SandboxHub
from ibgu.sim.hub import MemoryClient, MemoryHub
from tests.hub.contract.conftest import Edge, Json, work_body

NAMES = ("a", "b")
MINE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\dT[\d:]+Z|contract-[\d-]+")


class Story:
    """One random sequence of requests; what is asked depends on the seed alone."""

    def __init__(self, edge: Edge, seed: int) -> None:
        self.edge = edge
        self.rng = random.Random(seed)
        self.known: dict[str, list[Json]] = {name: [] for name in NAMES}
        self.versions: dict[str, int] = {}

    async def run(self, length: int) -> list[Any]:
        return [await self._one() for _ in range(length)]

    async def _one(self) -> Any:
        name = self.rng.choice(NAMES)
        method, path, body = self._request(name)
        try:
            answer = await self.edge.send(method, path, body)
        except HubError as error:
            return [method, error.status, error.reason, MINE.sub("~", error.message)]
        if answer.get("kind") == "ManifestWork":
            self.known[name].append(answer)
        return [method, self._alike(answer)]

    def _request(self, name: str) -> tuple[str, str, Any]:
        one, rng = self.edge.work(name), self.rng
        finalizers: list[str] | None = rng.choice([["x/y"], ["x/y", "x/z"], [], None])
        return rng.choice(
            [
                ("POST", self.edge.works, work_body(name, finalizers=finalizers or [])),
                ("POST", self.edge.works, work_body(name, labels={"n": "1"})),
                ("PATCH", one, {"metadata": self._meta(name) | {"labels": {"n": _digit(rng)}}}),
                ("PATCH", one, {"metadata": self._meta(name), "spec": _spec(rng)}),
                ("PATCH", one, {"metadata": {"finalizers": finalizers}}),
                ("PATCH", f"{one}/status", {"metadata": self._meta(name), "status": _status(rng)}),
                ("DELETE", one, {"preconditions": self._uid(name)}),
                ("DELETE", one, None),
                ("GET", one, None),
                ("GET", self.edge.works, None),
            ]
        )

    def _meta(self, name: str) -> Json:
        """Nothing, or the version or uid of this or an earlier state of the object."""
        version = self.rng.random() < 0.3
        seen = self.rng.choice(self.known[name][-3:] or [None])
        if seen is None or not version:
            return self._uid(name)
        return {"resourceVersion": seen["metadata"]["resourceVersion"]}

    def _uid(self, name: str) -> Json:
        seen = self.rng.choice(self.known[name] or [None])
        return {"uid": seen["metadata"]["uid"]} if seen and self.rng.random() < 0.3 else {}

    def _alike(self, value: Any) -> Any:
        """Returns the answer without what differs from hub to hub: ids, times, where the counter
        began; and without managedFields, of which the hub in memory keeps only who wrote."""
        if isinstance(value, dict) and str(value.get("kind", "")).endswith("List"):
            return [self._alike(item) for item in value["items"]]
        if isinstance(value, dict):
            kept = {
                k: v for k, v in value.items() if k not in ("managedFields", "remainingItemCount")
            }
            if not kept.get("continue", "x"):
                del kept["continue"]
            return {
                k: self._version(v) if k == "resourceVersion" else self._alike(v)
                for k, v in kept.items()
            }
        if isinstance(value, list):
            return [self._alike(item) for item in value]
        return MINE.sub("~", value) if isinstance(value, str) else value

    def _version(self, text: str) -> int:
        """Returns which version it is, of those that were seen: others write on the real hub as
        well."""
        return self.versions.setdefault(text, len(self.versions))


def _digit(rng: random.Random) -> str | None:
    return rng.choice(["1", "2", None])


def _spec(rng: random.Random) -> Json:
    return {"deleteOption": {"propagationPolicy": rng.choice(["Orphan", "Foreground"])}}


def _status(rng: random.Random) -> Json:
    condition = {
        "type": "Applied",
        "status": rng.choice(["True", "False"]),
        "reason": "x",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    return {"conditions": rng.choice([[], [condition]])}


@pytest.mark.parametrize("seed", range(8))
async def test_both_hubs_answer_alike(sandbox_hub: SandboxHub, seed: int) -> None:
    token, ca = sandbox_hub.token("admin"), str(sandbox_hub.ca_file)
    memory = MemoryHub(now=lambda: 0.0)
    in_memory = Edge(MemoryClient(memory), memory)
    async with await HubClient.with_token(sandbox_hub.url, token, ca) as client:
        real = Edge(client, None)
        await in_memory.open()
        await real.open()
        told = await Story(in_memory, seed).run(60)
        wanted = await Story(real, seed).run(60)

    for number, (ours, theirs) in enumerate(zip(told, wanted, strict=True)):
        assert ours == theirs, f"request {number} of seed {seed}"
