"""Queues the work of the next turn: touched clusters of touched rollouts, and due timers."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from heapq import heappop, heappush
from itertools import islice
from math import inf

from ibgu.flowcontrol.fair import FairQueue, alone

Touched = dict[str, dict[str, None]]
"""Maps rollout uids to the names of their clusters, in the order in which they were touched: added
because of a change or a timer."""

CLUSTERS_PER_TURN = 1_000
"""The most clusters in one turn: while it is decided nothing else runs, not even the Lease's
renewal."""
ROLLOUTS_PER_TURN = 100
"""The most rollouts in one turn: each costs, however few of its clusters were touched."""
YIELD_SECONDS = 0.008
"""Seconds for the other tasks of this process between a turn and the one for its remainder."""
MIN_INTERVAL = 0.025
"""The shortest time in seconds between the beginnings of two turns, even if expedited: a turn is a
commit, and actions end in bursts."""


class WorkQueue:
    """WorkQueue holds what the next turn decides on: clusters by rollout, pending patches, and
    timers. A cluster that is queued twice is decided on once."""

    def __init__(self, tenant_of: Callable[[str], str] = alone) -> None:
        """`tenant_of`: returns the tenant of a rollout by its uid; tenants share turns fairly."""
        self._tenant_of = tenant_of
        self._touched: Touched = {}
        self._timers: list[tuple[datetime, str, str]] = []
        self._due: dict[tuple[str, str], datetime] = {}
        self._pending_patches: dict[str, None] = {}
        self.since = 0.0
        """The monotonic time of the first change that is not taken yet."""
        self.changed = asyncio.Event()
        self._expedited = asyncio.Event()
        self._left_over = False
        self._gathered = -inf

    def expedite(self) -> None:
        """Starts the next turn without waiting for more changes."""
        self._expedited.set()

    async def gather(self, seconds: float) -> None:
        """Waits for more changes for up to `seconds`, or until expedited, and keeps MIN_INTERVAL
        from the turn before. The remainder of that turn continues after YIELD_SECONDS, in which
        other tasks run."""
        loop = asyncio.get_running_loop()
        if self._left_over:
            await asyncio.sleep(YIELD_SECONDS)
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._expedited.wait()
            await asyncio.sleep(max(0.0, self._gathered + MIN_INTERVAL - loop.time()))
        self._gathered = loop.time()

    def touch(self, rollout: str, clusters: Iterable[str] = ()) -> None:
        self._touched.setdefault(rollout, {}).update(dict.fromkeys(clusters))
        self._change()

    def touch_now(self, rollout: str, clusters: Iterable[str] = ()) -> None:
        """Touches and expedites: someone, or a free slot, waits for it."""
        self.touch(rollout, clusters)
        self.expedite()

    def touch_patch(self, uid: str) -> None:
        """Queues a pending patch, by the ManagedCluster's uid."""
        self._pending_patches[uid] = None
        self._change()

    def _change(self) -> None:
        if not self.changed.is_set():
            self.since = time.monotonic()
            self.changed.set()

    def at(self, when: datetime, rollout: str, cluster: str) -> None:
        """Sets a timer that touches the key; an earlier timer of the same key stays, a later one is
        replaced.

        `cluster` may be "" for the rollout itself; with `rollout` "" it is the uid of a
        ManagedCluster with a pending patch.
        """
        known = self._due.get((rollout, cluster))
        if known is None or when < known:
            self._due[rollout, cluster] = when
            heappush(self._timers, (when, rollout, cluster))

    def next_timer(self) -> datetime | None:
        while self._timers and self._due.get(self._timers[0][1:]) != self._timers[0][0]:
            heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def fire_due_timers(self, now: datetime) -> None:
        """Touches what is due."""
        while (when := self.next_timer()) is not None and when <= now:
            _, rollout, cluster = heappop(self._timers)
            del self._due[rollout, cluster]
            if rollout:
                self.touch(rollout, [cluster] if cluster else [])
            else:
                self.touch_patch(cluster)

    def pop(
        self, most: int = CLUSTERS_PER_TURN, rollouts: int = ROLLOUTS_PER_TURN
    ) -> tuple[Touched, list[str]]:
        """Returns what was touched since the last call, and the uids with pending patches to decide
        on.

        With more than `most` clusters or `rollouts` rollouts it returns a part, in which every
        tenant has its share; a rollout with a remainder comes last the next time.
        """
        taken: Touched = {}
        for uid, count in self._shared(most, rollouts):
            clusters = self._touched.pop(uid)
            taken[uid] = dict.fromkeys(islice(clusters, count))
            if count < len(clusters):
                self._touched[uid] = {name: None for name in clusters if name not in taken[uid]}
        pending_patches, self._pending_patches = list(self._pending_patches), {}
        self._left_over = bool(self._touched)
        if not self._left_over:
            self.changed.clear()
            self._expedited.clear()
        return taken, pending_patches

    def _shared(self, most: int, rollouts: int) -> list[tuple[str, int]]:
        """Returns the next rollouts and the number of clusters of each: tenants alternate, and no
        tenant takes more than its share of the clusters while others have some."""
        queue: FairQueue[str] = FairQueue(self._tenant_of)
        for touched in self._touched:
            queue.push(touched, touched)
        left = Counter(map(self._tenant_of, self._touched))
        found: list[tuple[str, int]] = []
        while most > 0 and len(found) < rollouts and (uid := queue.pop()) is not None:
            share = -(-most // len(left))
            found.append((uid, min(share, len(self._touched[uid]))))
            most -= found[-1][1]
            tenant = self._tenant_of(uid)
            left[tenant] -= 1
            if not left[tenant]:
                del left[tenant]
        return found
