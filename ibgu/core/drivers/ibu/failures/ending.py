"""Failures of Rollback and of the way back to Idle, and those that occur in any stage."""

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.failures.guides import Guide
from ibgu.core.drivers.ibu.failures.known import known
from ibgu.core.drivers.ibu.failures.names import Failure

_CONFIRM = "say so with `ibgu confirm-cleanup NAME`"

ROLLBACK = (
    known(
        Failure.ROLLBACK_OSTREE_FAILED,
        r"failed to get current stateroot name|unable to determine"
        r"|failed to set default deployment",
        "The node's ostree could not be set to boot the former release.",
        "The Lifecycle Agent does not try again: recover the node by hand (ostree admin "
        "status), then delete its ImageBasedUpgrade.",
        Stage.ROLLBACK,
        guide=Guide.ROLLBACK_FAILS,
    ),
    known(
        Failure.ROLLBACK_EXPIRED,
        r"Rollback was possible until",
        "The certificates of the former release have expired: a node that boots it "
        "does not recover automatically.",
        "If the upgrade has completed, finalize it (FinalizeUpgrade). If you still "
        "need the former release, roll back on the cluster and renew its certificates "
        "by hand.",
        Stage.ROLLBACK,
        guide=Guide.ROLLBACK_FAILS,
    ),
)

# A probe for any action may meet a cluster that is stuck in AbortFailed or FinalizeFailed.
IDLE = (
    known(
        Failure.STATEROOTS_NOT_REMOVED,
        r"failed to remove \d+ stateroots?",
        "The release that is no longer wanted could not be removed from the node.",
        f"Remove it by hand (ostree admin undeploy, then its folder), and {_CONFIRM}.",
        guide=Guide.CLEANUP,
    ),
    known(
        Failure.BACKUPS_NOT_DELETED,
        r"failed to delete all the backup CRs",
        "The upgrade's Backups could not be deleted from the object storage.",
        f"Repair the BackupStorageLocation or delete the Backups by hand, and {_CONFIRM}.",
        guide=Guide.CLEANUP,
    ),
    known(
        Failure.CLEANUP_FAILED,
        r"Perform cleanup manually",
        "The Lifecycle Agent could not clean up after the upgrade.",
        f"Do the failed cleanup in the message by hand, and {_CONFIRM}.",
        guide=Guide.CLEANUP,
    ),
)

ANY = (
    known(
        Failure.CLUSTER_NOT_STABLE,
        r"Waiting for system to (fully )?stabilize",
        "The Lifecycle Agent waits for parts of the cluster to become healthy; before "
        "the reboot it waits without a time limit.",
        "Fix what the message names; the stage then continues automatically.",
    ),
    known(
        Failure.IP_CONFIG_ACTIVE,
        r"IPC is not idle",
        "The cluster's IP configuration is being changed.",
        "Return the IPConfig on the cluster to Idle; the stage then continues automatically.",
    ),
    known(
        Failure.INVALID_TRANSITION,
        r"Previous stage not succeeded|Upgrade not started or already finalized"
        r"|Abort or finalize not allowed|Transition to Idle not allowed",
        "The cluster is not in a state from which this stage can follow.",
        "Check status.validNextStages of its ImageBasedUpgrade for the possible stages.",
        rules=("P9",),
    ),
)
