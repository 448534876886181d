"""Membership is taken from one list, and from what ibgu itself has written since."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from msgspec import json

from ibgu.controller.lookups.membership import MembershipLister
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.lookups.preflights import Preflights
from ibgu.controller.lookups.tenants import Tenants
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import Quarantine
from ibgu.core.drivers import DRIVERS
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.model import Rollout, Step
from ibgu.core.model.kinds import ManagedCluster, PlanItem, RolloutSpec
from ibgu.core.model.shown import shown_cluster
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.sandbox.hub import SandboxHub

LABEL = Action.PREP.completed_label


def opening(uid: str = "r") -> TrackedRollout:
    spec = RolloutSpec(plan=[PlanItem(["Upgrade"])])
    now = datetime.now(UTC)
    tracked = TrackedRollout(
        Rollout(uid=uid, namespace="default", name="r", created_at=now, spec=spec)
    )
    step = Step(
        rollout=uid,
        index=0,
        actions=(Action.UPGRADE,),
        max_concurrency=1,
        timeout=timedelta(hours=1),
    )
    tracked.open(step)
    return tracked


def nothing(*_: str) -> None:
    """Nobody has to be notified."""


def preflights(admin: HubClient) -> Preflights:
    """Returns a preflight that knows no rollout, and so evaluates nothing."""
    return Preflights(
        FleetState(),
        DRIVERS,
        Mirror(nothing),
        Payloads(DRIVERS, admin, "ns:name"),
        Quarantine(Random(0)),
        lambda: datetime.now(UTC),
        nothing,
        None,
    )


async def test_a_label_that_is_settled_after_the_list_counts(
    sandbox_hub: SandboxHub, unique_name: Callable[[str], str]
) -> None:
    """The cluster would silently be left out of the step (its patch is done by then)."""
    name = unique_name("site")
    token, ca = sandbox_hub.token("admin"), str(sandbox_hub.ca_file)
    async with (
        await HubClient.with_token(sandbox_hub.url, token, ca) as admin,
        asyncio.TaskGroup() as tasks,
    ):
        body = {
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": name},
        }
        await admin.request("POST", paths.MANAGED_CLUSTERS, body=body)
        mirror, listed, tracked = Mirror(nothing), asyncio.Event(), opening()
        lister = MembershipLister(
            admin,
            mirror,
            Payloads(DRIVERS, admin, "ns:name"),
            Tenants(admin, "ns:name", on=False),
            preflights(admin),
            tasks,
            lambda _: listed.set(),
        )
        lister.request(tracked)
        await listed.wait()
        path = paths.managed_cluster(name)
        patch = {"metadata": {"labels": {LABEL: ""}}}
        answer = await admin.request("PATCH", path, body=patch, content_type=paths.MERGE_PATCH)
        mirror.clusters.put_newer(shown_cluster(json.decode(answer, type=ManagedCluster)))
        found = lister.take(tracked)
        assert found is not None
        assert LABEL in next(cluster.labels for cluster in found.clusters if cluster.name == name)
        assert lister.take(tracked) is None
        await admin.request("DELETE", path)


STEPS = 250


async def test_steps_that_open_together_share_a_list(sandbox_hub: SandboxHub) -> None:
    """One for all who asked before it began, and one for anyone who asks while it is under way."""
    token, ca = sandbox_hub.token("admin"), str(sandbox_hub.ca_file)
    tracked_rollouts = [opening(f"r{number}") for number in range(STEPS)]
    async with (
        await HubClient.with_token(sandbox_hub.url, token, ca) as admin,
        asyncio.TaskGroup() as tasks,
    ):
        told: asyncio.Queue[str] = asyncio.Queue()
        lister = MembershipLister(
            admin,
            Mirror(nothing),
            Payloads(DRIVERS, admin, "ns:name"),
            Tenants(admin, "ns:name", on=False),
            preflights(admin),
            tasks,
            told.put_nowait,
        )
        for tracked in tracked_rollouts:
            lister.request(tracked)
            lister.request(tracked)
        uids = {await told.get() for _ in tracked_rollouts}
        assert uids == {tracked.rollout.uid for tracked in tracked_rollouts}
        assert all(lister.take(tracked) is not None for tracked in tracked_rollouts)
        lists = admin.requests.total()
        assert lists <= 2
        late = opening("late")
        lister.request(late)
        assert await told.get() == "late"
        assert admin.requests.total() == lists + 1, "one from before it opened is too old"
