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
PLACE = "router"
"""The label of which all clusters have the same value, until somebody moves one of them."""
SOMEWHERE = "router-1"
"""That value."""
SHARES = ("34%", "67%")
"""The shares of the selected clusters that may be in flight at once."""


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


def moved_clusters(rng: Random, clusters: int) -> tuple[tuple[float, int, str], ...]:
    """Returns which clusters somebody moves, with the virtual seconds and the place: to another
    one, mostly back, and perhaps there again."""
    found = []
    for number in range(clusters):
        at = rng.uniform(20.0, 600.0)
        for place in ("router-2", SOMEWHERE, "router-2")[: rng.choice((1, 2, 2, 3))]:
            found.append((at, number, place))
            at += rng.uniform(20.0, 600.0)
    return tuple(sorted(found))


def move(cluster: str, place: str) -> Change:
    """Returns that somebody moves the cluster to a place."""
    body = {"metadata": {"labels": {PLACE: place}}}
    return Change(0.0, paths.MANAGED_CLUSTERS, cluster, body)


def most(spec: Mapping[str, Any], clusters: int) -> int:
    """Returns how many of the clusters may be in flight that a policy selects; 0: any number."""
    in_flight = spec.get("inFlight") or 0
    if isinstance(in_flight, int):
        return in_flight
    selected = sum(selects(spec, f"site-{number}") for number in range(1, clusters + 1))
    return max(1, selected * int(in_flight.removesuffix("%")) // 100)


def hold(cluster: str, *, held: bool) -> Change:
    """Returns that somebody begins or ends to hold the cluster."""
    value = "ada" if held else None
    body = {"metadata": {"annotations": {names.HOLD: value}}}
    return Change(0.0, paths.MANAGED_CLUSTERS, cluster, body)
