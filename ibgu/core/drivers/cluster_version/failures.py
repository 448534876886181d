"""Known messages of the cluster-version operator, and what a person does about them."""

import re
from enum import StrEnum

from ibgu.core.engine.driver import FailureText


class UpdateFailure(StrEnum):
    UNSIGNED = "ReleaseUnsigned"
    UNREACHABLE = "ReleaseUnreachable"
    OTHER_VERSION = "ReleaseOfAnotherVersion"
    NOT_UPGRADEABLE = "NotUpgradeable"
    ROLLBACK = "OlderRelease"
    TWO_MINORS = "TwoMinorReleases"
    NO_BACKUP = "EtcdBackupMissing"
    PRECACHE_SPACE = "PreCacheWithoutSpace"
    PRECACHE_NODES = "PreCacheOnSeveralNodes"
    PINS_UNKNOWN = "PinnedImageSetsUnknown"
    PINS_LEFT = "ImagesNotOnAllNodes"
    BACKUP_NEEDED = "BackupNeeded"
    BACKUP_SPACE = "BackupWithoutSpace"
    BACKUP_REFUSED = "BackupRefused"
    BACKUP_LATE = "BackupTimeout"
    BROKEN_IMAGE = "ReleaseImageBroken"
    POOL_PAUSED = "PoolPaused"
    DRAIN = "DrainBlocked"
    OPERATOR = "OperatorNotUpdated"
    INVALID = "InvalidRequest"


class KnownUpdateFailure(FailureText, frozen=True, kw_only=True):
    """A known message; patterns are as short as they can be told apart."""

    name: UpdateFailure
    pattern: re.Pattern[str]


def _row(
    name: UpdateFailure, pattern: str, means: str, fix: str, *rules: str
) -> KnownUpdateFailure:
    """`rules`: the preflight rules that look for its cause."""
    compiled = re.compile(pattern, re.IGNORECASE)
    return KnownUpdateFailure(name=name, pattern=compiled, means=means, fix=fix, rules=tuple(rules))


KNOWN_UPDATE_FAILURES: tuple[KnownUpdateFailure, ...] = (
    _row(
        UpdateFailure.UNSIGNED,
        r"update cannot be verified|unable to verify sha256",
        "The cluster has no valid signature of the release's digest.",
        "Put the signature of this digest into spec.update.signatures of a new FleetUpdate, or for "
        "an intermediate release into spec.update.via.signatures, and run Mirror before Update.",
        "U4",
        "U5",
    ),
    _row(
        UpdateFailure.OTHER_VERSION,
        r"does not match the expected upstream version",
        "The image is a release of another version than the FleetUpdate names.",
        "Create a FleetUpdate whose version and digest are of one release: `oc adm release info` "
        "prints both.",
    ),
    _row(
        UpdateFailure.NO_BACKUP,
        r"EtcdRecentBackup",
        "The etcd operator has not made its backup before the update yet.",
        "Wait: the operator makes it by itself, and the update begins; if it does not, check the "
        "cluster operator etcd.",
    ),
    _row(
        UpdateFailure.PRECACHE_SPACE,
        r"disk of images has|with all images the disk is above",
        "The node has too little space for the images of the release.",
        "Free space on the node's disk of images, or ask for less in "
        "spec.update.preCache.spaceRequiredGiB of a new FleetUpdate.",
    ),
    _row(
        UpdateFailure.PRECACHE_NODES,
        r"images are pulled ahead on clusters of one node alone|pull images ahead to \d+ nodes",
        "The cluster has several nodes, and gets images ahead by PinnedImageSets alone.",
        "For clusters of 4.19 or later, name the images in spec.update.preCache.images of a new "
        "FleetUpdate; for older ones, leave PreCache out.",
    ),
    _row(
        UpdateFailure.PINS_UNKNOWN,
        r"does not take the PinnedImageSets: .*(resource type|no matches for kind)",
        "The cluster has no PinnedImageSets, though its release should.",
        "Create a FleetUpdate for it without spec.update.preCache.images.",
    ),
    _row(
        UpdateFailure.PINS_LEFT,
        r"\d+ of \d+ nodes have the images",
        "Some nodes do not have the images of the release.",
        "Look for lastFailedGenerationError in `oc get machineconfignodes -o yaml`: free space on "
        "the node, or repair its way to the mirror, and give the step a longer timeout on slow "
        "links.",
    ),
    _row(
        UpdateFailure.BACKUP_NEEDED,
        r"needs a Backup of this rollout",
        "The cluster has no backup of this rollout that is recent enough.",
        "Create a FleetUpdate for it with Backup and Update in one step, or with a longer "
        "spec.update.backup.maxAgeMinutes.",
    ),
    _row(
        UpdateFailure.BACKUP_SPACE,
        r"too little free space for a backup|MiB free, and a backup needs",
        "The node has too little free space for the backup.",
        "Free space on the node, or name a folder on another file system in "
        "spec.update.backup.path of a new FleetUpdate.",
    ),
    _row(
        UpdateFailure.BACKUP_REFUSED,
        r"cluster-backup\.sh failed",
        "The node's cluster-backup.sh made no backup of etcd.",
        "Wait until etcd and the kube-* operators are settled (`oc get clusteroperators`), then "
        "create a FleetUpdate for the cluster.",
    ),
    _row(
        UpdateFailure.BACKUP_LATE,
        r"BackupTimeout: ",
        "The Job of the backup did not end in its time.",
        "Check that the cluster can pull the image of spec.update.backup, and that its control "
        "plane takes pods.",
    ),
    _row(
        UpdateFailure.ROLLBACK,
        r"ClusterVersionRollback|LowDesiredVersion|is older than the cluster's",
        "The release is older than the cluster's.",
        "Choose a newer release: a cluster can't go back.",
        "U2",
    ),
    _row(
        UpdateFailure.TWO_MINORS,
        r"ClusterVersionGiantHop|is more than one minor release",
        "The release is more than one minor version ahead.",
        "Name the release between them in spec.update.via of a new FleetUpdate.",
        "U3",
    ),
    _row(
        UpdateFailure.NOT_UPGRADEABLE,
        r"ClusterVersionUpgradeable|does not allow another minor release|AdminAckRequired",
        "The cluster does not allow another minor release now.",
        "Do what the message asks for; for an admin ack, name its key in spec.update.acks of a new "
        "FleetUpdate once you have read what it is about.",
        "U8",
    ),
    _row(
        UpdateFailure.UNREACHABLE,
        r"unable to download and prepare the update|ErrImagePull|ImagePullBackOff|manifest unknown",
        "The cluster can't pull the release image.",
        "Check that the mirror has the image by this digest, spec.update.mirrors, the cluster's "
        "pull secret and its trust in the mirror's certificate.",
        "U5",
        "U6",
    ),
    _row(
        UpdateFailure.BROKEN_IMAGE,
        r"Loading payload failed",
        "The release image can't be read.",
        "Mirror the release again, and compare the digest.",
    ),
    _row(
        UpdateFailure.POOL_PAUSED,
        r"MachineConfigPool \S+ is paused",
        "A MachineConfigPool is paused, so that its nodes keep the former release.",
        'Resume the pool: `oc patch mcp NAME --type merge -p \'{"spec":{"paused":false}}\'`.',
        "U9",
    ),
    _row(
        UpdateFailure.DRAIN,
        r"failed to drain node|Node Drain has not succeeded|drain of nodes is blocked by",
        "A node can't be drained: a PodDisruptionBudget allows no disruption, or a pod stays.",
        "Find the budget with `oc get pdb -A`, and give its workload another replica, or move it.",
    ),
    _row(
        UpdateFailure.OPERATOR,
        r"wait has exceeded \d+ minutes for|over \d+ minutes which is longer than expected"
        r"|cluster operators? .* (is|are) (degraded|not available)",
        "A cluster operator does not come to the new release.",
        "Repair the operator that the message names; the update then continues automatically.",
    ),
    _row(
        UpdateFailure.INVALID,
        r"cluster version is invalid|ClusterVersion is invalid",
        "The ClusterVersion asks for an update that is malformed, and its operator stands still.",
        "Correct or remove spec.desiredUpdate: `oc adm upgrade --clear`.",
    ),
)
"""The table in order: the first row that matches is the result."""


def known_failure(message: str) -> KnownUpdateFailure | None:
    return next((row for row in KNOWN_UPDATE_FAILURES if row.pattern.search(message)), None)
