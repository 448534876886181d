"""Checks that each label change happens exactly once: every write that changed one had a pending
patch."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime

from ibgu.core.drivers.cluster_version.actions import LABEL_PREFIX as UPDATE_PREFIX
from ibgu.core.drivers.ibu.actions import LABEL_PREFIX
from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject
from ibgu.sim.hub.server import ServedRequest
from tests.core.engine.decide.firmware import PREFIX
from tests.simulation.checks import Found
from tests.simulation.checks.effects import Effects
from tests.simulation.checks.history import Event

_OURS = (LABEL_PREFIX, UPDATE_PREFIX, PREFIX, names.DISABLE_AUTO_IMPORT, names.AUTO_IMPORT_BY)

Change = tuple[str, str, str | None]
"""uid of the ManagedCluster, key, new value."""


class Labels:
    """Labels listens to the hub."""

    def __init__(self, found: Found, now: Callable[[], float]) -> None:
        self._check = found.check
        self._now = now
        self._made: Counter[Change] = Counter()
        self._first: dict[Change, float] = {}
        self._replaced: dict[Change, set[str | None]] = defaultdict(set)

    def audit(
        self, asked: ServedRequest, before: JsonObject | None, after: JsonObject | None
    ) -> None:
        if not asked.who.startswith("ibgu/") or before is None or after is None:
            return
        if after["kind"] == "ManagedCluster":
            for field in ("labels", "annotations"):
                self._compare(before["metadata"], after["metadata"], field)

    def _compare(self, before: JsonObject, after: JsonObject, field: str) -> None:
        old, new = before.get(field) or {}, after.get(field) or {}
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key):
                self._check("only our own labels", key.startswith(_OURS), after, key)
                change = (after["uid"], key, new.get(key))
                self._made[change] += 1
                self._replaced[change].add(old.get(key))
                self._first.setdefault(change, self._now())

    def compare(self, events: Iterable[Event], effects: Effects, skewed: bool) -> None:
        pending_changes: Counter[Change] = Counter()
        since: dict[Change, datetime] = {}
        seen: dict[Change, set[str | None]] = defaultdict(set)
        for event in events:
            if event.kind in ("LabelsPending", "LabelsPutBack"):
                for field in ("labels", "annotations"):
                    for key, change in event.data.get(field, {}).items():
                        made = (str(event.cluster_uid), key, change[1])
                        pending_changes[made] += 1
                        seen[made].add(change[0])
                        since.setdefault(made, event.at)
        for change, count in sorted(self._made.items(), key=str):
            due = pending_changes[change]
            words = (change, "was made", count, "times, enqueued", due)
            self._check("R13 a label change was pending", count <= due, *words)
            foreign = self._replaced[change] - seen[change]
            self._check("R13 what others have set stays", not foreign, change, "replaced", foreign)
            if change in since and not skewed:
                recorded = effects.between(since[change], self._first[change])
                self._check(
                    "R13 outcome before label", recorded, change, "enqueued at", since[change]
                )
