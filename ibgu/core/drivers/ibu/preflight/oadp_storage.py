"""P24: what keeps the content of persistent volumes."""

from collections.abc import Iterator

from ibgu.core.drivers.ibu.preflight.apply_label import entries
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.drivers.ibu.preflight.oadp import (
    BackupFilters,
    OadpContent,
    Storage,
    is_lvm_platform,
    is_platform,
)
from ibgu.core.drivers.ibu.preflight.resources import ResourceFilter
from ibgu.core.model.document import Document

_VOLUMES = "persistentvolumes"
_LOGICAL = "logicalvolumes"
_TOPOLVM = "topolvm.io"
_FILTER = ("spec", "includedClusterScopedResources")

P24 = PreflightRule(
    "P24",
    "Persistent volumes are backed up as their operator needs it",
    "15.3.4.3",
    "With LVM Storage back up lvmclusters, and in applications persistentVolumes and "
    "logicalvolumes.topolvm.io, restored with restorePVs: true and the status of logicalvolumes. "
    "With the Local Storage Operator exclude persistentVolumes.",
)


def storage_of(content: OadpContent) -> Storage | None:
    """Returns the operator as it was declared, or as the content shows."""
    for backup in content.backups:
        named = ResourceFilter.of(backup.strings(*_FILTER)).names(_LOGICAL, _TOPOLVM)
        if content.storage is None and (named or is_lvm_platform(backup)):
            return Storage.LVMS
    return content.storage


def lost_volumes(content: OadpContent) -> Iterator[PreflightFinding]:
    storage = storage_of(content)
    platform = [each for each in content.backups if is_lvm_platform(each)]
    if storage is Storage.LSO:
        for backup in platform:
            words = "backs up LVM Storage, but the clusters use the Local Storage Operator"
            yield P24.error(backup.at("spec"), words)
    if storage is Storage.LVMS and not platform:
        yield P24.error(
            content.itself, "no Backup includes lvmclusters, but the clusters use LVM Storage"
        )
    for backup in content.backups:
        if not is_platform(backup) and _takes_claims(backup):
            yield from _FINDINGS[storage](backup)
    if storage is Storage.LVMS:
        for backup, restore in content.pairs():
            if not is_platform(backup) and _takes_claims(backup):
                yield from _lvm_restore(restore)


def _local(backup: Document) -> Iterator[PreflightFinding]:
    if not BackupFilters.of(backup).cluster_excluded.selects(_VOLUMES):
        at = backup.at("spec", "excludedClusterScopedResources")
        yield P24.error(
            at, "backs up persistentvolumeclaims, but doesn't exclude persistentVolumes"
        )


def _lvm(backup: Document) -> Iterator[PreflightFinding]:
    filters = BackupFilters.of(backup)
    if not filters.includes_cluster_scoped(_VOLUMES):
        words = "backs up persistentvolumeclaims without persistentVolumes"
        yield P24.error(backup.at(*_FILTER), words)
    if not filters.includes_cluster_scoped(_LOGICAL, _TOPOLVM):
        words = "backs up persistentvolumeclaims without logicalvolumes.topolvm.io"
        yield P24.error(backup.at(*_FILTER), words)


_RESTORED = ((_VOLUMES, ""), ("persistentvolumeclaims", ""), (_LOGICAL, _TOPOLVM))


def _lvm_restore(restore: Document) -> Iterator[PreflightFinding]:
    included, excluded = (
        ResourceFilter.of(restore.strings("spec", each))
        for each in ("includedResources", "excludedResources")
    )
    for resource, group in _RESTORED:
        if included and not included.selects(resource, group):
            words = f"leaves out {resource}: volumes come back empty"
            yield P24.error(restore.at("spec", "includedResources"), words)
        if excluded.selects(resource, group):
            words = f"excludes {resource}: volumes come back empty"
            yield P24.error(restore.at("spec", "excludedResources"), words)
    if restore.get("spec", "includeClusterResources") is False:
        words = f"leaves out {_VOLUMES}: volumes come back empty"
        yield P24.error(restore.at("spec", "includeClusterResources"), words)
    if restore.get("spec", "restorePVs") is not True:
        yield P24.error(
            restore.at("spec", "restorePVs"), "must be true: otherwise volumes come back empty"
        )
    path = ("spec", "restoreStatus", "includedResources")
    without = ResourceFilter.of(restore.strings(*path[:-1], "excludedResources"))
    listed = ResourceFilter.of(restore.strings(*path)).selects(_LOGICAL, _TOPOLVM)
    if not listed or without.selects(_LOGICAL, _TOPOLVM):
        yield P24.error(
            restore.at(*path), "must include logicalvolumes: otherwise volumes come back empty"
        )


def _unknown(backup: Document) -> Iterator[PreflightFinding]:
    if not BackupFilters.of(backup).cluster_excluded.selects(_VOLUMES):
        words = (
            "backs up persistentvolumeclaims, but the content doesn't show which storage operator "
            "the clusters use"
        )
        yield P24.warning(backup.at("spec"), words)


_FINDINGS = {Storage.LSO: _local, Storage.LVMS: _lvm, None: _unknown}


def _takes_claims(backup: Document) -> bool:
    claims = "persistentvolumeclaims"
    if listed := entries(backup):
        return ResourceFilter.of(entry.resource for entry in listed).selects(claims)
    return BackupFilters.of(backup).includes(claims)
