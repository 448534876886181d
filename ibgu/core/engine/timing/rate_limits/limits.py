"""The arithmetic of rate, ramp-up and jitter."""

from datetime import timedelta
from hashlib import sha256
from math import ceil

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.text.spans import duration

MINUTE = timedelta(minutes=1)
"""The window in which starts are counted."""
_PARTS = 2**32


class RateLimits(Struct, frozen=True):
    """The rate limits of one step."""

    starts_per_minute: int = 0
    """The limit in any window of a minute; 0: only slots limit starts."""
    jitter: timedelta = timedelta()
    """The longest time by which a start is put off."""
    ramp_up: bool = False
    """Whether at most 1, 2, 4, ... members are in flight."""
    problem: str = ""
    """Which annotation can't be read, and what is expected; empty: none."""

    @property
    def none(self) -> bool:
        return self == UNLIMITED

    def within(self, most: int) -> "RateLimits":
        """Returns the limits with the hub's own limit on starts per minute added; 0: it has
        none."""
        rates = [rate for rate in (self.starts_per_minute, most) if rate]
        return replace(self, starts_per_minute=min(rates, default=0))

    def level(self, ended: int) -> int:
        """Returns how many may be in flight once this many have ended.

        Each level has to end as many as it has places, so 2**k is reached after 2**k - 1.
        """
        return 1 << ((ended + 1).bit_length() - 1)

    def more(self, ended: int) -> int:
        """Returns how many more have to end until the next level."""
        return 2 * self.level(ended) - 1 - ended

    def width(self, slots: int, ended: int) -> int:
        """Returns how many members may be in flight on this many slots."""
        return min(slots, self.level(ended)) if self.ramp_up else slots

    def waves(self, members: int, slots: int, started: int = 0) -> int:
        """Returns in how many waves the members after the first `started` start."""
        if not self.ramp_up:
            return max(1, ceil((members - started) / slots))
        return max(1, self._wave(members, slots) - self._wave(started + 1, slots) + 1)

    def _wave(self, place: int, slots: int) -> int:
        """Returns the wave of the `place`-th member, from 1."""
        full = slots.bit_length() - 1
        """Waves 1, 2, 4, ... that are at most `slots` wide."""
        ramped = (1 << (full + 1)) - 1
        if place <= ramped:
            return place.bit_length()
        return full + 1 + ceil((place - ramped) / slots)

    def delay(self, identity: str) -> timedelta:
        """Returns the same delay for the same member and attempt; delays are evenly spread."""
        part = int.from_bytes(sha256(identity.encode()).digest()[:4], "big")
        return self.jitter * part / _PARTS

    def opens(self, number: int) -> timedelta:
        """Returns when the rate lets the `number`-th start, from 0, if no cluster has started
        before."""
        return (
            MINUTE * (number // self.starts_per_minute) if self.starts_per_minute else timedelta()
        )

    def minutes(self, members: int) -> int:
        """Returns how many minutes the members need to start; 0 without a rate."""
        return ceil(members / self.starts_per_minute) if self.starts_per_minute else 0


UNLIMITED = RateLimits()


def phrases(rate_limits: RateLimits) -> list[str]:
    """Returns what the limits ask for, as phrases."""
    requested = {
        f"at most {rate_limits.starts_per_minute} starts a minute": rate_limits.starts_per_minute
        > 0,
        "ramp-up 1, 2, 4, …": rate_limits.ramp_up,
        f"each put off by up to {duration(rate_limits.jitter)}": rate_limits.jitter > timedelta(),
    }
    return [phrase for phrase, asked in requested.items() if asked]
