"""The sample FleetUpdate: clusters take another release without an update service."""

from typing import Any

from ibgu.core.drivers.cluster_version.actions import UpdateAction
from ibgu.core.model.names import FLEET_UPDATE
from ibgu.sandbox.demo import sample
from ibgu.sandbox.demo.options import DemoOptions
from ibgu.sim.spec import FleetSpec

RELEASE = "4.16.12"
IMAGE = f"quay.io/openshift-release-dev/ocp-release@sha256:{'b' * 64}"
FAULTS = (
    "pool-paused@spoke1",
    "update-stalls:20m@spoke4",
    "no-signature@spoke6",
    "operator-degraded=0.04",
)
"""spoke1 and others fail their Check, spoke4 stalls in the middle and heals, and spoke6 refuses the
release until its request is withdrawn."""
DRAINS = "site-0001"
_BLOCKED = f"drain-blocked:3h@{DRAINS}"
"""Stalls the cluster's update until its workers can be drained."""
_MULTI_NODE = 0.2


def fleet(options: DemoOptions) -> FleetSpec:
    blocked = (_BLOCKED,) if options.clusters > len(sample.NAMED) else ()
    return FleetSpec.parse(
        count=options.clusters,
        names=sample.NAMED,
        seed=options.seed,
        scale=1 / options.speed,
        faults=(*FAULTS, *blocked, *options.faults),
        version="4.16.3",
        labels=[f"{sample.FLEET_LABEL}={sample.NAME}"],
        updates=True,
        multi_node=_MULTI_NODE,
    )


def failing(options: DemoOptions) -> set[str]:
    """Returns the clusters that are made to fail: whose fault nobody mends."""
    found = fleet(options)
    given = found.faults_by_cluster().items()
    lasting = {name for name, faults in given if any(f.seconds is None for f in faults)}
    return lasting - sample.with_faults(found, options)


def rollout(options: DemoOptions) -> dict[str, Any]:
    slots = sample.concurrency(options)
    return {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": FLEET_UPDATE,
        "metadata": {"name": sample.NAME, "namespace": sample.NAMESPACE},
        "spec": {
            "update": {
                "release": {"version": RELEASE, "image": IMAGE},
                "signatures": ["c2lnbmVk"],
            },
            "clusterLabelSelectors": [{"matchLabels": {sample.FLEET_LABEL: sample.NAME}}],
            "plan": [
                _step(options.clusters, 60, UpdateAction.CHECK, UpdateAction.MIRROR),
                _step(slots, 240, UpdateAction.UPDATE),
                _step(slots, 20, UpdateAction.RETRACT_ON_FAILURE),
            ],
        },
    }


def _step(slots: int, timeout: int, *actions: UpdateAction) -> dict[str, Any]:
    strategy = {"maxConcurrency": slots, "timeout": timeout}
    return {"actions": [each.value for each in actions], "rolloutStrategy": strategy}


def lines() -> list[str]:
    """Returns the commands to try beside it."""
    return [
        "  kubectl get fu",
        "  kubectl get fu demo -o yaml",
        f"  kubectl get managedclusters -l {UpdateAction.CHECK.failed_label}",
        "  kubectl events --for fleetupdate/demo",
        "  ibgu status demo",
        "  ibgu explain spoke1",
        "  ibgu explain spoke6",
        f"  ibgu explain {DRAINS}",
    ]


def of_update(options: DemoOptions) -> sample.Sample:
    return sample.Sample(
        kind=FLEET_UPDATE,
        fleet=fleet(options),
        manifests=(rollout(options),),
        next_steps=(),
        failing=failing(options),
        open=sample.with_faults(fleet(options), options),
        action=UpdateAction.UPDATE.value,
        lines=(
            *lines(),
            "The plan is whole. spoke6 has no valid signature: ibgu waits ten minutes before that",
            "counts, since the cluster tries again by itself, and then withdraws the request.",
            f"{DRAINS} stalls while none of its workers can be drained, and then continues.",
        ),
    )
