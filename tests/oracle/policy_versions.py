"""The versions of RolloutPolicies that a start may rest on (R50.7)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from ibgu.core.model.rollout_policy import RolloutPolicySpec

_KNOWN_WITHIN = timedelta(seconds=70)
"""The longest time from when the journal has a version until the controller decides by it. The
response to the write may take 30 seconds and be lost. The next attempt is a second later, and may
take as long. Both times are by one clock to within 5 seconds."""
_READ_WITHIN = timedelta(seconds=15)
"""The longest time from the beginning of a turn, which dates its events, until it has read the
policies."""
_SAME = timedelta(seconds=1)
"""The most by which times of one statement differ."""


class PolicyVersion(Struct, frozen=True):
    """PolicyVersion is a version of a RolloutPolicy, as the journal has it."""

    name: str
    spec: Mapping[str, Any]
    seen_at: datetime
    gone_at: datetime | None = None
    """None: it still is in force."""

    @property
    def known(self) -> RolloutPolicySpec | None:
        """The spec as this program reads it; None: it can't."""
        try:
            return msgspec.convert(self.spec, RolloutPolicySpec)
        except msgspec.ValidationError:
            return None


class _KnownVersion(Struct, frozen=True):
    spec: RolloutPolicySpec | None
    seen_at: datetime
    gone_at: datetime | None

    def ends_by(self, moment: datetime) -> bool:
        return self.gone_at is not None and self.gone_at <= moment


class PossiblePolicy(Struct, frozen=True):
    """PossiblePolicy is what the controller may have known of one policy when it decided."""

    name: str
    specs: Sequence[RolloutPolicySpec | None]
    """The versions; None: one that can't be read."""
    absent: bool
    """Whether it may have known no version of it."""


class PolicyHistory:
    """PolicyHistory has all versions of the policies, by name: a policy that is created again goes
    on."""

    def __init__(self, versions: Iterable[PolicyVersion]) -> None:
        self._versions: dict[str, list[_KnownVersion]] = {}
        for each in sorted(versions, key=lambda version: version.seen_at):
            known = _KnownVersion(each.known, each.seen_at, each.gone_at)
            self._versions.setdefault(each.name, []).append(known)

    @property
    def any(self) -> bool:
        """Whether the evidence has a policy at all."""
        return bool(self._versions)

    def at(self, moment: datetime) -> Iterator[PossiblePolicy]:
        """Yields the policies that a decision of that time may rest on."""
        begin, end = moment - _KNOWN_WITHIN, moment + _READ_WITHIN
        for name, versions in self._versions.items():
            found = [each for each in versions if each.seen_at <= end and not each.ends_by(begin)]
            if found:
                specs = [each.spec for each in found]
                yield PossiblePolicy(name, specs, _has_gap(found, begin, end))


def _has_gap(versions: Iterable[_KnownVersion], begin: datetime, end: datetime) -> bool:
    """Whether at some moment of the span no version was in force."""
    reached: datetime = begin
    for each in versions:
        if each.seen_at > reached + _SAME:
            return True
        reached = end if each.gone_at is None else max(reached, each.gone_at)
    return reached + _SAME < end
