"""The health of canaries as ibgu itself has observed it, kept in memory (R50.16)."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.model import ClusterView
from ibgu.core.text.spans import utc

AHEAD = timedelta(minutes=5)
"""How far the clock of the hub, or of a cluster, may be ahead."""
VALID = timedelta(minutes=5)
"""How long an answer counts. A longer silence is a break."""


class ObservedCheck(StrEnum):
    """The checks that the hub's ManagedClusters do not answer: ibgu has to observe them."""

    CLUSTER_OPERATORS = "cluster operators"
    NODES = "nodes"
    POLICIES = "policies"


class MetricQuestion(Struct, frozen=True):
    """MetricQuestion is a query about a canary to a source that the administrator of ibgu has named
    (R50.18)."""

    source: str
    query: str
    """PromQL with placeholders."""


HealthCheck = ObservedCheck | MetricQuestion


class HealthFinding(Struct, frozen=True):
    """HealthFinding is what one check says of one canary."""

    problem: str = ""
    """Why the canary is not well; empty: it is."""
    since: datetime | None = None
    """Since when it is well; None: this is not known."""
    reported: bool = False
    """Whether the problem is what was reported of the canary, and not that this is unknown: only
    such a problem may roll it back."""
    as_of: datetime | None = None
    """When that was reported last; None: it is reported now."""


HealthLookup = Callable[[HealthCheck, ClusterView, datetime], HealthFinding]
"""Returns what was observed of a canary, as of a time."""


class Canary(Struct, frozen=True):
    """Canary is a cluster that has to be observed now."""

    rollout: str
    cluster: ClusterView
    checks: frozenset[ObservedCheck]
    questions: tuple[MetricQuestion, ...] = ()


def not_observed(check: HealthCheck, cluster: ClusterView, now: datetime) -> HealthFinding:
    if not isinstance(check, ObservedCheck):
        return HealthFinding(f"ibgu has not asked the source {check.source} yet")
    return HealthFinding(f"ibgu has not read its {check} yet")


class Asking(Struct, frozen=True):
    """Asking is one question that is put to a source about a canary."""

    at: datetime
    """When it is put."""
    since: datetime | None = None
    """When the last question was put by whose answer the canary was well: the soak goes on if this
    one is about all the time since. None: there is none within the time for which answers count."""


class _Observed(Struct):
    """_Observed is what was observed of one canary by one check."""

    finding: HealthFinding
    at: datetime
    """When it was answered last."""
    asked_at: datetime | None = None
    """When the question was put that was answered then; None: no source was asked."""
    broken: bool = False
    """Whether the last answer was that the canary is not well."""
    well_again: datetime | None = None
    """When it was first answered that the canary is well, after an answer that it is not."""
    trouble: str = ""
    """Why it could not be asked since."""


class HealthObservations:
    """HealthObservations keeps the last answer of each canary to each check, for as long as
    somebody waits for it."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, HealthCheck], _Observed] = {}

    def finding(self, check: HealthCheck, cluster: ClusterView, now: datetime) -> HealthFinding:
        """Returns what was observed. While a source does not answer, a canary is not well, but the
        soak goes on if it answers again in time."""
        found = self._found.get((cluster.uid, check))
        if found is None:
            return not_observed(check, cluster, now)
        if not isinstance(check, ObservedCheck):
            return _of_source(check, found, now)
        if now - found.at <= VALID:
            return _dated(found)
        why = found.trouble or "the last answer is too old"
        return HealthFinding(f"its {check} are not known since {utc(found.at)}: {why}")

    def ask(self, question: MetricQuestion, cluster: ClusterView, now: datetime) -> Asking:
        """Returns what is known of a question that is put now."""
        found = self._found.get((cluster.uid, question))
        if found is None or found.finding.problem or found.asked_at is None:
            return Asking(now)
        return Asking(now, found.asked_at if now - found.asked_at <= VALID else None)

    def note(
        self,
        check: HealthCheck,
        cluster: ClusterView,
        answer: HealthFinding,
        now: datetime,
        asking: Asking | None = None,
    ) -> bool:
        """Notes an answer; returns whether the finding is another one. A cluster that does not
        know since when it is well has been so since the first of its answers without a break. After
        an answer that it is not, it is well since it has answered that it is: its clock may be
        behind.

        `asking`: the question that a source has answered.
        """
        key = (cluster.uid, check)
        before = self._found.get(key)
        found = _Observed(answer, now, asking.at if asking is not None else None)
        if before is not None:
            found.broken, found.well_again = before.broken, before.well_again
        if answer.problem:
            found.broken = True
        else:
            if found.broken:
                found.broken, found.well_again = False, now
            since = _well_since(answer.since, before, found.well_again, now, asking)
            found.finding = HealthFinding(since=since)
        self._found[key] = found
        if before is None or before.finding != found.finding or before.trouble:
            return True
        return now - before.at > VALID

    def note_trouble(
        self, check: HealthCheck, cluster: ClusterView, trouble: str, now: datetime
    ) -> bool:
        """Notes why a canary can't be asked; returns whether the finding is another one. Its last
        answer still counts for a while."""
        found = self._found.get((cluster.uid, check))
        if found is None:
            self._found[cluster.uid, check] = _Observed(HealthFinding(trouble), now)
            return True
        changed = found.trouble != trouble
        found.trouble = trouble
        if found.finding.problem and changed:
            found.finding = HealthFinding(trouble)
        return changed

    def keep(self, wanted: Collection[tuple[str, HealthCheck]], now: datetime) -> None:
        """Forgets old answers but those to these checks of clusters, which have uids."""
        self._found = {
            key: found
            for key, found in self._found.items()
            if key in wanted or now - found.at <= VALID
        }


def _of_source(question: MetricQuestion, found: _Observed, now: datetime) -> HealthFinding:
    if found.trouble:
        return HealthFinding(found.trouble)
    if now - found.at > VALID:
        return HealthFinding(f"the source {question.source} was not asked since {utc(found.at)}")
    return _dated(found)


def _dated(found: _Observed) -> HealthFinding:
    """Returns the finding; what is reported is as of the last answer."""
    known = found.finding
    return replace(known, as_of=found.at) if known.reported else known


def _well_since(
    reported: datetime | None,
    before: _Observed | None,
    well_again: datetime | None,
    now: datetime,
    asking: Asking | None,
) -> datetime:
    if reported is None or reported > now + AHEAD:
        return _since(before, now, asking)
    return reported if well_again is None else max(reported, well_again)


def _since(before: _Observed | None, now: datetime, asking: Asking | None) -> datetime:
    """Returns since when the canary is well by answers alone: since this one, unless it goes on
    where the one before has ended."""
    if before is None or before.finding.problem or now - before.at > VALID:
        return now
    if asking is not None and (asking.since is None or asking.since != before.asked_at):
        return now
    return before.finding.since or now
