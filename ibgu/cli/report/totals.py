"""Counts a rollout's members as they come, page by page: what is kept grows with the kinds of
things that happened, not with the clusters, but for eight bytes a duration."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from ibgu.cli.report.actions import reported_actions
from ibgu.cli.report.spread import DurationSpread
from ibgu.client.responses import MemberAttemptsResponse, MemberResponse

NAMED = 10
"""Clusters that are named of a group."""
NO_LABEL = "(none)"
"""The group of clusters that lack a label, or whose labels are unknown."""
MAX_VALUES = 1000
"""Values of a label that are counted each; the others are counted together."""
OTHERS = "(others)"

FailureKey = tuple[int, str, str, str, str]
"""Step, action, outcome, cause, known failure: as the API groups failures."""


class NeedKey(Struct, frozen=True, order=True):
    step: int
    kind: str
    """The kind of the reason why the members wait."""


class Need:
    """Need counts the members that a person has to do something for, for one reason."""

    def __init__(self, message: str, since: datetime) -> None:
        self.message = message
        self.since = since
        self.count = 0
        self.clusters: list[str] = []

    def add(self, cluster: str, since: datetime) -> None:
        self.count += 1
        self.since = min(self.since, since)
        if len(self.clusters) < NAMED:
            self.clusters.append(cluster)


class ValueTotals:
    """ValueTotals counts the members of one step whose clusters have one value of a label."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.took = DurationSpread()


class Wait:
    """Wait measures how long a step's members waited for their start."""

    def __init__(self) -> None:
        self.spread = DurationSpread()
        self.longest = -1.0
        self.cluster = ""

    def add(self, cluster: str, seconds: float) -> None:
        self.spread.add(seconds)
        if seconds > self.longest:
            self.longest, self.cluster = seconds, cluster


class MemberTotals:
    def __init__(self, labels: Sequence[str] = ()) -> None:
        self.labels = tuple(labels)
        self.took: defaultdict[tuple[int, str], DurationSpread] = defaultdict(DurationSpread)
        """Durations of those that succeeded, by step and action."""
        self.outcomes: defaultdict[tuple[int, str], Counter[str]] = defaultdict(Counter)
        self.retried: Counter[tuple[int, str]] = Counter()
        """Clusters with more than one attempt, by step and action."""
        self.waits: defaultdict[int, Wait] = defaultdict(Wait)
        self.values: dict[str, dict[str, defaultdict[int, ValueTotals]]]
        self.values = {label: {} for label in labels}
        """Counts by label, value and step."""
        self.failures: defaultdict[FailureKey, dict[str, Counter[str]]]
        self.failures = defaultdict(lambda: {label: Counter() for label in labels})
        """Values of labels, by failure and label."""
        self.needs: dict[NeedKey, Need] = {}
        self.paused: list[str] = []
        """The first clusters of which parts may still be paused."""
        self.paused_count = 0

    def add(
        self,
        found: MemberAttemptsResponse,
        planned: Sequence[str],
        step_started: datetime | None,
    ) -> None:
        """Counts a member; `planned`: the actions of its step."""
        member = found.member
        for each in reported_actions(found, planned):
            key = (member.step, each.action)
            self.outcomes[key][each.outcome] += 1
            self.retried[key] += each.attempts > 1
            if each.outcome == "succeeded" and each.seconds is not None:
                self.took[key].add(each.seconds)
        if step_started and member.started_at:
            waited = (member.started_at - step_started).total_seconds()
            self.waits[member.step].add(member.cluster, max(0.0, waited))
        for label in self.labels:
            self._count_value(label, found)
        self._count_need(member)

    def _count_value(self, label: str, found: MemberAttemptsResponse) -> None:
        member, values = found.member, self.values[label]
        value = found.labels.get(label) or NO_LABEL
        if value not in values and len(values) >= MAX_VALUES:
            value = OTHERS
        of_value = values.setdefault(value, defaultdict(ValueTotals))[member.step]
        of_value.outcomes[member.outcome or member.state] += 1
        if member.outcome == "succeeded" and member.started_at and member.ended_at:
            of_value.took.add(max(0.0, (member.ended_at - member.started_at).total_seconds()))
        if member.outcome in ("failed", "cancelled"):
            self.failures[failure_key(member)][label][value] += 1

    def _count_need(self, member: MemberResponse) -> None:
        if member.paused_since:
            self.paused_count += 1
            if len(self.paused) < NAMED:
                self.paused.append(member.cluster)
        reason = member.reason
        if reason is None or (reason.who != "person" and reason.overdue is None):
            return
        key = NeedKey(member.step, reason.kind)
        need = self.needs.setdefault(key, Need(reason.message, reason.since))
        need.add(member.cluster, reason.since)


def failure_key(member: MemberResponse) -> FailureKey:
    known = (member.failed_action, member.outcome, member.cause, member.failure)
    action, outcome, cause, failure = (each or "" for each in known)
    return (member.step, action, outcome, cause, failure)
