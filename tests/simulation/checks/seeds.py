"""Checks that nothing starts with a seed image behind its circuit breaker (R19.5)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tests.simulation.checks import Found
from tests.simulation.checks.history import Event

_NAME = "R19 nothing starts with a seed image that has failed too often"
_COUNTS = frozenset({"failed", "refused", "limit"})
_UPGRADES = frozenset({"Prep", "Upgrade"})
"""Actions that bring a cluster to the image."""


class SeedStops:
    """SeedStops recomputes the circuit breaker of the one image from the events of all rollouts.
    Failures that were corrected later do not count: whether they did at the time is not told."""

    def __init__(self, found: Found, image: str, same_cause: int) -> None:
        self._check = found.check
        self._image = image
        self._same_cause = same_cause
        self._with_image: set[str | None] = set()
        self._armed: set[str | None] = set()
        self._ended: dict[str | None, datetime] = {}
        self._failures: dict[Any, tuple[datetime, str | None]] = {}
        """Time and cause by member."""
        self._held: set[Any] = set()
        self._resumed: dict[Any, datetime] = {}
        """When a person has last resumed the rollout behind this hold."""

    def read(self, events: Iterable[Event]) -> None:
        """Reads events whose clocks showed the loop's time."""
        for event in events:
            if "seed" in event.data:
                self._read_seed(event)
            if event.rollout in self._with_image:
                self._read(event)

    def _read_seed(self, event: Event) -> None:
        if event.data["seed"][0].endswith(self._image):
            self._with_image.add(event.rollout)

    def _read(self, event: Event) -> None:
        step, member = (event.rollout, event.step), (event.rollout, event.step, event.cluster)
        match event.kind:
            case "StepHeld" if event.data.get("hold") == "SeedCircuitBreaker":
                self._held.add(step)
            case "StepReleased" if step in self._held:
                self._held.discard(step)
                self._resumed[event.rollout] = event.at
            case "RunArmed" | "RunAccepted":
                self._armed.add(event.run)
            case "RunEnded":
                self._ended[event.run] = event.at
            case "MemberFinished" if self._is_failure(event):
                self._failures[member] = (self._ended[event.run], event.cause)
            case "CompletedLate":
                self._failures.pop(member, None)
            case "RunIntended" if event.data["action"] in _UPGRADES:
                worst = self._worst(self._resumed.get(event.rollout))
                self._check(_NAME, worst < self._same_cause, event, worst)

    def _is_failure(self, event: Event) -> bool:
        told = event.data
        failed = told.get("outcome") == "failed" and told.get("failed_action") == "Upgrade"
        return failed and told.get("result") in _COUNTS and event.run in self._armed

    def _worst(self, since: datetime | None) -> int:
        """Returns the failures with the most frequent cause, after a resume."""
        causes = [cause for at, cause in self._failures.values() if since is None or at > since]
        return max(map(causes.count, causes), default=0)
