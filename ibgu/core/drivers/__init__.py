"""The drivers of all kinds of change, by the kind of the object that asks for it."""

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.ibu import IBU
from ibgu.core.engine.driver import Driver, Drivers, FailureText, KindMeanings, KindTexts
from ibgu.core.model import ActionName
from ibgu.core.model.actions import (
    allowed,
    carry_payload,
    declared,
    every_action,
    table_of,
    traits,
)

__all__ = [
    "DRIVERS",
    "KIND_TEXTS",
    "allowed",
    "carry_payload",
    "declared",
    "every_action",
    "failure_names",
    "table_of",
    "traits",
]

DRIVERS: Drivers = {driver.kind: driver for driver in [IBU, CLUSTER_VERSION]}
"""The only place that lists the kinds of change: who imports from here has declared
the actions of all of them."""


class _KindTexts:
    """_KindTexts asks the driver whose action it is. An action of no kind has no known failures;
    its meanings are a KeyError."""

    def __init__(self, drivers: Drivers) -> None:
        self._of_action: dict[ActionName, Driver] = {
            action.name: each
            for each in drivers.values()
            for action in (*each.actions.actions, *each.actions.parts)
        }

    def failure(self, action: ActionName, message: str) -> FailureText | None:
        driver = self._of_action.get(action)
        return driver.failure(action, message) if driver is not None else None

    def meanings(self, action: ActionName | None) -> KindMeanings:
        return KindMeanings() if action is None else self._of_action[action].meanings(action)


KIND_TEXTS: KindTexts = _KindTexts(DRIVERS)
"""The texts of all kinds of change, by action."""


def failure_names() -> list[str]:
    """Returns the names of all known failures, of every kind of change."""
    return list(dict.fromkeys(name for driver in DRIVERS.values() for name in driver.failures))
