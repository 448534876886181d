"""Fleets whose clusters are updated to another release, and the FleetUpdates that ask for it."""

from random import Random
from typing import Any

from ibgu.core.drivers.cluster_version.actions import UPDATE_ACTIONS, UpdateAction
from ibgu.core.model import names
from ibgu.sim.agent.ssa import merge_patch
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.cluster_version import Updates
from ibgu.sim.cluster_version.objects import CLUSTER_VERSION
from ibgu.sim.cluster_version.settings import ack_of
from ibgu.sim.spoke.refusal import Refusal

Object = dict[str, Any]

SINGLE_NODE = Updates(
    look=10, retrieve=20, backup=60, operators=480, report=60, flap=(30, 60), dark=240, drain=900
)
MULTI_NODE = Updates(
    look=10,
    retrieve=20,
    backup=60,
    operators=480,
    report=60,
    flap=(30, 60),
    dark=240,
    drain=900,
    nodes=180,
    pull=60,
    workers=1,
    multi_node=0.4,
)
TROUBLES = (
    "no-signature=0.3",
    "no-signature:40m=0.4",
    "ack-required=0.4",
    "update-refused=0.2",
    "update-slow:20m=0.2",
    "update-stalls:20m=0.2",
    "update-stalls=0.1",
    "operator-degraded=0.2",
    "operator-degraded:30m=0.3",
    "pool-paused=0.3",
    "pool-paused:30m=0.3",
    "drain-blocked:40m=0.3",
    "backup-fails=0.3",
    "backup-hangs=0.2",
)
"""Faults of updates, each on a share of the fleet."""
RELEASES = ((12, "b"), (2, "c"))
"""The patch release of the clusters' minor release and of the next one, and the digit that the
image's digest repeats."""
_HAND = f"quay.io/openshift-release-dev/ocp-release@sha256:{'d' * 64}"
HEALTH_CHECK = "openshift-machine-api/worker"
BUDGET = "openshift-machine-api/database"
APPENDED = (
    UpdateAction.UPDATE,
    UpdateAction.RETRACT_ON_FAILURE,
    UpdateAction.RETRACT,
    UpdateAction.MIRROR,
    UpdateAction.POOLS,
)
_BACK = {UpdateAction.RETRACT.value, UpdateAction.RETRACT_ON_FAILURE.value}


_PINNING = 19
"""The first minor release whose clusters pin images."""


def image(digit: str) -> str:
    return f"quay.io/openshift-release-dev/ocp-release@sha256:{digit * 64}"


def signatures_needed(seed: int, *, calm: bool) -> bool:
    """Returns whether clusters know no signatures but those that a Mirror brings."""
    return not calm and Random(f"{seed}/signatures").random() < 0.6


def minor_of(updates: Updates) -> int:
    """Returns the minor release of every cluster at first. Those of several nodes pin images, and
    the others make a Job."""
    return _PINNING if updates.workers else 16


def fleet_update(rng: Random, number: int, timeout: int, minor: int, *, calm: bool) -> Object:
    """`minor`: the minor release of the clusters."""
    shapes = [plan for plan in UPDATE_ACTIONS.plans if len(plan) < 4]
    if number == 0:
        shapes = [plan for plan in shapes if any(UpdateAction.UPDATE.value in s for s in plan)]
    if calm:  # what is complete can't be withdrawn
        shapes = [plan for plan in shapes if not _BACK & {*plan[-1]}]
    shape, most = rng.choice(shapes), rng.randint(1, 4)
    nearest = number == 0 or rng.random() < 0.6
    release, digit = RELEASES[0] if nearest else RELEASES[1]
    version = f"4.{minor if nearest else minor + 1}.{release}"
    mirrors = [{"source": "quay.io", "mirrors": ["mirror.example"]}]
    strategy = {"maxConcurrency": most, "timeout": timeout}
    more: Object = {}
    if any(UpdateAction.PRECACHE.value in actions for actions in shape):
        more["preCache"] = {"image": image("e"), "images": [image(digit), image("f")]}
    if any(UpdateAction.BACKUP.value in actions for actions in shape):
        form, age = rng.choice(("Etcd", "Full")), 240 if calm else rng.choice((5, 240))
        if calm and minor == _PINNING:  # clusters of several nodes refuse a full backup
            form = "Etcd"
        more["backup"] = {"form": form, "image": image("e"), "maxAgeMinutes": age}
    if rng.random() < 0.5 or any(UpdateAction.POOLS.value in actions for actions in shape):
        checks = [HEALTH_CHECK] if rng.random() < 0.5 and not calm else []  # not on single nodes
        more["pause"] = {"pools": ["worker"], "healthChecks": checks}
    return {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": names.FLEET_UPDATE,
        "metadata": {"name": f"rollout-{number}", "namespace": "default"},
        "spec": {
            "clusterLabelSelectors": [{"matchLabels": {"group": "all"}}],
            "update": {
                "release": {"version": version, "image": image(digit)},
                "signatures": ["c2lnbmVk"],
                "disruptionBudgets": [BUDGET],
                "mirrors": mirrors if rng.random() < 0.5 else [],
                "acks": [ack_of(f"4.{minor}.3")] * rng.randint(0, 1),
                **more,
            },
            "plan": [{"actions": [*actions], "rolloutStrategy": strategy} for actions in shape],
        },
    }


def over_two_minors(rng: Random, update: Object, minor: int) -> Object:
    """Returns the FleetUpdate with a release two minor releases ahead, and the one between them."""
    patch, digit = RELEASES[1]
    version = f"4.{minor + 1}.{patch}"
    between: Object = {"version": version, "image": image(digit), "signatures": ["c2lnbmVk"]}
    acks = [ack_of(each) for each in (f"4.{minor}.3", version) if rng.random() < 0.7]
    hops = {
        "release": {"version": f"4.{minor + 2}.2", "image": image("f")},
        "via": between,
        "acks": acks,
    }
    spec = update["spec"]
    return {**update, "spec": {**spec, "update": {**spec["update"], **hops}}}


class UpdatedCluster(SimulatedCluster):
    """UpdatedCluster is one whose people ask for another release, too, when they set a stage."""

    def set_stage(self, stage: str, now: float) -> None:
        wanted = {"architecture": "", "version": "", "image": _HAND, "force": False}
        patch = {"spec": {"desiredUpdate": wanted}}
        try:
            merge_patch(self.spoke, CLUSTER_VERSION, patch, "oc", now)
        except (Refusal, KeyError):  # no API while the node restarts
            return
        super().set_stage(stage, now)
