"""Draws more of what a RolloutPolicy may say: hourly windows in time zones, places that clusters
share by a label, a circuit breaker for whatever image; and clusters that somebody holds."""

from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from ibgu.core.model import names
from ibgu.hub import paths
from tests.simulation.contention import Change

Object = dict[str, Any]

ZONES = ("Asia/Kathmandu", "Asia/Kolkata", "Europe/Berlin")
SHARED = "group"
"""The label of which all clusters have the same value."""


def hourly(rng: Random) -> Object:
    """Returns a window that opens once an hour, in the time zone of each cluster or in its own."""
    window: Object = {
        "cron": f"{rng.randrange(60)} * * * *",
        "durationMinutes": rng.randint(12, 30),
    }
    if rng.random() < 0.5:
        window["timeZone"] = rng.choice(ZONES)
    return window


def two_hourly(rng: Random) -> Object:
    """Returns a window that opens every second hour, in a time zone of its own."""
    return {
        "cron": f"{rng.randrange(60)} */2 * * *",
        "durationMinutes": rng.randint(70, 110),
        "timeZone": rng.choice(ZONES),
    }


def room(window: Mapping[str, Any], zone: str, at: datetime) -> float:
    """Returns the seconds until a window closes, at a time about which clocks may be wrong by a
    second; 0: it is closed. `zone`: that of the clusters."""
    local = at.astimezone(ZoneInfo(window.get("timeZone") or zone))
    minute, hours, *_ = str(window["cron"]).split()
    since = 3600.0 * local.hour + 60.0 * (local.minute - int(minute)) + local.second
    length = 60.0 * float(window["durationMinutes"])
    cycle = 7200.0 if hours == "*/2" else 3600.0
    return max(0.0, *(length - (since + shift) % cycle for shift in (-1.5, 1.5)))


def about_some(rng: Random) -> Object:
    """Returns which clusters a policy is about, some of them."""
    some = sorted(rng.sample(["site-1", "site-2", "site-3"], 2))
    wanted = {"key": "name", "operator": rng.choice(("In", "NotIn")), "values": some}
    return {"selector": {"matchExpressions": [wanted]}}


def selects(spec: Mapping[str, Any], cluster: str) -> bool:
    """Returns whether a policy is about the cluster."""
    asked = spec.get("clusters", {}).get("selector", {}).get("matchExpressions", ())
    return all((cluster in each["values"]) is (each["operator"] == "In") for each in asked)


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
