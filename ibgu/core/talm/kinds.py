"""Fields of TALM's ManifestWorks beyond those of ours: how their deletion acts on the cluster."""

from ibgu.core.model.kinds import ManifestWork, WireStruct


class DeleteOption(WireStruct, frozen=True, gc=False, rename="camel"):
    propagation_policy: str = ""


class TalmWorkSpec(WireStruct, frozen=True, gc=False, rename="camel"):
    delete_option: DeleteOption | None = None


class TalmManifestWork(ManifestWork, frozen=True, gc=False, rename="camel"):
    spec: TalmWorkSpec = TalmWorkSpec()
