"""Knows what the hub has shown, and when: how clusters were, what the policy asked for, and what
held rollouts."""

from collections.abc import Callable, Iterator
from typing import Any

from ibgu.controller.lookups.talm import ALIVE
from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject
from ibgu.sim.hub.server import ServedRequest
from tests.simulation.canary_breaks import BROKEN, GONE, PROVEN, UNKNOWN, WELL
from tests.simulation.course import Course, Span
from tests.simulation.health_proofs import CONDITIONS, POWER
from tests.simulation.talm import KNOWN

_AVAILABLE = "ManagedClusterConditionAvailable"
_PAUSE = "ibgu.dev/pause"
_CUT = 1e-6
"""Seconds that a time in the journal may be too early: it has whole microseconds."""


class HubReports:
    """HubReports listens to the hub."""

    def __init__(self, now: Callable[[], float], *, refuses: bool, proof: str = CONDITIONS) -> None:
        """`refuses`: the hub does not take new rollouts of ibgu. `proof`: what says how clusters
        are."""
        self.now = now
        self.refuses = refuses
        self._by_conditions = proof == CONDITIONS
        self._clusters: dict[str, Course[str]] = {}
        """Keyed by the uid of the ManagedCluster."""
        self._reachable: dict[str, Course[bool]] = {}
        """The same."""
        self._holds: dict[str, Course[bool]] = {}
        """Whether somebody holds the cluster; the same."""
        self._specs: Course[JsonObject | None] = Course()
        """The policy; None: there is none."""
        self._graces: Course[float | None] = Course()
        """The seconds after which the policy asks for a rollback; None: it does not."""
        self._held: dict[str, Course[bool]] = {}
        """Whether a person has paused or deleted each rollout, by uid."""
        self._talm: list[Span] = []
        """The first and the last renewal of TALM's Lease, each time that it lived."""

    def audit(
        self, asked: ServedRequest, before: JsonObject | None, after: JsonObject | None
    ) -> None:
        found = after or before
        assert found is not None
        now, meta = self.now(), found["metadata"]
        match found["kind"]:
            case "ManagedCluster":
                self._shown(meta["uid"], after)
            case "RolloutPolicy" if meta["name"] == PROVEN:
                self._graces.note(now, _grace(after))
                self._specs.note(now, after["spec"] if after is not None else None)
            case names.IBGU:
                held = after is None or _is_held(after)
                self._held.setdefault(meta["uid"], Course()).note(now, held)
            case "Lease" if asked.who == "talm":
                self._renewed(now)

    def _shown(self, uid: str, cluster: JsonObject | None) -> None:
        reachable = cluster is not None and _is_reachable(cluster)
        self._reachable.setdefault(uid, Course()).note(self.now(), reachable)
        held = cluster is not None and names.HOLD in _annotations(cluster)
        self._holds.setdefault(uid, Course()).note(self.now(), held)
        if self._by_conditions:
            says = _said(cluster) if cluster is not None and reachable else UNKNOWN
            self._clusters.setdefault(uid, Course()).note(self.now(), says)

    def said(self, uid: str, says: str) -> None:
        """Notes what something else says of a cluster than its conditions. It goes on while the hub
        can't reach the cluster, which `unreachable` tells."""
        if not self._by_conditions:
            known = {GONE: UNKNOWN}.get(says, says)
            self._clusters.setdefault(uid, Course()).note(self.now(), known)

    def _renewed(self, now: float) -> None:
        if self._talm and now - self._talm[-1][1] < ALIVE.total_seconds():
            self._talm[-1] = (self._talm[-1][0], now)
        else:
            self._talm.append((now, now))

    # -- clusters --------------------------------------------------------------------------------

    def was_well(self, uid: str, span: Span) -> bool:
        return WELL in self._course(uid).values(span)

    def was_broken(self, uid: str, span: Span) -> bool:
        return BROKEN in self._course(uid).values(span)

    def stays_broken(self, uid: str, span: Span) -> bool:
        return span[1] < span[0] or self._course(uid).values(span) == {BROKEN}

    def breaks(self, uid: str) -> Iterator[Span]:
        """Yields from when to when the cluster was reported as broken."""
        return (span for span, state in self._course(uid).spells() if state == BROKEN)

    def _course(self, uid: str) -> Course[str]:
        return self._clusters.get(uid, Course())

    def spells(self, uid: str, span: Span) -> Iterator[tuple[Span, str]]:
        """Yields what was said of the cluster in the span, with the times of each, whole."""
        return self._course(uid).spells(span)

    def holds_cluster(self, uid: str, span: Span) -> bool:
        """Returns whether somebody held the cluster throughout the span."""
        return self._holds.get(uid, Course()).values(span) == {True}

    def unreachable(self, uid: str, span: Span) -> Iterator[Span]:
        """Yields from when to when the hub could not reach the cluster."""
        course = self._reachable.get(uid, Course())
        return (times for times, reachable in course.spells(span) if not reachable)

    # -- policies, holds -------------------------------------------------------------------------

    def grace(self, span: Span) -> float | None:
        """Returns after how many seconds the policy asked for a rollback in the span; None: it did
        not."""
        return min((each for each in self._graces.values(span) if each is not None), default=None)

    def specs(self, span: Span) -> list[JsonObject | None]:
        """Returns what the policy was in the span; None: there was none."""
        return [spec for _, spec in self._specs.spells(span)]

    def asks_throughout(self, span: Span) -> bool:
        return None not in self._graces.values(span)

    def is_held(self, rollout: str, span: Span) -> bool:
        """Returns whether a person held the rollout throughout the span, and when it was over."""
        first, last = span
        return self._held[rollout].values((first, last + _CUT)) == {True}

    def may_hold(self, rollout: str, span: Span) -> bool:
        """Returns whether a person or TALM held the rollout at any time of the span."""
        first, last = span
        end = ALIVE.total_seconds() + KNOWN
        talm = any(begun <= last and renewed + end >= first for begun, renewed in self._talm)
        return talm or True in self._held[rollout].values(span)

    def talm_known(self, at: float) -> bool:
        """Returns whether every controller had seen that TALM lives."""
        alive = ALIVE.total_seconds()
        return any(begun + KNOWN < at < renewed + alive for begun, renewed in self._talm)


def _annotations(found: JsonObject) -> JsonObject:
    metadata: Any = found["metadata"]
    return metadata.get("annotations") or {}


def _conditions(cluster: JsonObject) -> JsonObject:
    status: Any = cluster.get("status") or {}
    return {each["type"]: each["status"] for each in status.get("conditions") or ()}


def _is_reachable(cluster: JsonObject) -> bool:
    return bool(_conditions(cluster).get(_AVAILABLE) == "True")


def _said(cluster: JsonObject) -> str:
    """Returns what is said of a cluster that the hub can reach: of another one nothing follows."""
    said = _conditions(cluster).get(POWER, UNKNOWN)
    return said if said in (WELL, BROKEN) else UNKNOWN


def _grace(policy: JsonObject | None) -> float | None:
    canaries: Any = policy["spec"]["canaries"] if policy is not None else {}
    return 60.0 * canaries["rollbackAfterMinutes"] if canaries.get("rollback") else None


def _is_held(ibgu: JsonObject) -> bool:
    return "deletionTimestamp" in ibgu["metadata"] or _PAUSE in _annotations(ibgu)
