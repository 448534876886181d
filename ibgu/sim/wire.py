"""The hub objects that the simulator reads, and the writes that it asks for."""

from typing import Literal

from msgspec import Struct, field

from ibgu.core.kinds import JsonObject, Kind, ObjectMeta

WORK_FINALIZER = "cluster.open-cluster-management.io/manifest-work-cleanup"


class WorkMeta(ObjectMeta, frozen=True, gc=False, rename="camel"):
    finalizers: list[str] = field(default_factory=list)


class FeedbackPath(Kind, frozen=True, gc=False, rename="camel"):
    name: str
    path: str


class FeedbackRule(Kind, frozen=True, gc=False, rename="camel"):
    type: str = ""
    json_paths: list[FeedbackPath] = field(default_factory=list)


class ResourceIdentifier(Kind, frozen=True, gc=False, rename="camel"):
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""


class SsaOptions(Kind, frozen=True, gc=False, rename="camel"):
    force: bool = False
    field_manager: str = "work-agent"


class UpdateStrategy(Kind, frozen=True, gc=False, rename="camel"):
    type: str = "Update"
    server_side_apply: SsaOptions = SsaOptions()


class ManifestConfig(Kind, frozen=True, gc=False, rename="camel"):
    resource_identifier: ResourceIdentifier = ResourceIdentifier()
    feedback_rules: list[FeedbackRule] = field(default_factory=list)
    update_strategy: UpdateStrategy = UpdateStrategy()
    feedback_scrape_type: str = "Poll"


class DeleteOption(Kind, frozen=True, gc=False, rename="camel"):
    propagation_policy: str = "Foreground"


class Workload(Kind, frozen=True, gc=False, rename="camel"):
    manifests: list[JsonObject] = field(default_factory=list)


class WorkSpec(Kind, frozen=True, gc=False, rename="camel"):
    workload: Workload = Workload()
    delete_option: DeleteOption = DeleteOption()
    manifest_configs: list[ManifestConfig] = field(default_factory=list)


class Work(Kind, frozen=True, gc=False, rename="camel"):
    """A ManifestWork, with the spec that `core.kinds` leaves out."""

    metadata: WorkMeta
    spec: WorkSpec = WorkSpec()
    status: JsonObject = field(default_factory=dict)

    @property
    def orphans(self) -> bool:
        return self.spec.delete_option.propagation_policy == "Orphan"

    def newer_than(self, other: "Work") -> bool:
        mine, theirs = self.metadata.resource_version, other.metadata.resource_version
        return int(mine or 0) > int(theirs or 0)


class Patch(Struct, frozen=True):
    """One JSON merge patch that a simulated cluster sends to the hub.

    `name` is the ManifestWork in the cluster's namespace, or empty for its ManagedCluster.
    """

    cluster: str
    name: str
    body: JsonObject
    subresource: Literal["", "status"] = ""
