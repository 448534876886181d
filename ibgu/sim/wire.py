"""Declares the hub objects that the simulator reads, and the writes that it makes."""

from typing import Any, Literal

from msgspec import Raw, Struct, field, json

from ibgu.core.model.kinds import JsonObject, ObjectMeta, WireStruct

WORK_FINALIZER = "cluster.open-cluster-management.io/manifest-work-cleanup"


class WorkMeta(ObjectMeta, frozen=True, gc=False, rename="camel"):
    finalizers: list[str] = field(default_factory=list)

    def newer_than(self, other: "WorkMeta") -> bool:
        return int(self.resource_version or 0) > int(other.resource_version or 0)


class FeedbackPath(WireStruct, frozen=True, gc=False, rename="camel"):
    name: str
    path: str


class FeedbackRule(WireStruct, frozen=True, gc=False, rename="camel"):
    type: str = ""
    json_paths: list[FeedbackPath] = field(default_factory=list)


class ResourceIdentifier(WireStruct, frozen=True, gc=False, rename="camel"):
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""


class IgnoredFields(WireStruct, frozen=True, gc=False, rename="camel"):
    condition: str = "OnSpokePresent"
    json_paths: list[str] = field(default_factory=list)


class SsaOptions(WireStruct, frozen=True, gc=False, rename="camel"):
    force: bool = False
    field_manager: str = "work-agent"
    ignore_fields: list[IgnoredFields] = field(default_factory=list)


class UpdateStrategy(WireStruct, frozen=True, gc=False, rename="camel"):
    type: str = "Update"
    server_side_apply: SsaOptions = SsaOptions()


class ManifestConfig(WireStruct, frozen=True, gc=False, rename="camel"):
    resource_identifier: ResourceIdentifier = ResourceIdentifier()
    feedback_rules: list[FeedbackRule] = field(default_factory=list)
    update_strategy: UpdateStrategy = UpdateStrategy()
    feedback_scrape_type: str = "Poll"


class SelectivelyOrphan(WireStruct, frozen=True, gc=False, rename="camel"):
    orphaning_rules: list[ResourceIdentifier] = field(default_factory=list)


class WorkDeleteOption(WireStruct, frozen=True, gc=False, rename="camel"):
    propagation_policy: str = "Foreground"
    selectively_orphans: SelectivelyOrphan = SelectivelyOrphan()


class Workload(WireStruct, frozen=True, gc=False, rename="camel"):
    manifests: list[JsonObject] = field(default_factory=list)


class WorkSpec(WireStruct, frozen=True, gc=False, rename="camel"):
    workload: Workload = Workload()
    delete_option: WorkDeleteOption = WorkDeleteOption()
    manifest_configs: list[ManifestConfig] = field(default_factory=list)


class FullWork(WireStruct, frozen=True, gc=False, rename="camel"):
    """FullWork is a ManifestWork, with the spec that `core.kinds` leaves out."""

    metadata: WorkMeta
    spec: WorkSpec = WorkSpec()
    status: JsonObject = field(default_factory=dict)

    @property
    def orphans(self) -> bool:
        return self.spec.delete_option.propagation_policy == "Orphan"

    def owns(self, applied: ResourceIdentifier) -> bool:
        """Returns whether the object is deleted with the work, unless another work owns it too."""
        option = self.spec.delete_option
        if option.propagation_policy != "SelectivelyOrphan":
            return not self.orphans
        return applied not in option.selectively_orphans.orphaning_rules


class WorkEvent(WireStruct, frozen=True, gc=False, rename="camel"):
    """WorkEvent is a ManifestWork in a watch event, of which only the metadata is decoded: most
    events of an agent are about its own writes, which it knows from the responses."""

    metadata: WorkMeta
    spec: Raw = Raw(b"{}")
    status: Raw = Raw(b"{}")

    def whole(self) -> FullWork:
        """Returns the whole work. Raises msgspec.DecodeError."""
        return FullWork(self.metadata, _spec.decode(self.spec), _status.decode(self.status))


_spec = json.Decoder(WorkSpec)
_status = json.Decoder(dict[str, Any])


class Patch(Struct, frozen=True):
    """Patch is one JSON merge patch that a simulated cluster sends to the hub. `name` is the
    ManifestWork in the cluster's namespace, or empty for its ManagedCluster."""

    cluster: str
    name: str
    body: JsonObject
    subresource: Literal["", "status"] = ""
