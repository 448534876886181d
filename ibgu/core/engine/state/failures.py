"""Records which clusters have failed, over all rollouts of the hub, for the failure budgets of
policies (R50.9)."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from operator import attrgetter

from msgspec import Struct

from ibgu.core.model import ActionName, Cause, Finished, Member, Outcome, traits

REMEMBERED = timedelta(days=14)
"""Failures of rollouts that are no longer kept in memory count for so long: the longest time of a
budget, and seven days in which one that is spent is still known."""
NOT_TRIED = frozenset({Cause.NEVER_STARTED, Cause.GONE, Cause.RECREATED, Cause.DELETED})
"""The cluster did not fail at what it was asked for."""
_PERHAPS_NOT_ASKED = NOT_TRIED | {Cause.WRONG_STATE, Cause.AGENT_ABSENT, None}
"""Without a record of a run, the cluster may have been asked for nothing; any other cause tells of
a run that a rebuilt journal has no more."""


class FailedMember(Struct, frozen=True, gc=False):
    at: datetime
    cluster: str
    rollout: str
    step: int
    action: ActionName

    @property
    def place(self) -> tuple[datetime, str, str, int]:
        return (self.at, self.cluster, self.rollout, self.step)


def failure_of(member: Member) -> FailedMember | None:
    """Returns how the cluster failed at what it was asked for, on its way forward; None: it has
    not. One that completed its action late has succeeded then."""
    if (
        not isinstance(member, Finished)
        or member.outcome is not Outcome.FAILED
        or member.late
        or member.cause in NOT_TRIED
        or member.failed_action is None
        or (member.run is None and member.cause in _PERHAPS_NOT_ASKED)
        or traits(member.failed_action).leads_back
    ):
        return None
    return FailedMember(
        member.ended_at, member.cluster, member.rollout, member.step, member.failed_action
    )


class Failures:
    """Failures of all rollouts, in memory and in order of time. A restart loads them from the
    journal, also those of rollouts that are over."""

    def __init__(self) -> None:
        self._all: list[FailedMember] = []
        self._of: dict[str, list[FailedMember]] = {}
        self.version = 0
        """Grows with each change."""
        self._removed = False

    def load(self, past: Iterable[FailedMember]) -> None:
        for failed in past:
            self._add(failed)

    def replace(
        self, before: FailedMember | None, after: FailedMember | None
    ) -> Callable[[], None]:
        """Replaces a member's failure, and returns the undo."""
        if before == after:
            return _nothing
        self._exchange(before, after)
        return lambda: self._exchange(after, before)

    def take_removed(self) -> bool:
        """Returns whether a failure has come to count no longer since the last call."""
        removed, self._removed = self._removed, False
        return removed

    def of(self, rollout: str, since: datetime) -> Iterator[FailedMember]:
        return _later(self._of.get(rollout, []), since)

    def on_hub(self, since: datetime) -> Iterator[FailedMember]:
        return _later(self._all, since)

    def drop_outdated(self, now: datetime, kept: Iterable[str]) -> None:
        """Drops what no longer counts; called between cycles. `kept`: the uids of the rollouts in
        memory, which may be older."""
        last = now - REMEMBERED
        outdated = bisect_right(self._all, last, key=attrgetter("at"))
        if outdated:
            self.version += 1
            self._removed = True
            del self._all[:outdated]
        for rollout in self._of.keys() - set(kept):
            del self._of[rollout]

    def _exchange(self, old: FailedMember | None, new: FailedMember | None) -> None:
        if old is not None:
            self._drop(old)
        if new is not None:
            self._add(new)

    def _add(self, failed: FailedMember) -> None:
        self.version += 1
        insort(self._all, failed, key=attrgetter("place"))
        insort(self._of.setdefault(failed.rollout, []), failed, key=attrgetter("place"))

    def _drop(self, failed: FailedMember) -> None:
        """Drops the failure, unless it was outdated."""
        self.version += 1
        self._removed = True
        for found in (self._all, self._of.get(failed.rollout, [])):
            place = bisect_right(found, failed.place, key=attrgetter("place")) - 1
            if place >= 0 and found[place] == failed:
                del found[place]


def _later(found: list[FailedMember], since: datetime) -> Iterator[FailedMember]:
    begin = bisect_left(found, since, key=attrgetter("at"))
    return (found[place] for place in range(begin, len(found)))


def _nothing() -> None:
    """Undoes no change."""
