"""Failures of Prep in its checks of OADP and the given Backup and Restore objects."""

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.failures.guides import Guide
from ibgu.core.drivers.ibu.failures.known import Onward, known
from ibgu.core.drivers.ibu.failures.names import Failure

_PREP = Stage.PREP

BACKUP = (
    known(
        Failure.OADP_MISSING,
        r"ensure OADP operator is installed",
        "The upgrade has oadpContent, but the OADP Operator is not installed on the cluster.",
        "Install OADP 1.4.1 or later in openshift-adp.",
        _PREP,
        onward=Onward.RETRY,
        rules=("P7",),
        guide=Guide.PREPARE,
    ),
    known(
        Failure.NOT_ONE_DPA,
        r"No DataProtectionApplication CR found"
        r"|Only one DataProtectionApplication CR is allowed",
        "OADP on the cluster has none, or more than one, DataProtectionApplication.",
        "Leave exactly one DataProtectionApplication in openshift-adp.",
        _PREP,
        onward=Onward.RETRY,
        rules=("P30",),
        guide=Guide.PREPARE,
    ),
    known(
        Failure.OADP_CONFIG_MAP_MISSING,
        r"OADP configmap not found",
        "A ConfigMap that spec.ibuSpec.oadpContent names is not on the cluster.",
        "Create it on the hub under the same namespace and name, so that ibgu delivers "
        "it, or create it on the cluster yourself.",
        _PREP,
        onward=Onward.RETRY,
        rules=("P13",),
        guide=Guide.OADP_CONTENT,
    ),
    known(
        Failure.BACKUP_INVALID,
        r"Invalid (Backup|Restore) .*detected in configmap|update the invalid (Backup|Restore)",
        "The cluster refuses a Backup or Restore object from the OADP ConfigMaps.",
        "Correct the object that the message names in its ConfigMap.",
        _PREP,
        onward=Onward.RETRY,
        rules=("P15", "P17", "P18"),
        guide=Guide.OADP_CONTENT,
    ),
    known(
        Failure.BACKUP_LABEL_FAILED,
        r"failed (to )?apply backup label",
        "An object that an apply-label annotation lists is missing or can't be labelled; often "
        "it is the image pull secret of the klusterlet.",
        "Correct the annotation lca.openshift.io/apply-label of the Backup.",
        _PREP,
        onward=Onward.RETRY,
        rules=("P20",),
        guide=Guide.OADP_CONTENT,
    ),
    known(
        Failure.RESTORE_WITHOUT_BACKUP,
        r"backup CR .* defined in restore CR .* not found",
        "A Restore names a Backup that no OADP ConfigMap holds.",
        "Correct spec.backupName of the Restore, or add the Backup.",
        _PREP,
        onward=Onward.RETRY,
        rules=("P16",),
        guide=Guide.OADP_CONTENT,
    ),
    known(
        Failure.BACKUPS_UNPAIRED,
        r"Both backup and restore CRs should be specified",
        "The OADP ConfigMaps do not hold one Restore for every Backup.",
        "Pair every Backup with a Restore.",
        _PREP,
        onward=Onward.RETRY,
        rules=("P16",),
        guide=Guide.OADP_CONTENT,
    ),
    known(
        Failure.STALE_BACKUPS,
        r"failed to cleanup stale backups",
        "Backups of an earlier upgrade can't be deleted from the object storage.",
        "Make the cluster's BackupStorageLocation Available.",
        _PREP,
        onward=Onward.RETRY,
        rules=("P30",),
        guide=Guide.BACKUPS_FAIL,
    ),
)
