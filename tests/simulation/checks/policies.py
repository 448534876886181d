"""Checks that no more starts than the hub's RolloutPolicies allow (R50), from the events alone."""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import Any

from ibgu.core.drivers import traits
from ibgu.core.model.actions import whole
from tests.simulation.checks import Found
from tests.simulation.checks.history import Event
from tests.simulation.contention import NONSENSE
from tests.simulation.loop import BEGINNING
from tests.simulation.networks import is_open

_LIMITS = "R50 no more clusters start than a policy has places for"
_FREEZES = "R50 nothing starts in a freeze"
_WINDOWS = "R50 nothing starts while no window is open"
_FOLLOWED = "R50 nothing starts under a policy that can't be followed"

Spec = dict[str, Any]
InForce = Callable[[datetime], Spec]
"""Returns the spec of a policy as it is in force; empty: it is not."""


def until(spec: Spec, ends: float) -> InForce:
    """`ends`: when the policy is deleted, in virtual seconds; 0: never."""
    end = datetime.fromtimestamp(BEGINNING + ends, UTC) if ends else None
    return lambda at: spec if end is None or at < end else {}


def holds(spec: Spec, actions: Collection[str]) -> bool:
    """Returns whether the policy holds any of the actions."""
    named = spec.get("actions", ())
    return not named or any(whole(each) in named for each in actions)


class Flights:
    """Flights knows what each cluster is to do, and which ones are in flight."""

    def __init__(self) -> None:
        self.flying: set[tuple[Any, Any, str]] = set()
        self._actions: dict[Any, list[str]] = {}

    @property
    def clusters(self) -> set[str]:
        return {cluster for _, _, cluster in self.flying}

    def begins(self, event: Event) -> bool:
        """Returns whether the cluster begins its step with this run."""
        return (event.rollout, event.step, event.cluster) not in self.flying

    def rest(self, event: Event) -> list[str]:
        """Returns the action of the run, and those that follow it in the step."""
        chain = self._actions[event.rollout, event.step]
        return chain[chain.index(whole(event.data["action"])) :]

    def note(self, event: Event) -> None:
        if event.kind == "StepOpened":
            self._actions[event.rollout, event.step] = event.data["actions"]
        if event.cluster is None or event.step is None:
            return
        member = (event.rollout, event.step, event.cluster)
        if event.kind in ("RunIntended", "RunReopened"):
            self.flying.add(member)
        elif event.kind == "MemberFinished" or (
            event.data.get("result") == "withdrawn" and event.data.get("disarmed")
        ):
            self.flying.discard(member)


class UnderPolicy:
    """UnderPolicy counts what all rollouts have in flight. Runs that their clusters took after all
    count too, and may be too many (R9.5)."""

    def __init__(
        self,
        found: Found,
        in_force: InForce,
        passes: Callable[[Event], bool] = lambda event: False,
        zone: str = "Europe/Berlin",
    ) -> None:
        """`passes`: whether somebody may have let the rollout pass the policy. `zone`: that of the
        clusters."""
        self._zone = zone
        self._check = found.check
        self._in_force = in_force
        self._passes = passes
        self._flights = Flights()

    def read(self, events: Iterable[Event]) -> None:
        """Reads events whose clocks showed the loop's time."""
        for event in events:
            if event.kind == "RunIntended" and not self._passes(event):
                self._judge(event, self._in_force(event.at))
            self._flights.note(event)

    def _judge(self, event: Event, spec: Spec) -> None:
        action = event.data["action"]
        if not spec or traits(action).leads_back:
            return
        wrong = any(window["cron"] == NONSENSE for window in spec.get("windows", ()))
        self._check(_FOLLOWED, not wrong, event)
        windows = [each for each in spec.get("windows", ()) if each["cron"] != NONSENSE]
        if windows and holds(spec, [action]):
            opened = any(is_open(each, self._zone, event.at) for each in windows)
            self._check(_WINDOWS, opened, event, windows)
        for freeze in spec.get("freezes", ()):
            over = event.at >= datetime.fromisoformat(freeze["until"])
            self._check(_FREEZES, over or not holds(spec, [action]), event)
        if not self._flights.begins(event) or not holds(spec, self._flights.rest(event)):
            return
        taken = self._flights.clusters
        for limit in spec.get("perTopology", ()):
            self._check(_LIMITS, len(taken) < limit["maximum"], event, taken)
        if most := spec.get("inFlight"):
            self._check(_LIMITS, len(taken) < most, event, taken)
        for group in spec.get("neverTogether", ()):
            beside = taken.intersection(group["clusters"])
            alone = event.cluster not in group["clusters"] or not beside
            self._check(_LIMITS, alone, event, beside)
