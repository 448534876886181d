"""Checks that the others wait until all canaries were well for long enough, by what was said of
them and when (R50.16, R50.18)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from ibgu.core.drivers import traits
from ibgu.core.model.actions import whole
from ibgu.core.model.kinds import JsonObject
from tests.simulation.canary_breaks import BROKEN, WELL
from tests.simulation.checks import Found
from tests.simulation.checks.failures import LeftPlaces
from tests.simulation.checks.follow_ups import CLOCKS, LAG
from tests.simulation.checks.history import Event
from tests.simulation.checks.policies import holds
from tests.simulation.checks.reported import HubReports
from tests.simulation.course import FOREVER, Span
from tests.simulation.health_proofs import (
    COMPLIANCE,
    CONDITIONS,
    ELSEWHERE,
    METRICS,
    NODES,
    OPERATING,
)

_WELL = "R50.16 the others start once all canaries were well for long enough"
_AVAILABLE = "R50.11 the others start once all canaries were available for long enough"
_KNOWN = "R50.18 nothing starts while ibgu does not know the source"

_ASKED = 60.0 + LAG
"""Seconds within which a policy or a source is asked again."""
_VALID = 300.0
"""Seconds for which an answer counts."""
HEARD: Mapping[str, float] = {
    CONDITIONS: LAG,
    OPERATING: _VALID + LAG,
    NODES: _VALID + LAG,
    COMPLIANCE: _ASKED,
    METRICS: _ASKED,
}
"""Seconds within which a controller has heard of a change, or counts nothing that it has heard."""
NOTICED: Mapping[str, float] = {COMPLIANCE: _ASKED, METRICS: 33.0}
"""Seconds after which a break can't go unnoticed, where it has no time of its own."""
SILENCE = _VALID + 2 * _ASKED
"""Seconds after which a source that did not answer has ended a soak."""


class _Step(Struct):
    """_Step is what the events say of a step."""

    actions: list[str] = []
    joined: dict[str, str] = {}
    """The uids of the clusters, in the order in which they joined."""
    begun: set[str] = set()
    succeeded: set[str] = set()
    replaced: set[str] = set()
    gone_back: set[str] = set()


class CanarySoak:
    """CanarySoak reads the history, and knows what was said."""

    def __init__(self, found: Found, reports: HubReports, proof: str) -> None:
        self._check = found.check
        self._reports = reports
        self._proof = proof
        self._steps: dict[tuple[str, int], _Step] = {}
        self._left = LeftPlaces()

    def judge(self, events: Iterable[Event]) -> None:
        """Reads events whose clocks showed the loop's time, of controllers that nothing kept from
        hearing what is said."""
        for event in events:
            if event.step is not None and event.rollout is not None:
                step = self._steps.setdefault((event.rollout, event.step), _Step())
                self._read(event, step)

    def _read(self, event: Event, step: _Step) -> None:
        uid = str(event.cluster_uid)
        if self._left.note(event):
            step.replaced.add(uid)
        match event.kind:
            case "StepOpened":
                step.actions = event.data["actions"]
            case "MemberJoined":
                step.joined[str(event.cluster)] = uid
            case "RunIntended":
                self._judge(event, step)
                step.begun.add(uid)
            case "MemberFinished" if event.data.get("outcome") == "succeeded":
                step.succeeded.add(uid)
            case "FollowUpChanged":
                made = (each for each in event.data["follow_ups"] if not each["attempt"])
                step.gone_back.update(uid for each in made for uid in each["uids"])

    def _judge(self, event: Event, step: _Step) -> None:
        action, at = event.data["action"], event.at.timestamp()
        specs = self._reports.specs((at - LAG, at + CLOCKS))
        if traits(action).leads_back or len(specs) != 1 or specs[0] is None:
            return
        first = event.cluster_uid not in step.begun
        rest = step.actions[step.actions.index(whole(action)) :]
        if _names_elsewhere(specs[0]):
            held = holds(specs[0], rest if first else [action])
            self._check(_KNOWN, not held, event)
        elif first and holds(specs[0], rest):
            self._after_canaries(event, step, specs[0]["canaries"])

    def _after_canaries(self, event: Event, step: _Step, spec: Any) -> None:
        found = [uid for uid in step.joined.values() if uid not in step.replaced]
        canaries = found[: spec["count"]]
        if event.cluster_uid in canaries:
            return
        at = event.at.timestamp()
        span = (at - 60.0 * spec["soakMinutes"] + LAG, at)
        for uid in canaries:
            if uid in step.succeeded - step.gone_back:
                lost = list(self._lost(uid, span))
                self._check(_AVAILABLE, not lost, event, uid, lost)
                breaks = list(self._breaks(uid, span))
                self._check(_WELL, not breaks, event, uid, breaks)

    def _lost(self, uid: str, span: Span) -> Iterator[Span]:
        """Yields when the hub could not reach the canary, as far as a controller has heard of it.
        One that has left the hub is not asked."""
        for begin, end in self._reports.unreachable(uid, span):
            if begin <= span[1] - LAG and end != FOREVER:
                yield begin, end

    def _breaks(self, uid: str, span: Span) -> Iterator[tuple[Span, str]]:
        """Yields when the canary was not well, as far as a controller must have heard of it."""
        heard, asked = HEARD[self._proof], self._proof == METRICS
        for (begin, end), says in self._reports.spells(uid, span):
            silent = asked and says != BROKEN
            noticed = SILENCE if silent else NOTICED.get(self._proof, 0.0)
            certain = end > span[1] or end - begin >= noticed
            if says != WELL and begin <= span[1] - heard and certain:
                yield (begin, end), says


def _names_elsewhere(spec: JsonObject) -> bool:
    canaries: Any = spec["canaries"]
    health = canaries["health"]
    return any(each["source"] == ELSEWHERE for each in health.get("metrics", ()))
