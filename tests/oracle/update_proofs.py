"""The proofs in the recorded feedback of a ClusterVersion, for the certifier.

Written apart from `states`, and in the words of the log: an error of the driver is found.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from tests.oracle.proofs import job_of_run


class UpdateProofs:
    """UpdateProofs implements the certifier's `Proofs`."""

    label_prefix = "ibgu.dev/fleet-"
    labels = frozenset({"Check", "Mirror", "PreCache", "Backup"})
    reboots = frozenset({"Update"})
    rolls_back: frozenset[str] = frozenset()
    resumes = frozenset({"Pools"})
    preflight = frozenset({"Check", "Mirror", "Update"})
    rate_limited = frozenset({"PreCache", "Update", "Pools"})
    brings = frozenset({"Update"})
    cancels = frozenset({"Retract"})
    ways_back = frozenset({"Retract", "RetractOnFailure"})
    expires: frozenset[str] = frozenset()
    keeps_spec: frozenset[str] = frozenset()
    backups: Mapping[str, str] = MappingProxyType({"Update": "Backup"})

    parts: Mapping[str, str] = MappingProxyType({})

    def begun(self, seen: Mapping[str, Any], release: Sequence[str]) -> bool:
        wanted = str(release[0]).rpartition("@")[2]
        shown = (_history(seen)[1], str(seen.get("desired", "")))
        return wanted in {image.rpartition("@")[2] for image in shown}

    def stage(self, action: str) -> str:
        return "Retract" if action == "RetractOnFailure" else action

    def fits(self, seen: Mapping[str, Any], action: str, *, manual_cleanup_done: bool) -> bool:
        state, image = _history(seen)
        if self.stage(action) == "Retract":
            return _pending(seen) and image != seen.get("wanted")
        if action == "Pools":
            return bool(self.paused(seen)) and state != "Partial"
        if action == "Update" and state != "Partial":
            return _true(seen, "Available") and not _true(seen, "Failing")
        return True

    def reached(self, seen: Mapping[str, Any], action: str) -> bool:
        if action in _JOBS:
            return True  # The record lacks the release whose update has begun.
        if action == "Update":
            return not (_pending(seen) or _unfinished(seen))
        if action == "Pools":
            return not (_unsettled(seen) or _still_paused(seen))
        # What is still pending may be somebody else's request: the record lacks the release that
        # was to be withdrawn.
        return self.stage(action) == "Retract"

    def missing(self, seen: Mapping[str, Any], action: str) -> str:
        if self.stage(action) == "Retract":
            return "the request was not withdrawn" if _pending(seen) else ""
        if action == "Mirror":
            return _unsettled(seen)
        if action == "Pools":
            return _unsettled(seen) or _still_paused(seen)
        if action in _JOBS:
            pulled = action == "PreCache" and _pinned(seen)
            done = job_of_run(seen).get("complete") or pulled
            return "" if done else "its Job was not complete"
        if action == "Update":
            return _not_applied(seen) or _unfinished(seen)
        under_way = _history(seen)[0] == "Partial" and not _not_applied(seen)
        return "" if under_way else _unsound(seen)

    def continues(self, seen: Mapping[str, Any], action: str) -> str:
        if action == "Update" and not seen.get("pausing"):
            # The release of a hop: the record lacks which one is the last.
            return _not_applied(seen) or _unfinished(seen)
        return "" if self.paused(seen) else "nothing was paused that another run resumes"

    def failed(self, seen: Mapping[str, Any], action: str) -> bool:
        if action == "Update":
            return _status(seen, "ReleaseAccepted") == "False" or _true(seen, "Invalid")
        if action in ("Mirror", "Pools"):
            return bool(_unsettled(seen))
        if action in _JOBS:
            job = job_of_run(seen)
            job_failed = bool(job.get("failed") or job.get("error") or job.get("refused"))
            # The record lacks why a pool takes no images.
            lacking = bool(seen.get("pins")) and not _pinned(seen)
            return job_failed or (action == "PreCache" and lacking)
        if self.stage(action) == "Retract":
            return _not_applied(seen) != ""
        return True  # The record lacks the release that a check compares with.

    def paused(self, seen: Mapping[str, Any]) -> Sequence[str]:
        return [str(each) for each in seen.get("paused", [])]

    def shown(self, seen: Mapping[str, Any]) -> str:
        conditions = seen.get("conditions", {})
        return ", ".join(f"{name} {value}" for name, value in conditions.items()) or "no conditions"


UPDATE_PROOFS = UpdateProofs()
_JOBS = ("PreCache", "Backup")


def _pinned(seen: Mapping[str, Any]) -> bool:
    """Returns whether all nodes of all pools have the run's images."""
    pools = seen.get("pins", {}).values()
    counts = [str(each).split("/") for each in pools]
    all_have = bool(counts) and all(len(set(each)) == 1 for each in counts)
    return all_have and bool(job_of_run(seen)) and not _unsettled(seen)


def _history(seen: Mapping[str, Any]) -> tuple[str, str]:
    state, image = [*seen.get("history", []), "", ""][:2]
    return str(state), str(image)


def _pending(seen: Mapping[str, Any]) -> bool:
    return seen.get("wanted", "") not in ("", seen.get("desired", ""))


def _not_applied(seen: Mapping[str, Any]) -> str:
    """Returns that the operator does not apply what was asked for; empty: it does, or has."""
    if _history(seen)[1] == seen.get("wanted"):
        return ""
    return "the release that was asked for was not applied"


def _unfinished(seen: Mapping[str, Any]) -> str:
    if _history(seen)[0] != "Completed":
        return "the release was not completed"
    if _status(seen, "Progressing") != "False":
        return "Progressing was not False"
    if _status(seen, "Failing") not in ("", "False"):
        return "Failing was not False"
    return _unsettled(seen)


def _unsettled(seen: Mapping[str, Any]) -> str:
    pools = seen.get("unsettled", [])
    return f"the pools {', '.join(pools)} were not settled" if pools else ""


def _still_paused(seen: Mapping[str, Any]) -> str:
    paused = seen.get("paused", [])
    return f"{', '.join(paused)} were still paused" if paused else ""


def _unsound(seen: Mapping[str, Any]) -> str:
    if not _true(seen, "Available"):
        return "Available was not True"
    bad = [name for name in ("Failing", "Invalid") if _true(seen, name)]
    return f"{bad[0]} was True" if bad else ""


def _status(seen: Mapping[str, Any], condition: str) -> str:
    return str(seen.get("conditions", {}).get(condition, "")).partition(" ")[0]


def _true(seen: Mapping[str, Any], condition: str) -> bool:
    return _status(seen, condition) == "True"
