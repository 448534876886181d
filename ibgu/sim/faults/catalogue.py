"""Lists the faults, with the messages that the Lifecycle Agent gives for them."""

from ibgu.sim.faults.fault import Fault, FaultPoint

_SPEC = "failed to validate IBU spec: "
_OADP = f"{_SPEC}failed to validate oadp configMap: "
_EXTRA = f"{_SPEC}failed to validate extramanifest cms: "
_SEED = "failed to validate seed image info: "
_COMPATIBLE = f"{_SEED}checking seed image compatibility: "
_JOB = "job-namespace: openshift-lifecycle-agent"
_CLEANUP = (
    " Perform cleanup manually then add 'lca.openshift.io/manual-cleanup-done' annotation to ibu "
    "CR to transition back to Idle"
)

_CHECKS = {
    "partition": "container storage mountpoint target not found",
    "seed-version-low": f"{_SPEC}failed to validate seed image OCP version: seed OCP version "
    "({version}) must be higher than current OCP version ({current})",
    "seed-version-bad": f"{_SPEC}failed to validate seed image OCP version: failed to parse seed "
    "version {version}: No Major.Minor.Patch elements found",
    "oadp-operator": f"{_SPEC}failed to check oadp operator availability: Please ensure OADP "
    "operator is installed in the openshift-adp",
    "dpa-missing": f"{_SPEC}failed to check oadp operator availability: No "
    "DataProtectionApplication CR found in the openshift-adp",
    "dpa-twice": f"{_SPEC}failed to check oadp operator availability: Only one "
    "DataProtectionApplication CR is allowed in the openshift-adp,",
    "oadp-configmap": f'{_OADP}OADP configmap not found, error: configmaps "oadp-cm" not found. '
    "Please create the configmap.",
    "backup-invalid": f"{_OADP}Invalid backup acm-klusterlet detected in configmap, error: "
    "spec.ttl: Invalid value. Please update the invalid Backup in configmap.",
    "restore-invalid": f"{_OADP}Invalid Restore acm-klusterlet detected in configmap, error: "
    "spec.backupName: Required value. Please update the invalid Restore in configmap.",
    "apply-label": f"{_OADP}failed apply backup label to objects included in apply-backup "
    'annotation: secrets "open-cluster-management-image-pull-credentials" not found',
    "backup-dangling": f"{_OADP}The backup CR app-data defined in restore CR app-data not found "
    "in OADP configmaps",
    "backup-unpaired": f"{_OADP}Both backup and restore CRs should be specified in OADP "
    "configmaps and each backup CR should be paired with a corresponding restore CR.",
    "stale-backups": f"{_OADP}Failed to cleanup stale Backups: backup storage location default "
    "is not available",
    "extra-manifest-missing": f"{_EXTRA}the extraManifests configMap is not found, error: "
    'configmaps "example-extra-manifests" not found. Please create the configMap.',
    "extra-manifest-forbidden": f"{_EXTRA}MachineConfig[98-var-lib-containers-partitioned] in "
    "extramanifests is not allowed",
    "manifest-count": f"{_SPEC}failed to validate manifests from policies: The labeled manifests "
    "count found in policies 3 does not match the expected manifests count 4",
    "seed-image": f"{_SEED}failed to get seed image labels: failed to inspect image: reading "
    "manifest of {image}: unauthorized: access to the requested resource is not authorized",
    "registry": f"{_SEED}failed to get seed image labels: failed to inspect image: pinging "
    "container registry of {image}: dial tcp 192.0.2.7:443: i/o timeout",
    "pull-secret": f"{_SEED}failed to get seed image labels: failed to retrieve pull-secret from "
    'secret seed-pull-secret, err: secrets "seed-pull-secret" not found',
    "seed-format": f"{_COMPATIBLE}seed image format version mismatch: expected 4, got 3",
    "seed-label": f"{_COMPATIBLE}seed image is missing the "
    "com.openshift.lifecycle-agent.seed_format_version label, please build a new image using the "
    "latest version of the lca-cli",
    "proxy": f"{_COMPATIBLE}seed image has a proxy but the cluster being upgraded does not, this "
    "combination is not supported",
    "fips": f"{_COMPATIBLE}seed image has FIPS enabled but the cluster being upgraded does not, "
    "this combination is not supported",
    "ca-bundle": f"{_COMPATIBLE}seed image has an openshift-config/user-ca-bundle configmap but "
    "the cluster being upgraded does not, this combination is not supported",
    "trust-bundle": f"{_COMPATIBLE}seed image's Proxy trustedCA configmap name "
    '"user-ca-bundle" (oc get proxy -oyaml) mismatches cluster\'s name "", this combination is '
    "not supported",
    "mountpoint": f"{_COMPATIBLE}container storage mountpoint target mismatch: "
    "seed=/dev/disk/by-partlabel/var-lib-containers, "
    "cluster=/dev/disk/by-partlabel/varlibcontainers",
}

_JOBS = {
    "stateroot": (
        FaultPoint.STATEROOT,
        f"stateroot setup job failed to complete. job-name: lca-prep-stateroot-setup, {_JOB}",
    ),
    "stateroot-deleted": (
        FaultPoint.STATEROOT,
        "stateroot job is marked to be deleted, this is not allowed. "
        f"job-name: lca-prep-stateroot-setup, {_JOB}",
    ),
    "precache": (
        FaultPoint.PRECACHE,
        f"precache job failed to complete. job-name: lca-prep-precache, {_JOB}",
    ),
    "precache-deleted": (
        FaultPoint.PRECACHE,
        "precache job is marked to be deleted, this not allowed. "
        f"job-name: lca-prep-precache, {_JOB}",
    ),
}

_UPGRADES = {
    "backup": (FaultPoint.BACKUP, "Failed backup CRs: acm-klusterlet,app-data"),
    "extra-manifest-missing": (
        FaultPoint.BACKUP,
        'the extraManifests configMap is not found, error: configmaps "example-extra-manifests" '
        "not found. Please create the configMap.",
    ),
    "reboot": (FaultPoint.REBOOT, "failed to reboot: exit status 1"),
    "init-monitor": (
        FaultPoint.MONITOR,
        "Rollback due to LCA Init Monitor timeout, after {monitor}",
    ),
    "service-unit": (
        FaultPoint.NEW_BOOT,
        "Rollback due to service-unit failure: component config",
    ),
    "service-unit-postpivot": (
        FaultPoint.NEW_BOOT,
        "Rollback due to service-unit failure: component postpivot",
    ),
    "recert": (
        FaultPoint.NEW_BOOT,
        "Rollback due to postpivot failure: failed to run recert tool container: exit status 101",
    ),
    "uncontrolled": (FaultPoint.NEW_BOOT, "Uncontrolled rollback"),
    "dpa-missing": (
        FaultPoint.SETTLED,
        "Rollback due to missing DataProtectionApplication: No DataProtectionApplication CR found",
    ),
    "policy-manifests": (
        FaultPoint.SETTLED,
        "Rollback due to failure applying policy manifests: failed to apply manifest: "
        "admission webhook denied the request",
    ),
    "config-manifests": (
        FaultPoint.SETTLED,
        "Rollback due to failure applying config manifests: failed to apply manifest: "
        "admission webhook denied the request",
    ),
    "restore": (
        FaultPoint.SETTLED,
        "Rollback due to restore failure: Failed restore CRs: app-data",
    ),
}

_ROLLBACKS = {
    "stateroot-name": "failed to get current stateroot name: failed to run ostree admin status",
    "stateroot": "unable to determine stateroot path: no rollback deployment found",
    "default-deployment": "failed to set default deployment for rollback: exit status 1",
}

_CLEANUPS = {
    "backups": f"failed to delete all the backup CRs.{_CLEANUP}",
    "stateroots": f"failed to remove 1 stateroots.{_CLEANUP}",
}

_BEHAVIOUR = (
    Fault(
        "validation-warning",
        FaultPoint.WARNING,
        "Prep",
        "PerformanceProfile[1] - CRD not deployed on cluster",
    ),
    Fault("certificates-expire", FaultPoint.CERTIFICATES, "Upgrade", seconds=86400.0),
    Fault("hangs", FaultPoint.HEALTH, "Prep"),
    Fault("late-success", FaultPoint.SLOW, "Upgrade", seconds=5400.0),
    Fault("never-returns", FaultPoint.DARK, "Upgrade"),
    Fault("returns-late", FaultPoint.DARK, "Upgrade", seconds=2700.0),
    Fault("hand", FaultPoint.HAND, "Prep"),
    Fault("blocked", FaultPoint.BLOCKED, "Prep", "IPC is not idle", seconds=300.0),
    Fault("busy", FaultPoint.BLOCKED, "Init", "IPC is not idle", seconds=300.0, times=1),
    Fault("frozen-feedback", FaultPoint.AGENT, "Prep"),
    Fault("agent-without-rbac", FaultPoint.AGENT),
    Fault("finalizer-stuck", FaultPoint.AGENT),
    Fault("ibu-missing", FaultPoint.SPOKE),
    Fault("crd-missing", FaultPoint.SPOKE),
    Fault("namespace-missing", FaultPoint.SPOKE),
    Fault("offline", FaultPoint.LINK),
    Fault("flapping-lease", FaultPoint.LINK),
)


def _all() -> list[Fault]:
    return [
        *(Fault(f"prep.{name}", FaultPoint.CHECK, "Prep", text) for name, text in _CHECKS.items()),
        *(Fault(f"prep.{name}", at, "Prep", text) for name, (at, text) in _JOBS.items()),
        *(Fault(f"upgrade.{name}", at, "Upgrade", text) for name, (at, text) in _UPGRADES.items()),
        *(
            Fault(f"rollback.{name}", FaultPoint.OSTREE, "Rollback", text)
            for name, text in _ROLLBACKS.items()
        ),
        *(
            Fault(f"idle.{name}", FaultPoint.CLEANUP, "Idle", text, times=1)
            for name, text in _CLEANUPS.items()
        ),
        *_BEHAVIOUR,
    ]


CATALOGUE: dict[str, Fault] = {fault.name: fault for fault in _all()}
