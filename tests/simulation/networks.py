"""Draws more of what a RolloutPolicy may say: hourly windows in time zones, places that clusters
share by a label, a circuit breaker for whatever image; and clusters that somebody holds."""

from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Any

from ibgu.core.model import names
from ibgu.hub import paths
from tests.simulation.contention import Change

Object = dict[str, Any]

ZONES: Mapping[str, int] = {"Asia/Kathmandu": 45, "Asia/Kolkata": 30, "Europe/Berlin": 0}
"""The minutes by which a clock in the zone is ahead of UTC, beside whole hours."""
SHARED = "group"
"""The label of which all clusters have the same value."""


def hourly(rng: Random) -> Object:
    """Returns a window that opens once an hour, in the time zone of each cluster or in its own."""
    window: Object = {
        "cron": f"{rng.randrange(60)} * * * *",
        "durationMinutes": rng.randint(12, 30),
    }
    if rng.random() < 0.5:
        window["timeZone"] = rng.choice([*ZONES])
    return window


def is_open(window: Mapping[str, Any], zone: str, at: datetime) -> bool:
    """Returns whether an hourly window is open at a time, about which clocks may be wrong by a
    second. `zone`: that of the clusters."""
    ahead = ZONES[window.get("timeZone") or zone]
    opens = int(str(window["cron"]).partition(" ")[0])
    return any(
        (at.timestamp() + seconds - 60.0 * (opens - ahead)) % 3600.0
        < 60.0 * float(window["durationMinutes"])
        for seconds in (-1.5, 1.5)
    )


def labelled(zone: str) -> dict[str, str]:
    """Returns the label of clusters in the time zone."""
    return {names.TIME_ZONE: zone.replace("/", ".")}


def held_clusters(rng: Random, clusters: int) -> tuple[tuple[int, float, float], ...]:
    """Returns which clusters somebody holds, with the virtual seconds of the begin and the end."""
    found = []
    for number in sorted(rng.sample(range(clusters), rng.choice((1, 2)))):
        begin = rng.uniform(0.0, 500.0)
        found.append((number, begin, begin + rng.uniform(200.0, 1500.0)))
    return tuple(found)


def hold(cluster: str, *, held: bool) -> Change:
    """Returns that somebody begins or ends to hold the cluster."""
    value = "ada" if held else None
    body = {"metadata": {"annotations": {names.HOLD: value}}}
    return Change(0.0, paths.MANAGED_CLUSTERS, cluster, body)
