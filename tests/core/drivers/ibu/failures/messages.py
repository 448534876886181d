"""Real messages of the Lifecycle Agent, each with its known failure."""

from ibgu.core.drivers import traits
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.failures import Failure

SPEC = "failed to validate IBU spec: "
SEED = "failed to validate seed image info: "
OADP = f"{SPEC}failed to validate oadp configMap: "
EXTRA = f"{SPEC}failed to validate extramanifest cms: "
CLEANUP = (
    "Perform cleanup manually then add 'lca.openshift.io/manual-cleanup-done' annotation to ibu "
    "CR to transition back to Idle"
)
UNSTABLE = (
    "one or more health checks failed: one or more ClusterOperators not yet ready: a, b\n"
    "  - one or more MachineConfigPools not yet ready: master\n"
    "  - one or more ClusterServiceVersions not yet ready: x\n  - node is not yet ready: n\n"
    "  - sriovNetworkNodeState not ready\n"
    "  - certificateSigningRequest (csr) c not yet approved\n"
    "  - dataProtectionApplication not reconciled\n  - backupStorageLocation b not available"
)

PREP = [
    ("container storage mountpoint target not found", Failure.NO_CONTAINER_STORAGE),
    (
        f"{SPEC}failed to validate seed image OCP version: seed OCP version (4.16.1) must be "
        "higher than current OCP version (4.16.1)",
        Failure.SEED_VERSION_NOT_HIGHER,
    ),
    (
        f"{SPEC}failed to validate seed image OCP version: failed to parse seed version 4.17: "
        "4.17 is not in dotted-tri format",
        Failure.SEED_VERSION_INVALID,
    ),
    (
        f"{SPEC}failed to check oadp operator availability: Please ensure OADP operator is "
        "installed in the openshift-adp",
        Failure.OADP_MISSING,
    ),
    (
        f"{SPEC}failed to check oadp operator availability: No DataProtectionApplication CR "
        "found in the openshift-adp",
        Failure.NOT_ONE_DPA,
    ),
    (
        f"{SPEC}failed to check oadp operator availability: Only one DataProtectionApplication "
        "CR is allowed in the openshift-adp,",
        Failure.NOT_ONE_DPA,
    ),
    (
        f"{OADP}OADP configmap not found, error: the configMap is not found, error: configmaps "
        '"oadp-cm" not found. Please create the configmap.',
        Failure.OADP_CONFIG_MAP_MISSING,
    ),
    (
        f"{OADP}Invalid backup acm-klusterlet detected in configmap, error: "
        'Backup.velero.io "acm-klusterlet" is invalid. Please update the invalid Backup in '
        "configmap.",
        Failure.BACKUP_INVALID,
    ),
    (
        f"{OADP}Invalid Restore acm-klusterlet detected in configmap, error: denied. Please "
        "update the invalid Restore in configmap.",
        Failure.BACKUP_INVALID,
    ),
    (
        f"{OADP}failed apply backup label to objects included in apply-backup annotation: "
        'secrets "open-cluster-management-image-pull-credentials" not found',
        Failure.BACKUP_LABEL_FAILED,
    ),
    (
        f"{OADP}The backup CR b defined in restore CR r not found in OADP configmaps",
        Failure.RESTORE_WITHOUT_BACKUP,
    ),
    (
        f"{OADP}Both backup and restore CRs should be specified in OADP configmaps and each "
        "backup CR should be paired with a corresponding restore CR.",
        Failure.BACKUPS_UNPAIRED,
    ),
    (
        f"{OADP}Failed to cleanup stale Backups: timed out waiting for the condition",
        Failure.STALE_BACKUPS,
    ),
    (
        f"{EXTRA}the extraManifests configMap is not found, error: the configMap is not found, "
        'error: configmaps "extra" not found. Please create the configMap.',
        Failure.EXTRA_MANIFESTS_MISSING,
    ),
    (
        f"{EXTRA}MachineConfig[99-x] in extramanifests is not allowed; Subscription[s] in "
        "extramanifests is not allowed",
        Failure.EXTRA_MANIFESTS_INVALID,
    ),
    (f"{EXTRA}Namespace resource name is empty", Failure.EXTRA_MANIFESTS_INVALID),
    (
        f"{EXTRA}failed to decode a.yaml in the configMap extra: yaml: line 3: mapping values",
        Failure.EXTRA_MANIFESTS_INVALID,
    ),
    (
        f"{SPEC}failed to validate manifests from policies: The labeled manifests count found in "
        "policies 2 does not match the expected manifests count 3",
        Failure.POLICY_MANIFEST_COUNT,
    ),
    (
        f"{SEED}failed to get seed image labels: failed to inspect image: failed to run skopeo: "
        "exit status 1",
        Failure.SEED_IMAGE_UNREADABLE,
    ),
    (
        f"{SEED}failed to get seed image labels: failed to inspect image: failed to run skopeo: "
        'pinging container registry quay.example: Get "https://quay.example/v2/": dial tcp '
        "192.0.2.7:443: i/o timeout",
        Failure.REGISTRY_UNREACHABLE,
    ),
    (
        f"{SEED}failed to get seed image labels: failed to inspect image: failed to run skopeo: "
        "reading manifest: received unexpected HTTP status: 503 Service Unavailable",
        Failure.REGISTRY_UNREACHABLE,
    ),
    (
        f"{SEED}failed to get seed image labels: failed to inspect image: failed to run skopeo: "
        "tls: failed to verify certificate: x509: certificate signed by unknown authority, "
        "after 3 timeouts: i/o timeout",
        Failure.SEED_IMAGE_UNREADABLE,
    ),
    (
        f"{SEED}failed to get seed image labels: failed to retrieve pull-secret from secret "
        'seed-pull-secret, err: secrets "seed-pull-secret" not found',
        Failure.PULL_SECRET_MISSING,
    ),
    (
        f"{SEED}checking seed image compatibility: seed image format version mismatch: expected "
        "4, got 3",
        Failure.SEED_FORMAT_MISMATCH,
    ),
    (
        f"{SEED}checking seed image compatibility: seed image is missing the "
        "com.openshift.lifecycle-agent.seed_format_version label, please build a new image",
        Failure.SEED_FORMAT_MISMATCH,
    ),
    (
        f"{SEED}checking seed image compatibility: seed image has a proxy but the cluster being "
        "upgraded does not, this combination is not supported",
        Failure.PROXY_MISMATCH,
    ),
    (
        f"{SEED}checking seed image compatibility: seed image does not have a proxy but the "
        "cluster being upgraded does, this combination is not supported",
        Failure.PROXY_MISMATCH,
    ),
    (
        f"{SEED}checking seed image compatibility: seed image has FIPS enabled but the cluster "
        "being upgraded does not, this combination is not supported",
        Failure.FIPS_MISMATCH,
    ),
    (
        f"{SEED}checking seed image compatibility: seed image does not have FIPS enabled but the "
        "cluster being upgraded does, this combination is not supported",
        Failure.FIPS_MISMATCH,
    ),
    (
        f"{SEED}checking seed image additional trust bundle compatibility: seed image has an "
        "openshift-config/user-ca-bundle configmap but the cluster being upgraded does not, this "
        "combination is not supported",
        Failure.TRUST_BUNDLE_MISMATCH,
    ),
    (
        f"{SEED}checking seed image additional trust bundle compatibility: seed image's Proxy "
        'trustedCA configmap name "a" (oc get proxy -oyaml) mismatches cluster\'s name "b", this '
        "combination is not supported",
        Failure.TRUST_BUNDLE_MISMATCH,
    ),
    (
        f"{SEED}checking seed image compatibility: container storage mountpoint target mismatch: "
        "seed=a, cluster=b",
        Failure.CONTAINER_STORAGE_MISMATCH,
    ),
    (
        "stateroot setup job failed to complete. job-name: lca-prep-stateroot-setup, "
        "job-namespace: openshift-lifecycle-agent",
        Failure.STATEROOT_FAILED,
    ),
    (
        "precache job failed to complete. job-name: lca-prep-precache, job-namespace: "
        "openshift-lifecycle-agent",
        Failure.PRECACHE_FAILED,
    ),
    (
        "stateroot job is marked to be deleted, this is not allowed. job-name: "
        "lca-prep-stateroot-setup, job-namespace: openshift-lifecycle-agent",
        Failure.PREP_JOB_DELETED,
    ),
    (
        "precache job is marked to be deleted, this not allowed. job-name: lca-prep-precache, "
        "job-namespace: openshift-lifecycle-agent",
        Failure.PREP_JOB_DELETED,
    ),
    (
        f"Waiting for system to stabilize before Prep stage can continue: {UNSTABLE}",
        Failure.CLUSTER_NOT_STABLE,
    ),
]

UPGRADE = [
    (
        "UnrecoverableError: the node has too little free space for a backup (PodFailurePolicy: "
        "Container job for pod openshift-ibgu-backup/backup-0f3a failed with exit code 3)",
        Failure.NODE_BACKUP_SPACE,
    ),
    (
        "UnrecoverableError: cluster-backup.sh failed: it does so while etcd or a kube-* operator "
        "is progressing (PodFailurePolicy: Container job failed with exit code 5)",
        Failure.NODE_BACKUP_REFUSED,
    ),
    (
        "BackupTimeout: DeadlineExceeded: Job was active longer than specified deadline",
        Failure.NODE_BACKUP_LATE,
    ),
    ("Failed backup CRs: a,b", Failure.BACKUP_FAILED),
    ("Failed restore CRs: a,b", Failure.RESTORE_FAILED_AFTER_PIVOT),
    ("Rollback due to restore failure: Failed restore CRs: a,b", Failure.RESTORE_FAILED),
    (
        'the extraManifests configMap is not found, error: configmaps "extra" not found. Please '
        "create the configMap.",
        Failure.EXTRA_MANIFESTS_GONE,
    ),
    (
        "failed to apply manifest: no matches for kind",
        Failure.MANIFESTS_NOT_APPLIED_AFTER_PIVOT,
    ),
    (
        "Rollback due to failure applying policy manifests: failed to apply manifest: denied",
        Failure.MANIFESTS_NOT_APPLIED,
    ),
    (
        "Rollback due to failure applying config manifests: failed to apply manifest: denied",
        Failure.MANIFESTS_NOT_APPLIED,
    ),
    (
        "Rollback due to LCA Init Monitor timeout, after 30m0s",
        Failure.INIT_MONITOR_TIMEOUT,
    ),
    (
        "Rollback due to service-unit failure: component config",
        Failure.SERVICE_UNIT_FAILED,
    ),
    (
        "Rollback due to service-unit failure: component postpivot",
        Failure.SERVICE_UNIT_FAILED,
    ),
    (
        "Rollback due to postpivot failure: failed to run recert tool container: Trying to pull "
        "quay.io/user/recert:tag...",
        Failure.POST_PIVOT_FAILED,
    ),
    (
        "Rollback due to missing DataProtectionApplication: not found",
        Failure.DPA_LOST,
    ),
    ("Uncontrolled rollback", Failure.UNCONTROLLED_ROLLBACK),
    (
        "failed to reboot. This should never happen! Please check the system",
        Failure.REBOOT_FAILED,
    ),
    ("VolumeID is not found", Failure.VOLUME_ID_NOT_FOUND),
    (
        "Waiting for system to stabilize before Upgrade (pre-pivot) stage can continue: "
        f"{UNSTABLE}",
        Failure.CLUSTER_NOT_STABLE,
    ),
    (f"Waiting for system to fully stabilize: {UNSTABLE}", Failure.CLUSTER_NOT_STABLE),
]

ROLLBACK = [
    (
        "failed to get current stateroot name: exit status 1",
        Failure.ROLLBACK_OSTREE_FAILED,
    ),
    ("unable to determine booted deployment", Failure.ROLLBACK_OSTREE_FAILED),
    ("Rollback was possible until 2026-12-20T10:00:00Z only", Failure.ROLLBACK_EXPIRED),
    (
        "failed to set default deployment for rollback: exit status 1",
        Failure.ROLLBACK_OSTREE_FAILED,
    ),
    (
        "failed to reboot. This should never happen! Please check the system",
        Failure.REBOOT_FAILED,
    ),
    ("Upgrade not started or already finalized", Failure.INVALID_TRANSITION),
]

IDLE = [
    (f"failed to delete all the backup CRs. {CLEANUP}", Failure.BACKUPS_NOT_DELETED),
    (
        f"failed to remove 1 stateroots: rhcos_4.17.2. {CLEANUP}",
        Failure.STATEROOTS_NOT_REMOVED,
    ),
    (
        f"failed to remove 2 stateroots failed to delete all the backup CRs. {CLEANUP}",
        Failure.STATEROOTS_NOT_REMOVED,
    ),
    (f"removing /var/lib/lca failed. {CLEANUP}", Failure.CLEANUP_FAILED),
    (
        "Waiting for system to stabilize before finalize (idle) stage can continue: " + UNSTABLE,
        Failure.CLUSTER_NOT_STABLE,
    ),
    ("IPC is not idle", Failure.IP_CONFIG_ACTIVE),
    ("Transition to Idle not allowed - Rollback first", Failure.INVALID_TRANSITION),
    ("Abort or finalize not allowed", Failure.INVALID_TRANSITION),
]

BOTH = f"failed to remove 2 stateroots failed to delete all the backup CRs. {CLEANUP}"
"""Two rows fit it: the first one is the worse."""

IDLE_ACTIONS = [action for action in Action if traits(action).clears_labels]

CASES = [
    *((Action.PREP, message, name) for message, name in PREP),
    *((Action.UPGRADE, message, name) for message, name in UPGRADE),
    *((Action.ROLLBACK, message, name) for message, name in ROLLBACK),
    *((action, message, name) for message, name in IDLE for action in IDLE_ACTIONS),
]
