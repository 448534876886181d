"""Knows what the hub has shown, and when: how clusters were, what the policy asked for, and what
held rollouts."""

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from ibgu.controller.lookups.talm import ALIVE
from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject
from ibgu.sim.hub.server import ServedRequest
from tests.simulation.canary_breaks import BROKEN, POWER, PROVEN, UNKNOWN, WELL
from tests.simulation.talm import KNOWN

FOREVER = float("inf")
_AVAILABLE = "ManagedClusterConditionAvailable"
_PAUSE = "ibgu.dev/pause"

Span = tuple[float, float]
"""The begin and the end, in the loop's time."""
_Value = TypeVar("_Value")


class Course(Generic[_Value]):
    """Course is what was so since when."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._values: list[_Value] = []

    def note(self, at: float, value: _Value) -> None:
        if not self._values or self._values[-1] != value:
            self._times.append(at)
            self._values.append(value)

    def spells(self, span: Span = (0.0, FOREVER)) -> Iterator[tuple[Span, _Value]]:
        """Yields what was so in the span, with the times of each, whole."""
        ends = [*self._times[1:], FOREVER]
        for begin, end, value in zip(self._times, ends, self._values, strict=True):
            if begin <= span[1] and end >= span[0]:
                yield (begin, end), value

    def values(self, span: Span) -> set[_Value]:
        return {value for _, value in self.spells(span)}


class HubReports:
    """HubReports listens to the hub."""

    def __init__(self, now: Callable[[], float], *, refuses: bool) -> None:
        """`refuses`: the hub does not take new rollouts of ibgu."""
        self.now = now
        self.refuses = refuses
        self._clusters: dict[str, Course[str]] = {}
        """Keyed by the uid of the ManagedCluster."""
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
                state = _state(after) if after is not None else UNKNOWN
                self._clusters.setdefault(meta["uid"], Course()).note(now, state)
            case "RolloutPolicy" if meta["name"] == PROVEN:
                self._graces.note(now, _grace(after))
            case names.IBGU:
                held = after is None or _is_held(after)
                self._held.setdefault(meta["uid"], Course()).note(now, held)
            case "Lease" if asked.who == "talm":
                self._renewed(now)

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

    # -- policies, holds -------------------------------------------------------------------------

    def grace(self, span: Span) -> float | None:
        """Returns after how many seconds the policy asked for a rollback in the span; None: it did
        not."""
        return min((each for each in self._graces.values(span) if each is not None), default=None)

    def asks_throughout(self, span: Span) -> bool:
        return None not in self._graces.values(span)

    def is_held(self, rollout: str, span: Span) -> bool:
        """Returns whether a person held the rollout throughout the span."""
        return self._held[rollout].values(span) == {True}

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


def _state(cluster: JsonObject) -> str:
    """Returns how the hub shows the cluster: what is said of one that it can't reach says
    nothing."""
    status: Any = cluster.get("status") or {}
    told = {each["type"]: each["status"] for each in status.get("conditions") or ()}
    said = told.get(POWER, UNKNOWN)
    return said if told.get(_AVAILABLE) == "True" and said in (WELL, BROKEN) else UNKNOWN


def _grace(policy: JsonObject | None) -> float | None:
    canaries: Any = policy["spec"]["canaries"] if policy is not None else {}
    return 60.0 * canaries["rollbackAfterMinutes"] if canaries.get("rollback") else None


def _is_held(ibgu: JsonObject) -> bool:
    meta = ibgu["metadata"]
    return "deletionTimestamp" in meta or _PAUSE in (meta.get("annotations") or {})
