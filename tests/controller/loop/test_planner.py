"""The planner decides later on what it puts off, and forgets nothing of it."""

from random import Random
from typing import Any

from ibgu.controller.loop.planner import Planner
from ibgu.controller.loop.work_queue import WorkQueue
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import Quarantine
from ibgu.core.drivers import DRIVERS
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.timing.times import UNREAD_INTERVAL
from tests.core.recover.objects import UID
from tests.db.records import NOW, members, rollout, step


async def test_clusters_of_a_rollout_that_cant_be_read_are_decided_on_later() -> None:
    """Nothing else may touch them again: they waited for their limit, or were never probed."""
    ours = rollout(UID)
    fleet, queue = FleetState(), WorkQueue()
    fleet.load([ours], [step(ours)], list(members(step(ours), "site-1", "site-2")), [])
    mirror = Mirror(lambda rollout, cluster: None)
    mirror.ibgus.replace([], "5", unread={(ours.namespace, ours.name)})
    unused: Any = None
    planner = Planner(fleet, DRIVERS, mirror, unused, unused, unused, queue, Quarantine(Random(0)))
    draft = await planner.draft({UID: {"site-1": None, "site-2": None}}, [], NOW)
    assert (draft.decided, draft.unread) == ({}, {UID: {"site-1": None, "site-2": None}})
    queue.fire_due_timers(NOW + UNREAD_INTERVAL)
    assert queue.pop() == ({UID: {"site-1": None, "site-2": None}}, [])
