"""P15, P17: the objects of OADP content, each by itself."""

import re
from collections.abc import Iterator

from ibgu.core.drivers.ibu.preflight.hub_templates import unreadable
from ibgu.core.drivers.ibu.preflight.metadata import Fault, is_object_name, metadata_faults
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.drivers.ibu.preflight.oadp import NAMESPACE, VELERO, OadpContent, is_velero
from ibgu.core.drivers.ibu.preflight.waves import APPLY_WAVE
from ibgu.core.model.document import Document, shown

STORAGE_LOCATION = "velero.io/storage-location"
_LISTS = tuple(
    f"{way}{scope}Resources"
    for way in ("included", "excluded")
    for scope in ("", "ClusterScoped", "NamespaceScoped")
)
_NAMESPACES = ("includedNamespaces", "excludedNamespaces")
_STATUS = ("includedResources", "excludedResources")
_OBJECTS: tuple[tuple[str, ...], ...] = (
    ("metadata",),
    ("metadata", "labels"),
    ("metadata", "annotations"),
    ("spec",),
)
_TEXTS = (
    ("metadata", "name"),
    *(("spec", each) for each in ("backupName", "storageLocation", "existingResourcePolicy")),
)
_FLAGS = (("spec", "restorePVs"), ("spec", "includeClusterResources"))
_RESOURCE = re.compile(r"\*|[A-Za-z0-9.-]+(\.\*)?")
_NAMESPACE = re.compile(r"[a-z0-9*?\[\]]([-a-z0-9*?\[\]]{0,61}[a-z0-9*?\[\]])?")
"""A namespace or a pattern, which Velero reads, too."""

P15 = PreflightRule(
    "P15",
    f"OADP content is Backups and Restores of {VELERO} in namespace {NAMESPACE}",
    "15.2.4.1",
    "Correct the object, or remove it from the OADP content.",
)
P17 = PreflightRule(
    "P17",
    "Backups and Restores have names of their own, and name their storage location",
    "15.2.4.1",
    f"Give each its own name, and the label {STORAGE_LOCATION}.",
)


def malformed_objects(content: OadpContent) -> Iterator[PreflightFinding]:
    for document in content.documents:
        if document.problem:
            yield unreadable(document, P15)
        elif document.body and not document.kind:
            words = "has no kind: the Lifecycle Agent can't read the ConfigMap"
            yield P15.error(document.at("kind"), words)
        elif is_velero(document, "Backup") or is_velero(document, "Restore"):
            yield from _malformed(document)
        elif document.body:
            what = f"{shown(document.kind)} of {shown(document.api_version) or 'no apiVersion'}"
            words = (
                f"{what} is ignored: the Lifecycle Agent reads only Backup and Restore of {VELERO}"
            )
            yield P15.warning(document.at("kind"), words)


def _malformed(document: Document) -> Iterator[PreflightFinding]:
    for path, words in (*_name_faults(document), *_type_faults(document)):
        yield P15.error(document.at(*path), words)
    for path, words in metadata_faults(document, besides=APPLY_WAVE):
        yield P15.error(document.at(*path), words)
    for field in _LISTS:
        yield from _bad_list(document, _RESOURCE, "spec", field)
    for field in _NAMESPACES:
        yield from _bad_list(document, _NAMESPACE, "spec", field)
    for field in _STATUS:
        yield from _bad_list(document, _RESOURCE, "spec", "restoreStatus", field)


def _name_faults(document: Document) -> Iterator[Fault]:
    name, namespace = (document.get("metadata", each) for each in ("name", "namespace"))
    if name in (None, ""):
        yield ("metadata", "name"), "is missing"
    elif isinstance(name, str) and not is_object_name(name):
        yield ("metadata", "name"), f"{shown(name)!r} isn't a valid name"
    if namespace != NAMESPACE:
        given = "is missing" if namespace in (None, "") else f"{shown(namespace)} isn't {NAMESPACE}"
        yield ("metadata", "namespace"), f"{given}: Velero reads no other namespace"


def _type_faults(document: Document) -> Iterator[Fault]:
    for path in _OBJECTS:
        if not isinstance(document.get(*path), dict | None):
            yield path, "must be an object"
    for path in _FLAGS:
        if not isinstance(document.get(*path), bool | None):
            yield path, "must be true or false, without quotes"
    for path in _TEXTS:
        if not isinstance(document.get(*path), str | None):
            yield path, "must be a string: put the value in quotes"


def _bad_list(document: Document, form: re.Pattern[str], *path: str) -> Iterator[PreflightFinding]:
    value = document.get(*path)
    if value is not None and not isinstance(value, list):
        yield P15.error(document.at(*path), "must be a list")
        return
    for number, item in enumerate(value or ()):
        if not isinstance(item, str):
            yield P15.error(document.at(*path, number), "must be a string")
        elif not form.fullmatch(item):
            yield P15.error(document.at(*path, number), f"{shown(item)!r} isn't a valid name")


def unnamed_or_repeated(content: OadpContent) -> Iterator[PreflightFinding]:
    for documents in (content.backups, content.restores):
        first: dict[str, Document] = {}
        for document in documents:
            other = first.setdefault(document.name, document)
            if document.name and other is not document:
                yield P17.error(
                    document.at("metadata", "name"),
                    f"{document.kind} {shown(document.name)} is also defined in {_place(other)}: "
                    "only one of them runs",
                )
            if not document.get("metadata", "labels", STORAGE_LOCATION):
                path = ("metadata", "labels", STORAGE_LOCATION)
                yield P17.warning(document.at(*path), "is missing")


def _place(document: Document) -> str:
    return f"{document.file}:{document.line}" if document.file else "another document"
