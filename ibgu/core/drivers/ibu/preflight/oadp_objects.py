"""P15, P17: the objects of OADP content, each by itself."""

import re
from collections.abc import Iterator

from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.drivers.ibu.preflight.oadp import NAMESPACE, VELERO, OadpContent, is_velero
from ibgu.core.drivers.ibu.preflight.waves import labels_without_quotes
from ibgu.core.model.document import Document, shown

STORAGE_LOCATION = "velero.io/storage-location"
_OLD = ("includedResources", "excludedResources", "includeClusterResources")
_NEW = tuple(f"{way}{scope}ScopedResources" for way in ("included", "excluded")
             for scope in ("Cluster", "Namespace"))  # fmt: skip
_LISTS = (*_OLD[:2], *_NEW, "includedNamespaces", "excludedNamespaces")
_OBJECTS: tuple[tuple[str, ...], ...] = (
    ("metadata",),
    ("metadata", "labels"),
    ("metadata", "annotations"),
    ("spec",),
)
_TEXTS = (("metadata", "name"), ("spec", "backupName"), ("spec", "storageLocation"))
_FLAGS = (("spec", "restorePVs"), ("spec", "includeClusterResources"))
_RESOURCE = re.compile(r"\*|[A-Za-z0-9.-]+(\.\*)?")

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
            yield P15.error(document.at(), document.problem)
        elif document.body and not document.kind:
            words = "has no kind: the Lifecycle Agent can't read the ConfigMap"
            yield P15.error(document.at("kind"), words)
        elif is_velero(document, "Backup") or is_velero(document, "Restore"):
            yield from _malformed(document)
        elif document.body:
            what = f"{shown(document.kind)} of {shown(document.api_version) or 'no apiVersion'}"
            words = f"{what} is ignored: only Backup and Restore of {VELERO} count"
            yield P15.warning(document.at("kind"), words)


def _malformed(document: Document) -> Iterator[PreflightFinding]:
    if document.get("metadata", "name") in (None, ""):
        yield P15.error(document.at("metadata", "name"), "has no name")
    if document.namespace != NAMESPACE:
        words = f"namespace is {shown(document.namespace) or 'missing'}: Velero reads {NAMESPACE}"
        yield P15.error(document.at("metadata", "namespace"), words)
    for path in _OBJECTS:
        if not isinstance(document.get(*path), dict | None):
            yield P15.error(document.at(*path), "is not an object")
    for path in _FLAGS:
        if not isinstance(document.get(*path), bool | None):
            yield P15.error(document.at(*path), "must be true or false")
    for path in _not_texts(document):
        yield P15.error(document.at(*path), "is not a string: put the value in quotes")
    for field in _LISTS:
        yield from _bad_list(document, "spec", field)
    yield from _bad_list(document, "spec", "restoreStatus", "includedResources")
    spec = document.get("spec") or {}
    if document.kind == "Backup" and isinstance(spec, dict):
        old, new = ([each for each in fields if spec.get(each)] for fields in (_OLD, _NEW))
        if old and new:
            words = f"Velero refuses {old[0]} together with {new[0]}"
            yield P15.error(document.at("spec", old[0]), words)


def _not_texts(document: Document) -> Iterator[tuple[str, ...]]:
    for path in _TEXTS:
        if not isinstance(document.get(*path), str | None):
            yield path
    yield from labels_without_quotes(document)


def _bad_list(document: Document, *path: str) -> Iterator[PreflightFinding]:
    value = document.get(*path)
    if value is not None and not isinstance(value, list):
        yield P15.error(document.at(*path), "is not a list")
        return
    for number, item in enumerate(value or ()):
        if not isinstance(item, str):
            yield P15.error(document.at(*path, number), "is not a string")
        elif not _RESOURCE.fullmatch(item):
            yield P15.error(document.at(*path, number), f"{shown(item)!r} is not a name")


def unnamed_or_repeated(content: OadpContent) -> Iterator[PreflightFinding]:
    for documents in (content.backups, content.restores):
        first: dict[str, Document] = {}
        for document in documents:
            other = first.setdefault(document.name, document)
            if document.name and other is not document:
                yield P17.error(
                    document.at("metadata", "name"),
                    f"{document.kind} {shown(document.name)} is in {_place(other)}, too: "
                    "only one of them is carried out",
                )
            if not document.get("metadata", "labels", STORAGE_LOCATION):
                path = ("metadata", "labels", STORAGE_LOCATION)
                yield P17.warning(document.at(*path), f"has no label {STORAGE_LOCATION}")


def _place(document: Document) -> str:
    return f"{document.file}:{document.line}" if document.file else "another document"
