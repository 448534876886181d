"""Checks that canaries go first, and that nothing starts with more failures than the hub's
RolloutPolicy allows (R50.9, R50.11), from the events alone."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from ibgu.core.drivers import traits
from ibgu.core.model.actions import whole
from tests.simulation.checks import Found
from tests.simulation.checks.history import Event
from tests.simulation.loop import BEGINNING
from tests.simulation.networks import selects

_BUDGET = "R50 nothing starts with more failures than a policy allows"
_CANARIES = "R50 canaries go first"
_NOT_TRIED = frozenset({"NeverStarted", "ClusterGone", "ClusterRecreated", "RolloutDeleted"})
Key = tuple[Any, Any]
"""Rollout and step."""


def has_left(event: Event) -> bool:
    """Whether the member was skipped or cancelled."""
    return event.kind == "MemberFinished" and event.data.get("outcome") in ("skipped", "cancelled")


class LeftPlaces:
    """LeftPlaces knows whose places as canaries the next clusters take: those of members that have
    left their steps before they had begun."""

    def __init__(self) -> None:
        self._sent: set[str | None] = set()
        self._done: set[tuple[Any, Any, Any]] = set()
        """The members that have carried out an action."""

    def note(self, event: Event) -> bool:
        """Reads the next event; returns whether its cluster leaves its place by it."""
        if event.kind == "RunArming":
            self._sent.add(event.run)
        if event.kind == "RunEnded" and event.data["result"] == "succeeded":
            self._done.add((event.rollout, event.step, event.cluster))
        return has_left(event) and not self._has_begun(event)

    def _has_begun(self, event: Event) -> bool:
        """Returns whether the cluster may have done anything of the step: a withdrawn run has it
        reboot, maybe."""
        if event.run is None or (event.rollout, event.step, event.cluster) in self._done:
            return event.run is not None
        sent = event.run in self._sent
        if traits(event.data["action"]).reboots_nodes:
            return sent or bool(event.data["attempt"] > 1)
        return sent and event.data["result"] != "withdrawn"


class FailuresUnderPolicy:
    """FailuresUnderPolicy counts which clusters have failed, in each step and each rollout."""

    def __init__(self, found: Found, spec: dict[str, Any], ends: float) -> None:
        """`ends`: when the policy is deleted, in virtual seconds; 0: never."""
        self._check = found.check
        self._budget: dict[str, Any] = spec.get("failureBudget", {})
        self._canaries: dict[str, Any] = spec.get("canaries", {})
        self._named = spec.get("actions", ())
        self._selects = partial(selects, spec)
        self._ends = datetime.fromtimestamp(BEGINNING + ends, UTC) if ends else None
        self._actions: dict[Key, list[str]] = {}
        self._members: dict[Key, list[str]] = defaultdict(list)
        """The clusters of each step in the order in which they joined."""
        self._finished: dict[Key, dict[str, Event]] = defaultdict(dict)
        self._places = LeftPlaces()
        self._left: set[tuple[Any, Any, str]] = set()
        """The members whose places the next clusters take."""
        self._late: set[tuple[Any, Any, str]] = set()
        """The members that have completed late: they count for no budget. A canary of them still
        holds its step until a person resumes."""
        self._flying: set[tuple[Any, Any, str]] = set()
        self._held: set[Key] = set()
        self._resumed: dict[Any, datetime] = {}
        """When each rollout was last released from a spent budget."""

    def read(self, events: Iterable[Event]) -> None:
        """Reads events whose clocks showed the loop's time."""
        for event in events:
            if event.step is not None:
                self._of_step(event, (event.rollout, event.step))

    def _of_step(self, event: Event, key: Key) -> None:
        match event.kind:
            case "StepOpened":
                self._actions[key] = event.data["actions"]
            case "StepHeld" if event.data.get("hold") == "FailureBudgetSpent":
                self._held.add(key)
            case "StepReleased" if key in self._held:
                self._held.discard(key)
                self._resumed[event.rollout] = event.at
        if event.cluster is None:
            return
        if self._places.note(event):
            self._left.add((*key, event.cluster))
        match event.kind:
            case "MemberJoined":
                self._members[key].append(event.cluster)
            case "MemberFinished":
                self._finished[key][event.cluster] = event
            case "CompletedLate":
                end = self._finished[key].get(event.cluster)
                if end is not None and not has_left(end):
                    self._late.add((*key, event.cluster))
            case "RunIntended" if self._ends is None or event.at < self._ends:
                self._judge(event, key)
        member = (*key, event.cluster)
        if event.kind in ("RunIntended", "RunReopened"):
            self._flying.add(member)
        elif event.kind == "MemberFinished" or (
            event.data.get("result") == "withdrawn" and event.data.get("disarmed")
        ):
            self._flying.discard(member)

    def _judge(self, event: Event, key: Key) -> None:
        action = event.data["action"]
        chain = self._actions[key]
        first = (*key, event.cluster) not in self._flying
        if traits(action).leads_back or not any(map(self._holds, chain)):
            return
        if not any(map(self._selects, self._members[key])):
            return
        if not first and not traits(action).reboots:
            return
        if self._budget:
            failed = self._failed(key)
            self._check(_BUDGET, len(failed) <= self._budget["maximum"], event, failed)
        if self._canaries and first:
            self._judge_canary(event, key)

    def _failed(self, key: Key) -> set[str]:
        steps = [key] if self._budget["per"] == "Step" else list(self._finished)
        return {
            cluster
            for step in steps
            if step[0] == key[0]
            for cluster, event in self._finished[step].items()
            if self._selects(cluster)
            and (*step, cluster) not in self._late
            and self._is_failure(event)
            and self._holds(event.data["failed_action"])
        }

    def _is_failure(self, event: Event) -> bool:
        tried = event.run is not None and event.cause not in _NOT_TRIED
        return tried and self._failed_since_resume(event)

    def _failed_since_resume(self, event: Event) -> bool:
        return event.data.get("outcome") == "failed" and self._is_since_resume(event)

    def _is_since_resume(self, event: Event) -> bool:
        since = self._resumed.get(event.rollout)
        return since is None or event.at > since

    def _judge_canary(self, event: Event, key: Key) -> None:
        canary = self._canary(key)
        if event.cluster == canary or canary not in filter(self._selects, self._members[key]):
            return
        finished, waits = self._finished[key].get(canary), self._selects(str(event.cluster))
        if finished is None:
            self._check(_CANARIES, not waits, event, canary)
            return
        soak = timedelta(minutes=self._canaries["soakMinutes"] if waits else 0)
        well = finished.data.get("outcome") != "succeeded" or event.at >= finished.at + soak
        left = has_left(finished) and (*key, canary) not in self._left
        failed = left or finished.data.get("outcome") == "failed"
        held = failed and self._is_since_resume(finished)
        self._check(_CANARIES, well and not held, event, finished.at)

    def _canary(self, key: Key) -> str:
        if "selector" not in self._canaries:
            found = (name for name in self._members[key] if (*key, name) not in self._left)
            return next(filter(self._selects, found), "")
        (name,) = self._canaries["selector"]["matchLabels"].values()
        return str(name)

    def _holds(self, action: str) -> bool:
        return not self._named or whole(action) in self._named
