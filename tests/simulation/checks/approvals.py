"""Checks that nothing starts without the approvals that a RolloutPolicy asks for (R50.13), and
knows which rollouts pass a policy because of broken glass (R50.14)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from ibgu.core.drivers import traits
from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject
from ibgu.sim.hub.server import ServedRequest
from tests.simulation.checks import Found
from tests.simulation.checks.failures import LeftPlaces
from tests.simulation.checks.history import Event
from tests.simulation.checks.policies import Flights, InForce, Spec, holds

_NAME = "R50 nothing starts without the approvals that a policy asks for"
_KINDS = frozenset({"RolloutApproval", "BreakGlass", names.IBGU})
NEVER = float("inf")


class _Written(Struct):
    """_Written is an object that somebody has written, with times of the loop."""

    body: JsonObject
    created: float
    deleted: float = NEVER


class Grants(Struct):
    """Grants listens to the hub. `heard`: seconds for which something deleted may still count."""

    now: Callable[[], float]
    heard: float
    _written: dict[str, _Written] = field(default_factory=dict)
    """The objects, by uid."""

    def audit(
        self, asked: ServedRequest, before: JsonObject | None, after: JsonObject | None
    ) -> None:
        found = after or before
        if found is None or found["kind"] not in _KINDS:
            return
        known = self._written.setdefault(found["metadata"]["uid"], _Written(found, self.now()))
        if after is None:
            known.deleted = self.now()

    def passes(self, policy: str) -> Callable[[Event], bool]:
        """Returns whether somebody may have let an event's rollout pass the policy."""
        return lambda event: self.lets_pass(policy, str(event.rollout), event.at)

    def lets_pass(self, policy: str, rollout: str, at: datetime) -> bool:
        """Returns whether somebody may have let the rollout pass the policy."""
        gate = f"RolloutPolicy/{policy}"
        return any(gate in spec["gates"] for spec in self._for("BreakGlass", rollout, at))

    def users(self, event: Event, point: str) -> set[str]:
        """Returns those who may have approved the point of the event's step."""
        asked = (int(event.step or 0) + 1, point)
        specs = self._for("RolloutApproval", str(event.rollout), event.at)
        return {spec["user"] for spec in specs if (spec["step"], spec["before"]) == asked}

    def author(self, event: Event) -> str:
        """Returns who says to be the author of the event's step; empty: nobody does."""
        rollout = self._written[str(event.rollout)].body
        key = names.step_author(int(event.step or 0))
        return str((rollout["metadata"].get("annotations") or {}).get(key, ""))

    def tier(self, rollout: str) -> str:
        """Returns the label of a rollout, by its uid, that policies select by."""
        labels: Any = self._written[rollout].body["metadata"].get("labels") or {}
        return str(labels.get("tier", ""))

    def _for(self, kind: str, rollout: str, at: datetime) -> Iterator[Spec]:
        """Yields what counts for the rollout at that time: it is younger than the rollout."""
        owner, now = self._written[rollout], at.timestamp()
        for each in self._written.values():
            spec: Any = each.body["spec"]
            ends = datetime.fromisoformat(spec["until"]).timestamp() if "until" in spec else NEVER
            if (
                each.body["kind"] == kind
                and spec["rollout"]["name"] == owner.body["metadata"]["name"]
                and int(owner.created) <= each.created <= now < ends
                and now < each.deleted + self.heard
            ):
                yield spec


class Approvals:
    """Approvals judges each start by who had approved it."""

    def __init__(
        self,
        found: Found,
        in_force: InForce,
        grants: Grants,
        passes: Callable[[Event], bool],
    ) -> None:
        self._check = found.check
        self._in_force = in_force
        self._grants = grants
        self._passes = passes
        self._flights = Flights()
        self._left = LeftPlaces()
        self._places: dict[Any, list[str | None]] = defaultdict(list)
        """The members of each step that have not left it before they had begun: the first is the
        canary."""

    def read(self, events: Iterable[Event]) -> None:
        """Reads events whose clocks showed the loop's time."""
        for event in events:
            places = self._places[event.rollout, event.step]
            if event.kind == "MemberJoined":
                places.append(event.cluster)
            if self._left.note(event) and event.cluster in places:
                places.remove(event.cluster)
            if event.kind == "RunIntended" and not self._passes(event):
                self._judge(event, self._in_force(event.at).get("approval"))
            self._flights.note(event)

    def _judge(self, event: Event, asked: Spec | None) -> None:
        point = self._point(event, asked["before"]) if asked else ""
        if asked is None or not point:
            return
        users, author = self._grants.users(event, point), self._grants.author(event)
        needed = asked["approvers"] if author else max(2, asked["approvers"])
        self._check(_NAME, len(users - {author}) >= needed, event, users, author)

    def _point(self, event: Event, before: str) -> str:
        """Returns what has to be approved; empty: nothing."""
        action, spec = event.data["action"], self._in_force(event.at)
        if traits(action).leads_back:
            return ""
        if before == "Action":
            return action if action in spec["actions"] else ""
        if not self._flights.begins(event) or not holds(spec, self._flights.rest(event)):
            return ""
        canary = event.cluster in self._places[event.rollout, event.step][:1]
        return "" if before == "Rest" and canary else before
