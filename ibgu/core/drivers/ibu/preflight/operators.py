"""P6 to P8, P30, P31: what the clusters must have installed, which only they know."""

from ibgu.core.drivers.ibu.preflight.model import FactSource, PreflightRule

P6 = PreflightRule(
    "P6",
    "The Lifecycle Agent 4.16 or later runs on the clusters",
    "15.2.2",
    "Install or update the operator on the cluster.",
    FactSource.CLUSTER,
    "Deployment openshift-lifecycle-agent/lifecycle-agent-controller-manager",
)
P7 = PreflightRule(
    "P7",
    "OADP 1.4.1 or later runs on the clusters",
    "15.1",
    "Install or update the operator on the cluster.",
    FactSource.CLUSTER,
    "Deployment openshift-adp/openshift-adp-controller-manager",
)
P8 = PreflightRule(
    "P8",
    "Clusters have the Local Storage Operator 4.14 or LVM Storage 4.14.2, not both",
    "15.1",
    "Update the operator, or remove the one without volumes.",
    FactSource.CLUSTER,
    "ClusterServiceVersions of openshift-local-storage and openshift-storage",
)
P30 = PreflightRule(
    "P30",
    "OADP has one DataProtectionApplication, without restic, whose storage is available",
    "15.2.2.4",
    "Set spec.configuration.restic.enable to false, and give each cluster a bucket or prefix of "
    "its own.",
    FactSource.CLUSTER,
    "DataProtectionApplication and BackupStorageLocation of openshift-adp",
)
P31 = PreflightRule(
    "P31",
    "Container storage is a partition of its own, labelled as on the seed's cluster",
    "15.2.1",
    "Reinstall the cluster with the partition: it can't be created on a running cluster.",
    FactSource.CLUSTER,
    "MachineConfig 98-var-lib-containers-partitioned",
)
