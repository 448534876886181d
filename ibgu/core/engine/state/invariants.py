"""What a decision on a member must keep, checked before it is applied (R23.6)."""

from ibgu.core.engine.state.claims import Holder
from ibgu.core.engine.state.step import TrackedStep
from ibgu.core.model import Kind, Member
from ibgu.core.model.transition_table import check_listed


def check_decision(step: TrackedStep, event: Kind, member: Member, holder: Holder | None) -> None:
    """Raises InvariantViolation if the records do not allow that the member's record becomes this
    one. `holder`: who has the claim on its cluster."""
    check_listed(step.members.get(member.cluster), event, member)
