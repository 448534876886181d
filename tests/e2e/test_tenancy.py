"""Tenancy on a real hub: a namespace's IBGUs reach only the cluster sets that are bound to it."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ibgu.controller.lookups import membership, tenants
from ibgu.hub import paths
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, step
from tests.e2e.tenants import SET_LABEL, Tenants, of

A, B = "tenant-a", "tenant-b"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "RETRY_SECONDS", 0.3)
    monkeypatch.setattr(tenants, "INTERVAL", 0.3)


@pytest.fixture
async def two(scene: Scene) -> AsyncIterator[Tenants]:
    """Tenant A has the first three clusters of the fleet, tenant B the other two."""
    async with tenants_with(scene, 3, 2) as found:
        yield found


@pytest.fixture
async def twelve(scene: Scene) -> AsyncIterator[list[str]]:
    """The clusters of tenant A; tenant B has one."""
    async with tenants_with(scene, 12, 1):
        yield scene.others()[:12]


@asynccontextmanager
async def tenants_with(scene: Scene, mine: int, theirs: int) -> AsyncIterator[Tenants]:
    found = Tenants(scene)
    await scene.fleet(count=mine + theirs, durations="300s-400s")
    names = scene.others()
    for namespace, clusters in ((A, names[:mine]), (B, names[mine:])):
        await found.namespace(namespace)
        await found.cluster_set(f"{scene.label}-{namespace}", *clusters)
        await found.bind(f"{scene.label}-{namespace}", namespace)
    yield found
    await found.close()


async def status(scene: Scene, namespace: str, name: str) -> Object:
    return dict((await scene.get(paths.ibgu(namespace, name))).get("status", {}))


async def ended(scene: Scene, namespace: str, name: str) -> list[str]:
    """The clusters of its status, once it is through."""

    async def through() -> bool:
        phase = str((await status(scene, namespace, name)).get("phase", ""))
        return phase.startswith("Completed")

    await scene.until(through, f"the end of {namespace}/{name}")
    return [entry["name"] for entry in (await status(scene, namespace, name))["clusters"]]


async def told(scene: Scene, namespace: str) -> str:
    return "\n".join(event["note"] for event in await scene.items(paths.events(namespace)))


async def test_an_ibgu_for_all_clusters_gets_only_those_of_its_namespace(
    scene: Scene, two: Tenants
) -> None:
    """The attack: an IBGU in the tenant's own namespace, for every cluster of the hub."""
    names = scene.others()
    await scene.start(tenancy="clustersets")
    await scene.apply(of(B, "all", step("Prep")))
    assert await ended(scene, B, "all") == names[3:]
    assert [scene.stages(name) for name in names] == [[], [], [], ["Prep"], ["Prep"]]
    words = "starts with 2 clusters of the cluster sets that are bound to namespace tenant-b"

    async def heard() -> bool:
        return words in await told(scene, B)

    await scene.until(heard, "an Event that tells of the tenant's own clusters")


async def test_without_a_binding_nothing_starts_until_there_is_one(
    scene: Scene, two: Tenants
) -> None:
    await two.unbind(f"{scene.label}-{B}", B)
    await scene.start(tenancy="clustersets")
    await scene.apply(of(B, "early", step("Prep"), fleet=scene.label))

    async def closed() -> bool:
        return "no ManagedClusterSet is bound to namespace tenant-b" in await told(scene, B)

    await scene.until(closed, "the reason")
    assert await scene.journal("SELECT 1 FROM members") == []
    await two.bind(f"{scene.label}-{B}", B)
    assert await ended(scene, B, "early") == scene.others()[3:]


async def test_a_binding_that_goes_keeps_who_has_not_started(scene: Scene, two: Tenants) -> None:
    names = scene.others()
    await scene.start(tenancy="clustersets")
    await scene.apply(of(A, "slow", step("Prep", most=1), fleet=scene.label))
    await scene.accepted()
    await two.unbind(f"{scene.label}-{A}", A)

    async def kept() -> list[str]:
        rows = await scene.journal(
            "SELECT cluster FROM members"
            " WHERE state = 'waiting' AND reason->>'kind' = 'ClusterSetNotBound'"
        )
        return [row["cluster"] for row in rows]

    async def waits() -> bool:
        return bool(await kept())

    await scene.until(waits, "those who have not started to wait")
    late = await kept()
    await scene.seen_in_journal("MemberFinished", count=3 - len(late))
    assert [name for name in late if scene.stages(name)] == []
    await two.bind(f"{scene.label}-{A}", A)
    assert await ended(scene, A, "slow") == names[:3]


async def test_a_cluster_that_moves_to_another_set_is_not_taken_by_the_next_step(
    scene: Scene, two: Tenants
) -> None:
    names = scene.others()
    await scene.start(tenancy="clustersets")
    await scene.apply(of(A, "moves", step("Prep"), fleet=scene.label))
    assert await ended(scene, A, "moves") == names[:3]
    label = f"{SET_LABEL}={scene.label}-{B}"
    await scene.kubectl("label", "managedcluster", names[2], label, "--overwrite")
    await scene.apply(of(A, "moves", step("Prep"), step("Upgrade"), fleet=scene.label))
    await scene.seen_in_journal("StepFinished", step=1)
    stages = [scene.stages(name) for name in names[:3]]
    assert stages == [["Prep", "Upgrade"], ["Prep", "Upgrade"], ["Prep"]]


async def _prepared_by_a(scene: Scene) -> list[str]:
    """Tenant A's rollout prepares its clusters one at a time, and one is in flight."""
    await scene.apply(of(A, "theirs", step("Prep", most=1), fleet=scene.label))
    await scene.accepted()
    return scene.others()[:3]


async def outcomes(scene: Scene, namespace: str) -> list[str | None]:
    """Returns the outcomes of the members, by cluster; None: not ended."""
    rows = await scene.journal(
        "SELECT outcome FROM members JOIN rollouts ON rollouts.uid = members.rollout"
        " WHERE namespace = $1 ORDER BY cluster",
        namespace,
    )
    return [row["outcome"] for row in rows]


async def test_an_abort_ends_nothing_of_another_tenants(scene: Scene, two: Tenants) -> None:
    """The attack: an [Abort] for all clusters of the hub, while the other's rollout runs."""
    await scene.start(tenancy="clustersets")
    names = await _prepared_by_a(scene)
    await scene.apply(of(B, "abort", step("Abort")))
    assert await ended(scene, B, "abort") == scene.others()[3:]
    assert await ended(scene, A, "theirs") == names
    assert await outcomes(scene, A) == ["succeeded"] * 3
    assert [scene.stages(name) for name in names] == [["Prep"]] * 3


async def _attacked(scene: Scene) -> None:
    """Four of tenant A's clusters are in flight and eight wait when B aborts all of the hub's.
    Nothing more is heard of the twelve."""
    await scene.apply(of(A, "theirs", step("Prep", most=4), fleet=scene.label))
    await scene.seen_in_journal("RunAccepted", count=4)
    for name in scene.others()[:12]:
        scene.freeze(name)
    await scene.apply(of(B, "abort", step("Abort")))


async def test_an_abort_ends_none_of_twelve_clusters_under_way(
    scene: Scene, twelve: list[str]
) -> None:
    """The attack as it was played: all twelve had ended within 4 seconds."""
    await scene.start(tenancy="clustersets")
    await _attacked(scene)
    assert await ended(scene, B, "abort") == scene.others()[12:]
    assert set(await outcomes(scene, A)) <= {None, "succeeded"}
    for name in twelve:
        scene.freeze(name, False)
    assert await ended(scene, A, "theirs") == twelve
    assert await outcomes(scene, A) == ["succeeded"] * 12
    assert [scene.stages(name) for name in twelve] == [["Prep"]] * 12


async def test_without_tenancy_the_same_abort_ends_who_waits(
    scene: Scene, twelve: list[str]
) -> None:
    await scene.start()
    await _attacked(scene)

    async def cancelled() -> bool:
        return Counter(await outcomes(scene, A))["cancelled"] >= 8

    await scene.until(cancelled, "those who wait to be cancelled")
    for name in twelve:
        scene.freeze(name, False)
    await ended(scene, A, "theirs")
    told = str(await status(scene, A, "theirs"))
    assert "cancelled by a rollout of another namespace" in told
    assert "tenant-b/" not in told


async def test_an_abort_waits_where_both_have_the_cluster(scene: Scene, two: Tenants) -> None:
    await two.bind(f"{scene.label}-{A}", B)
    await scene.start(tenancy="clustersets")
    names = await _prepared_by_a(scene)
    busy = await scene.accepted()
    scene.freeze(busy)
    await scene.apply(of(B, "abort", step("Abort"), fleet=scene.label))

    async def waits() -> bool:
        rows = await scene.journal("SELECT reason->>'message' AS words FROM members")
        words = {row["words"] for row in rows}
        return "a rollout of another namespace works on the cluster" in words

    await scene.until(waits, "the reason, which names no rollout of the other's")
    scene.freeze(busy, False)
    assert await ended(scene, A, "theirs") == names
    assert await outcomes(scene, A) == ["succeeded"] * 3
    assert "tenant-a/" not in str(await status(scene, B, "abort"))


async def test_without_tenancy_an_abort_cancels_whoevers_rollout(
    scene: Scene, two: Tenants
) -> None:
    """TALM's documentation has it so, unless IBGU_PREEMPTION says otherwise."""
    await scene.start()
    await _prepared_by_a(scene)
    await scene.apply(of(B, "abort", step("Abort"), fleet=scene.label))
    assert len(await ended(scene, B, "abort")) == 5
    assert "cancelled" in await outcomes(scene, A)


async def test_without_tenancy_preemption_may_end_at_the_namespace(
    scene: Scene, two: Tenants
) -> None:
    await scene.start(preemption="namespace")
    await _prepared_by_a(scene)
    await scene.apply(of(B, "abort", step("Abort"), fleet=scene.label))
    await ended(scene, A, "theirs")
    assert await outcomes(scene, A) == ["succeeded"] * 5


async def test_without_tenancy_a_namespace_reaches_the_whole_fleet(
    scene: Scene, two: Tenants
) -> None:
    await scene.start()
    await scene.apply(of(B, "all", step("Prep"), fleet=scene.label))
    assert await ended(scene, B, "all") == scene.others()
