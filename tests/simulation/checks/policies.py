"""Checks that no more starts than the hub's RolloutPolicy allows (R50), from the events alone."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any

from ibgu.core.drivers import traits
from ibgu.core.model.actions import whole
from tests.simulation.checks import Found
from tests.simulation.checks.history import Event
from tests.simulation.loop import BEGINNING

_LIMITS = "R50 no more clusters start than a policy has places for"
_FREEZES = "R50 nothing starts in a freeze"


class UnderPolicy:
    """UnderPolicy counts what all rollouts have in flight. Runs that their clusters took after all
    count too, and may be too many (R9.5)."""

    def __init__(self, found: Found, spec: dict[str, Any], ends: float) -> None:
        """`ends`: when the policy is deleted, in virtual seconds; 0: never."""
        self._check = found.check
        self._spec = spec
        self._ends = datetime.fromtimestamp(BEGINNING + ends, UTC) if ends else None
        self._actions: dict[Any, list[str]] = {}
        self._flying: set[tuple[Any, Any, str]] = set()

    def read(self, events: Iterable[Event]) -> None:
        """Reads events whose clocks showed the loop's time."""
        for event in events:
            if event.kind == "StepOpened":
                self._actions[event.rollout, event.step] = event.data["actions"]
            if event.cluster is not None and event.step is not None:
                self._of_member(event, (event.rollout, event.step, event.cluster))

    def _of_member(self, event: Event, member: tuple[Any, Any, str]) -> None:
        if event.kind == "RunIntended" and (self._ends is None or event.at < self._ends):
            self._judge(event, member)
        if event.kind in ("RunIntended", "RunReopened"):
            self._flying.add(member)
        elif event.kind == "MemberFinished" or (
            event.data.get("result") == "withdrawn" and event.data.get("disarmed")
        ):
            self._flying.discard(member)

    def _judge(self, event: Event, member: tuple[Any, Any, str]) -> None:
        action = event.data["action"]
        if traits(action).leads_back:
            return
        for freeze in self._spec.get("freezes", ()):
            over = event.at >= datetime.fromisoformat(freeze["until"])
            self._check(_FREEZES, over or not self._holds([action]), event)
        chain = self._actions[event.rollout, event.step]
        rest = chain[chain.index(whole(action)) :]
        if member in self._flying or not self._holds(rest):
            return
        taken = {cluster for _, _, cluster in self._flying}
        self._check(_LIMITS, len(taken) < self._spec["inFlight"], event, taken)
        for group in self._spec.get("neverTogether", ()):
            beside = taken.intersection(group["clusters"])
            alone = event.cluster not in group["clusters"] or not beside
            self._check(_LIMITS, alone, event, beside)

    def _holds(self, actions: Collection[str]) -> bool:
        named = self._spec.get("actions", ())
        return not named or any(whole(each) in named for each in actions)
