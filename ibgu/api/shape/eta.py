"""When a running step will be over."""

from ibgu.api.schemas.rollouts import EtaBody
from ibgu.core.forecast import InFlight, Paces, Rest, eta
from ibgu.core.gates import deadline
from ibgu.core.model import MemberState, Reason, StepState
from ibgu.core.words import startable
from ibgu.db.views import StepRow


def eta_body(row: StepRow | None, hold: Reason | None, paces: Paces) -> EtaBody | None:
    """None for a step that does not run, or that is held: nobody knows for how long."""
    if row is None or row.step.state is not StepState.RUNNING or hold is not None:
        return None
    found = eta(_rest(row), row.now, paces)
    return EtaBody.model_validate(found, from_attributes=True) if found else None


def _rest(row: StepRow) -> Rest:
    """Who has all actions behind it and is yet to be disarmed gives its slot back at once."""
    step, now = row.step, row.now
    waiting = [each for each in row.reasons if each.state is MemberState.WAITING]
    ready = sum(each.count for each in waiting if startable(each.state, each.kind))
    return Rest(
        actions=step.actions,
        slots=step.max_concurrency,
        waiting=ready,
        blocked=sum(each.count for each in waiting) - ready,
        in_flight=[
            InFlight(
                step.actions[each.action_index :],
                (now - each.began).total_seconds() if each.began else 0.0,
            )
            for each in row.flights
            if each.action_index < len(step.actions)
        ],
        deadline=deadline(step, now),
    )
