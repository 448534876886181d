"""The rollouts on the hub that are newer than one."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.api.changes.other_rollouts import OtherRollouts, SelectingRollout, idle, selecting
from ibgu.core.model import Outcome, RolloutState
from ibgu.core.model.kinds import ManagedFieldsMeta, RolloutObject, RolloutSpec
from ibgu.core.views.change import OtherRollout
from ibgu.db.reads.later import LaterMembership
from tests.api.fleet import spec
from tests.db.records import NOW, rollout

SECOND = NOW.replace(microsecond=0)


def on_hub(uid: str) -> RolloutObject:
    meta = ManagedFieldsMeta(name=f"up-{uid}", uid=uid, creation_timestamp=SECOND.isoformat())
    return RolloutObject(metadata=meta, spec=RolloutSpec())


def test_the_greater_uid_of_one_second_is_newer() -> None:
    found = [on_hub("a"), on_hub("b")]
    older, newer = (rollout(uid, created_at=SECOND) for uid in ("a", "b"))
    assert [each.uid for each in selecting(found, older)] == ["b"]
    assert selecting(found, newer) == []


def later(outcome: Outcome | None, **more: Any) -> LaterMembership:
    """A later rollout of three steps that has the cluster in its first step."""
    fields: dict[str, Any] = {"step": 0, "acted": False, "state": RolloutState.RUNNING} | more
    of = replace(rollout("later"), spec=spec(), state=fields.pop("state"))
    return LaterMembership(of, outcome=outcome, **fields)


@pytest.mark.parametrize(
    ("taken", "found"),
    [
        (later(None), False),
        (later(Outcome.FAILED), True),
        (later(Outcome.FAILED, acted=True), False),
        (later(Outcome.SKIPPED), False),
        (later(Outcome.SKIPPED, step=2), True),
        (later(Outcome.SKIPPED, state=RolloutState.COMPLETE), True),
        (later(Outcome.SUCCEEDED, state=RolloutState.DELETED), True),
        (later(Outcome.SUCCEEDED, state=RolloutState.DELETED, acted=True), False),
    ],
)
def test_a_rollout_that_did_nothing_on_a_cluster_is_idle(
    taken: LaterMembership, found: bool
) -> None:
    assert idle(taken) is found


def test_an_idle_rollout_does_not_have_a_cluster_that_it_selects() -> None:
    five = SelectingRollout("five", OtherRollout("five"), lambda _: True)
    others = OtherRollouts({}, [five], done_nothing={"s1": frozenset({"five"})})
    assert others.newer_of("s1", {"name": "s1"}) is None
    assert others.newer_of("s2", {"name": "s2"}) == OtherRollout("five")
