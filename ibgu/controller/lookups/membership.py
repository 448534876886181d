"""Provides opening steps with a consistent list of ManagedClusters (R2.1) and with the clusters of
it that the rollout's namespace may take."""

import asyncio
from collections.abc import Callable, Sequence

import structlog
from msgspec import Struct

from ibgu.controller.lookups.listing import Clusters
from ibgu.controller.lookups.payloads import Payloads, carries
from ibgu.controller.lookups.preflights import Preflights
from ibgu.controller.lookups.tenants import Tenants
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import attributed_to
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import ClusterView, Rollout
from ibgu.core.model.shown import HubObject
from ibgu.core.plan import Scope, matcher
from ibgu.flowcontrol.fair import FairSlots
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub

log = structlog.get_logger("ibgu.controller")

READING = 16
"""Rollouts whose payloads are read at a time."""
RETRY_SECONDS = 15.0
"""Seconds until a step that could not start (payload, hub) is retried."""


class MembershipList(Struct, frozen=True):
    """MembershipList holds what a step opens with, read at one moment."""

    scope: Scope
    clusters: Sequence[ClusterView]
    """Empty if the scope has a problem: the step then stays closed."""


class _ListedClusters(Struct, frozen=True):
    scope: Scope
    clusters: list[HubObject[ClusterView]]


class MembershipLister:
    """MembershipLister lists in the background; `done` is called with the rollout's uid when a list
    is there."""

    def __init__(
        self,
        client: Hub,
        mirror: Mirror,
        payloads: Payloads,
        tenants: Tenants,
        preflights: Preflights,
        tasks: asyncio.TaskGroup,
        done: Callable[[str], None],
    ) -> None:
        self._clusters = Clusters(client, tasks)
        self._mirror = mirror
        self._payloads = payloads
        self._tenants = tenants
        self._preflights = preflights
        self._tasks = tasks
        self._requeue = done
        self._reading = FairSlots(READING)
        self._open: dict[tuple[str, int], _ListedClusters | None] = {}

    def request(self, tracked: TrackedRollout) -> None:
        """Requests the list for the opening step; a second call changes nothing."""
        step = tracked.current
        assert step is not None
        if step.step.key not in self._open:
            self._open[step.step.key] = None
            delay = RETRY_SECONDS if step.step.hold else 0.0
            self._tasks.create_task(self._list(tracked.rollout, step.step.index, delay))

    def forget(self, rollout: str) -> None:
        """Drops the rollout's lists."""
        for key in [key for key in self._open if key[0] == rollout]:
            del self._open[key]

    def take(self, tracked: TrackedRollout) -> MembershipList | None:
        """Returns the list for the rollout's opening step, once; None if there is none (yet).

        Where the mirror is ahead of the list, the mirror counts: a label patch that was applied
        after the list is in the mirror only. Where the mirror's watch is behind, it learns from the
        list: a new member must not look like a deleted one.
        """
        step = tracked.current
        listed = self._open.get(step.step.key) if step is not None else None
        if step is None or listed is None:
            return None
        del self._open[step.step.key]
        return MembershipList(listed.scope, [self._newer(cluster) for cluster in listed.clusters])

    async def _list(self, rollout: Rollout, step: int, delay: float) -> None:
        """Lists until the hub answers, or the list is no longer wanted; then reports it
        (`done`)."""
        await asyncio.sleep(delay)
        while (rollout.uid, step) in self._open:
            try:
                with attributed_to(rollout.uid):
                    found = await self._read(rollout, step)
                self._put((rollout.uid, step), found)
            except HubError as error:
                names = {"rollout": rollout.full_name, "step": step + 1}
                log.warning("can't list clusters", **names, error=str(error))
                await asyncio.sleep(0.1 if error.gone else RETRY_SECONDS / 5)
            else:
                self._requeue(rollout.uid)
                return

    def _put(self, key: tuple[str, int], found: _ListedClusters) -> None:
        if key in self._open:
            self._open[key] = found

    async def _read(self, rollout: Rollout, step: int) -> _ListedClusters:
        async with self._reading.of(rollout.namespace):
            scope = await self._tenants.fresh(rollout.namespace)
            if scope.problem:
                return _ListedClusters(scope, [])
            # A step that stays closed needs no list of the whole fleet, again and again.
            if carries(rollout, step) and (await self._payloads.read(rollout)).problem:
                return _ListedClusters(scope, [])
        clusters = await self._clusters.listed()
        await self._preflights.before_start(rollout, self._chosen(rollout, scope, clusters))
        return _ListedClusters(scope, clusters)

    def _chosen(
        self, rollout: Rollout, scope: Scope, clusters: Sequence[HubObject[ClusterView]]
    ) -> list[ClusterView]:
        """Returns the clusters of which the step's members will be a part."""
        selected = matcher(rollout.spec.cluster_label_selectors)
        views = (each.view for each in clusters)
        return [each for each in views if selected(each.labels) and scope.includes(each.labels)]

    def _newer(self, listed: HubObject[ClusterView]) -> ClusterView:
        self._mirror.clusters.put_newer(listed)
        known = self._mirror.clusters.get(("", listed.metadata.name))
        return known.view if known is not None else listed.view
