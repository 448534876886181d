"""Checks that canaries are rolled back where the policy says so, and nowhere else (R50.19), by what
was reported of them on the hub, and when."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from ibgu.core.drivers import traits
from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject
from ibgu.sim.hub.server import ServedRequest
from tests.simulation.checks import Found
from tests.simulation.checks.history import Event
from tests.simulation.checks.reported import HubReports
from tests.simulation.course import FOREVER, Span

_ONCE = "R50.19 a canary goes back once in a step"
_WELL = "R50.19 a canary goes back only if it was well"
_REPORTED = "R50.19 only what is reported as broken goes back"
_GRACE = "R50.19 a canary goes back only after it was broken for long enough"
_HELD = "R50.19 no canary goes back while the rollout is held"
_TALM = "R50.19 no canary goes back beside TALM"
_ASKED = "R50.19 a canary goes back only where the policy says so"
_WAIT = "R50.19 a canary goes back while others wait"
_STOPS = "R50.19 nothing else starts once a canary goes back"
_JOURNAL = "R50.19 a new rollout is in the journal before it is on the hub"
_MADE_ONCE = "R50.19 a new rollout is made once"
_MADE_SO = "R50.19 a new rollout is what the journal has"
_MUST = "R50.19 a canary that stays broken goes back"
_MADE = "R50.19 a new rollout is made"

LAG = 5.0
"""Seconds after which a controller that nothing disturbs has heard of a change."""
CLOCKS = 1.5
"""Seconds by which times of events may be wrong."""
AGAIN = 60.0
"""Seconds within which an undisturbed controller looks at a canary again, and has made a new
rollout."""
RESTARTED = 400.0
"""The same of one that is ended or stopped meanwhile."""
CREATION = -1.0

Key = tuple[str, int]
"""Rollout and step."""


class Made(Struct, frozen=True):
    """Made is a new rollout as a controller has created it."""

    at: float
    name: str
    of: str
    """uid of the rollout before it."""
    clusters: frozenset[str]
    plan: list[list[str]]
    labels: Mapping[str, str]


class _Step(Struct):
    """_Step is what the events say of a step; times are by uid."""

    running: Span = (float("inf"), float("inf"))
    joined: set[str] = set()
    begun: dict[str, float] = {}
    finished: dict[str, float] = {}
    well: dict[str, float] = {}
    asked: dict[str, float] = {}
    records: list[JsonObject] = []
    stopped: bool = False

    def others_wait(self, at: float) -> bool:
        return sum(began <= at for began in self.begun.values()) < len(self.joined)


class FollowUps:
    """FollowUps listens to the hub, and reads the history."""

    def __init__(
        self, found: Found, reports: HubReports, *, heard_until: float, patience: float | None
    ) -> None:
        """`heard_until`: until when nothing keeps a controller from hearing what is reported, or
        from doing what follows; CREATION: until it makes a new rollout. `patience`: the seconds
        within which a controller has made one; None: that is not known."""
        self._check = found.check
        self._reports = reports
        self._until_creation = heard_until == CREATION
        self._heard_until = FOREVER if self._until_creation else heard_until
        self._patience = patience
        self._made: list[Made] = []
        self._steps: dict[Key, _Step] = {}
        self._holds: dict[str, list[tuple[float, str]]] = {}
        """Since when each rollout was held by what; empty: by nothing."""

    def audit(
        self, asked: ServedRequest, before: JsonObject | None, after: JsonObject | None
    ) -> None:
        self._reports.audit(asked, before, after)
        if after is None or before is not None or not asked.who.startswith("ibgu/"):
            return
        labels = after["metadata"].get("labels") or {}
        again = "-retry-" in after["metadata"]["name"]
        if after["kind"] == names.IBGU and names.FOLLOW_UP_OF in labels and not again:
            self._made.append(creation(self._reports.now(), after, labels))

    # -- the history -----------------------------------------------------------------------------

    def judge(self, events: Iterable[Event], *, restored: bool) -> None:
        """Reads events whose clocks showed the loop's time. `restored`: the hub was, so that what
        was reported is not known."""
        for event in events:
            if event.step is None and event.cluster is None and event.rollout is not None:
                hold = (event.at.timestamp(), str(event.data.get("hold") or ""))
                self._holds.setdefault(event.rollout, []).append(hold)
            elif event.step is not None and event.rollout is not None:
                step = self._steps.setdefault((event.rollout, event.step), _Step())
                self._of_step(event, step, restored=restored)
        self._creations()
        if not restored:
            self._what_must_be()

    def _of_step(self, event: Event, step: _Step, *, restored: bool) -> None:
        at, uid = event.at.timestamp(), str(event.cluster_uid)
        match event.kind:
            case "StepStarted":
                step.running = (at, float("inf"))
            case "StepFinished":
                step.running = (step.running[0], at)
            case "StepReleased":
                step.stopped = False
            case "MemberJoined":
                step.joined.add(uid)
            case "RunIntended":
                self._starts(event, step)
                step.begun.setdefault(uid, at)
            case "MemberFinished":
                step.begun.setdefault(uid, at)
                step.finished[uid] = at
            case "CanaryWell":
                step.well[str(event.data["well"])] = at
            case "FollowUpChanged":
                self._recorded(event, step, restored=restored)

    def _starts(self, event: Event, step: _Step) -> None:
        first = str(event.cluster_uid) not in step.begun
        at = event.at.timestamp()
        asked = None not in self._reports.specs((at - LAG, at))
        if first and asked and not traits(event.data["action"]).leads_back:
            self._check(_STOPS, not step.stopped, event)

    def _recorded(self, event: Event, step: _Step, *, restored: bool) -> None:
        records = [each for each in event.data["follow_ups"] if not each["attempt"]]
        if not records:
            return
        for record in records[len(step.records) :]:
            self._decided(event, step, record)
            if not restored:
                for uid in record["uids"]:
                    self._is_broken(event, step, uid)
            step.asked |= dict.fromkeys(record["uids"], event.at.timestamp())
            step.stopped = True
            if record["name"] and self._until_creation:
                self._heard_until = min(self._heard_until, event.at.timestamp())
        step.records = records

    def _decided(self, event: Event, step: _Step, record: JsonObject) -> None:
        at, rollout = event.at.timestamp(), str(event.rollout)
        twice = step.asked.keys() & set(record["uids"])
        self._check(_ONCE, not twice, event, twice)
        self._check(_WAIT, step.others_wait(at), event)
        hold = self._hold(rollout, at)
        self._check(_HELD, not hold, event, hold)
        self._check(_TALM, not self._reports.talm_known(at), event)
        if at <= self._heard_until:
            held = self._reports.is_held(rollout, (at - LAG, at))
            self._check(_HELD, not held, event, "by a person")

    def _is_broken(self, event: Event, step: _Step, uid: str) -> None:
        """Checks one cluster by what was reported of it. What a controller that something disturbs
        has seen may be old."""
        at, reports = event.at.timestamp(), self._reports
        heard = at <= self._heard_until
        since = step.finished.get(uid, at) - LAG if heard else 0.0
        was_well = uid in step.well and reports.was_well(uid, (since, at))
        self._check(_WELL, was_well, event, uid)
        grace = reports.grace((at - LAG if heard else 0.0, at))
        self._check(_ASKED, grace is not None, event)
        if grace is None:
            return
        if heard:
            self._check(_REPORTED, reports.was_broken(uid, (at - LAG, at)), event, uid)
            whole = (at - grace + CLOCKS, at - LAG)
            self._check(_GRACE, reports.stays_broken(uid, whole), event, uid)
        else:
            self._check(_REPORTED, reports.was_broken(uid, (0.0, at)), event, uid)
            self._check(_GRACE, reports.was_broken(uid, (0.0, at - grace + CLOCKS)), event, uid)

    def _hold(self, rollout: str, at: float) -> str:
        """Returns the hold of the rollout by then, as the journal has it."""
        known = [hold for since, hold in self._holds.get(rollout, ()) if since <= at]
        return known[-1] if known else ""

    # -- new rollouts ----------------------------------------------------------------------------

    def _creations(self) -> None:
        """Checks what was made: each once, after its record, and so that it is what was
        recorded."""
        known: set[object] = set()
        for made in self._made:
            records = {each["name"]: each for each in self._records(made.of)}
            record = records.get(made.name)
            told = record is not None and time_of(record["decided_at"]) <= made.at + CLOCKS
            self._check(_JOURNAL, told, made, records)
            for each in (made.name, (made.of, made.clusters)):
                self._check(_MADE_ONCE, each not in known, made)
                known.add(each)
            if record is not None:
                alike = made.clusters == set(record["clusters"])
                self._check(_MADE_SO, alike and made.plan == [[record["action"]]], made, record)
            if made.at <= self._heard_until:
                held = self._reports.is_held(made.of, (made.at - LAG, made.at))
                self._check(_HELD, not held, made, "by a person")

    def _records(self, rollout: str) -> Iterator[JsonObject]:
        return (
            each for key, step in self._steps.items() if key[0] == rollout for each in step.records
        )

    # -- what must happen ------------------------------------------------------------------------

    def _what_must_be(self) -> None:
        for (rollout, _), step in self._steps.items():
            for record in step.records:
                self._must_be_made(rollout, record)
            for uid, well_at in step.well.items():
                self._must_go_back(rollout, step, uid, well_at)

    def _must_be_made(self, rollout: str, record: JsonObject) -> None:
        if not record["name"] or self._patience is None or self._reports.refuses:
            return
        at = time_of(record["decided_at"])
        until = at + self._patience
        if not self._against(rollout, (at, until)):
            done = any(made.name == record["name"] and made.at <= until for made in self._made)
            self._check(_MADE, done, record)

    def _must_go_back(self, rollout: str, step: _Step, uid: str, well_at: float) -> None:
        for began, ended in self._reports.breaks(uid):
            begin = max(began, well_at)
            grace = self._reports.grace((begin, begin))
            due = begin + (grace or 0.0) + AGAIN
            if (
                due > self._heard_until
                or grace is None
                or ended < due
                or self._against(rollout, (begin, due))
            ):
                continue
            if not self._reports.asks_throughout((begin, due)):
                continue
            runs = step.running[0] <= begin and due < step.running[1]
            if runs and step.others_wait(due):
                self._check(_MUST, step.asked.get(uid, float("inf")) <= due, rollout, uid, begin)

    def _against(self, rollout: str, span: Span) -> bool:
        """Returns whether anything was against it at any time of the span."""
        first, last = span
        spells = self._holds.get(rollout, ())
        held = self._hold(rollout, first) or any(
            hold for since, hold in spells if first <= since <= last
        )
        return bool(held) or self._reports.may_hold(rollout, span)


def creation(at: float, body: JsonObject, labels: Mapping[str, str]) -> Made:
    """Returns what a controller has made, by the object."""
    spec: Any = body["spec"]
    chosen = [
        value
        for selector in spec["clusterLabelSelectors"]
        for each in selector["matchExpressions"]
        for value in each["values"]
    ]
    plan = [list(item["actions"]) for item in spec["plan"]]
    name = body["metadata"]["name"]
    return Made(at, name, labels[names.FOLLOW_UP_OF], frozenset(chosen), plan, labels)


def time_of(told: str) -> float:
    return datetime.fromisoformat(told).timestamp()
