"""Parts of actions, such as the backup before Upgrade: whether they can be done as asked for."""

from collections.abc import Mapping, Sequence

from ibgu.core.engine.driver import Driver
from ibgu.core.model import ActionName, names

_OFF = (
    f"the annotation {names.BACKUP} asks for a backup before Upgrade, which this hub does not "
    "allow (IBGU_UPGRADE_BACKUPS)"
)


def part_problem(
    driver: Driver,
    actions: Sequence[ActionName],
    controls: Mapping[str, str],
    *,
    backups_allowed: bool,
) -> str:
    """Returns why what must come before one of the step's actions can't be done; empty: it can, or
    nothing must."""
    part = next(filter(None, (driver.part(action, controls) for action in actions)), None)
    if part is None or (backups_allowed and not part.problem):
        return ""
    words = "no Upgrade starts until the annotation is changed or removed"
    return f"{part.problem or _OFF}; {words}"
