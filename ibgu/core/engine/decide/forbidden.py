"""Names the right that the hub's RBAC lacks where a write waits for it: no cluster can end that
(R17.3)."""

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.model import InFlight, ReasonKind, Who


def waits_for_hub(
    ctx: DecisionContext, member: InFlight, denied: str, kind: ReasonKind, message: str
) -> InFlight:
    """Notes `kind` and `message` as the member's reason, or `denied` (of the observation) if it is
    set."""
    if denied:
        return ctx.waits(member, ReasonKind.FORBIDDEN, denied, who=Who.PERSON)
    return ctx.waits(member, kind, message)
