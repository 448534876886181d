"""The fleet against a real API server: works like a controller's, through whole stages."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import json

from ibgu.core.model.kinds import ManagedCluster, ManifestWork
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.errors import HubError
from ibgu.sandbox.hub import SandboxHub
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.player import ForeignCluster, Player, clean_up, simulate
from ibgu.sim.spec import FleetSpec
from tests.sim.cluster_simulation import ROLE, config, feedback_of, ibu, stage_work

NAME = "stage"


def disarmed(**paths: str) -> dict[str, Any]:
    """Returns a work at rest: the stage is outside the IBU's own, so that it can neither change nor
    create."""
    manifest = {**ibu("Disarmed"), "spec": {"stage": "Disarmed"}}
    return {
        "workload": {"manifests": [ROLE, manifest]},
        "deleteOption": {"propagationPolicy": "Orphan"},
        "manifestConfigs": [config({"type": "CreateOnly"}, paths=paths or None)],
    }


async def eventually(done: Callable[[], bool]) -> None:
    while True:
        if done():
            return
        await asyncio.sleep(0.05)


class Hand:
    """A controller's hand on the works of a fleet."""

    def __init__(self, client: HubClient, player: Player) -> None:
        self.client = client
        self.player = player

    async def create(self, cluster: str, spec: dict[str, Any]) -> None:
        body = {
            "apiVersion": "work.open-cluster-management.io/v1",
            "kind": "ManifestWork",
            "metadata": {"name": NAME},
            "spec": spec,
        }
        await self.client.request("POST", paths.works(cluster), body=body)

    async def change(self, cluster: str, spec: dict[str, Any]) -> None:
        await self.client.request(
            "PATCH",
            paths.work(cluster, NAME),
            body={"spec": spec},
            content_type=paths.MERGE_PATCH,
        )

    async def delete(self, cluster: str) -> None:
        await self.client.request("DELETE", paths.work(cluster, NAME))

    async def read(self, cluster: str) -> dict[str, Any]:
        found: dict[str, Any] = json.decode(
            await self.client.request("GET", paths.work(cluster, NAME))
        )
        return found

    async def fed(self, cluster: str) -> dict[str, Any]:
        work = await self.read(cluster)
        manifests = work.get("status", {}).get("resourceStatus", {}).get("manifests", [])
        return feedback_of(manifests[-1]) if manifests else {}

    async def everywhere(self, act: Callable[[str], Awaitable[None]]) -> None:
        async with asyncio.TaskGroup() as group:
            for name in self.player.clusters:
                group.create_task(one(act, name))

    async def until(self, done: Callable[[SimulatedCluster], bool]) -> None:
        await eventually(lambda: all(map(done, self.player.clusters.values())))


async def one(act: Callable[[str], Awaitable[None]], name: str) -> None:
    await act(name)


@asynccontextmanager
async def playing(client: HubClient, admin: HubClient, spec: FleetSpec) -> AsyncIterator[Hand]:
    player = Player(client, spec)
    await player.create()
    task = asyncio.create_task(player.run())
    try:
        await player.synced.wait()
        yield Hand(admin, player)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def ended(stage: str, outcome: str = "completed") -> Callable[[SimulatedCluster], bool]:
    def look(cluster: SimulatedCluster) -> bool:
        runs = cluster.timeline.runs
        return bool(runs) and (runs[-1].stage, runs[-1].outcome) == (stage, outcome)

    return look


async def test_a_fleet_through_all_stages(
    fleet_client: HubClient, admin: HubClient, pattern: str
) -> None:
    spec = FleetSpec.parse(count=20, pattern=pattern, durations="1s-2s")
    async with playing(fleet_client, admin, spec) as hand:
        await hand.everywhere(lambda name: hand.create(name, disarmed()))
        for stage, finished in (("Prep", "Prep"), ("Upgrade", "Upgrade"), ("Idle", "Finalize")):
            armed = stage_work(stage, f"run-{stage}")
            await hand.everywhere(lambda name, spec=armed: hand.change(name, spec))  # type: ignore[misc]
            await hand.until(lambda c, stage=stage: str(c.spoke.ibu).count(f"run-{stage}") > 0)  # type: ignore[misc]
            await hand.everywhere(lambda name: hand.change(name, disarmed()))
            await hand.until(ended(finished))
        await settle(hand, lambda fed: fed.get("IdleStatus") == "True")
        for name, cluster in hand.player.clusters.items():
            fed = await hand.fed(name)
            assert fed["run"] == "run-Idle"
            assert fed["generation"] == fed["observed"]
            assert cluster.timeline.dark
        claims = await read_claims(admin, pattern % 1)
        assert claims["version.openshift.io"] == "4.16.5"


async def settle(hand: Hand, done: Callable[[dict[str, Any]], bool]) -> None:
    """Waits until the hub shows it for every cluster."""
    for name in hand.player.clusters:
        while True:
            if done(await hand.fed(name)):
                break
            await asyncio.sleep(0.05)


async def read_claims(client: HubClient, name: str) -> dict[str, str]:
    cluster = json.decode(await client.request("GET", paths.managed_cluster(name)))
    return {claim["name"]: claim["value"] for claim in cluster["status"]["clusterClaims"]}


async def test_orphaned_objects_stay_on_the_cluster(
    fleet_client: HubClient, admin: HubClient, pattern: str
) -> None:
    spec = FleetSpec.parse(count=3, pattern=pattern, durations="1s-2s")
    async with playing(fleet_client, admin, spec) as hand:
        await hand.everywhere(lambda name: hand.create(name, stage_work("Prep", "r1")))
        await hand.until(ended("Prep"))
        await hand.everywhere(hand.delete)
        await hand.until(lambda cluster: not cluster.agent.works)
        for name, cluster in hand.player.clusters.items():
            assert cluster.spoke.ibu is not None
            assert cluster.spoke.ibu["spec"]["stage"] == "Prep"
            with pytest.raises(HubError) as caught:
                await hand.read(name)
            assert caught.value.not_found


async def test_a_probe_is_answered_at_once(
    fleet_client: HubClient, admin: HubClient, pattern: str
) -> None:
    spec = FleetSpec.parse(count=1, pattern=pattern, feedback="poll")
    async with playing(fleet_client, admin, spec) as hand:
        name = pattern % 1
        await hand.create(name, disarmed())
        await settle(hand, lambda fed: "stage" in fed)
        await hand.change(name, disarmed(probe=".spec.stage"))
        await settle(hand, lambda fed: fed == {"probe": "Idle"})


async def test_refusals_reach_the_hub(
    fleet_client: HubClient, admin: HubClient, pattern: str
) -> None:
    spec = FleetSpec.parse(count=1, pattern=pattern, durations="1s-2s")
    async with playing(fleet_client, admin, spec) as hand:
        name = pattern % 1
        await hand.create(name, stage_work("Upgrade"))
        await hand.until(lambda cluster: "is not permitted" in str(status_of(cluster)))
        assert "is not permitted" in str((await hand.read(name))["status"])


def status_of(cluster: SimulatedCluster) -> dict[str, Any]:
    """Returns the status as the hub has accepted it."""
    return cluster.agent.works[NAME].work.status if NAME in cluster.agent.works else {}


async def test_the_dark_and_the_new_managed_cluster(
    fleet_client: HubClient, admin: HubClient, pattern: str
) -> None:
    spec = FleetSpec.parse(count=1, pattern=pattern, scale=0.002)
    name = pattern % 1
    async with playing(fleet_client, admin, spec) as hand:
        first = await wait_available(admin, name, "True")
        hand.player.act(name, lambda cluster, _: cluster.go_dark())
        await wait_available(admin, name, "Unknown")
        hand.player.act(name, lambda cluster, _: cluster.come_back())
        await wait_available(admin, name, "True")
        await hand.player.delete_managed_cluster(name)
        await hand.player.recreate_managed_cluster(name)
        second = await wait_available(admin, name, "True")
        assert first.metadata.uid != second.metadata.uid


async def test_a_managed_cluster_that_somebody_deletes(
    fleet_client: HubClient, admin: HubClient, pattern: str
) -> None:
    spec = FleetSpec.parse(count=1, pattern=pattern, scale=0.002)
    name = pattern % 1
    async with playing(fleet_client, admin, spec) as hand:
        await wait_available(admin, name, "True")
        await admin.request("DELETE", paths.managed_cluster(name))
        hand.player.act(name, lambda cluster, _: cluster.go_dark())
        await hand.until(lambda cluster: cluster.registration.uid == "")


async def test_a_work_that_loses_its_finalizer(
    fleet_client: HubClient, admin: HubClient, pattern: str
) -> None:
    spec = FleetSpec.parse(count=1, pattern=pattern, durations="1s-2s")
    name = pattern % 1
    async with playing(fleet_client, admin, spec) as hand:
        await hand.create(name, stage_work("Prep"))
        await hand.until(ended("Prep"))
        none = {"metadata": {"finalizers": None}}
        path = paths.work(name, NAME)
        await admin.request("PATCH", path, body=none, content_type=paths.MERGE_PATCH)
        await hand.until(lambda cluster: cluster.agent.works[NAME].finalizer)


async def wait_available(client: HubClient, name: str, status: str) -> ManagedCluster:
    while True:
        cluster = await client.get(paths.managed_cluster(name), ManagedCluster)
        conditions = {c.type: c.status for c in cluster.status.conditions}
        if conditions.get("ManagedClusterConditionAvailable") == status:
            return cluster
        await asyncio.sleep(0.05)


async def test_a_cluster_of_another_owner_is_refused(
    fleet_client: HubClient, admin: HubClient, pattern: str
) -> None:
    name = pattern % 1
    theirs = {
        "apiVersion": "cluster.open-cluster-management.io/v1",
        "kind": "ManagedCluster",
        "metadata": {"name": name},
    }
    await admin.request("POST", paths.MANAGED_CLUSTERS, body=theirs)
    with pytest.raises(ForeignCluster, match=f"ManagedCluster {name} exists on the hub and is not"):
        await Player(fleet_client, FleetSpec.parse(count=1, pattern=pattern)).create()


async def test_simulate_from_start_to_clean_up() -> None:
    with SandboxHub() as hub:
        token, ca = hub.token("fleet"), str(hub.ca_file)
        async with await HubClient.with_token(hub.url, token, ca) as client:
            await play_twice(hub, client)


async def play_twice(hub: SandboxHub, client: HubClient) -> None:
    """The second fleet takes over what the first one left, over a restart of the API server."""
    spec = FleetSpec.parse(count=2, durations="1s-2s")
    await play(client, spec, create=True)
    players = await play(client, spec, create=False, restart=hub)
    assert players[0].clusters.keys() == {"site-0001", "site-0002"}
    async with await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file)) as admin:
        assert await clean_up(admin) == 2
        assert await clean_up(admin) == 0
        assert await left(admin, paths.works()) == []


async def play(
    client: HubClient, spec: FleetSpec, *, create: bool, restart: SandboxHub | None = None
) -> list[Player]:
    stop, players = asyncio.Event(), list[Player]()
    task = asyncio.create_task(simulate(client, spec, stop=stop, ready=players.append))
    await eventually(lambda: bool(players))
    hand = Hand(client, players[0])
    if restart is not None:
        await asyncio.to_thread(restart.restart_apiserver)
    act = hand.create if create else hand.change
    await hand.everywhere(lambda name: act(name, stage_work("Prep", "r1")))
    await hand.until(ended("Prep"))
    stop.set()
    await task
    return players


async def left(client: HubClient, path: str) -> list[str]:
    return [
        work.metadata.name
        async for works, _ in client.list_pages(path, ManifestWork)
        for work in works
    ]
