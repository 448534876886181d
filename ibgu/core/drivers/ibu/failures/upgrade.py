"""Failures of Upgrade before the reboot, or that make the cluster roll back by itself after it.

The automatic rollback's text comes first in the message, so its rows come first here.
"""

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.failures.guides import Guide
from ibgu.core.drivers.ibu.failures.known import Onward, known
from ibgu.core.drivers.ibu.failures.names import Failure

_UPGRADE = Stage.UPGRADE
_FORMER_RELEASE = "the cluster is back on its former release"

AUTOMATIC_ROLLBACK = (
    known(
        Failure.INIT_MONITOR_TIMEOUT,
        r"Rollback due to LCA Init Monitor timeout",
        f"The new release did not complete the upgrade in time, and {_FORMER_RELEASE}.",
        "If the site is only slow, make a new rollout with a larger "
        "autoRollbackOnFailure.initMonitorTimeoutSeconds. Else repair what was not ready in the "
        "last words before the end.",
        _UPGRADE,
        onward=Onward.RETRY,
        rules=("P32", "P38"),
        guide=Guide.AUTOMATIC_ROLLBACK,
    ),
    known(
        Failure.SERVICE_UNIT_FAILED,
        r"Rollback due to service-unit failure",
        f"A service that configures the new release failed at boot, and {_FORMER_RELEASE}.",
        "Read the journal of installation-configuration and prepare-installation-configuration "
        "in the failed boot.",
        _UPGRADE,
        onward=Onward.RETRY,
        guide=Guide.AUTOMATIC_ROLLBACK,
    ),
    known(
        Failure.POST_PIVOT_FAILED,
        r"Rollback due to postpivot failure",
        f"The new release could not take over the cluster's identity, and {_FORMER_RELEASE}.",
        "The message names the step; correct that.",
        _UPGRADE,
        onward=Onward.RETRY,
        guide=Guide.AUTOMATIC_ROLLBACK,
    ),
    known(
        Failure.DPA_LOST,
        r"Rollback due to missing DataProtectionApplication",
        f"OADP's configuration did not come up on the new release, and {_FORMER_RELEASE}.",
        "Make sure that the DataProtectionApplication is reconciled before the upgrade.",
        _UPGRADE,
        onward=Onward.RETRY,
        rules=("P21", "P30"),
        guide=Guide.AUTOMATIC_ROLLBACK,
    ),
    known(
        Failure.MANIFESTS_NOT_APPLIED,
        r"Rollback due to failure applying (policy|config) manifests",
        f"The new release refused an extra manifest or one from a policy, and {_FORMER_RELEASE}.",
        "Correct the manifest that the message names for the new release.",
        _UPGRADE,
        onward=Onward.RETRY,
        rules=("P25", "P26", "P27", "P28"),
        guide=Guide.AUTOMATIC_ROLLBACK,
    ),
    known(
        Failure.RESTORE_FAILED,
        r"Rollback due to restore failure",
        f"A Velero Restore failed on the new release, and {_FORMER_RELEASE}.",
        "Check the Restore with `velero describe restore`, the BackupStorageLocation, and "
        "Velero's log (`ibgu gather CLUSTER --image IMAGE`).",
        _UPGRADE,
        onward=Onward.RETRY,
        rules=("P16", "P19", "P24", "P30"),
        guide=Guide.BACKUPS_FAIL,
    ),
    known(
        Failure.UNCONTROLLED_ROLLBACK,
        r"Uncontrolled rollback",
        "The node booted its former release, but the Lifecycle Agent did not start a rollback.",
        "Check the console and the boot order of the node.",
        _UPGRADE,
        onward=Onward.RETRY,
        guide=Guide.AUTOMATIC_ROLLBACK,
    ),
)

_NOT_BACK = r"(?s)^(?!.*Rollback due to).*"

ON_NEW_RELEASE = (
    known(
        Failure.MANIFESTS_NOT_APPLIED_AFTER_PIVOT,
        # The work agent begins with a capital letter where the cluster refuses the stage itself.
        _NOT_BACK + r"(?-i:failed) to apply manifest",
        "The new release refused an extra manifest or one from a policy. The cluster has not "
        "rolled back.",
        "Correct the manifest that the message names for the new release.",
        _UPGRADE,
        onward=Onward.ROLL_BACK,
        rules=("P25", "P26", "P27", "P28"),
        guide=Guide.NEW_RELEASE,
    ),
    known(
        Failure.RESTORE_FAILED_AFTER_PIVOT,
        _NOT_BACK + r"Failed restore CRs",
        "A Velero Restore failed on the new release. The cluster has not rolled back.",
        "Check the Restore with `velero describe restore`, the BackupStorageLocation, and "
        "Velero's log (`ibgu gather CLUSTER --image IMAGE`).",
        _UPGRADE,
        onward=Onward.ROLL_BACK,
        rules=("P16", "P19", "P24", "P30"),
        guide=Guide.NEW_RELEASE,
    ),
)

BEFORE_REBOOT = (
    known(
        Failure.BACKUP_FAILED,
        r"Failed backup( CR)?s:",
        "A Velero Backup failed; the cluster still runs its former release.",
        "Check the Backup with `velero describe backup`, the BackupStorageLocation, and "
        "Velero's log (`ibgu gather CLUSTER --image IMAGE`).",
        _UPGRADE,
        onward=Onward.RETRY,
        rules=("P20", "P24", "P30"),
        guide=Guide.BACKUPS_FAIL,
    ),
    known(
        Failure.EXTRA_MANIFESTS_GONE,
        r"extraManifests configMap is not found",
        "A ConfigMap of extraManifests was deleted from the cluster after Prep.",
        "Create it again.",
        _UPGRADE,
        onward=Onward.RETRY,
        rules=("P14",),
        guide=Guide.EXTRA_MANIFESTS,
    ),
    known(
        Failure.REBOOT_FAILED,
        r"(failed|unable) to reboot",
        "The node did not reboot when requested.",
        "Check systemd on the node, and reboot the node by hand.",
        _UPGRADE,
        Stage.ROLLBACK,
        guide=Guide.REBOOT_FAILS,
    ),
    known(
        Failure.VOLUME_ID_NOT_FOUND,
        r"VolumeID is not found",
        "An application's volume is missing: the Backup had no LVM logical volumes.",
        "Add logicalvolumes.topolvm.io and persistentVolumes to the application's Backup and "
        "restoreStatus to its Restore; a Rollback brings the data back.",
        _UPGRADE,
        rules=("P24",),
        guide=Guide.EMPTY_VOLUMES,
    ),
)
