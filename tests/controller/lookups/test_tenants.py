"""Bindings count while the hub tells them: silence and absence permit nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

import pytest

from ibgu.controller.lookups.tenants import INTERVAL, READ_SECONDS, STALE, Tenants
from ibgu.core.plan import EVERYWHERE
from ibgu.hub import paths
from ibgu.hub.errors import TRANSPORT, HubError
from ibgu.hub.port import NO_QUERY
from ibgu.sim.hub import MemoryClient, MemoryHub
from ibgu.sim.hub.kinds import CLUSTER_SET_BINDINGS as BINDINGS
from ibgu.sim.hub.kinds import CLUSTER_SETS as SETS
from ibgu.sim.hub.kinds import Resource
from tests.simulation.loop import play

NORTH = {"cluster.open-cluster-management.io/clusterset": "north"}


class Line(MemoryClient):
    """A connection that can be cut."""

    cut = False
    deaf = False

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] = NO_QUERY,
        body: object | bytes | None = None,
        content_type: str = "application/json",
        timeout: float = 30.0,  # noqa: ASYNC109
        verb: str = "",
    ) -> bytes:
        if self.deaf:
            await asyncio.Event().wait()
        if self.cut:
            raise HubError(TRANSPORT, "ConnectionFailed", "refused", method=method, path=path)
        return await super().request(
            method,
            path,
            query=query,
            body=body,
            content_type=content_type,
            timeout=timeout,
            verb=verb,
        )


def hub(*kinds: Resource) -> Line:
    return Line(MemoryHub(now=asyncio.get_running_loop().time, more=kinds))


async def bind(line: Line) -> None:
    """The set north to namespace team-north."""
    head = {"apiVersion": SETS.api_version, "metadata": {"name": "north"}}
    await line.request("POST", paths.CLUSTER_SETS, body={**head, "kind": SETS.kind, "spec": {}})
    body = {**head, "kind": BINDINGS.kind, "spec": {"clusterSet": "north"}}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team-north"}}
    await line.request("POST", "/api/v1/namespaces", body=namespace)
    await line.request("POST", paths.cluster_set_bindings("team-north"), body=body)


async def _followed(
    line: Line, story: Callable[[Tenants, list[float]], Awaitable[None]], *, on: bool = True
) -> None:
    """`story` gets the moments at which what is known has changed, too."""
    told: list[float] = []
    now = asyncio.get_running_loop().time
    tenants = Tenants(line, "ibgu-system:ibgu", on=on)
    await tenants.first()
    running = asyncio.create_task(tenants.run(lambda: told.append(now())))
    await story(tenants, told)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def _silence() -> None:
    line = hub(SETS, BINDINGS)
    await bind(line)

    async def story(tenants: Tenants, told: list[float]) -> None:
        began = asyncio.get_running_loop().time()
        assert tenants.scope("team-north").includes(NORTH)
        line.cut = True
        with pytest.raises(HubError):
            await tenants.fresh("team-north")
        await asyncio.sleep(STALE - 1)
        assert tenants.scope("team-north").includes(NORTH)
        assert told == []
        await asyncio.sleep(1 + 2 * INTERVAL)
        scope = tenants.scope("team-north")
        assert not scope.includes(NORTH)
        assert "has not told its ManagedClusterSets for 60 seconds" in scope.problem
        (moment,) = told
        assert STALE < moment - began <= STALE + INTERVAL
        line.cut = False
        await asyncio.sleep(2 * INTERVAL)
        assert tenants.scope("team-north").includes(NORTH)
        assert len(told) == 2

    await _followed(line, story)


async def _deaf() -> None:
    line = hub(SETS, BINDINGS)
    await bind(line)

    async def story(tenants: Tenants, told: list[float]) -> None:
        line.deaf = True
        await asyncio.sleep(STALE - 1)
        assert tenants.scope("team-north").includes(NORTH)
        await asyncio.sleep(2)
        assert not tenants.scope("team-north").includes(NORTH)
        await asyncio.sleep(2 * INTERVAL)
        assert len(told) == 1, "anyone who waits is decided on again, and told so"
        line.deaf = False
        await asyncio.sleep(STALE + 2 * INTERVAL)
        assert tenants.scope("team-north").includes(NORTH)
        assert len(told) == 2

    await _followed(line, story)


async def _many_ask() -> None:
    line = hub(SETS, BINDINGS)
    await bind(line)

    async def story(tenants: Tenants, told: list[float]) -> None:
        now = asyncio.get_running_loop().time
        line.deaf = True
        began = now()
        asked = [asyncio.create_task(tenants.fresh("team-north")) for _ in range(20)]
        for task in asked:
            with pytest.raises(HubError, match="within 15 seconds"):
                await task
        assert now() - began <= READ_SECONDS
        line.deaf = False
        assert (await tenants.fresh("team-north")).includes(NORTH)

    await _followed(line, story)


async def _never_heard() -> None:
    line = hub(SETS, BINDINGS)
    await bind(line)
    line.cut = True
    tenants = Tenants(line, "ibgu-system:ibgu", on=True)
    first = asyncio.create_task(tenants.first())
    await asyncio.sleep(10 * STALE)
    assert not first.done(), "the controller does not begin before it knows"
    assert not tenants.scope("team-north").includes(NORTH)
    line.cut = False
    await first
    assert tenants.scope("team-north").includes(NORTH)


def _absent(*kinds: Resource) -> Callable[[], Coroutine[Any, Any, None]]:
    async def scene() -> None:
        async def story(tenants: Tenants, told: list[float]) -> None:
            scope = await tenants.fresh("team-north")
            assert not scope.includes(NORTH)
            assert not scope.includes({})
            assert scope.problem.startswith("the hub serves no ManagedClusterSets")
            assert scope.problem.endswith("or set IBGU_TENANCY=off")
            await asyncio.sleep(10 * STALE)
            assert tenants.scope("team-north") == scope, "an answer, not silence"
            assert told == []

        await _followed(hub(*kinds), story)

    return scene


async def _off() -> None:
    line = hub()
    line.cut = True

    async def story(tenants: Tenants, told: list[float]) -> None:
        await asyncio.sleep(10 * STALE)
        assert tenants.scope("team-north") == EVERYWHERE
        assert not line.requests

    await _followed(line, story, on=False)


def test_after_a_minute_of_silence_nobody_may_take_anything() -> None:
    play(_silence())


def test_a_read_that_never_ends_keeps_nothing_bound() -> None:
    """No error says so: what was read before expires by itself."""
    play(_deaf())


def test_opening_steps_time_out_together_while_the_hub_is_silent() -> None:
    """All of them at the same time: none waits for the time of another one."""
    play(_many_ask())


def test_before_the_first_answer_nobody_may_take_anything() -> None:
    play(_never_heard())


@pytest.mark.parametrize("kinds", [(), (SETS,), (BINDINGS,)])
def test_no_cluster_is_permitted_where_a_kind_is_not_served(
    kinds: tuple[Resource, ...],
) -> None:
    play(_absent(*kinds)())


def test_without_tenancy_the_hub_is_not_asked() -> None:
    play(_off())
