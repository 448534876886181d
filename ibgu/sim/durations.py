"""Draws how long the phases of a stage take, from seeded distributions.

The field preset has the medians of real single-node clusters. Everything is in seconds before the
time scale; only the simulator's own milliseconds (an agent's reaction) are never scaled.
"""

import math
import re
from random import Random

from msgspec import Struct, field

PHASES: dict[str, tuple[str, ...]] = {
    "Init": (),
    "Prep": ("health", "stateroot", "precache"),
    "Upgrade": ("export", "backup", "reboot", "settle", "restore"),
    "Rollback": ("rollback-start", "rollback-reboot", "rollback-settle"),
    "Abort": ("abort",),
    "Finalize": ("finalize",),
}
"""The phases of each stage, in the order in which they pass."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Spread(Struct, frozen=True):
    """Spread is a uniform range, or a lognormal median with `sigma` (capped at six times the
    median)."""

    low: float
    high: float
    sigma: float = 0.0

    def draw(self, rng: Random) -> float:
        if self.sigma:
            return min(self.low * math.exp(rng.gauss(0.0, self.sigma)), self.low * 6)
        return rng.uniform(self.low, self.high)


def _spread(minutes: float, sigma: float = 0.35) -> Spread:
    return Spread(minutes * 60, minutes * 60, sigma)


FIELD: dict[str, Spread] = {
    "health": Spread(0.0, 20.0),
    "stateroot": _spread(4),
    "precache": _spread(8, 0.5),
    "export": _spread(0.5),
    "backup": _spread(2),
    "reboot": _spread(9, 0.2),
    "settle": _spread(2),
    "restore": _spread(2),
    "rollback-start": _spread(0.5),
    "rollback-reboot": _spread(6, 0.15),
    "rollback-settle": _spread(0.5),
    "abort": _spread(1),
    "finalize": _spread(0.5),
}


class PhaseDurations(Struct, frozen=True):
    """PhaseDurations of all phases; `total`, if given, is the length of every whole stage, whose
    phases keep their shares."""

    phases: dict[str, Spread] = field(default_factory=lambda: dict(FIELD))
    total: Spread | None = None

    def draw(self, stage: str, rng: Random, *, backups: bool = True) -> dict[str, float]:
        """Draws seconds per phase; without `backups` an upgrade has none to make."""
        drawn = {phase: self.phases[phase].draw(rng) for phase in PHASES[stage]}
        if not backups:
            drawn = {phase: 0.0 if phase == "backup" else drawn[phase] for phase in drawn}
        if self.total is None:
            return drawn
        whole = self.total.draw(rng) / (sum(drawn.values()) or 1.0)
        return {phase: seconds * whole for phase, seconds in drawn.items()}

    @classmethod
    def parse(cls, text: str) -> "PhaseDurations":
        """Parses `field`, `2s-6s` for every whole stage, and `phase=9m` to replace single phases.
        `~9m` is a lognormal with that median. Raises ValueError that names the bad part."""
        phases, total = dict(FIELD), None
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            name, equals, spread = part.partition("=")
            if equals:
                phases[_phase(name)] = parse_spread(spread)
            elif part != "field":
                total = parse_spread(part)
        return cls(phases, total)


def _phase(name: str) -> str:
    if name not in FIELD:
        raise ValueError(f"unknown phase {name!r}; known: {', '.join(FIELD)}")
    return name


def parse_spread(text: str) -> Spread:
    """Parses `9m`, `2s-6s`, or `~9m`. Raises ValueError."""
    if text.startswith("~"):
        median = parse_seconds(text[1:])
        return Spread(median, median, 0.35)
    low, dash, high = text.partition("-")
    first = parse_seconds(low)
    second = parse_seconds(high) if dash else first
    if second < first:
        raise ValueError(f"{text!r} ends before it begins")
    return Spread(first, second)


def parse_seconds(text: str) -> float:
    """Parses `250ms`, `6s`, `1.5m`, `2h`. Raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write it as 250ms, 6s, 1.5m or 2h")
    return float(match.group(1)) * _UNITS[match.group(2)]


def go_duration(seconds: int) -> str:
    """Returns whole seconds as Go prints a time.Duration: `30m0s`."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{left}s"
    return f"{minutes}m{left}s" if minutes else f"{left}s"
