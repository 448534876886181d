"""The gate of what comes before an action, such as a backup: it keeps the action while that can't
be done as it was asked for."""

from datetime import datetime

from ibgu.core.engine.gate import GateInput, GateReason
from ibgu.core.engine.gates.gate import StepGate
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import ActingParty, ActionTraits, Reason, ReasonKind, names
from ibgu.core.model.meaning import Meaning

_OFF = (
    f"the annotation {names.BACKUP} asks for a backup before Upgrade, which this hub does not "
    "allow (IBGU_UPGRADE_BACKUPS)"
)


def _part(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    rollout = snapshot.tracked.rollout
    found = (snapshot.driver.part(action, rollout) for action in step.step.actions)
    part = next(filter(None, found), None)
    if part is None:
        return None
    problem = part.problem or ("" if snapshot.facts.upgrade_backups else _OFF)
    if not problem:
        return None
    words = f"{problem}; no Upgrade starts until the annotation is changed or removed"
    return Reason(ReasonKind.BACKUP_NOT_POSSIBLE, now, words, None, ActingParty.PERSON)


def _goes_forward(action: ActionTraits) -> bool:
    """Chooses the actions after which the way back is long."""
    return action.reboots and not action.leads_back


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
    actions=_goes_forward,
    own=True,
    chained=_goes_forward,
)
