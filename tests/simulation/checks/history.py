"""Reads the journal's event log again from its beginning."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct

from tests.simulation.checks import Found


class Event(Struct, frozen=True):
    seq: int
    at: datetime
    kind: str
    rollout: str | None
    step: int | None
    cluster: str | None
    cluster_uid: str | None
    run: str | None
    data: dict[str, Any] = {}
    cause: str | None = None
    why: str = ""


AFTER_THE_END = {
    "CompletedLate",
    "FailureDetailed",
    "AutoImportStaysOff",
    "WatchEnded",
    "RollbackDeadlineChanged",
    "PausedAgain",
    "ResumeDue",
    "Resumed",
    "LabelsPending",
    "LabelsPutBack",
}


class History:
    """History recomputes slots, claims and order from the events alone."""

    def __init__(self, found: Found, *, restored: bool) -> None:
        """`restored`: the hub was, from a backup."""
        self._check = found.check
        self._restored = restored
        self._bounds: dict[Any, int] = {}
        self._open: dict[Any, dict[str, str]] = defaultdict(dict)
        self._claims: dict[str, str] = {}
        self._finished: set[Any] = set()
        self._intended: set[str] = set()
        self._last = 0

    def read(self, events: Iterable[Event]) -> None:
        for event in events:
            self._check("events are numbered", event.seq == self._last + 1, event)
            self._last = event.seq
            if event.cluster is None or event.step is None:
                self._of_step(event)
            else:
                self._of_member(event)

    def _of_step(self, event: Event) -> None:
        if not self._restored:
            lost = event.kind == "Imported"
            self._check("what was not lost is not imported", not lost, event)
        if event.step is not None and "max_concurrency" in event.data:
            self._bounds[event.rollout, event.step] = event.data["max_concurrency"]

    def _of_member(self, event: Event) -> None:
        key = (event.rollout, event.step, event.cluster)
        self._check(
            "nothing after the end",
            key not in self._finished or event.kind in AFTER_THE_END,
            event,
        )
        if event.kind in ("RunIntended", "RunReopened"):
            self._take(event)
        elif event.kind == "MemberFinished":
            self._finished.add(key)
            self._free(event)
        elif event.data.get("result") == "withdrawn" and event.data.get("disarmed"):
            self._free(event)

    def _take(self, event: Event) -> None:
        if event.kind == "RunIntended":
            self._check("a run is intended once", event.run not in self._intended, event)
            self._intended.add(str(event.run))
        holders = self._open[event.rollout, event.step]
        assert event.cluster is not None
        holders[event.cluster] = str(event.run)
        bound = self._bounds.get((event.rollout, event.step), 0)
        self._check("R3 in the history", len(holders) <= bound, event, holders, "of", bound)
        mine = f"{event.rollout}/{event.step}"
        other = self._claims.setdefault(str(event.cluster_uid), mine)
        self._check("R6 in the history", other == mine, event, "claimed by", other)

    def _free(self, event: Event) -> None:
        assert event.cluster is not None
        self._open[event.rollout, event.step].pop(event.cluster, None)
        mine = f"{event.rollout}/{event.step}"
        if self._claims.get(str(event.cluster_uid)) == mine:
            del self._claims[str(event.cluster_uid)]
