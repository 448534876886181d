"""Other rollouts are decided on again when one leaves their cluster."""

import pytest

from ibgu.controller.loop.affected_clusters import AffectedClusters
from ibgu.controller.loop.work_queue import WorkQueue
from ibgu.core.engine.state import FleetState
from ibgu.core.model import Kind, OnMember
from tests.core.engine.state.records import done, member, rollout, step


@pytest.mark.parametrize(
    ("kind", "touched"),
    [
        (Kind.FINISHED, True),
        (Kind.RESUMED, True),
        (Kind.UNWATCHED, True),
        (Kind.COMPLETED_LATE, True),
        (Kind.RESUME_DUE, False),
        (Kind.DETAILED, False),
    ],
)
def test_a_rollout_that_waits_for_the_cluster_is_decided_on_again(
    kind: Kind, touched: bool
) -> None:
    fleet = FleetState()
    first, second = rollout(), rollout(uid="uid-b", name="b")
    steps = [step(total=1), step(total=1, rollout="uid-b")]
    fleet.load([first, second], steps, [done("site-1"), member(rollout="uid-b")], ())
    queue = WorkQueue()
    AffectedClusters(fleet, queue, {}).add(OnMember(kind, done("site-1"), "why"))
    found, _ = queue.pop()
    assert ("uid-b" in found) is touched
