"""Checks that no more starts than the hub's RolloutPolicies allow (R50), from the events alone."""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import Any

from ibgu.core.drivers import traits
from ibgu.core.engine.state import FleetState
from ibgu.core.model.actions import whole
from tests.simulation.checks import Found
from tests.simulation.checks.history import Event
from tests.simulation.contention import NONSENSE
from tests.simulation.loop import BEGINNING
from tests.simulation.networks import most, room, selects

_LIMITS = "R50 no more clusters start than a policy has places for"
_FREEZES = "R50 nothing starts in a freeze"
_WINDOWS = "R50 nothing starts while no window is open"
_FIT = "R50.4 nothing starts that does not end within its window"
_SELECTED = "R50.1 a policy holds the clusters that it selects"
_FOLLOWED = "R50 nothing starts under a policy that can't be followed"

_NEEDED = {"Prep": 1800.0, "Upgrade": 3600.0, "FinalizeUpgrade": 300.0}
"""The seconds that an action usually takes, with the way back from an Upgrade: on these hubs
nothing is ever measured."""
_GATE = "RolloutPolicy/"
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
        clusters: int = 0,
        *,
        moved: bool = False,
    ) -> None:
        """`passes`: whether somebody may have let the rollout pass the policy. `zone`: that of the
        clusters, of which there are so many. `moved`: somebody moves some of them, so that only the
        certificate tells where they were."""
        self._number, self._moved = clusters, moved
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
        selected = selects(spec, str(event.cluster))
        wrong = any(window["cron"] == NONSENSE for window in spec.get("windows", ()))
        self._check(_FOLLOWED, not wrong, event)
        windows = [each for each in spec.get("windows", ()) if each["cron"] != NONSENSE]
        if windows and holds(spec, [action]):
            left = max(room(each, self._zone, event.at) for each in windows)
            self._check(_WINDOWS, left > 0.0 or not selected, event, windows)
            needed = _NEEDED.get(whole(action), 0.0) if "fit" in spec else 0.0
            self._check(_FIT, left >= needed or not selected, event, windows)
        for freeze in spec.get("freezes", ()):
            over = event.at >= datetime.fromisoformat(freeze["until"])
            free = over or not selected or not holds(spec, [action])
            self._check(_FREEZES, free, event)
        if not self._flights.begins(event) or not holds(spec, self._flights.rest(event)):
            return
        self._judge_places(event, spec)

    def _judge_places(self, event: Event, spec: Spec) -> None:
        flying, selected = self._flights.clusters, selects(spec, str(event.cluster))
        taken = {each for each in flying if selects(spec, each)} if selected else set()
        for limit in () if self._moved else spec.get("perTopology", ()):
            self._check(_LIMITS, len(taken) < limit["maximum"], event, taken)
        if limit := most(spec, self._number):
            self._check(_LIMITS, len(taken) < limit, event, taken)
        for group in spec.get("neverTogether", ()):
            beside = flying.intersection(group["clusters"])
            alone = event.cluster not in group["clusters"] or not beside
            self._check(_LIMITS, alone, event, beside)


def check_selection(found: Found, spec: Spec, fleet: FleetState) -> None:
    """Checks that the policy keeps no cluster that it is not about, but for neighbours."""
    groups = [group["clusters"] for group in spec.get("neverTogether", ())]
    for tracked in fleet.rollouts.values():
        members = tracked.current.members.values() if tracked.current is not None else ()
        for member in members:
            named = any(member.cluster in group for group in groups)
            if not member.finished and member.reason.gate.startswith(_GATE) and not named:
                found.check(_SELECTED, selects(spec, member.cluster), member)
