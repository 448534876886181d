"""What waits for a write that the hub's RBAC forbids says so: no cluster can end that (R17.3)."""

from ibgu.core.decide.context import DecisionContext
from ibgu.core.model import Member, ReasonKind, Who


def waits_for_hub(
    ctx: DecisionContext, member: Member, denied: str, kind: ReasonKind, message: str
) -> Member:
    """`kind` and `message`, unless `denied` (of the observation) is what keeps the member."""
    if denied:
        return ctx.waits(member, ReasonKind.FORBIDDEN, denied, who=Who.PERSON)
    return ctx.waits(member, kind, message)
