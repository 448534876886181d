"""Converts TALM's ManifestWork to a TalmWork: one action on one cluster, as far as TALM shows
it."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import DecodeError, Struct, json

from ibgu.core.model.bounds import moment
from ibgu.core.model.conditions import find
from ibgu.core.model.kinds import Condition, ManifestCondition, ManifestWork, WireStruct
from ibgu.core.model.shown import HubObject, shown
from ibgu.core.talm import names


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


def shown_talm_work(work: TalmManifestWork) -> HubObject[TalmWork]:
    return shown(work.metadata, view_talm_work(work), (names.CGU_NAMESPACE, names.CGU))


def view_talm_work(work: TalmManifestWork) -> TalmWork:
    meta, manifests = work.metadata, work.status.resource_status.manifests
    entry = next((m for m in manifests if _is_ibu(m)), _NO_ENTRY)
    option = work.spec.delete_option
    labels, generation = meta.labels, meta.generation
    return TalmWork(
        name=meta.name,
        cluster=meta.namespace,
        uid=meta.uid,
        resource_version=meta.resource_version,
        generation=generation,
        group=(labels.get(names.CGU_NAMESPACE, ""), labels.get(names.CGU, "")),
        stage=_stage(meta.annotations.get(names.EXPECTED, "")),
        created=moment(meta.creation_timestamp),
        terminating=meta.deletion_timestamp is not None,
        orphan=option is not None and option.propagation_policy == "Orphan",
        applied=_is_applied(work.status.conditions, generation),
        stage_applied=_is_applied(entry.conditions, generation),
    )


def _stage(annotation: str) -> str | None:
    """Returns the stage that the work asks for, by the value that shows that it is reached."""
    try:
        expected = json.decode(annotation or "[]", type=list[_Expected])
    except DecodeError:
        return None
    for value in expected:
        if value.name in names.COMPLETED:
            return names.COMPLETED[value.name]
    return None


def _is_ibu(manifest: ManifestCondition) -> bool:
    meta = manifest.resource_meta
    return (meta.group, meta.kind) == names.CHANGED


def _is_applied(conditions: Iterable[Condition], generation: int) -> bool:
    applied = find(conditions, "Applied")
    return applied.status == "True" and applied.observed_generation == generation
