"""The work of a leading controller beside its terms: notifications, labels, inspections."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.controller.inspections import Inspector, inspecting
from ibgu.controller.journal.labels import LabelKeeper, keeping
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.notify import Notifier, notifying
from ibgu.flowcontrol.deadline import Deadline
from ibgu.hub.discovery import Served
from ibgu.hub.port import Hub
from ibgu.settings import Settings


class LeaderTasks(Struct):
    """LeaderTasks holds the tasks that the settings ask for; None: not that one."""

    notifier: Notifier | None = None
    labels: LabelKeeper | None = None
    inspector: Inspector | None = None

    def lead(
        self, epoch: int, deadline: Deadline, mirror: Mirror, talm_holds: Callable[[], bool]
    ) -> None:
        """Starts all of them in that epoch. `talm_holds`: whether nothing may be written beside a
        live TALM."""
        if self.notifier is not None:
            self.notifier.lead(epoch)
        if self.labels is not None:
            names = [cluster.metadata.name for cluster in mirror.clusters]
            self.labels.lead(epoch, mirror.labels, names)
        if self.inspector is not None:
            self.inspector.lead(epoch, deadline, mirror.cluster, talm_holds)

    def cluster_changed(self, cluster: str) -> None:
        if self.labels is not None:
            self.labels.changed(cluster)

    def rest(self) -> None:
        """Asks all of them to stop, and does not wait for it."""
        for each in (self.notifier, self.labels, self.inspector):
            if each is not None:
                each.rest()


@asynccontextmanager
async def leader_tasks(
    settings: Settings, client: Hub, engine: AsyncEngine, served: Served
) -> AsyncIterator[LeaderTasks]:
    """Yields the tasks that the settings ask for, and waits for their end. Raises SettingsError."""
    async with (
        notifying(settings, served.hub) as notifier,
        keeping(engine, served.hub) as labels,
        inspecting(settings, client, engine, served) as inspector,
    ):
        yield LeaderTasks(notifier, labels, inspector)
