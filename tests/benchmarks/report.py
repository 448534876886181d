"""Figures beside their bounds."""

import tomllib
from pathlib import Path
from typing import Any

THRESHOLDS = Path(__file__).with_name("thresholds.toml")

JUDGED: dict[str, float] = {}
"""Every figure of this process: by part, what it is about, and name, with spaces between."""


def judge(found: dict[str, float], part: str = "", about: str = "") -> bool:
    """Print each figure beside its bound; True if all are within.

    `part` is the table of thresholds.toml that has the bounds, or those that differ from the ones
    at the top; `about` tells figures apart that a part has more than once.
    """
    JUDGED.update({" ".join(filter(None, (part, about, name))): found[name] for name in found})
    known = bounds(part)
    within = [_judge(name, value, known[name]) for name, value in found.items()]
    return all(within)


def more_is_better(figure: str) -> bool:
    """Whether more is better of a figure, as JUDGED names it."""
    part, _, name = figure.rpartition(" ")
    return bool(bounds(part.partition(" ")[0]).get(name, {}).get("least"))


def bounds(part: str = "") -> dict[str, Any]:
    """Returns the bounds by the figures' names; those at the top are for every part that has none
    of its own."""
    return tomllib.loads(THRESHOLDS.read_text()) | own_bounds(part)


def own_bounds(part: str) -> dict[str, Any]:
    """Returns the bounds without those at the top."""
    return dict(tomllib.loads(THRESHOLDS.read_text()).get(part, {}))


def _judge(name: str, value: float, bound: dict[str, Any]) -> bool:
    """`least = true`: the bound is the least that is good, not the most."""
    limit: float = bound["bound"]
    within = value >= limit if bound.get("least") else value <= limit
    word = "least" if bound.get("least") else "bound"
    print(f"  {name:34} {value:10.2f}   {word} {limit:9.2f}   {'ok' if within else 'OVER'}")
    return within
