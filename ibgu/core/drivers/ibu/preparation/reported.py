"""The report of a preparation's work, between two commands."""

from datetime import datetime

from ibgu.core.drivers.ibu.preparation.annotations import auto_rollback, cleanup
from ibgu.core.drivers.ibu.preparation.backup import BackupPreparation, BackupStorage
from ibgu.core.drivers.ibu.preparation.model import Preparation, PreparationKind
from ibgu.core.drivers.ibu.preparation.operators import (
    LIFECYCLE_AGENT,
    OADP,
    OperatorsPreparation,
)
from ibgu.core.drivers.ibu.preparation.work import (
    apply_result,
    left_over,
    readings_of,
    work_name,
    writes,
)
from ibgu.core.model.kinds import ManifestWork

_OPERATORS = tuple((each, each.channel) for each in (LIFECYCLE_AGENT, OADP))
_READERS: dict[PreparationKind, tuple[Preparation, ...]] = {
    PreparationKind.OPERATORS: (
        OperatorsPreparation(_OPERATORS),
        *(OperatorsPreparation((each,)) for each in _OPERATORS),
    ),
    PreparationKind.DPA: (BackupPreparation("", BackupStorage("", "", ""), b""),),
    PreparationKind.CLEANUP: (cleanup(None, disabled=False),),
    PreparationKind.AUTO_ROLLBACK: (auto_rollback(()),),
}
"""Kind -> what reads its report: of both operators, or of the one that was asked for."""


def kind_of(work: ManifestWork) -> PreparationKind:
    """Returns the kind that `work_name` has put into the name."""
    return PreparationKind(work.metadata.name.removeprefix(work_name("")))


def reported(work: ManifestWork) -> str:
    """Returns what the cluster has, in words."""
    for each in _READERS[kind_of(work)]:
        readings = readings_of(work, each.reads)
        if readings is not None:
            return each.objection(readings) or each.state(readings)
    return "not answered yet"


def work_state(work: ManifestWork, now: datetime) -> str:
    """Returns what the work does: it writes only while a command waits for it."""
    if not writes(work):
        return "reads"
    if left_over(work, now):
        return "left over, still writes; run the command again to end it"
    result = apply_result(work)
    if result.done:
        return "applied"
    return f"applying: {result.problem}" if result.problem else "applying"
