"""Redacts Kubernetes objects and responses of the REST API, by the place of a value."""

import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

import msgspec

from ibgu.cli.collect.redact.commands import secret_arguments
from ibgu.cli.collect.redact.names import is_secret
from ibgu.cli.collect.redact.texts import MAX_LENGTH, REMOVED, cut, scrubbed

MAX_DEPTH = 64
"""Levels of an object; what is below has no meaning to anybody."""

_DROPPED = ("managedFields", "kubectl.kubernetes.io/last-applied-configuration")
"""Long, and copies of what is cleaned elsewhere."""
_SECRET_DATA = ("data", "stringData")
_CONFIG_DATA = ("data", "binaryData")
_OWN_ANNOTATIONS = (
    "ibgu.dev/",
    "lcm.openshift.io/",
    "ran.openshift.io/",
    "openshift-cluster-group-upgrades/",
    "auto-rollback-on-failure.lca.openshift.io/",
    "import.open-cluster-management.io/",
)
"""Annotations that ibgu and TALM read and write; others are not collected."""
_KNOWN_CLAIM = re.compile(r"(?:^|\.)(?:open-cluster-management\.io|openshift\.io|k8s\.io)\Z")
_NAMES = ("name", "key", "header", "field", "option", "parameter", "variable")
_OF_PAIRS = ("value", "values", "default", "content", "fieldValue", "literal", "val")
"""The halves of a pair, in small letters or with a capital one."""
_IDENTIFIERS = ("name", "namespace", "kind")
"""Name what is referred to, also in a list of secrets."""
_ESCAPES = {
    "\\u0026": "&",
    "\\u003d": "=",
    "\\u003c": "<",
    "\\u003e": ">",
    "\\u0022": '"',
    "\\u0027": "'",
}
"""Escapes that Go's encoder writes into JSON: the name of a parameter begins behind its `&`."""


class Redactor:
    """Redactor cuts texts and removes secrets; the rest stays as it is, with its names."""

    def __init__(self, known: Collection[str] = ()) -> None:
        """`known`: secrets that are to be found nowhere, such as the caller's token."""
        self._known = sorted((each for each in known if each), key=len, reverse=True)
        self._salt = os.urandom(16)

    def redacted_text(self, text: str) -> str:
        """Returns what is left of a message."""
        return scrubbed(self.cut(text))

    def cut(self, text: str) -> str:
        """Returns a message, or a line of many, without known secrets, and not too long."""
        for escape, char in _ESCAPES.items():
            text = text.replace(escape, char)
        for secret in self._known:
            text = text.replace(secret, REMOVED)
        return cut(text)

    def redacted(self, value: Any, depth: int = 0) -> Any:
        """Returns what is left of an object, or of any part of one.

        Secrets keep their keys, ConfigMaps a fingerprint of each entry, because entries carry whole
        manifests.
        """
        if isinstance(value, str):
            return self._leaf(value, depth)
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth > MAX_DEPTH:
            return REMOVED
        if isinstance(value, dict):
            return self._dict(value, depth)
        return self._list(value, depth)

    def _leaf(self, text: str, depth: int) -> str:
        if text[:1] in ("{", "[") and len(text) <= MAX_LENGTH and depth <= MAX_DEPTH:
            try:
                inner = msgspec.json.decode(text)
            except (msgspec.DecodeError, RecursionError):
                return self.redacted_text(text)
            return msgspec.json.encode(self.redacted(inner, depth + 1)).decode()
        return self.redacted_text(text)

    def _dict(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        kind = _kind(value)
        return {
            self.redacted_text(key): self._entry(value, kind, key, inner, depth)
            for key, inner in value.items()
            if key not in _DROPPED
        }

    def _entry(self, within: dict[str, Any], kind: str, key: str, value: Any, depth: int) -> Any:
        if key == "stringData" or (kind == "Secret" and key in _SECRET_DATA):
            return self._each(value, lambda _: REMOVED)
        if kind == "ConfigMap" and key in _CONFIG_DATA:
            return self._each(value, self._fingerprint)
        if key == "items" and kind.endswith("List") and isinstance(value, list | tuple):
            return [self.redacted(_with_kind(each, kind), depth + 1) for each in value]
        if key == "annotations" and isinstance(value, dict):
            return {
                self.redacted_text(name): self._annotation(name, inner)
                for name, inner in value.items()
            }
        if is_secret(key) or (key.lower() in _OF_PAIRS and _is_secret_pair(within, key)):
            return self._emptied(value)
        if key == "clusterClaims" and isinstance(value, list | tuple):
            return [self._claim(each, depth) for each in value]
        return self.redacted(value, depth + 1)

    def _annotation(self, name: str, value: Any) -> Any:
        own = name.startswith(_OWN_ANNOTATIONS) and not is_secret(name)
        return self.redacted(value) if own else self._emptied(value)

    def _claim(self, claim: Any, depth: int) -> Any:
        """Returns what a cluster claims of itself, including its version."""
        if not isinstance(claim, dict) or not _KNOWN_CLAIM.search(str(claim.get("name"))):
            return self.redacted(claim, depth + 1)
        return {
            self.redacted_text(key): self.redacted(inner, depth + 2) for key, inner in claim.items()
        }

    def _list(self, value: Iterable[Any], depth: int) -> list[Any]:
        """Returns the items; in arguments of a command some are values of the one before."""
        items = list(value)
        secret = secret_arguments(items)
        return [
            REMOVED if index in secret else self.redacted(each, depth + 1)
            for index, each in enumerate(items)
        ]

    def _fingerprint(self, text: str) -> str:
        """Returns a fingerprint that identifies equal texts of one bundle, without revealing short
        ones."""
        digest = hashlib.blake2b(text.encode(), key=self._salt, digest_size=6).hexdigest()
        return f"{REMOVED[:-1]}: {len(text)} characters, fingerprint {digest})"

    def _each(self, value: Any, replace: Callable[[str], str]) -> Any:
        if not isinstance(value, dict):
            return REMOVED
        return {self.redacted_text(key): replace(str(inner)) for key, inner in value.items()}

    def _emptied(self, value: Any, key: str = "") -> Any:
        """Returns a secret's structure: its names, and whether there is anything."""
        if isinstance(value, dict):
            return {
                self.redacted_text(key): self._emptied(inner, key) for key, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._emptied(inner) for inner in value]
        if isinstance(value, str) and key in _IDENTIFIERS:
            return self.redacted_text(value)
        return value if value is None or isinstance(value, bool) or value == "" else REMOVED


def _kind(value: dict[str, Any]) -> str:
    """Returns the object's kind; `Secret` if it looks like an item of a SecretList."""
    found = value.get("kind")
    if isinstance(found, str):
        return found
    return "Secret" if "data" in value and ("metadata" in value or "type" in value) else ""


def _with_kind(item: Any, kind: str) -> Any:
    """Returns an item of a list of that kind with its own kind, which the API server omits."""
    known = not isinstance(item, dict) or "kind" in item or kind == "List"
    return item if known else {"kind": kind.removesuffix("List"), **item}


def _is_secret_pair(within: dict[str, Any], key: str) -> bool:
    """Returns whether it is the value of a `{name, value}` pair: any, since environments look like
    that; with other words only one whose name says so."""
    found = {half: inner for half, inner in within.items() if half.lower() in _NAMES}
    if any(isinstance(name, str) and is_secret(name) for name in found.values()):
        return True
    return key.lower() == "value" and any(
        half.lower() == "name" and isinstance(name, str) for half, name in found.items()
    )
