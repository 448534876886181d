"""A night window in two time zones, on the real API server: the controller's clock leaves out the
hours in which clusters wait for it, and is a real one when it opens."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ibgu.core.model.names import TIME_ZONE
from tests.e2e.clock import ScaledTime
from tests.e2e.harness import Scene
from tests.e2e.manifests import ibgu, step

ZONES = ("Europe/Berlin", "America/New_York")
POLICY = "nights"
OPEN = timedelta(minutes=30)
BEFORE = timedelta(seconds=4)
"""The time until an opening that is not left out."""
STARTS = "SELECT cluster, intended_at FROM runs ORDER BY intended_at"
AT_REST = "SELECT count(*) AS count FROM steps WHERE stopped_since IS NOT NULL"
KEPT = "SELECT count(*) AS count FROM members WHERE reason->>'gate' = 'RolloutPolicy/nights'"


class Nights:
    """Nights are the scene: two clusters in each zone, and the controller's clock."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.clock = ScaledTime(1)
        self.zones: dict[str, str] = {}

    async def begin(self, opens: datetime) -> None:
        """Starts a rollout under a window that opens at that hour and minute of each cluster's
        clock."""
        scene = self.scene
        await scene.fleet(count=2 * len(ZONES))
        assert scene.player is not None
        self.zones = {name: ZONES[n % 2] for n, name in enumerate(scene.player.clusters)}
        for name, zone in self.zones.items():
            label = f"{TIME_ZONE}={zone.replace('/', '.')}"
            await scene.kubectl("label", "managedcluster", name, label)
        window = {
            "cron": f"{opens.minute} {opens.hour} * * *",
            "durationMinutes": OPEN // timedelta(minutes=1),
        }
        policy = {
            "apiVersion": "ibgu.dev/v1alpha1",
            "kind": "RolloutPolicy",
            "metadata": {"name": POLICY},
            "spec": {"windows": [window]},
        }
        await scene.apply(policy)
        await scene.start(clock=self.clock)
        await scene.apply(ibgu("nightly", step("Prep"), fleet=scene.label))

    async def kept(self, count: int) -> None:
        """Waits until so many clusters wait and no other is in flight: the step's clock stands."""

        async def told() -> bool:
            [waiting], [stands] = [await self.scene.journal(each) for each in (KEPT, AT_REST)]
            return bool(waiting["count"] == count and stands["count"])

        await self.scene.until(told, f"{count} clusters to wait for their night")

    async def started(self, count: int) -> dict[str, datetime]:
        found: dict[str, datetime] = {}

        async def begun() -> bool:
            rows = await self.scene.journal(STARTS)
            found.update({row["cluster"]: row["intended_at"] for row in rows})
            return len(found) >= count

        await self.scene.until(begun, f"{count} clusters to start")
        return found


@pytest.fixture
async def nights(scene: Scene) -> AsyncIterator[Nights]:
    yield Nights(scene)
    await scene.kubectl("delete", "rolloutpolicy", POLICY, "--ignore-not-found")


async def test_each_cluster_starts_when_its_own_night_begins(nights: Nights) -> None:
    """The window opens in Berlin an hour later."""
    now = nights.clock.now().astimezone(ZoneInfo(ZONES[0]))
    wall = now.replace(second=0, microsecond=0) + timedelta(hours=1)
    await nights.begin(wall)
    openings = [wall, _next(wall, ZoneInfo(ZONES[1]))]
    for place, opening in enumerate(openings):
        await nights.kept(4 - 2 * place)
        nights.clock.skip_to(opening - BEFORE)
        found = await nights.started(2 * (place + 1))
        mine = [at for name, at in found.items() if nights.zones[name] == ZONES[place]]
        assert len(mine) == 2
        assert all(opening <= at < opening + OPEN for at in mine), (opening, mine)
    await nights.scene.completed("nightly")


def _next(wall: datetime, zone: ZoneInfo) -> datetime:
    """Returns when a clock of the zone shows the same time next."""
    same = wall.replace(tzinfo=zone)
    return same if same > wall else same + timedelta(days=1)
