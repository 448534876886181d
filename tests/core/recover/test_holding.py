"""The rollouts that are held after the hub was restored, and what is recorded."""

from datetime import datetime
from typing import Any

import pytest

from ibgu.core.model import Kind, ReasonKind, Rollout, RolloutState, Step, StepState
from ibgu.core.model.kinds import RolloutObject
from ibgu.core.recover import hold_all
from tests.core.engine.state.records import NOW, rollout, spec, step
from tests.core.recover.objects import UID, obj, track

GONE: dict[str, Any] = {"state": RolloutState.DELETED, "deleted_at": NOW}


def after(of: Rollout, *steps: Step, found: RolloutObject | None) -> list[Rollout]:
    ibgus = {UID: found} if found is not None else {}
    return [decision.rollout for decision in hold_all([track(of, *steps)], ibgus, "proof", NOW)]


@pytest.mark.parametrize("state", [RolloutState.PENDING, RolloutState.RUNNING])
def test_unfinished_rollouts_are_held_after_a_restore(state: RolloutState) -> None:
    (held,) = after(rollout(state=state), found=obj())
    assert (held.state, held.stands_still) == (state, True)
    assert held.restore
    assert held.hold is not None
    assert "proof" in held.hold.message
    assert "ibgu.dev/resume" in held.hold.message


def test_another_hold_gives_way() -> None:
    """The other hold comes back after the resume if it has to."""
    first = rollout(hold=rollout().hold)
    (held,) = after(first, found=obj())
    assert held.hold is not None
    assert held.hold.kind is ReasonKind.RESTORED


def test_a_complete_rollout_stays_complete_and_is_marked_restored() -> None:
    (held,) = after(rollout(state=RolloutState.COMPLETE), found=obj())
    assert (held.state, held.hold, bool(held.restore)) == (RolloutState.COMPLETE, None, True)


def test_a_rollout_without_its_ibgu_is_held_too() -> None:
    """The next turn finds it deleted."""
    (held,) = after(rollout(), found=None)
    assert held.stands_still


def test_old_wishes_that_came_back_are_no_new_ones() -> None:
    found = obj(annotations={"ibgu.dev/resume": "old"})
    (held,) = after(
        rollout(controls={"ibgu.dev/resume": "new", "ibgu.dev/circuit-breaker": "off"}), found=found
    )
    assert held.controls == {"ibgu.dev/resume": "old", "ibgu.dev/circuit-breaker": "off"}


@pytest.mark.parametrize("found", [None, obj(deletion_timestamp="2026-01-01T00:00:00Z")])
def test_a_deleted_rollout_without_its_ibgu_is_unchanged(found: RolloutObject | None) -> None:
    assert after(rollout(**GONE), found=found) == []


OVER = StepState.FINISHED


@pytest.mark.parametrize(
    ("steps", "completed_at", "state"),
    [
        ([], None, RolloutState.PENDING),
        ([step()], None, RolloutState.RUNNING),
        ([step(state=OVER)], NOW, RolloutState.RUNNING),
        ([step(state=OVER), step(index=1, state=OVER)], None, RolloutState.RUNNING),
        ([step(state=OVER), step(index=1, state=OVER)], NOW, RolloutState.COMPLETE),
    ],
)
def test_a_deleted_rollout_that_is_back_keeps_its_progress(
    steps: list[Step], completed_at: datetime | None, state: RolloutState
) -> None:
    """A deletion ends the step, and with it perhaps the last one: that completes nothing."""
    before = rollout(spec=spec("Prep", "Prep"), completed_at=completed_at, **GONE)
    (back,) = after(before, *steps, found=obj())
    assert (back.state, back.deleted_at) == (state, None)
    assert back.stands_still == (state is not RolloutState.COMPLETE)


def test_holds_and_imports_are_recorded() -> None:
    running, complete = track(rollout()), track(rollout("b", state=RolloutState.COMPLETE))
    kinds = [d.kind for d in hold_all([running, complete], {}, "proof", NOW)]
    assert kinds == [Kind.ROLLOUT_HELD, Kind.IMPORTED]
