"""Failures of the backup before Upgrade, which a Job of ibgu's takes: nothing was upgraded."""

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.failures.guides import Guide
from ibgu.core.drivers.ibu.failures.known import Onward, known
from ibgu.core.drivers.ibu.failures.names import Failure
from ibgu.core.model import names

_UPGRADE = Stage.UPGRADE

BACKUP_BEFORE = (
    known(
        Failure.NODE_BACKUP_SPACE,
        r"too little free space for a backup|MiB free, and a backup needs",
        "The node has too little free space for the backup before Upgrade.",
        f"Free space on the node, or name a folder on another file system in {names.BACKUP_PATH}.",
        _UPGRADE,
        onward=Onward.RETRY,
        guide=Guide.BACKUP_BEFORE,
    ),
    known(
        Failure.NODE_BACKUP_REFUSED,
        r"cluster-backup\.sh failed",
        "The node's cluster-backup.sh made no backup of etcd before Upgrade.",
        "Wait until etcd and the kube-* operators are settled (`oc get clusteroperators`).",
        _UPGRADE,
        onward=Onward.RETRY,
        guide=Guide.BACKUP_BEFORE,
    ),
    known(
        Failure.NODE_BACKUP_LATE,
        r"BackupTimeout: ",
        "The Job of the backup before Upgrade did not end in its time.",
        f"Check that the cluster can pull the image of {names.BACKUP_IMAGE}, and that its node "
        f"takes pods.",
        _UPGRADE,
        onward=Onward.RETRY,
        guide=Guide.BACKUP_BEFORE,
    ),
)
