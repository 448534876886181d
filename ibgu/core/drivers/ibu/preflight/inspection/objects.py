"""The objects on a cluster that preflight reads, and the fields of each."""

from collections.abc import Mapping

from msgspec import Struct

from ibgu.core.drivers.ibu import feedback, names

NAMESPACE_OF_VELERO = "openshift-adp"
_OADP = NAMESPACE_OF_VELERO
DATA_PROTECTION = "dataprotectionapplication"
"""The name that OpenShift's manual gives the DataProtectionApplication. Feedback reads objects by
their names alone."""
CSV = "csv"
AVAILABLE_REPLICAS = "availableReplicas"
RECONCILED = "reconciled"
RECONCILED_MESSAGE = "reconciledMessage"
RESTIC = "restic"
PHASE = "phase"
MESSAGE = "message"
BUCKET = "bucket"
PREFIX = "prefix"
S3_URL = "s3Url"
TOPOLOGY = "topology"
NODE_NAME = "nodeName"
FIRST_NETWORK = "firstNetwork"
LAST_NETWORK = "lastNetwork"
HTTP_PROXY = "httpProxy"
HTTPS_PROXY = "httpsProxy"
DISK_PRESSURE = "diskPressure"
ARCHITECTURE = "architecture"
CPUS = "cpus"


class InspectedObject(Struct, frozen=True, eq=False):
    """InspectedObject is one object by its name. `paths`: name of each value -> JSONPath that the
    agent evaluates without an error whatever the object looks like."""

    group: str
    version: str
    kind: str
    resource: str
    name: str
    namespace: str = ""
    paths: Mapping[str, str] = {}

    @property
    def api_version(self) -> str:
        return "/".join(filter(None, (self.group, self.version)))

    def __str__(self) -> str:
        return f"{self.kind} {'/'.join(filter(None, (self.namespace, self.name)))}"


def _condition(type_: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{type_}")].{field}'


def _operator(name: str) -> InspectedObject:
    """Returns OLM's Operator, whose ClusterServiceVersion has the version in its name. OLM leaves
    copies of a ClusterServiceVersion in other namespaces out of it."""
    path = '.status.components.refs[?(@.kind=="ClusterServiceVersion")].name'
    return InspectedObject("operators.coreos.com", "v1", "Operator", "operators", name,
                           paths={CSV: path})  # fmt: skip


def _deployment(namespace: str, name: str) -> InspectedObject:
    paths = {AVAILABLE_REPLICAS: ".status.availableReplicas"}
    return InspectedObject("apps", "v1", "Deployment", "deployments", name, namespace, paths)


def node(name: str) -> InspectedObject:
    """Returns the cluster's only node."""
    paths = {
        DISK_PRESSURE: _condition("DiskPressure", "status"),
        ARCHITECTURE: ".status.nodeInfo.architecture",
        CPUS: ".status.capacity.cpu",
    }
    return InspectedObject("", "v1", "Node", "nodes", name, paths=paths)


IBU = InspectedObject(
    names.GROUP, "v1", names.KIND, names.RESOURCE, names.NAME, paths=feedback.PATHS
)
AGENT = _deployment(names.NAMESPACE, "lifecycle-agent-controller-manager")
AGENT_OPERATOR = _operator(f"lifecycle-agent.{names.NAMESPACE}")
OADP_OPERATOR = _operator(f"redhat-oadp-operator.{_OADP}")
LOCAL_STORAGE = _operator("local-storage-operator.openshift-local-storage")
LVM_STORAGE = _operator("lvms-operator.openshift-storage")
VELERO = _deployment(_OADP, "velero")
DPA = InspectedObject(
    "oadp.openshift.io", "v1alpha1", "DataProtectionApplication", "dataprotectionapplications",
    DATA_PROTECTION, _OADP,
    {
        RECONCILED: _condition("Reconciled", "status"),
        RECONCILED_MESSAGE: _condition("Reconciled", "message"),
        RESTIC: ".spec.configuration.restic.enable",
    },
)  # fmt: skip
BACKUP_STORAGE = InspectedObject(
    "velero.io", "v1", "BackupStorageLocation", "backupstoragelocations",
    f"{DATA_PROTECTION}-1", _OADP,
    {
        PHASE: ".status.phase",
        MESSAGE: ".status.message",
        BUCKET: ".spec.objectStorage.bucket",
        PREFIX: ".spec.objectStorage.prefix",
        S3_URL: ".spec.config.s3Url",
    },
)  # fmt: skip
PARTITION = InspectedObject(
    "machineconfiguration.openshift.io", "v1", "MachineConfig", "machineconfigs",
    "98-var-lib-containers-partitioned",
)  # fmt: skip
INFRASTRUCTURE = InspectedObject(
    "config.openshift.io", "v1", "Infrastructure", "infrastructures", "cluster",
    paths={TOPOLOGY: ".status.controlPlaneTopology"},
)  # fmt: skip
ETCD = InspectedObject(
    "operator.openshift.io", "v1", "Etcd", "etcds", "cluster",
    paths={NODE_NAME: ".status.nodeStatuses[*].nodeName"},
)  # fmt: skip
NETWORK = InspectedObject(
    "config.openshift.io", "v1", "Network", "networks", "cluster",
    paths={
        FIRST_NETWORK: ".status.clusterNetwork[*].cidr",
        LAST_NETWORK: ".status.clusterNetwork[-1:].cidr",
    },
)  # fmt: skip
PROXY = InspectedObject(
    "config.openshift.io", "v1", "Proxy", "proxies", "cluster",
    paths={HTTP_PROXY: ".status.httpProxy", HTTPS_PROXY: ".status.httpsProxy"},
)  # fmt: skip

OBJECTS = (
    *(IBU, AGENT, AGENT_OPERATOR, OADP_OPERATOR, LOCAL_STORAGE, LVM_STORAGE, VELERO, DPA),
    *(BACKUP_STORAGE, PARTITION, INFRASTRUCTURE, ETCD, NETWORK, PROXY),
)
"""What the first form of the work reads; the second one adds the node that Etcd names."""
