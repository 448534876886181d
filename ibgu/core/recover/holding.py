"""Holds rollouts after a restore: the record, and the message for a person."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec.structs import replace

from ibgu.core.engine.decide.restored import RESUME, restored
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import Kind, OnRollout, Rollout, RolloutState, names
from ibgu.core.model.kinds import RolloutObject
from ibgu.core.model.records import restore_mark


def hold_all(
    tracked_rollouts: Iterable[TrackedRollout],
    objects: dict[str, RolloutObject],
    proof: str,
    now: datetime,
) -> Iterator[OnRollout]:
    """Marks every rollout with the restore; those that are not complete are held."""
    for tracked in tracked_rollouts:
        rollout, found = tracked.rollout, objects.get(tracked.rollout.uid)
        if rollout.state is RolloutState.DELETED and (found is None or _leaving(found)):
            continue
        yield _held(_back(tracked), found, proof, now)


def _leaving(found: RolloutObject) -> bool:
    return found.metadata.deletion_timestamp is not None


def _back(tracked: TrackedRollout) -> Rollout:
    """Returns a deleted rollout to life, at the point that it had reached: the deletion itself has
    ended its step, but completed nothing."""
    rollout = tracked.rollout
    if rollout.state is not RolloutState.DELETED:
        return rollout
    state = RolloutState.RUNNING if tracked.steps else RolloutState.PENDING
    if rollout.completed_at is not None and len(tracked.steps) >= len(rollout.spec.plan):
        state = RolloutState.COMPLETE
    return replace(rollout, state=state, deleted_at=None)


def _held(rollout: Rollout, found: RolloutObject | None, proof: str, now: datetime) -> OnRollout:
    rollout = replace(rollout, restore=restore_mark(now), controls=acted_on(rollout, found))
    if rollout.state is RolloutState.COMPLETE:
        words = f"the hub was restored from an older backup: {proof}"
        return OnRollout(Kind.IMPORTED, rollout, words)
    reason = restored(
        f"the hub was restored from an older backup ({proof}): everything is disarmed, "
        "nothing starts, and the labels that ibgu had written are put back; see that plan, labels "
        f"and clusters are as you want them, {RESUME}",
        now,
    )
    return OnRollout(Kind.ROLLOUT_HELD, replace(rollout, hold=reason), reason.message, warning=True)


def acted_on(rollout: Rollout, found: RolloutObject | None) -> dict[str, str]:
    """Returns the controls with those now on the IBGU as acted on: a restore may have brought back
    old ones, or the journal may have forgotten that it acted on them."""
    annotations = found.metadata.annotations if found is not None else {}
    lasting = {
        key: names.journaled(annotations[key]) for key in names.CONTROLS if key in annotations
    }
    return {**rollout.controls, **lasting}
