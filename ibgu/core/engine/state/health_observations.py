"""The health of canaries as ibgu itself has observed it, kept in memory (R50.16)."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

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


class HealthFinding(Struct, frozen=True):
    """HealthFinding is what one check says of one canary."""

    problem: str = ""
    """Why the canary is not well; empty: it is."""
    since: datetime | None = None
    """Since when it is well; None: this is not known."""


HealthLookup = Callable[[ObservedCheck, ClusterView, datetime], HealthFinding]
"""Returns what was observed of a canary, as of a time."""


class Canary(Struct, frozen=True):
    """Canary is a cluster that has to be observed now."""

    rollout: str
    cluster: ClusterView
    checks: frozenset[ObservedCheck]


def not_observed(check: ObservedCheck, cluster: ClusterView, now: datetime) -> HealthFinding:
    return HealthFinding(f"ibgu has not read its {check} yet")


class _Observed(Struct):
    """_Observed is what was observed of one canary by one check."""

    finding: HealthFinding
    at: datetime
    """When it was answered last."""
    trouble: str = ""
    """Why it could not be asked since."""


class HealthObservations:
    """HealthObservations keeps the last answer of each canary to each check, for as long as
    somebody waits for it."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, ObservedCheck], _Observed] = {}

    def finding(self, check: ObservedCheck, cluster: ClusterView, now: datetime) -> HealthFinding:
        found = self._found.get((cluster.uid, check))
        if found is None:
            return not_observed(check, cluster, now)
        if now - found.at <= VALID:
            return found.finding
        why = found.trouble or "the last answer is too old"
        return HealthFinding(f"its {check} are not known since {utc(found.at)}: {why}")

    def note(
        self, check: ObservedCheck, cluster: ClusterView, answer: HealthFinding, now: datetime
    ) -> bool:
        """Notes an answer; returns whether the finding is another one. A cluster that does not
        know since when it is well has been so since the first of its answers without a break."""
        key = (cluster.uid, check)
        before = self._found.get(key)
        finding = answer
        if not answer.problem and (answer.since is None or answer.since > now + AHEAD):
            finding = HealthFinding(since=_since(before, now))
        self._found[key] = _Observed(finding, now)
        if before is None or before.finding != finding or before.trouble:
            return True
        return now - before.at > VALID

    def note_trouble(
        self, check: ObservedCheck, cluster: ClusterView, trouble: str, now: datetime
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

    def keep(self, uids: Collection[str], now: datetime) -> None:
        """Forgets old answers of all clusters but these."""
        self._found = {
            key: found
            for key, found in self._found.items()
            if key[0] in uids or now - found.at <= VALID
        }


def _since(before: _Observed | None, now: datetime) -> datetime:
    if before is None or before.finding.problem or now - before.at > VALID:
        return now
    return before.finding.since or now
