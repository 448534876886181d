"""P25 to P28: the extra manifests that are applied after the reboot."""

import re
from collections.abc import Iterator

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight.hub_templates import unreadable
from ibgu.core.drivers.ibu.preflight.metadata import metadata_faults
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.drivers.ibu.preflight.waves import APPLY_WAVE, applied, grouped, wave
from ibgu.core.model.document import Document, ObjectField, shown, whole

_OLM = "operators.coreos.com/v1alpha1"
_REFUSED = {
    "machineconfiguration.openshift.io/v1": {"MachineConfig"},
    _OLM: {"ClusterServiceVersion", "InstallPlan", "Subscription"},
}
"""The Lifecycle Agent's own list."""
_APPLY_TYPE = "lca.openshift.io/apply-type"
_APPLY_TYPES = ("replace", "merge")
_STORAGE = ("local.storage.openshift.io/", "lvm.topolvm.io/")
_TAG = re.compile(r":v?(\d{1,9})\.(\d{1,9})[^:/]*$")
_RELEASE = re.compile(r"(\d+)\.(\d+)")

P25 = PreflightRule(
    "P25",
    "Extra manifests are whole objects of kinds that the Lifecycle Agent applies",
    "15.1.2.5",
    "Correct the object, or deliver it to the clusters another way: MachineConfigs "
    "and operators belong in the seed image.",
)
P26 = PreflightRule(
    "P26",
    "Extra manifests have no object of a storage operator",
    "15.1.2.4",
    "Remove it: the Lifecycle Agent keeps objects of the Local Storage Operator, and Backups those "
    "of LVM Storage.",
)
P27 = PreflightRule(
    "P27",
    "A Namespace is applied before its objects",
    "15.2.4.2",
    f"Give the Namespace the lower {APPLY_WAVE}. Within a wave the order is that of names, but the "
    "tenth comes first.",
)
P28 = PreflightRule(
    "P28",
    "Catalog sources are of the target release",
    "15.2.4.3",
    f"Write apiVersion {_OLM}, and the image of the target release.",
)


class ManifestContent(Struct, frozen=True):
    """ManifestContent is what all ConfigMaps of `spec.ibuSpec.extraManifests` have together."""

    documents: tuple[Document, ...]
    target: str = ""
    """The release after the upgrade; empty if unknown."""

    @property
    def itself(self) -> ObjectField:
        return whole("extra manifests", self.documents)

    @property
    def objects(self) -> list[Document]:
        return [each for each in self.documents if each.body and each.kind]


def refused_manifests(content: ManifestContent) -> Iterator[PreflightFinding]:
    for document in content.documents:
        if document.problem:
            yield unreadable(document, P25)
        elif not document.body:
            words = "the document is empty: the Lifecycle Agent rejects an object without a name"
            yield P25.error(document.at(), words)
        else:
            yield from _refused(document)


def _refused(document: Document) -> Iterator[PreflightFinding]:
    for field in ("apiVersion", "kind"):
        if not document.string(field):
            yield P25.error(document.at(field), "is missing")
    if document.kind == "List" and "items" in document.body:
        words = (
            "must be the objects themselves: the Lifecycle Agent doesn't read the items of a List"
        )
        yield P25.error(document.at("items"), words)
    elif not document.name:
        yield P25.error(document.at("metadata", "name"), "is missing")
    for path, words in metadata_faults(document, besides=APPLY_WAVE):
        yield P25.error(document.at(*path), words)
    how = document.annotation(_APPLY_TYPE)
    if isinstance(how, str) and how not in _APPLY_TYPES:
        words = f"{shown(how)!r} must be replace or merge: an object that exists isn't changed"
        yield P25.error(document.at("metadata", "annotations", _APPLY_TYPE), words)
    if document.kind in _REFUSED.get(document.api_version, ()):
        yield P25.error(document.at("kind"), "the Lifecycle Agent rejects this kind")


def storage_manifests(content: ManifestContent) -> Iterator[PreflightFinding]:
    for document in content.objects:
        if document.api_version.startswith(_STORAGE):
            group = document.api_version.partition("/")[0]
            yield P26.error(document.at("apiVersion"), f"{group} belongs to a storage operator")


def namespaces_too_late(content: ManifestContent) -> Iterator[PreflightFinding]:
    order = [each for _, wave in grouped(content.objects) for each in applied(wave)]
    first: dict[str, int] = {}
    for number, document in enumerate(order):
        if document.kind == "Namespace" and document.api_version == "v1":
            first.setdefault(document.name, number)
    for number, document in enumerate(order):
        place = first.get(document.namespace)
        if place is not None and (number < place or _shuffled(document, order[place])):
            words = f"namespace {shown(document.namespace)} isn't applied before this object"
            yield P27.warning(document.at("metadata", "namespace"), words)


def _shuffled(document: Document, namespace: Document) -> bool:
    """Returns whether two objects of one name and wave are from different files: these come in any
    order."""
    same = document.name == namespace.name and wave(document) == wave(namespace)
    return same and document.file != namespace.file


def foreign_catalogs(content: ManifestContent) -> Iterator[PreflightFinding]:
    for document in content.objects:
        if document.kind != "CatalogSource":
            continue
        if document.api_version != _OLM:
            words = f"no cluster serves CatalogSource in {shown(document.api_version)}"
            yield P28.error(document.at("apiVersion"), words)
        image = document.string("spec", "image")
        tag, target = _TAG.search(image), _RELEASE.match(content.target)
        if tag and target and int(tag[1]) >= 4 and tag.groups() != target.groups():
            words = f"{shown(image)} isn't for {target[0]}, the target release"
            yield P28.warning(document.at("spec", "image"), words)
