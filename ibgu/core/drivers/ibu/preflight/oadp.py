"""OADP content: the Backups and Restores of a rollout, and what Velero's filters select."""

import re
from collections.abc import Iterator
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Self

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight.resources import ResourceFilter
from ibgu.core.model.document import Document, ObjectField, whole

NAMESPACE = "openshift-adp"
VELERO = "velero.io/v1"
APPLY_LABEL = "lca.openshift.io/apply-label"
KLUSTERLET = "acm-klusterlet"
AGENT_NAMESPACE = "open-cluster-management-agent"
_LVM_NAMESPACE = "openshift-storage"
_LVM_CLUSTERS = "lvmclusters"
_PATTERN = re.compile(r"[*?\[]")
_MAX_PATTERNS = 100
"""Patterns of namespaces that are tried."""
_MAX_NAME = 63
"""Characters of a namespace; a longer one is none, and matches no pattern."""


class Storage(StrEnum):
    """The operator of a cluster's persistent volumes: a single-node OpenShift has one of them."""

    LSO = "lso"
    LVMS = "lvms"


class OadpContent(Struct, frozen=True):
    """OadpContent is what all ConfigMaps of `spec.ibuSpec.oadpContent` have together."""

    documents: tuple[Document, ...]
    storage: Storage | None = None
    """The operator that a person has named; None: unknown."""
    pull_secret: bool | None = None
    """Whether the hub has given its agents a pull secret; None: unknown."""

    @property
    def backups(self) -> list[Document]:
        return [each for each in self.documents if is_velero(each, "Backup")]

    @property
    def restores(self) -> list[Document]:
        return [each for each in self.documents if is_velero(each, "Restore")]

    @property
    def itself(self) -> ObjectField:
        """Says that a finding is about what is missing."""
        return whole("OADP content", self.documents)

    def pairs(self) -> Iterator[tuple[Document, Document]]:
        """Yields each Restore with its Backup."""
        by_name = {each.name: each for each in reversed(self.backups)}
        for restore in self.restores:
            if backup := by_name.get(restore.string("spec", "backupName")):
                yield backup, restore


def is_velero(document: Document, kind: str) -> bool:
    return document.kind == kind and document.api_version == VELERO


def is_klusterlet(backup: Document) -> bool:
    """Returns whether the Backup is of the agent by which the hub manages the cluster."""
    places = backup.strings("spec", "includedNamespaces")
    return backup.name == KLUSTERLET or AGENT_NAMESPACE in places


def is_lvm_platform(backup: Document) -> bool:
    """Returns whether the Backup is of LVM Storage's own objects."""
    filters = BackupFilters.of(backup)
    whole_namespace = backup.strings("spec", "includedNamespaces") == [_LVM_NAMESPACE]
    return filters.included.names(_LVM_CLUSTERS) or (
        whole_namespace and filters.includes(_LVM_CLUSTERS)
    )


def is_platform(backup: Document) -> bool:
    return is_klusterlet(backup) or is_lvm_platform(backup)


def is_cluster_scoped(backup: Document) -> bool:
    """Returns whether the Backup is of cluster-scoped objects alone."""
    namespaced = ("includedNamespaces", "includedNamespaceScopedResources", "includedResources")
    return bool(backup.strings("spec", "includedClusterScopedResources")) and not any(
        backup.strings("spec", field) for field in namespaced
    )


class NamespaceFilter(Struct, frozen=True):
    """NamespaceFilter is a list of namespaces, by their names or by patterns."""

    names: frozenset[str]
    patterns: tuple[str, ...]

    @classmethod
    def of(cls, backup: Document, field: str) -> Self:
        listed = backup.strings("spec", field)
        return cls(frozenset(listed), tuple(filter(_PATTERN.search, listed))[:_MAX_PATTERNS])

    def __bool__(self) -> bool:
        return bool(self.names)

    def selects(self, namespace: str) -> bool:
        patterns = self.patterns if len(namespace) <= _MAX_NAME else ()
        return namespace in self.names or any(fnmatchcase(namespace, each) for each in patterns)


class BackupFilters(Struct, frozen=True):
    """BackupFilters is what a Backup includes by its spec, without labels."""

    namespaces: NamespaceFilter
    """Without a namespace: all."""
    namespaces_excluded: NamespaceFilter
    included: ResourceFilter
    excluded: ResourceFilter
    cluster_included: ResourceFilter
    cluster_excluded: ResourceFilter

    @classmethod
    def of(cls, backup: Document) -> Self:
        everything = backup.get("spec", "includeClusterResources") is True
        return cls(
            NamespaceFilter.of(backup, "includedNamespaces"),
            NamespaceFilter.of(backup, "excludedNamespaces"),
            _filter(backup, "includedNamespaceScopedResources", "includedResources"),
            _filter(backup, "excludedNamespaceScopedResources", "excludedResources"),
            ResourceFilter.of("*")
            if everything
            else _filter(backup, "includedClusterScopedResources", "includedResources"),
            _filter(backup, "excludedClusterScopedResources", "excludedResources"),
        )

    def reaches(self, namespace: str) -> bool:
        included = not self.namespaces or self.namespaces.selects(namespace)
        return included and not self.namespaces_excluded.selects(namespace)

    def includes(self, resource: str, group: str = "") -> bool:
        """Returns whether a namespaced resource is taken; without a list all are."""
        taken = not self.included or self.included.selects(resource, group)
        return taken and not self.excluded.selects(resource, group)

    def includes_cluster_scoped(self, resource: str, group: str = "") -> bool:
        """Returns whether a cluster-scoped resource is taken; without a list only what belongs to
        namespaced ones is."""
        taken = self.cluster_included.selects(resource, group)
        return taken and not self.cluster_excluded.selects(resource, group)


def _filter(backup: Document, *fields: str) -> ResourceFilter:
    return ResourceFilter.of(item for field in fields for item in backup.strings("spec", field))
