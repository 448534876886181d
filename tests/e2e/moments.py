"""Every picture that a rollout's history ever gave, to compare with what was shown meanwhile."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct, to_builtins

from ibgu.core.model.counts import (
    ClusterPosition,
    Progress,
    RolloutSteps,
    StepVisit,
    counts_of_places,
    places_of,
    progress_of,
)
from ibgu.db.views import EventRow

Numbers = Mapping[str, int | str]
"""What is shown together, by name. Of the whole rollout `phase`, `step`, `failures` and counts as
`succeeded`; of one step `2.succeeded`; of the clusters that a label chooses `some.succeeded` and
`some.2.succeeded`."""
SOME = "some."
FIELDS = {
    Progress.WAITING: "waiting",
    Progress.RUNNING: "running",
    Progress.SUCCEEDED: "succeeded",
    Progress.LATE: "succeeded",
    Progress.FAILED: "failed",
    Progress.SKIPPED: "skipped",
    Progress.CANCELLED: "cancelled",
}

_NOBODY = Counter(dict.fromkeys(("total", *FIELDS.values()), 0))


class Sighting(Struct, frozen=True):
    """Numbers that were seen together on one screen, or came in one answer."""

    surface: str
    numbers: Numbers


def together(*parts: Numbers) -> Numbers:
    """Returns the numbers that one screen shows in several places. Where it contradicts itself, it
    shows what no moment had."""
    found: dict[str, int | str] = {}
    for name, number in ((name, number) for part in parts for name, number in part.items()):
        said = found.setdefault(name, number)
        found[name] = number if said == number else f"{said} and {number}"
    return found


def of_counts(counts: Mapping[str, int], of: str) -> Numbers:
    """Returns the counts under their names."""
    return {f"{of}{name}": number for name, number in counts.items()}


def moments(events: Iterable[EventRow], some: Collection[str] = ()) -> list[Numbers]:
    """Returns the numbers after each commit, oldest first: events of one commit have one time.

    `some`: the clusters that a label chooses.
    """
    replay, found, at = _Replay(some), list[Numbers](), None
    for event in events:
        if at is not None and event.at != at:
            found.append(replay.numbers())
        replay.feed(event)
        at = event.at
    return [*found, replay.numbers()] if at is not None else found


def latest(events: Iterable[EventRow], some: Collection[str] = ()) -> Numbers:
    """Returns the numbers after the last event alone."""
    replay = _Replay(some)
    for event in events:
        replay.feed(event)
    return replay.numbers()


class _Group:
    """Clusters with their places: counted as they move."""

    def __init__(self) -> None:
        self.places: Counter[ClusterPosition] = Counter()
        self.steps: dict[int, Counter[str]] = {}
        self._before: dict[str, tuple[tuple[ClusterPosition, ...], Sequence[StepVisit]]] = {}

    def put(self, cluster: str, visits: Sequence[StepVisit]) -> None:
        places, seen = self._before.pop(cluster, ((), ()))
        self.places.subtract(places)
        for visit in seen:
            self._count(visit, -1)
        for visit in visits:
            self._count(visit, 1)
        places = places_of(visits)
        self.places.update(places)
        self._before[cluster] = (places, visits)

    def _count(self, visit: StepVisit, by: int) -> None:
        step = self.steps.setdefault(visit.place.step, _NOBODY.copy())
        step[FIELDS[visit.place.progress]] += by
        step["total"] += by

    def numbers(self, steps: int, of: str) -> Numbers:
        opened = [self.steps.get(index, _NOBODY) for index in range(steps)]
        failures = {f"{of}failures": sum(counts["failed"] for counts in opened)}
        return together(
            failures, *(of_counts(each, f"{of}{n}.") for n, each in enumerate(opened, start=1))
        )


class _Member(Struct):
    state: str = "waiting"
    outcome: str = ""
    uid: str = ""
    late: str = ""

    @property
    def progress(self) -> Progress:
        return progress_of(self.state, self.outcome or None, self.late)


class _Step(Struct):
    index: int
    actions: Sequence[str]
    state: str = "opening"
    total: int = 0
    hold: str = ""
    members: dict[str, _Member] = {}

    @property
    def joined(self) -> bool:
        return self.state != "opening" and len(self.members) >= self.total


_PHASES = {"pending": "Pending", "complete": "Completed", "deleted": "Deleted"}


class _Replay:
    """_Replay takes the events of one rollout in order by `feed`; `numbers` is what is shown after
    them."""

    def __init__(self, some: Collection[str]) -> None:
        self._some = frozenset(some)
        self._groups = {"": _Group(), SOME: _Group()}
        self._touched: set[str] = set()
        self._plan: Sequence[Mapping[str, Sequence[str]]] = ()
        self._state = "pending"
        self._hold = ""
        self._steps: list[_Step] = []

    def feed(self, event: EventRow) -> None:
        data = event.data
        if event.cluster:
            self._touched.add(event.cluster)
        if event.step is None:
            if event.cluster is None:
                self._plan = data.get("plan", self._plan)
                self._state = data.get("state", self._state)
                self._hold = data.get("hold") or ""
        elif event.kind == "StepOpened":
            self._steps.append(_Step(event.step, data["actions"]))
        elif event.step < len(self._steps):
            step = self._steps[event.step]
            if event.cluster is None:
                step.state = data.get("state", step.state)
                step.total = data.get("total", step.total)
                step.hold = data.get("hold") or ""
            else:
                member = step.members.setdefault(event.cluster, _Member())
                member.state = data.get("state", member.state)
                member.outcome = data.get("outcome", "") if member.state == "finished" else ""
                member.uid, member.late = event.cluster_uid or "", data.get("late", "")

    def numbers(self) -> Numbers:
        for cluster in self._touched:
            visits = list(self._visits(cluster))
            self._groups[""].put(cluster, visits)
            if cluster in self._some:
                self._groups[SOME].put(cluster, visits)
        self._touched.clear()
        found: dict[str, int | str] = {}
        for of, group in self._groups.items():
            counts = to_builtins(counts_of_places(group.places, self._course()))
            found |= {**of_counts(counts, of), **group.numbers(len(self._steps), of)}
            found.setdefault("phase", self._phase(counts["failed"]))
        return found | {"step": len(self._steps)}

    def _phase(self, failed: int) -> str:
        hold = self._hold or (self._steps[-1].hold if self._steps else "")
        if hold and self._state != "deleted":
            return "Invalid" if hold == "InvalidPlan" else "Held"
        if self._state == "complete" and failed:
            return "CompletedWithFailures"
        return _PHASES.get(self._state, "Running")

    def _course(self) -> RolloutSteps:
        return RolloutSteps(
            plan=tuple(item["actions"][0] for item in self._plan),
            begun=tuple(step.actions[0] for step in self._steps if step.joined),
            deleted=self._state == "deleted",
        )

    def _visits(self, cluster: str) -> Iterator[StepVisit]:
        for step in self._steps:
            if (member := step.members.get(cluster)) is not None:
                place = ClusterPosition(step.index, member.progress)
                yield StepVisit((cluster, member.uid), step.actions[0], place)


def never_were(shown: Iterable[Sighting], true: list[Numbers]) -> list[Sighting]:
    """Returns what no moment had, or had only before what the same surface showed earlier."""
    reached: dict[str, int] = {}
    wrong = []
    for each in shown:
        first = reached.get(each.surface, 0)
        fits = (n for n in range(first, len(true)) if each.numbers.items() <= true[n].items())
        if (moment := next(fits, None)) is None:
            wrong.append(each)
        else:
            reached[each.surface] = moment
    return wrong
