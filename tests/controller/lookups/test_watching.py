"""A lookup that watches is settled once its kinds were read or could not be, and asks for kinds
that the hub may serve later."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from random import Random
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from ibgu.controller.lookups.watching import WatchingLookup
from ibgu.core.model.grants import BreakGlass, RolloutApproval
from ibgu.flowcontrol.backoff import Backoff
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.watching.reflector import Timing
from ibgu.hub.watching.store import Store
from ibgu.sim.hub import MemoryClient, MemoryHub
from ibgu.sim.hub.kinds import GRANTS

pytestmark = pytest.mark.timeout(300)

BOTH = ("rolloutapprovals", "breakglasses")
APPROVAL = {"rollout": {"name": "a"}, "step": 1, "before": "Step", "user": "nora"}


class ScriptedClient(MemoryClient):
    """A client of a hub that says that it serves these kinds, and refuses some requests."""

    served: tuple[str, ...] = ()
    refused: Mapping[str, int] = MappingProxyType({})
    """Statuses by parts of paths."""

    async def request(self, method: str, path: str, **given: Any) -> bytes:
        self._check(path)
        if path == paths.OWN_RESOURCES:
            return msgspec.json.encode({"resources": [{"name": name} for name in self.served]})
        return await super().request(method, path, **given)

    def stream(self, path: str, **given: Any) -> Any:
        self._check(path)
        return super().stream(path, **given)

    def _check(self, path: str) -> None:
        for part, status in self.refused.items():
            if path.endswith(part):
                raise HubError(status, "Refused", "no", path=path)


class Lookup(WatchingLookup):
    """A lookup of two kinds that notes its calls."""

    def __init__(self, client: ScriptedClient, *, served: bool, interval: float | None) -> None:
        super().__init__(
            client,
            served=served,
            served_interval=interval,
            streaming=True,
            timing=Timing(backoff=Backoff(0.01, 0.01)),
            rng=Random(1),
        )
        self.calls: list[str] = []
        self.approvals: Store[RolloutApproval] = Store()
        self.glasses: Store[BreakGlass] = Store()
        self._follow(paths.rollout_approvals(), RolloutApproval, self.approvals)
        self._follow(paths.break_glasses(), BreakGlass, self.glasses)

    @property
    def is_settled(self) -> bool:
        return self._settled.is_set()

    @property
    def state(self) -> tuple[bool, bool]:
        """Whether all kinds were listed, and whether all are in sync."""
        return self._synced, self._in_sync

    def _installed(self) -> None:
        self.calls.append("installed")

    async def _listed(self) -> None:
        await super()._listed()
        self.calls.append("listed")

    def _failed(self, error: HubError) -> None:
        self.calls.append(f"failed {error.status}, settled: {self.is_settled}")


class Stage:
    def __init__(self, *, served: bool, interval: float | None, refused: Mapping[str, int]) -> None:
        self.memory = MemoryHub(now=time.time, more=GRANTS)
        self.client = ScriptedClient(self.memory)
        self.client.refused = refused
        self.lookup = Lookup(self.client, served=served, interval=interval)

    async def approve(self, name: str, **spec: Any) -> None:
        body = {
            "apiVersion": "ibgu.dev/v1alpha1",
            "kind": "RolloutApproval",
            "metadata": {"name": name, "namespace": "default"},
            "spec": APPROVAL | spec,
        }
        people = MemoryClient(self.memory, "people")
        await people.request("POST", paths.rollout_approvals("default"), body=body)

    def cut(self) -> None:
        for watch in list(self.memory._watches):
            watch.break_off()

    async def until(self, holds: Callable[[], object]) -> None:
        while not holds():  # noqa: ASYNC110 - of a hub
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(
    *, served: bool = True, interval: float | None = None, **refused: int
) -> AsyncIterator[Stage]:
    stage = Stage(served=served, interval=interval, refused=refused)
    await stage.approve("one")
    task = asyncio.create_task(stage.lookup.run())
    try:
        yield stage
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_lookup_is_settled_once_all_its_kinds_were_listed() -> None:
    async with running() as stage:
        assert (stage.lookup.is_settled, stage.lookup.state) == (False, (False, False))
        await stage.lookup.settled(5.0)
        assert (stage.lookup.calls, stage.lookup.state) == (["listed"], (True, True))
        assert [each.metadata.name for each in stage.lookup.approvals] == ["one"]


@pytest.mark.parametrize("status", [403, 404, 503])
async def test_a_kind_that_can_not_be_listed_settles_it_too(status: int) -> None:
    async with running(breakglasses=status) as stage:
        await stage.lookup.settled(5.0)
        assert stage.lookup.calls[0] == f"failed {status}, settled: False"
        assert stage.lookup.state == (False, False)
        await stage.until(lambda: len(stage.lookup.calls) > 1)
        assert "listed" not in stage.lookup.calls
        stage.client.refused = {}
        await stage.until(lambda: stage.lookup.calls[-1] == "listed")


async def test_an_interrupted_watch_keeps_what_was_read() -> None:
    async with running() as stage:
        await stage.lookup.settled(5.0)
        stage.client.refused = {"rolloutapprovals": 503}
        stage.cut()
        await stage.until(lambda: not stage.lookup.state[1])
        assert stage.lookup.state[0]
        assert len(stage.lookup.approvals) == 1
        stage.client.refused = {}
        await stage.until(lambda: stage.lookup.state[1])
        assert stage.lookup.calls.count("listed") == 1


async def test_a_lookup_of_kinds_that_are_not_served_ends_and_delays_nobody() -> None:
    stage = Stage(served=False, interval=None, refused={})
    await stage.lookup.run()
    await stage.lookup.settled(5.0)
    assert (stage.lookup.calls, stage.lookup.is_settled) == ([], False)


async def test_kinds_are_followed_once_the_hub_serves_all_of_them() -> None:
    async with running(served=False, interval=0.01, v1alpha1=503) as stage:
        await asyncio.sleep(0.05)
        stage.client.refused = {}
        stage.client.served = BOTH[:1]
        await asyncio.sleep(0.05)
        assert stage.lookup.calls == []
        stage.client.served = (*BOTH, "seedimages")
        await stage.until(lambda: stage.lookup.calls == ["installed", "listed"])
        assert len(stage.lookup.approvals) == 1


async def test_an_answer_that_does_not_come_is_waited_for_only_so_long() -> None:
    stage = Stage(served=True, interval=None, refused={})
    await stage.lookup.settled(0.02)
    assert not stage.lookup.is_settled


async def test_an_object_that_can_not_be_read_is_logged_and_skipped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with running() as stage:
        await stage.lookup.settled(5.0)
        await stage.approve("bad", step="first")
        await stage.approve("two")
        await stage.until(lambda: len(stage.lookup.approvals) == 2)
    log = capsys.readouterr().out
    assert "malformed object skipped" in log
    assert "default/bad" in log


async def test_an_error_that_stays_the_same_is_logged_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with running(rolloutapprovals=403) as stage:
        await stage.until(lambda: len(stage.lookup.calls) > 3)
        stage.client.refused = {"rolloutapprovals": 503}
        await stage.until(lambda: "failed 503, settled: True" in stage.lookup.calls)
    log = capsys.readouterr().out
    assert log.count("watch interrupted") == 2
