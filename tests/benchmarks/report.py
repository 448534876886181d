"""Figures beside their bounds."""

import tomllib
from pathlib import Path
from typing import Any

THRESHOLDS = Path(__file__).with_name("thresholds.toml")

JUDGED: dict[str, float] = {}
"""Every figure of this process: by part, what it is about, and name, with spaces between."""


def judge(found: dict[str, float], part: str = "", about: str = "") -> bool:
    """Print each figure beside its bound; True if all are within.

    A delay is within its bound if it is so in milliseconds or in echoes: a busy hub answers late
    whatever ibgu does, and beside an idle one a few milliseconds are many echoes.

    `part` is the table of thresholds.toml that has the bounds, or those that differ from the ones
    at the top; `about` tells figures apart that a part has more than once.
    """
    JUDGED.update({" ".join(filter(None, (part, about, name))): found[name] for name in found})
    known = bounds(part)
    within = {name: is_within(value, known[name]) for name, value in found.items()}
    good = {name: each or within.get(_otherwise(name), False) for name, each in within.items()}
    for name, value in found.items():
        word = (
            "ok"
            if within[name]
            else f"ok in {_OTHERWISE[name.rpartition('_')[2]]}"
            if good[name]
            else "OVER"
        )
        _print(name, value, known[name], word)
    return all(good.values())


_OTHERWISE = {"ms": "echoes", "echoes": "ms"}
"""The two units of a delay."""


def _otherwise(name: str) -> str:
    """Returns the name of the same delay in the other unit; empty: it has one unit."""
    delay, _, unit = name.rpartition("_")
    return f"{delay}_{_OTHERWISE[unit]}" if unit in _OTHERWISE else ""


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


def is_within(value: float, bound: dict[str, Any]) -> bool:
    """`least = true`: the bound is the least that is good, not the most."""
    limit: float = bound["bound"]
    return value >= limit if bound.get("least") else value <= limit


def _print(name: str, value: float, bound: dict[str, Any], word: str) -> None:
    kind = "least" if bound.get("least") else "bound"
    print(f"  {name:34} {value:10.2f}   {kind} {bound['bound']:9.2f}   {word}")
