"""Checks rate limits, recomputed from the events alone: starts per minute, and the levels of a
ramp-up."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from ibgu.core.drivers import traits
from tests.simulation.checks import Found
from tests.simulation.checks.history import Event

INEXACT = timedelta(seconds=2)
"""How far the clocks of two leaders may differ."""
WINDOW = timedelta(minutes=1) - INEXACT


class DurationStats:
    """`most`: starts per minute on the whole hub; 0: no limit. `skewed`: the clock has jumped, so
    that times prove nothing."""

    def __init__(self, found: Found, most: int, *, skewed: bool) -> None:
        self._check = found.check
        self._most = most
        self._skewed = skewed
        self._actions: dict[Any, list[str]] = {}
        self._controls: dict[Any, dict[str, str]] = {}
        self._starts: dict[Any, deque[datetime]] = defaultdict(deque)
        self._flying: dict[Any, dict[str | None, str | None]] = defaultdict(dict)
        self._armed: set[str | None] = set()
        self._newest: dict[Any, str | None] = {}
        self._ended: Counter[Any] = Counter()

    def read(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.kind == "ControlAccepted":
                self._controls[event.rollout] = event.data.get("controls") or {}
            elif event.kind == "StepOpened":
                self._actions[event.rollout, event.step] = event.data["actions"]
            elif event.cluster is not None and event.step is not None:
                self._of_member(event)

    def _of_member(self, event: Event) -> None:
        flying, member = self._flying[event.rollout, event.step], (event.step, event.cluster_uid)
        if event.kind == "RunIntended":
            if event.cluster not in flying:
                self._start(event)
            self._newest[event.rollout, member] = event.run
        if event.kind in ("RunIntended", "RunReopened"):
            flying[event.cluster] = event.run
        elif event.kind == "RunArming":
            self._armed.add(event.run)
        elif event.kind == "MemberFinished":
            flying.pop(event.cluster, None)
            was_armed = self._newest.get((event.rollout, member)) in self._armed
            ended = event.data.get("outcome") in ("succeeded", "failed") and was_armed
            self._ended[event.rollout, event.step] += ended
        elif event.data.get("result") == "withdrawn" and event.data.get("disarmed"):
            flying.pop(event.cluster, None)

    def _start(self, event: Event) -> None:
        if not traits(self._actions[event.rollout, event.step][0]).rate_limited:
            return
        controls, step = self._controls.get(event.rollout, {}), (event.rollout, event.step)
        if not self._skewed:
            rate = controls.get("ibgu.dev/starts-per-minute")
            self._rate("rollout", event.rollout, event, int(rate) if rate else 0)
            self._rate("hub", "", event, self._most)
        if controls.get("ibgu.dev/ramp-up") == "true":
            flying, ended = len(self._flying[step]), self._ended[step]
            level = 1
            while 2 * level - 1 <= ended:
                level *= 2
            self._check(
                "rate limits: levels of a ramp-up",
                flying < level,
                event,
                flying,
                "in flight,",
                ended,
                "ended",
            )

    def _rate(self, of: str, key: str | None, event: Event, most: int) -> None:
        times = self._starts[of, key]
        times.append(event.at)
        while times[0] <= event.at - WINDOW:
            times.popleft()
        if most:
            name = f"rate limits: starts a minute of a {of}"
            self._check(name, len(times) <= most, event, len(times), "starts of", most)
