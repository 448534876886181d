"""Checks that clusters are taken to another release only with the backup that the hub's
RolloutPolicy requires (R50.15), from the events alone."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ibgu.core.drivers import traits
from tests.simulation.checks import Found
from tests.simulation.checks.history import Event
from tests.simulation.loop import BEGINNING

_BACKUPS = "R50 nothing is upgraded without the backup that a policy requires"
_BACKUP = frozenset({"UpgradeBackup", "Backup"})


class DemandsOfPolicy:
    """DemandsOfPolicy knows which rollouts have had which clusters backed up."""

    def __init__(self, found: Found, spec: dict[str, Any], ends: float) -> None:
        """`ends`: when the policy is deleted, in virtual seconds; 0: never."""
        self._check = found.check
        self._named = spec.get("actions", ())
        self._required = "backup" in spec
        self._ends = datetime.fromtimestamp(BEGINNING + ends, UTC) if ends else None
        self._backed_up: set[tuple[Any, str]] = set()

    def read(self, events: Iterable[Event]) -> None:
        """Reads events whose clocks showed the loop's time."""
        for event in events:
            if self._required and event.kind == "RunIntended" and event.cluster is not None:
                self._of_run(event, (event.rollout, event.cluster))

    def _of_run(self, event: Event, key: tuple[Any, str]) -> None:
        action = event.data["action"]
        if action in _BACKUP:
            self._backed_up.add(key)
        elif traits(action).upgrades and (self._ends is None or event.at < self._ends):
            demanded = not self._named or action in self._named
            self._check(_BACKUPS, not demanded or key in self._backed_up, event)
