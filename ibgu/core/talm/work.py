"""Converts TALM's ManifestWork to a TalmWork: one action on one cluster, as far as TALM shows
it."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import DecodeError, Struct, json

from ibgu.core.model.bounds import moment
from ibgu.core.model.conditions import find, status_of
from ibgu.core.model.kinds import Condition, ManifestCondition, ManifestWork, WireStruct
from ibgu.core.model.shown import HubObject, shown
from ibgu.core.talm import names
from ibgu.core.text.cut import cut


class DeleteOption(WireStruct, frozen=True, gc=False, rename="camel"):
    propagation_policy: str = ""


class TalmWorkSpec(WireStruct, frozen=True, gc=False, rename="camel"):
    delete_option: DeleteOption | None = None


class TalmManifestWork(ManifestWork, frozen=True, gc=False, rename="camel"):
    spec: TalmWorkSpec = TalmWorkSpec()


_NO_ENTRY = ManifestCondition()


class _Expected(Struct, frozen=True):
    name: str = ""


class TalmWork(Struct, frozen=True, gc=False, kw_only=True):
    name: str
    cluster: str
    uid: str
    resource_version: str
    generation: int
    group: tuple[str, str]
    """Namespace and name of the work's ClusterGroupUpgrade."""
    stage: str | None
    """The stage that the work asks for; None: it is not an image-based upgrade."""
    created: datetime | None
    terminating: bool = False
    orphan: bool = False
    """Whether its deletion leaves the cluster as it is."""
    applied: bool = False
    """Whether the cluster has applied this very version, all manifests."""
    stage_applied: bool = False
    """Whether the cluster has applied the ImageBasedUpgrade of this very version."""
    stage_error: str = ""
    """Why the cluster refuses the ImageBasedUpgrade."""
    payload_error: str = ""
    """Why the cluster refuses another of the manifests."""
    available: bool = False
    """Whether the feedback is not frozen."""
    value: str = ""
    """The expected value: "True", "False", "" while there is none."""
    words: str = ""
    """The Lifecycle Agent's message, as far as TALM's feedback rules bring it."""

    @property
    def up_to_date(self) -> bool:
        """Whether the feedback is of the stage that the work asks for, and not frozen."""
        return self.stage_applied and self.available and not self.terminating


def shown_talm_work(work: TalmManifestWork) -> HubObject[TalmWork]:
    return shown(work.metadata, view_talm_work(work), (names.CGU_NAMESPACE, names.CGU))


def view_talm_work(work: TalmManifestWork) -> TalmWork:
    meta, manifests = work.metadata, work.status.resource_status.manifests
    stage, value_name = _expected(meta.annotations.get(names.EXPECTED, ""))
    entry = next((m for m in manifests if _is_ibu(m)), _NO_ENTRY)
    others = [m for m in manifests if m is not entry]
    values = {v.name: cut(v.field_value.string or "") for v in entry.status_feedback.values}
    option = work.spec.delete_option
    labels, generation = meta.labels, meta.generation
    return TalmWork(
        name=meta.name,
        cluster=meta.namespace,
        uid=meta.uid,
        resource_version=meta.resource_version,
        generation=generation,
        group=(labels.get(names.CGU_NAMESPACE, ""), labels.get(names.CGU, "")),
        stage=stage,
        created=moment(meta.creation_timestamp),
        terminating=meta.deletion_timestamp is not None,
        orphan=option is not None and option.propagation_policy == "Orphan",
        applied=_says(work.status.conditions, "True", generation),
        stage_applied=_says(entry.conditions, "True", generation),
        stage_error=_refused([entry], generation),
        payload_error=_refused(others, generation),
        available=status_of(entry.conditions, "Available") == "True",
        value=values.get(value_name, ""),
        words=values.get(names.WORDS[stage], "") if stage else "",
    )


def _expected(annotation: str) -> tuple[str | None, str]:
    """Returns the stage, and the name of the value that shows that it is reached."""
    try:
        expected = json.decode(annotation or "[]", type=list[_Expected])
    except DecodeError:
        return None, ""
    for value in expected:
        if value.name in names.COMPLETED:
            return names.COMPLETED[value.name], value.name
    return None, ""


def _is_ibu(manifest: ManifestCondition) -> bool:
    meta = manifest.resource_meta
    return (meta.group, meta.kind) == names.CHANGED


def _says(conditions: Iterable[Condition], status: str, generation: int) -> bool:
    applied = find(conditions, "Applied")
    return applied.status == status and applied.observed_generation == generation


def _refused(manifests: Iterable[ManifestCondition], generation: int) -> str:
    """Returns the message of the first manifest that the cluster refuses."""
    for manifest in manifests:
        if _says(manifest.conditions, "False", generation):
            return find(manifest.conditions, "Applied").message
    return ""
