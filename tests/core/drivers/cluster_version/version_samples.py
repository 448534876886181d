"""Clusters as their agents report them, and rollouts of FleetUpdates."""

from typing import Any

from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.feedback import VersionView
from ibgu.core.drivers.cluster_version.pools import PoolView
from ibgu.core.drivers.cluster_version.values import ClusterCondition
from ibgu.core.model import Arming, Rollout, Run, names
from ibgu.core.model.kinds import (
    ClusterUpdate,
    FeedbackValue,
    FieldValue,
    IntermediateRelease,
    MirrorSource,
    Release,
    RolloutSpec,
)
from tests.core.engine.state.records import NOW

OLD, NEW, OTHER, VIA = (f"quay.example/release@sha256:{digit * 64}" for digit in "abcd")
MESSAGES = {
    "ReleaseUnsigned": "The update cannot be verified: unable to verify sha256:bbb against "
    "keyrings: verifier-public-key-redhat",
    "ReleaseUnreachable": "Unable to download and prepare the update: deadline exceeded",
    "ReleaseOfAnotherVersion": "release image version 4.16.13 does not match the expected "
    "upstream version 4.16.12",
    "NotUpgradeable": 'Precondition "ClusterVersionUpgradeable" failed because of '
    '"AdminAckRequired": Kubernetes 1.29 removes APIs',
    "OlderRelease": 'Precondition "ClusterVersionRollback" failed because of "LowDesiredVersion"',
    "TwoMinorReleases": 'Precondition "ClusterVersionGiantHop" failed',
    "EtcdBackupMissing": 'Precondition "EtcdRecentBackup" failed because of "ControllerStarted"',
    "PreCacheWithoutSpace": "UnrecoverableError: the disk of images has 9 MiB left below the 85%",
    "PreCacheOnSeveralNodes": "UnrecoverableError: images are pulled ahead on clusters of one node "
    "alone",
    "PinnedImageSetsUnknown": "the cluster does not take the PinnedImageSets: no matches for kind "
    '"PinnedImageSet"',
    "ImagesNotOnAllNodes": "4 of 5 nodes have the images (master: 3 of 3, worker: 1 of 2)",
    "BackupNeeded": "Update needs a Backup of this rollout, and there is none",
    "BackupWithoutSpace": "UnrecoverableError: the node has too little free space for a backup "
    "(PodFailurePolicy)",
    "BackupRefused": "UnrecoverableError: cluster-backup.sh failed: it does so while etcd or a "
    "kube-* operator is progressing (PodFailurePolicy)",
    "BackupTimeout": "BackupTimeout: DeadlineExceeded: Job was active longer than specified",
    "ReleaseImageBroken": f'Loading payload failed version="4.16.12" image="{NEW}" failure=EOF',
    "InvalidRequest": "The cluster version is invalid: spec.desiredUpdate.version: Invalid value",
    "PoolPaused": "required MachineConfigPool master is paused and cannot sync",
    "DrainBlocked": "failed to drain node: worker-1 after 1 hour",
    "OperatorNotUpdated": "wait has exceeded 40 minutes for these operators: etcd",
}
"""A message of the cluster-version operator, or of what it waits for, for each known failure."""
UPDATE = ClusterUpdate(
    release=Release("4.16.12", NEW),
    signatures=["c2lnbmVk"],
    mirrors=[MirrorSource("quay.example/release", ["mirror.example/release"])],
)
INTERMEDIATE = IntermediateRelease("4.15.20", VIA, ["dmlh"])
ROLLOUT = Rollout(
    uid="u-1",
    namespace="ran",
    name="z-stream",
    created_at=NOW,
    spec=RolloutSpec(update=UPDATE),
    kind=names.FLEET_UPDATE,
)


def with_update(**changes: Any) -> Rollout:
    return replace(ROLLOUT, spec=RolloutSpec(update=replace(UPDATE, **changes)))


def conditions(**told: str) -> dict[str, ClusterCondition]:
    """Returns conditions, each as "status reason: message"; the rest is sound."""
    sound = {
        "ReleaseAccepted": f'True PayloadLoaded: Payload loaded version="4.16.3" image="{OLD}"',
        "Progressing": "False : Cluster version is 4.16.3",
        "Failing": "False :",
        "Available": "True : Done applying 4.16.3",
        "Upgradeable": "True :",
    }
    found = {}
    for type_, text in (sound | told).items():
        status, _, rest = text.partition(" ")
        reason, _, message = rest.partition(":")
        found[type_] = ClusterCondition(status, reason.strip(), message.strip())
    return found


def pool(name: str = "master", **changes: Any) -> PoolView:
    return replace(PoolView(name=name, known=True, current=True, machines=1, updated=1), **changes)


def seen(told: dict[str, ClusterCondition] | None = None, **changes: Any) -> VersionView:
    """Returns a sound cluster at 4.16.3."""
    sound = VersionView(
        generation=3,
        observed_generation=3,
        desired_image=OLD,
        desired_version="4.16.3",
        history_state="Completed",
        history_image=OLD,
        history_version="4.16.3",
        conditions=told if told is not None else conditions(),
        operators={"machine-config": ClusterCondition("False"), "etcd": ClusterCondition("False")},
        pools=(pool(), pool("worker", machines=0, updated=0)),
    )
    return replace(sound, **changes)


def run(action: str) -> Run:
    return Arming(id="run-1", action=action, attempt=1, intended_at=NOW, arming_at=NOW)


def value(name: str, content: str | int | bool) -> FeedbackValue:
    if isinstance(content, bool):
        return FeedbackValue(name, FieldValue("Boolean", boolean=content))
    if isinstance(content, int):
        return FeedbackValue(name, FieldValue("Integer", integer=content))
    return FeedbackValue(name, FieldValue("String", string=content))


def values(**found: str | int | bool) -> list[FeedbackValue]:
    return [value(name, content) for name, content in found.items()]


def of_pool(pool_name: str, **found: str | int | bool) -> list[FeedbackValue]:
    return [value(f"pool.{pool_name}.{name}", content) for name, content in found.items()]
