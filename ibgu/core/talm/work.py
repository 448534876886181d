"""TALM's ManifestWork -> TalmWork: one action on one cluster, as far as TALM lets us see."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import DecodeError, Struct, json

from ibgu.core.cut import cut
from ibgu.core.kinds import Condition, ManifestCondition
from ibgu.core.model import Stage
from ibgu.core.moments import moment
from ibgu.core.observe.conditions import find, status_of
from ibgu.core.observe.shown import Shown, shown
from ibgu.core.talm import names
from ibgu.core.talm.kinds import TalmManifestWork
from ibgu.core.works.names import IBU_GROUP, IBU_KIND

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
    """Namespace and name of its ClusterGroupUpgrade."""
    stage: Stage | None
    """What it asks the cluster for; None: it is about something else than an upgrade by image."""
    created: datetime | None
    terminating: bool = False
    orphan: bool = False
    """Its deletion leaves the cluster as it is."""
    applied: bool = False
    """The cluster has taken this very version of it, all manifests."""
    stage_applied: bool = False
    """The cluster has taken the ImageBasedUpgrade of this very version."""
    stage_error: str = ""
    """Why the cluster does not take the ImageBasedUpgrade."""
    payload_error: str = ""
    """Why the cluster does not take another of its manifests."""
    available: bool = False
    """The fed-back values are not frozen."""
    value: str = ""
    """Of the expected value: "True", "False", "" while there is none."""
    words: str = ""
    """What the Lifecycle Agent says, as far as TALM's feedback rules bring it."""

    @property
    def settled(self) -> bool:
        """Its values are of the stage that it asks for, and not frozen."""
        return self.stage_applied and self.available and not self.terminating


def shown_talm_work(work: TalmManifestWork) -> Shown[TalmWork]:
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


def _expected(annotation: str) -> tuple[Stage | None, str]:
    """The stage, and the name of the value that tells that it is reached."""
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
    return (meta.group, meta.kind) == (IBU_GROUP, IBU_KIND)


def _says(conditions: Iterable[Condition], status: str, generation: int) -> bool:
    applied = find(conditions, "Applied")
    return applied.status == status and applied.observed_generation == generation


def _refused(manifests: Iterable[ManifestCondition], generation: int) -> str:
    """The words of the first manifest that the cluster does not take."""
    for manifest in manifests:
        if _says(manifest.conditions, "False", generation):
            return find(manifest.conditions, "Applied").message
    return ""
