"""The gate of what comes before an action, such as a backup: it keeps the action while that can't
be done as it was asked for."""

from datetime import datetime

from ibgu.core.engine.gate import GateInput, GateReason
from ibgu.core.engine.gates.gate import StepGate
from ibgu.core.engine.parts import part_problem
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import ActingParty, ActionTraits, Reason, ReasonKind
from ibgu.core.model.actions import table_of
from ibgu.core.model.meaning import Meaning


def _part(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    words = part_problem(
        snapshot.driver,
        step.step.actions,
        snapshot.tracked.rollout.controls,
        upgrade_backups=snapshot.facts.upgrade_backups,
    )
    if not words:
        return None
    return Reason(ReasonKind.BACKUP_NOT_POSSIBLE, now, words, None, ActingParty.PERSON)


def _goes_forward(action: ActionTraits) -> bool:
    """Chooses the actions after which the way back is long."""
    return action.reboots and not action.leads_back


def _may_lead_to_a_part(action: ActionTraits) -> bool:
    """Chooses the first actions of steps in which a part may come: a step that can't do it does not
    begin."""
    return action.preflight and bool(table_of(action.name).parts)


PART = StepGate(
    name="backup",
    check=_part,
    reasons={
        ReasonKind.BACKUP_NOT_POSSIBLE: GateReason(
            meaning=Meaning(
                "the annotations ask for a backup before Upgrade that can't be taken, or that the "
                "hub's administrator does not allow",
                "the annotation is changed or removed, or the administrator allows such backups",
                "change or remove the annotation that the line above names",
            ),
            stops_clock=True,
            by_message=True,
            opened="continues: the backup can be taken, or is not asked for any more",
        ),
    },
    needs=frozenset({GateInput.RECORDS}),
    actions=_may_lead_to_a_part,
    own=True,
    chained=_goes_forward,
)
