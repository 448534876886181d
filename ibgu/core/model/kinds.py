"""The Kubernetes objects that ibgu reads, as typed structs of only the fields that are read.

Sources: TALM's IBGU API, OCM's cluster v1 and work v1 APIs. Unknown fields are skipped while
decoding, absent ones take their default, so an object of a newer API version still decodes.
"""

from typing import Any

from msgspec import Raw, Struct, field

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


class Release(WireStruct, frozen=True, gc=False, rename="camel"):
    """An OpenShift release."""

    version: str = ""
    image: str = ""
    """The image, by digest."""


class IntermediateRelease(Release, frozen=True, gc=False, rename="camel"):
    """A release between that of a cluster and the one that it is to run in the end."""

    signatures: list[str] = []
    """The signatures of its digest, base64."""


class MirrorSource(WireStruct, frozen=True, gc=False, rename="camel"):
    source: str = ""
    """A repository, or a registry."""
    mirrors: list[str] = []


class Pauses(WireStruct, frozen=True, gc=False, rename="camel"):
    """Pauses name what an update pauses on each cluster, and resumes after it."""

    pools: list[str] = []
    """MachineConfigPools, in the order in which they are resumed."""
    health_checks: list[str] = []
    """MachineHealthChecks as namespace/name."""
    soak_minutes: int = 0
    """How long a cluster must be well after each pool before the next one is resumed."""


class Backup(WireStruct, frozen=True, gc=False, rename="camel"):
    """The backup of a cluster before its update."""

    form: str = ""
    """Etcd or Full."""
    image: str = ""
    """The image of the Job, by digest."""
    path: str = ""
    """The folder on the node; empty: the form's own."""
    max_age_minutes: int = 240
    """How old the backup may be when the update begins."""


class PreCache(WireStruct, frozen=True, gc=False, rename="camel"):
    """The images of the release on a cluster before its update."""

    image: str = ""
    """The image of the Job, by digest; empty: no cluster is to get one."""
    space_required_gib: int = field(default=35, name="spaceRequiredGiB")
    exclude_patterns: list[str] = []
    """Basic regular expressions of names in the release that are not pulled."""
    images: list[str] = []
    """The images to pull by PinnedImageSets, by digest; empty: no cluster is to get them."""
    pools: list[str] = []
    """The MachineConfigPools whose nodes get these images; empty: master and worker."""


class ClusterUpdate(WireStruct, frozen=True, gc=False, rename="camel"):
    """ClusterUpdate is what a FleetUpdate (ibgu.dev/v1alpha1) brings to its clusters."""

    release: Release = Release()
    via: IntermediateRelease | None = None
    """The release that clusters of the minor version before it take first."""
    signatures: list[str] = []
    """The signatures of the release's digest, base64."""
    mirrors: list[MirrorSource] = []
    acks: list[str] = []
    """Keys of the admin acks that a person gives for the clusters."""
    pause: Pauses = Pauses()
    disruption_budgets: list[str] = []
    """PodDisruptionBudgets that may block drains, as namespace/name."""
    backup: Backup | None = None
    pre_cache: PreCache | None = None


class RolloutSpec(WireStruct, frozen=True, gc=False, rename="camel"):
    """The spec of an object that asks for a rollout. Each kind has a part of its own, which its
    driver alone reads, and shares the rest."""

    ibu_spec: IbuSpec = IbuSpec()
    """The part of an ImageBasedGroupUpgrade."""
    cluster_label_selectors: list[LabelSelector] = []
    plan: list[PlanItem] = []
    update: ClusterUpdate | None = None
    """The part of a FleetUpdate."""

    @property
    def release(self) -> Release:
        """The release that the clusters are to run in the end: the seed image, or the release's."""
        if self.update is not None:
            return self.update.release
        seed = self.ibu_spec.seed_image_ref
        return Release(seed.version, seed.image)


class ManagedFields(WireStruct, frozen=True, gc=False, rename="camel"):
    """The owner of fields of an object: the only trace that the hub keeps of who changed it."""

    manager: str = ""
    operation: str = ""
    subresource: str = ""
    time: str = ""


class ManagedFieldsMeta(ObjectMeta, frozen=True, gc=False, rename="camel"):
    managed_fields: list[ManagedFields] = []


class RolloutObject(WireStruct, frozen=True, gc=False, rename="camel"):
    """An object that asks for a rollout: an ImageBasedGroupUpgrade or a FleetUpdate. `status` stays
    raw: ibgu writes it, and reads it only to compare."""

    metadata: ManagedFieldsMeta
    spec: RolloutSpec = RolloutSpec()
    status: Raw = Raw(b"{}")
    kind: str = IBGU


# -- ManagedCluster (cluster.open-cluster-management.io/v1) ------------------------------------


class ManagedClusterSpec(WireStruct, frozen=True, gc=False, rename="camel"):
    hub_accepts_client: bool = False


class ClusterClaim(WireStruct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    value: str = ""


class ManagedClusterStatus(WireStruct, frozen=True, gc=False, rename="camel"):
    conditions: list[Condition] = []
    cluster_claims: list[ClusterClaim] = []


class ManagedCluster(WireStruct, frozen=True, gc=False, rename="camel"):
    metadata: ObjectMeta
    spec: ManagedClusterSpec = ManagedClusterSpec()
    status: ManagedClusterStatus = ManagedClusterStatus()


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
