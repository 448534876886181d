"""P15: specs of Backups and Restores that Velero rejects, and fields that it ignores."""

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from ibgu.core.drivers.ibu.preflight.model import PreflightFinding
from ibgu.core.drivers.ibu.preflight.oadp import VELERO, OadpContent
from ibgu.core.drivers.ibu.preflight.oadp_objects import P15
from ibgu.core.model.document import Document, shown

_EVERYTHING = "*"
_OBJECT = frozenset(("apiVersion", "kind", "metadata", "spec", "status"))
_SHARED = (
    *("includedNamespaces", "excludedNamespaces", "includedResources", "excludedResources"),
    *("includeClusterResources", "labelSelector", "orLabelSelectors", "hooks"),
    *("itemOperationTimeout", "uploaderConfig"),
)
_FIELDS = {
    "Backup": frozenset((
        *_SHARED,
        *("includedClusterScopedResources", "excludedClusterScopedResources"),
        *("includedNamespaceScopedResources", "excludedNamespaceScopedResources"),
        *("metadata", "snapshotVolumes", "ttl", "volumeGroupSnapshotLabelKey", "storageLocation"),
        *("volumeSnapshotLocations", "defaultVolumesToRestic", "defaultVolumesToFsBackup"),
        *("orderedResources", "csiSnapshotTimeout", "resourcePolicy", "snapshotMoveData"),
        "datamover",
    )),
    "Restore": frozenset((
        *_SHARED,
        *("backupName", "scheduleName", "namespaceMapping", "restorePVs", "restoreStatus"),
        *("preserveNodePorts", "existingResourcePolicy", "resourceModifier"),
    )),
}  # fmt: skip
"""The fields of spec, up to Velero 1.18."""
_MAX_UNKNOWN = 5
"""Unknown fields of a spec that are reported: it may have thousands."""
_MAX_FIELD = 60
"""Characters of an unknown field that is compared with the known ones."""
_RESOURCES = (("includedResources", "excludedResources"),)
_SCOPED = (
    ("includedClusterScopedResources", "excludedClusterScopedResources"),
    ("includedNamespaceScopedResources", "excludedNamespaceScopedResources"),
)
_NAMESPACES = ("includedNamespaces", "excludedNamespaces")
_OLD = ("includedResources", "excludedResources", "includeClusterResources")
_NEW = tuple(field for pair in _SCOPED for field in pair)
_SELECTORS = ("labelSelector", "orLabelSelectors")
_SOURCES = ("backupName", "scheduleName")
_NEVER_RESTORED = (
    *("nodes", "events", "events.events.k8s.io", "backups.velero.io", "restores.velero.io"),
    *("resticrepositories.velero.io", "backuprepositories.velero.io"),
    *("csinodes.storage.k8s.io", "volumeattachments.storage.k8s.io"),
)
_EXISTING = ("", "none", "update")


def rejected_specs(content: OadpContent) -> Iterator[PreflightFinding]:
    for document in (*content.backups, *content.restores):
        yield from _unknown(document, (), _OBJECT)
        yield from _unknown(document, ("spec",), _FIELDS[document.kind])
        for pair in (*_RESOURCES, *_SCOPED, _NAMESPACES):
            yield from _contradicting(document, *pair)
        yield from _selectors(document)
        if document.kind == "Backup":
            yield from _combined(document, _OLD, _NEW)
        else:
            yield from _restore(document)


def _unknown(
    document: Document, path: tuple[str, ...], known: Collection[str]
) -> Iterator[PreflightFinding]:
    """Yields the fields that the API server drops without a word: a filter that is misspelt there
    filters nothing."""
    found = document.get(*path)
    fields = found if isinstance(found, dict) else {}
    for field in [each for each in fields if each not in known][:_MAX_UNKNOWN]:
        near = get_close_matches(field[:_MAX_FIELD], known, 1)
        meant = f": did you mean {near[0]}?" if near else ""
        words = f"{document.kind} of {VELERO} has no such field, so it is ignored{meant}"
        yield P15.warning(document.at(*path, field), words)


def _contradicting(document: Document, included: str, excluded: str) -> Iterator[PreflightFinding]:
    taken, left = (document.strings("spec", field) for field in (included, excluded))
    scoped = (included, excluded) in _SCOPED
    for field, items in ((included, taken), (excluded, left)):
        if _EVERYTHING in items and set(items) != {_EVERYTHING}:
            words = f"{_EVERYTHING} must be the only item: Velero rejects the {document.kind}"
            yield P15.error(document.at("spec", field), words)
    if _EVERYTHING in left and (taken or not scoped):
        words = f"can't be {_EVERYTHING}: Velero rejects the {document.kind}"
        yield P15.error(document.at("spec", excluded), words)
    both = sorted(set(taken) & set(left) - {_EVERYTHING})
    if both:
        words = f"lists {shown(both[0])}, as {included} does: Velero rejects the {document.kind}"
        yield P15.error(document.at("spec", excluded), words)


def _selectors(document: Document) -> Iterator[PreflightFinding]:
    given = [each for each in _SELECTORS if document.get("spec", each) is not None]
    if len(given) == len(_SELECTORS):
        yield _together(document, *given)


def _combined(
    document: Document, some: Collection[str], others: Collection[str]
) -> Iterator[PreflightFinding]:
    first, second = (
        [each for each in fields if document.get("spec", each) not in (None, [], "")]
        for fields in (some, others)
    )
    if first and second:
        yield _together(document, first[0], second[0])


def _together(document: Document, field: str, other: str) -> PreflightFinding:
    words = f"can't be combined with {other}: Velero rejects the {document.kind}"
    return P15.error(document.at("spec", field), words)


def _restore(document: Document) -> Iterator[PreflightFinding]:
    yield from _combined(document, _SOURCES[1:], _SOURCES[:1])
    for number, item in enumerate(document.strings("spec", "includedResources")):
        if item in _NEVER_RESTORED:
            words = f"{item} can't be restored: Velero rejects the Restore"
            yield P15.error(document.at("spec", "includedResources", number), words)
    policy = document.string("spec", "existingResourcePolicy")
    if policy not in _EXISTING:
        words = f"{shown(policy)!r} must be none or update: Velero rejects the Restore"
        yield P15.error(document.at("spec", "existingResourcePolicy"), words)
