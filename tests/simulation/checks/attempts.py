"""Checks that clusters are tried again where a policy says so, and nowhere else (R50.20), by what
the clusters said and what the hub has shown."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject
from ibgu.sim.hub.server import ServedRequest
from tests.simulation.checks import Found
from tests.simulation.checks.follow_ups import CLOCKS, LAG, Made, creation, time_of
from tests.simulation.checks.history import Event
from tests.simulation.checks.reported import HubReports
from tests.simulation.course import FOREVER, Course
from tests.simulation.failed_preps import SAID, FailedPreps

_FAILED = "R50.20 only a Prep that failed of a transient cause is tried again"
_BACK = "R50.20 a cluster is tried again only once it was taken back"
_DUE = "R50.20 a cluster is tried again only when that is due"
_ATTEMPTS = "R50.20 a cluster is tried again only so often"
_HELD = "R50.20 no cluster is tried again while the rollout is held"
_OVER = "R50.20 no cluster is tried again before its rollout is over"
_ASKED = "R50.20 a cluster is tried again only where a policy asks for it"
_JOURNAL = "R50.20 a further rollout is in the journal before it is on the hub"
_ONCE = "R50.20 a further rollout is made once"
_SO = "R50.20 a further rollout has the plan, the labels and the clusters that it should"
_MUST = "R50.20 a cluster that failed and was taken back is judged again"
_PLANNED = "R50.20 a further attempt is planned as soon as the cluster was taken back"


class _Rollout(Struct):
    """_Rollout is what the events say of one; times are by uid."""

    plans: list[list[list[str]]] = []
    labels: Mapping[str, str] = {}
    of: str = ""
    failed: dict[str, bool] = {}
    """Whether the Prep failed of a transient cause, by uid."""
    back: dict[str, float] = {}
    """When the step that has taken the cluster back was finished."""
    returned: set[str] = set()
    records: list[JsonObject] = []
    deleted: bool = False
    over: float = FOREVER
    """When its plan was over."""


class Attempts:
    """Attempts listens to the hub, and reads the history."""

    def __init__(
        self,
        found: Found,
        drawn: FailedPreps,
        reports: HubReports,
        *,
        heard_until: float,
        patience: float | None,
    ) -> None:
        """`heard_until` and `patience` are those of `FollowUps`."""
        self._check = found.check
        self._drawn = drawn
        self._reports = reports
        self._heard_until = heard_until
        self._patience = patience
        self._rollouts: dict[str, _Rollout] = {}
        self._made: list[Made] = []
        self._there: Course[bool] = Course()
        """Whether the policy was on the hub."""

    def audit(
        self, asked: ServedRequest, before: JsonObject | None, after: JsonObject | None
    ) -> None:
        found = after or before
        assert found is not None
        if not self._drawn.policy:
            return
        if found["kind"] == "RolloutPolicy":
            self._there.note(self._reports.now(), after is not None)
        if found["kind"] != names.IBGU or after is None:
            return
        meta = after["metadata"]
        rollout = self._rollouts.setdefault(meta["uid"], _Rollout())
        labels = meta.get("labels") or {}
        rollout.plans.append([list(item["actions"]) for item in after["spec"]["plan"]])
        rollout.labels, rollout.of = labels, labels.get(names.FOLLOW_UP_OF, "")
        if before is None and rollout.of and asked.who.startswith("ibgu/"):
            self._made.append(creation(self._reports.now(), after, labels))

    # -- the history -----------------------------------------------------------------------------

    def judge(self, events: Iterable[Event], *, restored: bool) -> None:
        """Reads events whose clocks showed the loop's time."""
        if not self._drawn.policy or restored:
            return
        last = 0.0
        for event in events:
            last = event.at.timestamp()
            rollout = self._rollouts.get(str(event.rollout))
            if rollout is not None:
                self._read(event, rollout)
        self._creations()
        self._what_must_be(last)

    def _read(self, event: Event, rollout: _Rollout) -> None:
        uid = str(event.cluster_uid)
        match event.kind:
            case "RolloutDeleted":
                rollout.deleted = True
            case "RolloutCompleted":
                rollout.over = event.at.timestamp()
            case "RolloutStarted" | "StepOpened":
                rollout.over = FOREVER
            case "MemberFinished" if event.data["outcome"] == "failed":
                transient = any(words in event.why for words in SAID)
                rollout.failed[uid] = event.cause == "PrepFailed" and transient
            case "MemberFinished" if event.data["outcome"] == "succeeded":
                rollout.returned.add(uid)
            case "StepFinished" if event.data["actions"] == ["AbortOnFailure"]:
                at = event.at.timestamp()
                rollout.back |= dict.fromkeys(rollout.returned & rollout.failed.keys(), at)
                rollout.returned.clear()
            case "StepFinished":
                rollout.returned.clear()
            case "FollowUpChanged":
                self._recorded(event, rollout)

    def _recorded(self, event: Event, rollout: _Rollout) -> None:
        known = {(each["name"], *each["uids"]) for each in rollout.records if each["name"]}
        for record in event.data["follow_ups"]:
            if record["name"] and (record["name"], *record["uids"]) not in known:
                self._begun(event, rollout, record)
        rollout.records = [*rollout.records, *event.data["follow_ups"]]

    def _begun(self, event: Event, rollout: _Rollout, record: JsonObject) -> None:
        at, attempt = event.at.timestamp(), record["attempt"]
        retry = self._drawn.policy["retry"]
        wait = 60.0 * retry["backoffMinutes"] * 2 ** (attempt - 1)
        for uid in record["uids"]:
            self._check(_FAILED, rollout.failed.get(uid, False), event, uid)
            self._check(_BACK, uid in rollout.back, event, uid)
            self._check(_DUE, at >= rollout.back.get(uid, at) + wait - CLOCKS, event, uid)
        depth = self._depth(rollout) + 1
        self._check(_ATTEMPTS, depth == attempt <= retry["attempts"], event, depth)
        self._check(_HELD, not rollout.deleted, event, "deleted")
        self._check(_OVER, at >= rollout.over, event)
        if at <= self._heard_until:
            held = self._reports.is_held(str(event.rollout), (at - LAG, at))
            self._check(_HELD, not held, event, "by a person")
            self._check(_ASKED, True in self._there.values((at - LAG, at)), event)

    def _depth(self, rollout: _Rollout) -> int:
        """Returns how often the rollout's clusters were tried again before it."""
        depth = 0
        while rollout.of:
            depth, rollout = depth + 1, self._rollouts[rollout.of]
        return depth

    # -- further rollouts ------------------------------------------------------------------------

    def _creations(self) -> None:
        known: set[Any] = set()
        for made in self._made:
            before = self._rollouts[made.of]
            records = {each["name"]: each for each in before.records if each["name"]}
            record = records.get(made.name)
            told = record is not None and time_of(record["decided_at"]) <= made.at + CLOCKS
            self._check(_JOURNAL, told, made, records)
            for each in (made.name, (made.of, made.clusters)):
                self._check(_ONCE, each not in known, made)
                known.add(each)
            if record is not None:
                alike = made.clusters == set(record["clusters"]) and made.plan in before.plans
                self._check(_SO, alike and made.labels.get("ring") == "a", made, record)

    # -- what must happen ------------------------------------------------------------------------

    def _what_must_be(self, last: float) -> None:
        """Checks that each cluster was judged again in time, where nothing was against it."""
        retry = self._drawn.policy["retry"]
        if self._patience is None:
            return
        for uid, rollout in self._rollouts.items():
            attempt = self._depth(rollout) + 1
            if attempt > retry["attempts"]:
                continue
            wait = 60.0 * retry["backoffMinutes"] * 2 ** (attempt - 1)
            judged = {
                (cluster, record["name"] or record["refused"])
                for record in rollout.records
                for cluster in record["uids"]
                if record["name"] or record["refused"]
            }
            planned = {cluster for record in rollout.records for cluster in record["uids"]}
            for cluster, at in rollout.back.items():
                soon = at + LAG + CLOCKS
                asked = self._there.values((at - LAG, soon)) == {True}
                against = self._reports.now() < soon or self._reports.may_hold(uid, (at, soon))
                if rollout.failed[cluster] and asked and not against:
                    self._check(_PLANNED, cluster in planned, uid, cluster, at)
                due = max(at + wait, rollout.over) + self._patience
                against = due > last or self._reports.may_hold(uid, (at, due))
                asked = self._there.values((at - LAG, due)) == {True}
                if rollout.failed[cluster] and asked and not against:
                    done = any(each == cluster for each, _ in judged)
                    self._check(_MUST, done, uid, cluster, at)
