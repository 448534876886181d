"""Finds the known failure in a cluster's message."""

from functools import lru_cache

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.failures.ending import ANY, IDLE, ROLLBACK
from ibgu.core.drivers.ibu.failures.known import KnownFailure
from ibgu.core.drivers.ibu.failures.prep_backup import BACKUP
from ibgu.core.drivers.ibu.failures.prep_request import REQUEST
from ibgu.core.drivers.ibu.failures.prep_seed import SEED
from ibgu.core.drivers.ibu.failures.upgrade import AUTOMATIC_ROLLBACK, BEFORE_REBOOT, ON_NEW_RELEASE
from ibgu.core.drivers.ibu.failures.upgrade_backup import BACKUP_BEFORE
from ibgu.core.model import ActionName, traits

KNOWN: tuple[KnownFailure, ...] = (
    *REQUEST,
    *BACKUP,
    *SEED,
    *AUTOMATIC_ROLLBACK,
    *ON_NEW_RELEASE,
    *BACKUP_BEFORE,
    *BEFORE_REBOOT,
    *ROLLBACK,
    *IDLE,
    *ANY,
)
"""The table in order: the first row that matches is the result."""

_BY_STAGE = {stage: tuple(row for row in KNOWN if stage in row.stages) for stage in Stage}


@lru_cache(maxsize=1024)
def explain(action: ActionName, message: str) -> KnownFailure | None:
    """Returns the known failure; `message` may stand inside more text, as after a timeout. None:
    unknown, or the message of a cluster that stood elsewhere before the action began: if it quotes
    a failure, that is an earlier one's, with another remedy."""
    if f"{action} needs a" in message and ", but its " in message:
        return None
    rows = _BY_STAGE[Stage(traits(action).stage)]
    return next((row for row in rows if row.pattern.search(message)), None)
