"""Reads what the hub's objects show of the fleet."""

from datetime import datetime
from typing import TypeVar

from ibgu.cli.doctor.facts import Agents, Fleet, ImportOff, LeftOver
from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.failures import ApplyError, classify
from ibgu.core.drivers.ibu.preparation import work as preparation
from ibgu.core.engine.works import view_work
from ibgu.core.model import WorkView, names
from ibgu.core.model.kinds import ManagedCluster, ManifestWork, RolloutObject
from ibgu.core.model.shown import view_cluster
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.decode import HasMetadata

T = TypeVar("T", bound=HasMetadata)


async def all_of(client: HubClient, path: str, item: type[T], *, selector: str = "") -> list[T]:
    """Returns all objects without malformed ones, which the controller reports and skips too."""
    pages = client.list_pages(path, item, selector=selector, on_bad=lambda _: None)
    return [obj async for items, _ in pages for obj in items]


async def fleet(client: HubClient) -> Fleet:
    found = map(view_cluster, await all_of(client, paths.MANAGED_CLUSTERS, ManagedCluster))
    clusters = [cluster for cluster in found if not cluster.local]
    return Fleet(
        total=len(clusters),
        accepted=sum(cluster.accepted for cluster in clusters),
        available=sum(cluster.accepted and cluster.reachable for cluster in clusters),
        deleting=sum(cluster.deleting for cluster in clusters),
    )


async def agents(client: HubClient) -> Agents:
    works = await all_of(client, paths.works(), ManifestWork, selector=names.SELECTOR)
    stages = [work for work in works if work.metadata.labels.get(names.PART) == names.STAGE]
    views = {work.metadata.namespace: view_work(IBU, work) for work in stages}
    return Agents(
        works=len(views),
        answered=sum(view.up_to_date for view in views.values()),
        without_lca=tuple(name for name, view in views.items() if _without_lca(view)),
        forbidden=tuple(n for n, view in views.items() if "forbidden" in view.apply_error),
    )


async def left_over(client: HubClient, now: datetime) -> tuple[LeftOver, ...]:
    works = await all_of(client, paths.works(), ManifestWork, selector=preparation.SELECTOR)
    found = (each.metadata for each in works if preparation.left_over(each, now))
    return tuple(LeftOver(each.namespace, each.name) for each in found)


async def import_off(client: HubClient) -> tuple[ImportOff, ...]:
    """Returns the clusters whose automatic import is off for a rollout of which the hub has neither
    the object nor a work."""
    found = map(view_cluster, await all_of(client, paths.MANAGED_CLUSTERS, ManagedCluster))
    by = {
        each.name: each.annotations.get(names.AUTO_IMPORT_BY, "")
        for each in found
        if names.DISABLE_AUTO_IMPORT in each.annotations
    }
    if not any(by.values()):
        return ()
    objects = await all_of(client, paths.ibgus(), RolloutObject)
    works = await all_of(client, paths.works(), ManifestWork, selector=names.SELECTOR)
    known = {each.metadata.uid for each in objects}
    known |= {each.metadata.labels.get(names.ROLLOUT, "") for each in works} | {""}
    return tuple(ImportOff(name, uid) for name, uid in by.items() if uid not in known)


def _without_lca(work: WorkView) -> bool:
    absent = work.apply_error and classify(work.apply_error) is ApplyError.ABSENT
    return bool(absent) or (work.applied and work.target_available == "False")
