"""A work that only reads: the objects that show what a cluster is made of."""

from msgspec import Struct

from ibgu.core.model.kinds import JsonObject

VERSION = '.status.components.refs[?(@.kind=="ClusterServiceVersion")].name'


class Look(Struct, frozen=True):
    """Look names one object, and the values to read of it."""

    api_version: str
    kind: str
    resource: str
    name: str
    namespace: str = ""
    paths: dict[str, str] = {}

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @property
    def manifest(self) -> JsonObject:
        meta = {"name": self.name} | ({"namespace": self.namespace} if self.namespace else {})
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": meta}

    @property
    def config(self) -> JsonObject:
        paths = [{"name": name, "path": path} for name, path in self.paths.items()]
        return {
            "resourceIdentifier": {
                "group": self.group,
                "resource": self.resource,
                "namespace": self.namespace,
                "name": self.name,
            },
            "feedbackRules": [{"type": "JSONPaths", "jsonPaths": paths}],
            "updateStrategy": {"type": "ReadOnly"},
        }

    def node(self, name: str) -> "Look":
        """Returns the same look at another object of the kind."""
        return Look(self.api_version, self.kind, self.resource, name, self.namespace, self.paths)


def _operator(name: str) -> Look:
    return Look(
        "operators.coreos.com/v1", "Operator", "operators", name, paths={"version": VERSION}
    )


AGENT = Look(
    "apps/v1",
    "Deployment",
    "deployments",
    "lifecycle-agent-controller-manager",
    "openshift-lifecycle-agent",
    {"available": ".status.availableReplicas", "owner": r".metadata.labels.olm\.owner"},
)
VELERO = Look(
    "apps/v1",
    "Deployment",
    "deployments",
    "velero",
    "openshift-adp",
    {"available": ".status.availableReplicas"},
)
LCA = _operator("lifecycle-agent.openshift-lifecycle-agent")
OADP = _operator("redhat-oadp-operator.openshift-adp")
LSO = _operator("local-storage-operator.openshift-local-storage")
LVMS = _operator("lvms-operator.openshift-storage")
INFRASTRUCTURE = Look(
    "config.openshift.io/v1",
    "Infrastructure",
    "infrastructures",
    "cluster",
    paths={"topology": ".status.infrastructureTopology"},
)
NETWORK = Look(
    "config.openshift.io/v1",
    "Network",
    "networks",
    "cluster",
    paths={"cidr": ".status.clusterNetwork[-1:].cidr"},
)
PROXY = Look(
    "config.openshift.io/v1",
    "Proxy",
    "proxies",
    "cluster",
    paths={"http": ".status.httpProxy", "https": ".status.httpsProxy"},
)
DPA = Look(
    "oadp.openshift.io/v1alpha1",
    "DataProtectionApplication",
    "dataprotectionapplications",
    "dataprotectionapplication",
    "openshift-adp",
    {
        "reconciled": '.status.conditions[?(@.type=="Reconciled")].status',
        "message": '.status.conditions[?(@.type=="Reconciled")].message',
        "restic": ".spec.configuration.restic.enable",
    },
)
BSL = Look(
    "velero.io/v1",
    "BackupStorageLocation",
    "backupstoragelocations",
    "dataprotectionapplication-1",
    "openshift-adp",
    {"phase": ".status.phase", "url": ".spec.config.s3Url"},
)
PARTITION = Look(
    "machineconfiguration.openshift.io/v1",
    "MachineConfig",
    "machineconfigs",
    "98-var-lib-containers-partitioned",
    paths={"label": ".spec.config.storage.disks[*].partitions[*].label"},
)
ETCD = Look(
    "operator.openshift.io/v1",
    "Etcd",
    "etcds",
    "cluster",
    paths={"node": ".status.nodeStatuses[0].nodeName"},
)
NODE = Look(
    "v1",
    "Node",
    "nodes",
    "spoke1",
    paths={
        "pressure": '.status.conditions[?(@.type=="DiskPressure")].status',
        "capacity": ".status.capacity.ephemeral-storage",
        "allocatable": ".status.allocatable.ephemeral-storage",
        "architecture": ".status.nodeInfo.architecture",
    },
)
EVERYTHING = (
    *(AGENT, VELERO, LCA, OADP, LSO, LVMS, INFRASTRUCTURE, NETWORK, PROXY),
    *(DPA, BSL, PARTITION, ETCD, NODE),
)


def reading_role(*looks: Look, aggregated: bool = True, watched: bool = False) -> JsonObject:
    """Returns a ClusterRole that permits to read those objects, and no others; `watched`: to read
    and watch all objects of their kinds, which an agent's watch needs."""
    verbs = {"verbs": ["get", "list", "watch"] if watched else ["get"]}
    rules = [
        {"apiGroups": [look.group], "resources": [look.resource], **verbs}
        | ({} if watched else {"resourceNames": [look.name]})
        for look in looks
    ]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": "open-cluster-management:klusterlet-work:preflight",
            "labels": {"open-cluster-management.io/aggregate-to-work": str(aggregated).lower()},
        },
        "rules": rules,
    }


def reading_work(*looks: Look, role: JsonObject | None = None, orphan: bool = True) -> JsonObject:
    """Returns the spec of a work that reads those objects."""
    roles = [] if role is None else [role]
    return {
        "workload": {"manifests": [*roles, *(look.manifest for look in looks)]},
        "deleteOption": {"propagationPolicy": "Orphan" if orphan else "Foreground"},
        "manifestConfigs": [look.config for look in looks],
    }
