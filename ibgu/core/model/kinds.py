"""The Kubernetes objects that ibgu reads, as typed structs of only the fields that are read.

Sources: TALM's IBGU API, OCM's cluster v1 and work v1 APIs. Unknown fields are skipped while
decoding, absent ones take their default, so an object of a newer API version still decodes.
"""

from typing import Any

from msgspec import Raw, Struct

from ibgu.core.model.names import IBGU


class WireStruct(Struct, frozen=True, gc=False, rename="camel"):
    """Base of every object that is read: camelCase on the wire, immutable, outside the cyclic
    GC."""


class ObjectMeta(WireStruct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Condition(WireStruct, frozen=True, gc=False, rename="camel"):
    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    observed_generation: int = 0
    last_transition_time: str = ""


# -- ImageBasedGroupUpgrade (lcm.openshift.io/v1alpha1) ----------------------------------------


class LabelRequirement(WireStruct, frozen=True, gc=False, rename="camel"):
    key: str
    operator: str
    values: list[str] = []


class LabelSelector(WireStruct, frozen=True, gc=False, rename="camel"):
    match_labels: dict[str, str] = {}
    match_expressions: list[LabelRequirement] = []


class NameRef(WireStruct, frozen=True, gc=False, rename="camel"):
    name: str = ""


class ObjectRef(WireStruct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    namespace: str = ""


class SeedImageRef(WireStruct, frozen=True, gc=False, rename="camel"):
    image: str = ""
    version: str = ""
    pull_secret_ref: NameRef | None = None


class AutoRollback(WireStruct, frozen=True, gc=False, rename="camel"):
    init_monitor_timeout_seconds: int = 0


class IbuSpec(WireStruct, frozen=True, gc=False, rename="camel"):
    seed_image_ref: SeedImageRef = SeedImageRef()
    oadp_content: list[ObjectRef] = []
    extra_manifests: list[ObjectRef] = []
    auto_rollback_on_failure: AutoRollback | None = None


class RolloutStrategy(WireStruct, frozen=True, gc=False, rename="camel"):
    max_concurrency: int = 0
    timeout: int = 240
    """Minutes."""


class PlanItem(WireStruct, frozen=True, gc=False, rename="camel"):
    actions: list[str] = []
    rollout_strategy: RolloutStrategy = RolloutStrategy()


class IbguSpec(WireStruct, frozen=True, gc=False, rename="camel"):
    ibu_spec: IbuSpec = IbuSpec()
    cluster_label_selectors: list[LabelSelector] = []
    plan: list[PlanItem] = []


class ManagedFields(WireStruct, frozen=True, gc=False, rename="camel"):
    """The owner of fields of an object: the only trace that the hub keeps of who changed it."""

    manager: str = ""
    operation: str = ""
    subresource: str = ""
    time: str = ""


class IbguMeta(ObjectMeta, frozen=True, gc=False, rename="camel"):
    managed_fields: list[ManagedFields] = []


class Ibgu(WireStruct, frozen=True, gc=False, rename="camel"):
    """An ImageBasedGroupUpgrade. `status` stays raw: ibgu writes it, and reads it only to
    compare."""

    metadata: IbguMeta
    spec: IbguSpec = IbguSpec()
    status: Raw = Raw(b"{}")
    kind: str = IBGU


# -- ManagedCluster (cluster.open-cluster-management.io/v1) ------------------------------------


class ManagedClusterSpec(WireStruct, frozen=True, gc=False, rename="camel"):
    hub_accepts_client: bool = False


class ManagedClusterStatus(WireStruct, frozen=True, gc=False, rename="camel"):
    conditions: list[Condition] = []


class ManagedCluster(WireStruct, frozen=True, gc=False, rename="camel"):
    metadata: ObjectMeta
    spec: ManagedClusterSpec = ManagedClusterSpec()
    status: ManagedClusterStatus = ManagedClusterStatus()


class ClusterClaim(WireStruct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    value: str = ""


class ReportingClusterStatus(ManagedClusterStatus, frozen=True, gc=False, rename="camel"):
    cluster_claims: list[ClusterClaim] = []


class ReportingCluster(ManagedCluster, frozen=True, gc=False, rename="camel"):
    """A ManagedCluster with what its cluster claims, which the engine does not need."""

    status: ReportingClusterStatus = ReportingClusterStatus()


# -- ManagedClusterSet and its bindings (cluster.open-cluster-management.io/v1beta2) -------------


class ClusterSelector(WireStruct, frozen=True, gc=False, rename="camel"):
    selector_type: str = ""
    label_selector: LabelSelector | None = None


class ManagedClusterSetSpec(WireStruct, frozen=True, gc=False, rename="camel"):
    cluster_selector: ClusterSelector = ClusterSelector()


class ManagedClusterSet(WireStruct, frozen=True, gc=False, rename="camel"):
    metadata: ObjectMeta
    spec: ManagedClusterSetSpec = ManagedClusterSetSpec()


class ManagedClusterSetBindingSpec(WireStruct, frozen=True, gc=False, rename="camel"):
    cluster_set: str = ""


class ManagedClusterSetBindingStatus(WireStruct, frozen=True, gc=False, rename="camel"):
    conditions: list[Condition] = []


class ManagedClusterSetBinding(WireStruct, frozen=True, gc=False, rename="camel"):
    metadata: ObjectMeta
    spec: ManagedClusterSetBindingSpec = ManagedClusterSetBindingSpec()
    status: ManagedClusterSetBindingStatus = ManagedClusterSetBindingStatus()


# -- ManifestWork (work.open-cluster-management.io/v1) -----------------------------------------


class ResourceMeta(WireStruct, frozen=True, gc=False, rename="camel"):
    ordinal: int = 0
    group: str = ""
    kind: str = ""
    resource: str = ""
    name: str = ""
    namespace: str = ""


class FieldValue(WireStruct, frozen=True, gc=False, rename="camel"):
    type: str = ""
    string: str | None = None
    integer: int | None = None
    boolean: bool | None = None


class FeedbackValue(WireStruct, frozen=True, gc=False, rename="camel"):
    name: str
    field_value: FieldValue = FieldValue()


class StatusFeedback(WireStruct, frozen=True, gc=False, rename="camel"):
    values: list[FeedbackValue] = []


class ManifestCondition(WireStruct, frozen=True, gc=False, rename="camel"):
    resource_meta: ResourceMeta = ResourceMeta()
    conditions: list[Condition] = []
    status_feedback: StatusFeedback = StatusFeedback()


class ResourceStatus(WireStruct, frozen=True, gc=False, rename="camel"):
    manifests: list[ManifestCondition] = []


class WorkStatus(WireStruct, frozen=True, gc=False, rename="camel"):
    conditions: list[Condition] = []
    resource_status: ResourceStatus = ResourceStatus()


class ManifestWork(WireStruct, frozen=True, gc=False, rename="camel"):
    """A ManifestWork. The spec is not decoded: ibgu's annotations hold what it wrote
    (`core.works`)."""

    metadata: ObjectMeta
    status: WorkStatus = WorkStatus()


# -- Others ------------------------------------------------------------------------------------


class LeaseSpec(WireStruct, frozen=True, gc=False, rename="camel"):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(WireStruct, frozen=True, gc=False, rename="camel"):
    metadata: ObjectMeta
    spec: LeaseSpec = LeaseSpec()


class ConfigMap(WireStruct, frozen=True, gc=False, rename="camel"):
    metadata: ObjectMeta
    data: dict[str, str] = {}
    binary_data: dict[str, str] = {}


class Secret(WireStruct, frozen=True, gc=False, rename="camel"):
    metadata: ObjectMeta
    type: str = ""
    data: dict[str, str] = {}


class Reference(Struct, frozen=True):
    """Reference names the object on the hub whose content a spec asks for."""

    kind: str
    """ConfigMap or Secret."""
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class RemediationProgress(WireStruct, frozen=True, gc=False, rename="camel"):
    state: str = ""
    manifest_work_index: int | None = None


class RemediationStatus(WireStruct, frozen=True, gc=False, rename="camel"):
    started_at: str | None = None
    completed_at: str | None = None
    current_batch: int = 0
    current_batch_remediation_progress: dict[str, RemediationProgress | None] = {}


class CurrentManifestWork(WireStruct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    """The ManifestWorkReplicaSet's name, which tells the action."""
    status: ResourceStatus = ResourceStatus()


class RemediatedCluster(WireStruct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    state: str = ""
    current_manifest_work: CurrentManifestWork | None = None


class OwnerReference(WireStruct, frozen=True, gc=False, rename="camel"):
    uid: str = ""


class ClusterGroupUpgradeMeta(ObjectMeta, frozen=True, gc=False, rename="camel"):
    finalizers: list[str] = []
    owner_references: list[OwnerReference] = []


class ClusterGroupUpgradeStatus(WireStruct, frozen=True, gc=False, rename="camel"):
    conditions: list[Condition] = []
    remediation_plan: list[list[str]] = []
    status: RemediationStatus = RemediationStatus()
    clusters: list[RemediatedCluster] = []


class ClusterGroupUpgrade(WireStruct, frozen=True, gc=False, rename="camel"):
    """TALM's object for one step of an IBGU's plan, with its progress."""

    metadata: ClusterGroupUpgradeMeta
    status: ClusterGroupUpgradeStatus = ClusterGroupUpgradeStatus()


JsonObject = dict[str, Any]
