"""Names of known failures: stable values for REST, metrics and the CLI."""

from enum import StrEnum


class Failure(StrEnum):
    # Prep: the request
    NO_CONTAINER_STORAGE = "NoContainerStorage"
    SEED_VERSION_NOT_HIGHER = "SeedVersionNotHigher"
    SEED_VERSION_INVALID = "SeedVersionInvalid"
    POLICY_MANIFEST_COUNT = "PolicyManifestCount"
    # Prep: backup and restore
    OADP_MISSING = "OadpMissing"
    NOT_ONE_DPA = "NotOneDataProtectionApplication"
    OADP_CONFIG_MAP_MISSING = "OadpConfigMapMissing"
    BACKUP_INVALID = "BackupOrRestoreInvalid"
    BACKUP_LABEL_FAILED = "BackupLabelFailed"
    RESTORE_WITHOUT_BACKUP = "RestoreWithoutBackup"
    BACKUPS_UNPAIRED = "BackupsAndRestoresUnpaired"
    STALE_BACKUPS = "StaleBackupsNotDeleted"
    # Prep: extra manifests
    EXTRA_MANIFESTS_MISSING = "ExtraManifestsMissing"
    EXTRA_MANIFESTS_INVALID = "ExtraManifestsInvalid"
    # Prep: the seed
    REGISTRY_UNREACHABLE = "RegistryUnreachable"
    SEED_IMAGE_UNREADABLE = "SeedImageUnreadable"
    PULL_SECRET_MISSING = "PullSecretMissing"
    SEED_FORMAT_MISMATCH = "SeedFormatMismatch"
    PROXY_MISMATCH = "ProxyMismatch"
    FIPS_MISMATCH = "FipsMismatch"
    TRUST_BUNDLE_MISMATCH = "TrustBundleMismatch"
    CONTAINER_STORAGE_MISMATCH = "ContainerStorageMismatch"
    # Prep: the jobs
    STATEROOT_FAILED = "StaterootFailed"
    PRECACHE_FAILED = "PrecacheFailed"
    PREP_JOB_DELETED = "PrepJobDeleted"
    # Upgrade: the backup before it
    NODE_BACKUP_SPACE = "NodeBackupWithoutSpace"
    NODE_BACKUP_REFUSED = "NodeBackupRefused"
    NODE_BACKUP_LATE = "NodeBackupTimeout"
    # Upgrade: before the reboot
    BACKUP_FAILED = "BackupFailed"
    EXTRA_MANIFESTS_GONE = "ExtraManifestsGone"
    REBOOT_FAILED = "RebootFailed"
    # Upgrade: automatic rollback
    INIT_MONITOR_TIMEOUT = "InitMonitorTimeout"
    SERVICE_UNIT_FAILED = "ServiceUnitFailed"
    POST_PIVOT_FAILED = "PostPivotFailed"
    DPA_LOST = "DataProtectionApplicationLost"
    MANIFESTS_NOT_APPLIED = "ManifestsNotApplied"
    RESTORE_FAILED = "RestoreFailed"
    UNCONTROLLED_ROLLBACK = "UncontrolledRollback"
    # Upgrade: on the new release, without automatic rollback
    MANIFESTS_NOT_APPLIED_AFTER_PIVOT = "ManifestsNotAppliedAfterPivot"
    RESTORE_FAILED_AFTER_PIVOT = "RestoreFailedAfterPivot"
    # Upgrade: of applications
    VOLUME_ID_NOT_FOUND = "VolumeIdNotFound"
    # Rollback
    ROLLBACK_OSTREE_FAILED = "RollbackOstreeFailed"
    ROLLBACK_EXPIRED = "RollbackExpired"
    # Idle
    BACKUPS_NOT_DELETED = "BackupsNotDeleted"
    STATEROOTS_NOT_REMOVED = "StaterootsNotRemoved"
    CLEANUP_FAILED = "CleanupFailed"
    # Any stage
    CLUSTER_NOT_STABLE = "ClusterNotStable"
    IP_CONFIG_ACTIVE = "IpConfigActive"
    INVALID_TRANSITION = "InvalidTransition"
