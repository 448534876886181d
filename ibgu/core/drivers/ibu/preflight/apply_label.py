"""P20, P23: what the Backups select."""

from collections.abc import Iterator

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.drivers.ibu.preflight.oadp import APPLY_LABEL, BackupFilters, OadpContent, Storage
from ibgu.core.model.document import Document, shown

_MANY = 2_000
"""Entries of an annotation that are read: one of 256 KiB, as the API takes it, has fewer."""
_LABEL = ("metadata", "annotations", APPLY_LABEL)
_MAX_LABEL = 63
_MIN_PARTS = 3
"""Parts of an entry: version, resource and name of a cluster-scoped object of the core."""
_FORMS = "group/version/resource/name or group/version/resource/namespace/name"
_DEFINITIONS = "customresourcedefinitions"
_REFUSED = (
    "pods",
    "endpoints",
    "controllerrevisions",
    "podmetrics",
    "packagemanifests",
    "replicasets",
)
"""Resources whose restored copies fight with those that the cluster makes itself."""

P20 = PreflightRule(
    "P20",
    "The apply-label annotation lists objects that spec of the Backup includes",
    "15.1.2.4.2",
    f"List each object as {_FORMS}, with v1 alone for the core group, separated by commas without "
    "spaces. Include its resource and its namespace in spec.",
)
P23 = PreflightRule(
    "P23",
    "No Backup includes objects that the cluster creates itself",
    "15.1.2.4",
    "Remove them from spec.includedNamespaceScopedResources, or add them to "
    "spec.excludedNamespaceScopedResources.",
)


class LabelEntry(Struct, frozen=True):
    """LabelEntry is one object that the annotation lists; without a resource it is no object."""

    text: str
    group: str = ""
    version: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""


def entries(backup: Document) -> list[LabelEntry]:
    """Returns what the annotation lists, each once."""
    value = backup.annotation(APPLY_LABEL)
    if not isinstance(value, str) or not value:
        return []
    return [_entry(text) for text in dict.fromkeys(value.split(",", _MANY)[:_MANY])]


def _entry(text: str) -> LabelEntry:
    """Splits as the Lifecycle Agent does: four parts after `v1` are namespaced, others are not."""
    parts = text.split("/")
    # The core's group has no name: nothing before the first / is right in a longer entry.
    if not all(parts[len(parts) > _MIN_PARTS :]) or text.split() != [text]:
        return LabelEntry(text)
    match parts:
        case [version, resource, name]:
            return LabelEntry(text, "", version, resource, "", name)
        case ["v1", resource, namespace, name]:
            return LabelEntry(text, "", "v1", resource, namespace, name)
        case [group, version, resource, name]:
            return LabelEntry(text, group, version, resource, "", name)
        case [group, version, resource, namespace, name]:
            return LabelEntry(text, group, version, resource, namespace, name)
        case _:
            return LabelEntry(text)


def bad_labels(content: OadpContent) -> Iterator[PreflightFinding]:
    for backup in content.backups:
        filters = BackupFilters.of(backup)
        listed = entries(backup)
        for entry in listed:
            if words := _why_not(filters, entry):
                yield P20.error(backup.at(*_LABEL), f"{shown(entry.text)!r} {words}")
        if listed:
            yield from _not_selected(backup)


def _not_selected(backup: Document) -> Iterator[PreflightFinding]:
    """The Lifecycle Agent labels the listed objects with the Backup's name, and adds the label to
    spec.labelSelector."""
    if len(backup.name) > _MAX_LABEL:
        words = f"must have at most {_MAX_LABEL} characters: it is the value of a label"
        yield P20.error(backup.at("metadata", "name"), words)
    if backup.get("spec", "orLabelSelectors") is not None:
        words = "can't be combined with apply-label, for which the Lifecycle Agent selects by label"
        yield P20.error(backup.at("spec", "orLabelSelectors"), words)
    if backup.get("spec", "labelSelector"):
        words = "must match, too: objects of apply-label without these labels aren't backed up"
        yield P20.warning(backup.at("spec", "labelSelector"), words)


def _why_not(filters: BackupFilters, entry: LabelEntry) -> str:
    if not entry.resource:
        return f"isn't in the form {_FORMS}"
    if not entry.namespace:
        return _why_not_cluster_scoped(filters, entry)
    if not filters.reaches(entry.namespace):
        return f"isn't backed up: spec leaves out namespace {shown(entry.namespace)}"
    if not filters.includes(entry.resource, entry.group):
        return f"isn't backed up: the filters of spec leave out {shown(entry.resource)}"
    return ""


def _why_not_cluster_scoped(filters: BackupFilters, entry: LabelEntry) -> str:
    if filters.includes_cluster_scoped(entry.resource, entry.group):
        return ""
    if entry.resource == _DEFINITIONS:
        # Velero adds the definition of what it backs up.
        resource, _, group = entry.name.partition(".")
        if filters.includes_cluster_scoped(resource, group) or filters.included.names(entry.name):
            return ""
    if filters.included.names(entry.resource):
        return "has no namespace, but spec includes that resource as a namespaced one"
    return (
        f"isn't backed up: spec.includedClusterScopedResources leaves out {shown(entry.resource)}"
    )


def refused_resources(content: OadpContent) -> Iterator[PreflightFinding]:
    for backup in content.backups:
        refused = (*_REFUSED, *(["localvolumes"] if content.storage is Storage.LSO else []))
        if listed := entries(backup):
            taken = sorted({each.resource for each in listed if each.resource in refused})
            at = backup.at(*_LABEL)
        else:
            filters = BackupFilters.of(backup)
            taken = [each for each in refused if filters.includes(each)]
            at = backup.at("spec", "includedNamespaceScopedResources")
        if taken:
            yield P23.error(at, f"backs up {', '.join(taken)}, which the cluster creates itself")
