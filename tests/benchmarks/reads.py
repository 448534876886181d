"""The reads that the rules allow a controller (R26.7), and how many of each."""

import math
from collections import Counter
from collections.abc import Iterable

from ibgu.core.drivers.ibu.actions import Action
from tests.benchmarks.audit import WORKS, WRITES, Entry, Requests, requests
from tests.benchmarks.case import Case
from tests.benchmarks.payload import references

PAGE = 500
"""Objects of a LIST."""
CHECKED = 60.0
"""Seconds between two readings of a payload's objects while a step with Prep runs."""
PROVED = 30.0
"""Seconds between two looks at the admission policy that proves who grants what."""
_ANY = math.inf
_AT_START = {
    ("get", ""): 7,  # its version twice (once for its clock), and the schemas of what it serves
    ("get", "namespaces"): 1,  # the hub's identity
    ("list", "seedimages"): 1,  # where its CRD is new, the first watch of it may fail
    ("list", "rolloutpolicies"): 1,
    ("list", "rolloutapprovals"): 1,
    ("list", "breakglasses"): 1,
}
TALM = 5.0
"""Seconds between two looks whether TALM's Deployment is there, at least."""
_WATCHED = (
    "imagebasedgroupupgrades",
    "fleetupdates",
    "seedimages",
    "rolloutpolicies",
    "rolloutapprovals",
    "breakglasses",
    "managedclusters",
    WORKS,
    "clustergroupupgrades",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
)


def not_allowed(case: Case, entries: Iterable[Entry], user: str, seconds: float) -> Requests:
    """The reads of `user` that are beyond what is allowed, in a rollout of so many seconds, or in
    the longer time in which they asked."""
    mine = [entry for entry in entries if entry.user == user]
    begun = min((entry.received for entry in mine), default=0.0)
    lived = max((entry.completed for entry in mine), default=0.0) - begun
    limits = allowed(case, mine, max(seconds, lived))
    found: Requests = Counter()
    for key, count in requests(mine, user).items():
        if key[0] not in WRITES and count > limits.get(key, 0):
            found[key] = int(count - limits.get(key, 0))
    return found


def allowed(case: Case, mine: Iterable[Entry], seconds: float) -> dict[tuple[str, str], float]:
    limits: dict[tuple[str, str], float] = dict(_AT_START)
    limits["get", "deployments"] = 3 + seconds // TALM
    limits |= {("watch", resource): _ANY for resource in _WATCHED}
    limits["list", "managedclusters"] = len(case.plan) * math.ceil(case.clusters / PAGE)
    limits |= {("get", policy): 2 + seconds // PROVED for policy in _POLICIES}
    conflicts = Counter(entry.resource for entry in mine if entry.code == 409)
    limits |= {("get", resource): count for resource, count in conflicts.items()}
    if case.payload:
        steps = sum(Action.PREP in step for step in case.plan)
        readings = steps * (2 + seconds // CHECKED)
        limits |= {("get", "configmaps"): readings * _CONFIG_MAPS, ("get", "secrets"): readings}
        for policy in _POLICIES:
            limits["get", policy] += readings
    return limits


_POLICIES = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
_CONFIG_MAPS = len(references()["extraManifests"]) + len(references()["oadpContent"])
