"""The settings of updates to another release on the clusters of a fleet."""

from msgspec import Struct

from ibgu.sim.cluster_version.refusals import numbers

TROUBLES: dict[str, str] = {
    "no-signature": "keyrings verify no signature of the release",
    "ack-required": "Upgradeable is False until somebody gives the admin ack, of each minor "
    "release its own",
    "update-refused": "the image has another version than the one asked for",
    "backup-required": "etcd has no recent backup, which refuses another minor release",
    "update-slow": "an operator takes long, and Failing is Unknown",
    "update-stalls": "an operator becomes unavailable in the middle of the update",
    "operator-degraded": "etcd is degraded, before an update and in it",
    "pool-paused": "the last pool is paused: worker, or master on a single node",
    "precache-fails": "the node has too little space for the images of a release",
    "pins-without-space": "the last node has too little space for images that are pinned",
    "backup-fails": "the node has too little free space for a backup",
    "backup-hangs": "the Job of a backup does not end before its deadline",
    "drain-blocked": "a budget keeps workers from being drained; their pool is degraded in an hour",
}
"""What goes wrong with updates, by its name; each holds until somebody mends it."""


def ack_of(version: str) -> str:
    """Returns the key of the admin ack that a cluster of this version asks for before the next
    minor release."""
    major, minor, _ = numbers(version)
    return f"ack-{major}.{minor}-kube-1.{minor + 14}-api-removals-in-{major}.{minor + 1}"


class Updates(Struct, frozen=True, kw_only=True):
    """Updates says how the cluster-version operator of each cluster behaves; times in seconds,
    before the fleet's scale."""

    image: str = "quay.io/openshift-release-dev/ocp-release@sha256:" + "0" * 64
    """The release image that the clusters run at first."""
    signatures_needed: bool = True
    """Whether the operator has no other source of signatures than ConfigMaps."""
    ack: str = ""
    """The admin ack without which no other minor release is allowed; empty: none."""
    workers: int = 0
    """Nodes beside the control plane; 0: a single-node cluster."""
    multi_node: float = 1.0
    """The share of the clusters that have these workers; all others have a single node."""
    canaries: int = 0
    """Nodes of the pool `canary`, on clusters with workers."""
    look: float = 30.0
    retrieve: float = 30.0
    retry: tuple[float, float] = (120.0, 240.0)
    """How long after a refusal the operator tries again, if nobody writes the ClusterVersion."""
    backup: float = 180.0
    """The time in which the Job of a backup is complete."""
    pull: float = 600.0
    """The time in which the nodes of a pool pull images that are pinned."""
    operators: float = 3600.0
    """The time in which operators take the release, one after the other."""
    differ: float = 0.0
    """The share of it by which an update may take less or more."""
    report: float = 15.0
    """How often the operator writes its progress."""
    flap: tuple[float, float] = (120.0, 300.0)
    """How long it fails in the middle of an update, without need; (0, 0): never."""
    dark: float = 600.0
    """How long the API of a single-node cluster is away while its node restarts; 0: never."""
    nodes: float = 900.0
    """The time in which each worker takes its new configuration."""
    drain: float = 3600.0
    """How long a drain may fail before the pool is degraded."""
    look_again: float = 60.0
    """How often the operator checks again what blocks an update."""
    troubles: tuple[str, ...] = ()
    """What goes wrong from the beginning (TROUBLES)."""
