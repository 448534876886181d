"""Parts of actions, such as the backup before Upgrade: whether they can be done as asked for."""

from collections.abc import Mapping, Sequence

from ibgu.core.engine.driver import Driver
from ibgu.core.model import ActionName, names
from ibgu.core.model.actions import whole

_OFF = (
    f"the annotation {names.BACKUP} asks for a backup before Upgrade, which this hub does not "
    "allow (IBGU_UPGRADE_BACKUPS)"
)


def part_problem(
    driver: Driver,
    actions: Sequence[ActionName],
    controls: Mapping[str, str],
    *,
    upgrade_backups: bool,
) -> str:
    """Returns why what must come before one of the step's actions can't be done; empty: it can, or
    nothing must."""
    part = next(filter(None, (driver.part(action, controls) for action in actions)), None)
    if part is None or (upgrade_backups and not part.problem):
        return ""
    words = "nothing starts until the annotation is changed or removed"
    return f"{part.problem or _OFF}; {words}"


def part_hindrance(
    driver: Driver, action: ActionName, controls: Mapping[str, str], *, upgrade_backups: bool
) -> str | None:
    """Returns why nothing more is made for a run of this action, where it is a part of another one;
    empty: the part is not asked for any more; None: it is to be done."""
    planned = whole(action)
    if planned == action:
        return None
    part = driver.part(planned, controls)
    if part is None or part.action != action:
        return ""
    return part_problem(driver, [planned], controls, upgrade_backups=upgrade_backups) or None
