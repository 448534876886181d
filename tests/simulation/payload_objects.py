"""Simulates what IBGUs name for Prep: ConfigMaps and a pull secret, and what happens to them."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise, product

from msgspec import Struct
from msgspec.json import decode

from ibgu.core.drivers.ibu.works import build
from ibgu.core.engine.driver import PayloadError
from ibgu.core.model.kinds import ConfigMap, Secret
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.sim.hub import MemoryClient, MemoryHub
from tests.simulation.faults import Fault
from tests.simulation.plans import PAYLOADS, Object

HUGE = "x" * 600_000
"""More than a work carries."""
UNREADABLE = "unreadable"
"""Stands in place of a content's digest."""
Source = ConfigMap | Secret


class _State(Struct, frozen=True):
    since: float
    """The loop's time."""
    content: Source | None
    """None: it is not there."""


class PayloadObjects:
    def __init__(self, hub: MemoryHub) -> None:
        self._client = MemoryClient(hub, "people")
        self._states: dict[str, list[_State]] = {}

    async def fill(self) -> None:
        for body in PAYLOADS:
            await self._put(body)

    async def happen(self, fault: Fault) -> None:
        """Makes the fault happen, and undoes it after the fault's seconds."""
        body = PAYLOADS[fault.n % len(PAYLOADS)]
        match fault.kind:
            case "payload-changed":
                await self._put(_with(body, f"version {fault.n}"))
            case "payload-too-large":
                await self._put(_with(body, HUGE))
            case "payload-missing":
                await self._remove(body)
        await asyncio.sleep(fault.seconds)
        await self._put(body)

    def had(self, digest: str, since: float) -> bool:
        """Returns whether the objects had that digest together, each as it was at any time since
        then.

        They are read one after the other: one may have changed in between.
        """
        shown = [list(_since(states, since)) for states in self._states.values()]
        return any(_digest(contents) == digest for contents in product(*shown))

    async def _put(self, body: Object) -> None:
        await self._remove(body)
        made = await self._client.request("POST", _path(body).rpartition("/")[0], body=body)
        secret = body["kind"] == "Secret"
        self._note(body, decode(made, type=Secret) if secret else decode(made, type=ConfigMap))

    async def _remove(self, body: Object) -> None:
        try:
            await self._client.request("DELETE", _path(body))
        except HubError as error:
            if not error.not_found:
                raise
        self._note(body, None)

    def _note(self, body: Object, content: Source | None) -> None:
        now = asyncio.get_running_loop().time()
        self._states.setdefault(_path(body), []).append(_State(now, content))


def _since(states: list[_State], since: float) -> Iterator[Source | None]:
    for state, after in pairwise([*states, _State(float("inf"), None)]):
        if after.since >= since:
            yield state.content


def _digest(contents: tuple[Source | None, ...]) -> str:
    try:
        return build(content for content in contents if content is not None).digest
    except PayloadError:
        return UNREADABLE


def _with(body: Object, value: str) -> Object:
    data = dict.fromkeys(body["data"], value)
    return {**body, "data": data}


def _path(body: Object) -> str:
    meta = body["metadata"]
    path = paths.secret if body["kind"] == "Secret" else paths.config_map
    return path(meta["namespace"], meta["name"])
