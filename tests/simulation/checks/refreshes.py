"""Checks that a refresh makes an agent read, and changes nothing else (R21.3), and that one that
watches is refreshed after a reboot only (R21.4)."""

from ibgu.core.model import names, traits
from ibgu.core.model.kinds import JsonObject
from ibgu.sim.hub.server import ServedRequest
from tests.simulation.checks import Found


class RefreshSchedule:
    """`watched`: the hub has feedback by watch."""

    def __init__(self, found: Found, *, watched: bool) -> None:
        self._check = found.check
        self._watched = watched

    def audit(
        self, asked: ServedRequest, before: JsonObject | None, after: JsonObject | None
    ) -> None:
        if before is None or after is None or not refreshed(asked):
            return
        action = before["metadata"]["annotations"].get(names.ACTION, "")
        rightly = not self._watched or (bool(action) and traits(action).reboots)
        self._check("R21 a refresh where agents poll, or after a reboot", rightly, asked)
        same = _without_refresh(before) == _without_refresh(after)
        self._check("R21 a refresh changes nothing else", same, asked)


def refreshed(asked: ServedRequest) -> bool:
    """Returns whether the request is a refresh."""
    return asked.method == "PATCH" and names.REFRESH.encode() in (asked.body or b"")


def _without_refresh(work: JsonObject) -> JsonObject:
    meta = work["metadata"]
    marks = {key: mark for key, mark in meta["annotations"].items() if key != names.REFRESH}
    # Every write changes these two.
    kept = {key: meta[key] for key in meta if key not in ("resourceVersion", "managedFields")}
    return {**work, "metadata": {**kept, "annotations": marks}}
