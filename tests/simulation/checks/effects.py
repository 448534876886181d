"""Checks that every effect on the hub follows its record in the journal, and that nothing else is
done."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from msgspec import Struct

from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject
from ibgu.sim.hub import MemoryHub
from ibgu.sim.hub.server import ServedRequest
from tests.simulation.checks import Found
from tests.simulation.checks.truth import Run

LABELS_UPDATED = 5.0
"""Seconds after which a controller must have heard of a re-created cluster, without faults."""


class Armed(Struct, frozen=True):
    at: float
    run: str
    cluster: str
    uid: str
    """The uid of the ManagedCluster that had the name then; empty: none."""
    led: tuple[float, float]
    """When the process that armed it began to lead for the first and for the last time."""


class Effects:
    """Effects listens to the hub and to the commits. Times are those of the loop."""

    def __init__(
        self, found: Found, hub: MemoryHub, armed: Callable[[str], None], *, late: bool
    ) -> None:
        """`armed` is called with the cluster whenever a work is armed. `late`: a write may land
        after its sender's end."""
        self._check = found.check
        self._late = late
        self._hub = hub
        self._armed = armed
        self._clusters = next(r for r in hub.resources if r.kind == "ManagedCluster")
        self._works = next(r for r in hub.resources if r.kind == "ManifestWork")
        self._commits: list[float] = []
        self._led: dict[str, tuple[float, float]] = {}
        self.arms: list[Armed] = []

    def committed(self, who: str, *, leads: bool) -> None:
        """`leads`: the commit began an epoch of that process's."""
        now = self._hub.now()
        self._commits.append(now)
        if leads:
            self._led[who] = (self._led.get(who, (now, now))[0], now)

    def audit(
        self, asked: ServedRequest, before: JsonObject | None, after: JsonObject | None
    ) -> None:
        if after is None or after["kind"] != "ManifestWork" or not asked.who.startswith("ibgu/"):
            return
        run = _armed_run(after)
        if run and run != _armed_run(before):
            cluster = after["metadata"]["namespace"]
            led = self._led[asked.who]
            self.arms.append(Armed(self._hub.now(), run, cluster, self._uid(cluster), led))
            self._alone(cluster, run)
            self._armed(cluster)

    def _alone(self, cluster: str, run: str) -> None:
        """Checks that a cluster never has two works that ask for something, of whatever kind."""
        objects = self._hub.versions.collections[self._works].objects.items()
        works = (work for (namespace, _), work in objects if namespace == cluster)
        alive = (work for work in works if not work["metadata"].get("deletionTimestamp"))
        others = {other for work in alive if (other := _armed_run(work))} - {run}
        alone = not others or self._late
        self._check("R6 one armed work a cluster", alone, cluster, run, "beside", others)

    def _uid(self, cluster: str) -> str:
        found = self._hub.versions.get(self._clusters, ("", cluster))
        return str(found["metadata"]["uid"]) if found is not None else ""

    def shown(self) -> set[str]:
        """Returns the runs that the hub has an armed work for now."""
        works = self._hub.versions.collections[self._works].objects.values()
        alive = (work for work in works if not work["metadata"].get("deletionTimestamp"))
        return {run for work in alive if (run := _armed_run(work))}

    def carried(self, cluster: str) -> set[str]:
        """Returns the digests that payload works carry for the cluster now."""
        objects = self._hub.versions.collections[self._works].objects.items()
        marks = (work["metadata"] for (namespace, _), work in objects if namespace == cluster)
        payloads = (m for m in marks if m["labels"].get(names.PART) == names.PAYLOAD)
        return {meta["annotations"][names.DIGEST] for meta in payloads}

    # -- at the end ------------------------------------------------------------------------------

    def compare(self, runs: Iterable[Run], *, skewed: bool, late: bool) -> None:
        """`skewed`: the database's clock did not show the loop's time.

        `late`: a write may land after its sender's end.
        """
        known: Mapping[str, Run] = {run.id: run for run in runs}
        for armed in self.arms:
            run = known.get(armed.run)
            words = (armed, run)
            self._check("what is armed is in the journal", run is not None, words)
            if run is None:
                continue
            alike = armed.uid in ("", run.cluster_uid)
            self._check("a re-created cluster is another one", alike, words)
            if not skewed:
                intended = run.arming_at is not None and self.between(run.arming_at, armed.at)
                self._check("intent before effect", intended, words)
            if not skewed:
                first, last = armed.led
                own = run.intended_at.timestamp() >= (first if late else last) - 0.001
                self._check("who arms has decided it", own, words)

    def between(self, first: datetime, last: float) -> bool:
        """Returns whether anything was committed from then to then."""
        begin = first.timestamp() - 0.001
        place = bisect_left(self._commits, begin)
        return place < len(self._commits) and self._commits[place] <= last


def _armed_run(work: JsonObject | None) -> str:
    """Returns the armed run of our last write; later changes by people don't count."""
    if work is None:
        return ""
    meta = work["metadata"]
    marks = meta.get("annotations") or {}
    ours = marks.get(names.GENERATION) == str(meta["generation"])
    armed = ours and marks.get(names.ARMING) == names.ARMED
    return str(marks.get(names.RUN, "")) if armed else ""
