"""Draws Preps that fail, for causes that pass by themselves and for others, and a policy that has
the clusters tried again (R50.20)."""

from collections.abc import Mapping
from random import Random
from typing import Any

from msgspec import Struct

from tests.simulation.faults import Fault, theme

Object = dict[str, Any]

SHARES = {"everything": 0.25, "leaders": 0.25, "people": 0.25, "dark": 0.4, "talm": 0.2}
"""The share of seeds of each theme that has such a policy."""
LATE = 7200.0
"""The most seconds that further attempts take longer than other rollouts."""
SAID = ("i/o timeout", "precache job failed")
"""What the words of a failure contain that passes by itself."""
_FAULTS = (
    *("prep.precache*1=0.5", "prep.registry*1=0.5", "prep.precache*2=0.4"),
    *("prep.registry=0.3", "prep.pull-secret=0.3", "prep.precache-deleted*1=0.3"),
)
_SHAPES = (
    (("Prep",), ("AbortOnFailure",)),
    (("Prep",), ("AbortOnFailure",), ("Upgrade",)),
    (("Prep", "Upgrade"), ("AbortOnFailure",)),
    (("Prep",), ("Upgrade",)),
)
_TIMEOUT = 60


class FailedPreps(Struct, frozen=True):
    """FailedPreps is what becomes of Preps that fail."""

    policy: Object = {}
    """The spec of the policy; empty: there is none."""
    ends: float = 0.0
    """When the policy is deleted, in virtual seconds; 0: never."""
    paused: Fault = Fault(0.0, "paused")
    """When, and for how long, a person pauses the first rollout; for 0 seconds: never."""


def fails_preps(seed: int) -> bool:
    """Returns whether Preps of the seed are tried again, by a separate draw that leaves the rest of
    the seed unchanged."""
    return Random(f"{seed}/attempts").random() < SHARES.get(theme(seed).name, 0.0)


def faults(rng: Random) -> list[str]:
    return rng.sample(_FAULTS, 2)


def rollout(rng: Random) -> Object:
    strategy = {"maxConcurrency": rng.choice((2, 3, 4)), "timeout": _TIMEOUT}
    plan = [
        {"actions": list(actions), "rolloutStrategy": strategy} for actions in rng.choice(_SHAPES)
    ]
    labels: Mapping[str, str] = {"group": "all"}
    return {
        "apiVersion": "lcm.openshift.io/v1alpha1",
        "kind": "ImageBasedGroupUpgrade",
        "metadata": {"name": "rollout-0", "namespace": "default", "labels": {"ring": "a"}},
        "spec": {
            "clusterLabelSelectors": [{"matchLabels": labels}],
            "ibuSpec": {"seedImageRef": {"image": "quay.io/seed:4.17.0", "version": "4.17.0"}},
            "plan": plan,
        },
    }


def failed_preps(rng: Random) -> FailedPreps:
    retry = {"attempts": rng.randint(1, 3), "backoffMinutes": rng.choice((1, 2, 5))}
    spec: Object = {"retry": retry, "rollouts": {"selector": {"matchLabels": {"ring": "a"}}}}
    if rng.random() < 0.5:
        spec["inFlight"] = rng.choice((1, 2))
    ends = rng.uniform(300.0, 1500.0) if rng.random() < 0.25 else 0.0
    paused = Fault(0.0, "paused")
    if rng.random() < 0.4:
        paused = Fault(rng.uniform(60.0, 900.0), "paused", rng.uniform(60.0, 900.0))
    return FailedPreps(spec, ends, paused)
