"""Invariants that a decision on a member must keep, checked before it is applied (R23.6, R23.7).

The checks cost the same for any number of members, and most decisions change no slot.
"""

from ibgu.core.engine.state.claims import Holder
from ibgu.core.engine.state.step import TrackedStep
from ibgu.core.model import Finished, Kind, Member, Unfinished
from ibgu.core.model.transition_table import check_listed
from ibgu.core.model.transitions import InvariantViolation


def check_decision(step: TrackedStep, event: Kind, member: Member, holder: Holder | None) -> None:
    """Raises InvariantViolation if the records do not allow that the member's record becomes this
    one. `holder`: who has the claim on its cluster."""
    before = step.members.get(member.cluster)
    check_listed(before, event, member)
    if not isinstance(member, Finished):
        _check_current(member)
    if before is None:
        _check_joined(step, member)
    was, slot = before.slot if before is not None else None, member.slot
    if slot is None and was is not None:
        _check_released(member)
    elif slot is not None and slot != was:
        _check_taken(step, member, slot, holder)


def _check_current(member: Unfinished) -> None:
    """Actions go in order: none is repeated, and none left out (R5.1)."""
    done, current = len(member.completed), member.action_index
    if current != done:
        words = f"has {done} actions completed, and is at the one after {current}"
        raise InvariantViolation(f"{member.cluster} {words}")


def _check_joined(step: TrackedStep, member: Member) -> None:
    """A step that has started takes no more members (R2.2)."""
    total = step.step.total
    if len(step.members) >= total:
        raise InvariantViolation(f"{member.cluster} joins a step that has all its {total} members")


def _check_taken(step: TrackedStep, member: Member, slot: int, holder: Holder | None) -> None:
    """A slot within the step's bound, and the claim on the cluster, have one owner (R3.1, R6.1)."""
    bound, owner = step.step.max_concurrency, step.slots.get(slot)
    if not 1 <= slot <= bound:
        raise InvariantViolation(f"{member.cluster} takes slot {slot} of {bound}")
    if owner is not None:
        raise InvariantViolation(f"{member.cluster} takes slot {slot}, which {owner} has")
    if holder is not None:
        raise InvariantViolation(f"{member.cluster} takes slot {slot}, but {holder} has its claim")


def _check_released(member: Member) -> None:
    """A cluster that others may claim has no armed work (R9.2)."""
    if member.run is not None and not member.run.disarmed:
        raise InvariantViolation(f"{member.cluster} releases its slot before it is disarmed")
