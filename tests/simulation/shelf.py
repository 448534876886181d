"""What IBGUs name for their clusters' Prep: ConfigMaps and a pull secret, and what befalls them."""

import asyncio
from typing import Any

from msgspec import convert

from ibgu.core.kinds import ConfigMap, Secret
from ibgu.core.works import PayloadTooLargeError, build
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.sim.hub import MemoryClient, MemoryHub
from tests.simulation.faults import Fault
from tests.simulation.plans import PAYLOADS, Object

HUGE = "x" * 600_000
"""More than a work carries."""
UNREADABLE = "unreadable"
"""Where a content's digest would stand."""


class Shelf:
    """`history`: from when on the objects had which digest together, in loop time."""

    def __init__(self, hub: MemoryHub) -> None:
        self.history: list[tuple[float, str]] = []
        self._hub = hub
        self._client = MemoryClient(hub, "people")

    async def fill(self) -> None:
        for body in PAYLOADS:
            await self._put(body)
        self._note()

    async def happen(self, fault: Fault) -> None:
        """And what was there before is put back after the fault's seconds."""
        body = PAYLOADS[fault.n % len(PAYLOADS)]
        match fault.kind:
            case "payload-changed":
                await self._put(_with(body, f"version {fault.n}"))
            case "payload-too-large":
                await self._put(_with(body, HUGE))
            case "payload-missing":
                await self._ask("DELETE", _path(body))
        self._note()
        await asyncio.sleep(fault.seconds)
        await self._put(body)
        self._note()

    def had(self, digest: str, since: float) -> bool:
        """At any time since then."""
        ends = [at for at, _ in self.history[1:]] + [float("inf")]
        pairs = zip(self.history, ends, strict=True)
        return any(told == digest and end >= since for (_, told), end in pairs)

    async def _put(self, body: Object) -> None:
        await self._ask("DELETE", _path(body))
        await self._ask("POST", _path(body).rpartition("/")[0], body)

    async def _ask(self, method: str, path: str, body: Object | None = None) -> None:
        try:
            await self._client.request(method, path, body=body)
        except HubError as error:
            if not error.not_found:
                raise

    def _note(self) -> None:
        self.history.append((asyncio.get_running_loop().time(), self._digest()))

    def _digest(self) -> str:
        sources = [*self._all("ConfigMap", ConfigMap), *self._all("Secret", Secret)]
        try:
            return build(sources).digest
        except PayloadTooLargeError:
            return UNREADABLE

    def _all(self, kind: str, type_: Any) -> list[Any]:
        resource = next(r for r in self._hub.resources if r.kind == kind)
        objects = self._hub.versions.collections[resource].objects.values()
        return [convert(each, type_) for each in objects]


def _with(body: Object, value: str) -> Object:
    data = dict.fromkeys(body["data"], value)
    return {**body, "data": data}


def _path(body: Object) -> str:
    meta = body["metadata"]
    path = paths.secret if body["kind"] == "Secret" else paths.config_map
    return path(meta["namespace"], meta["name"])
