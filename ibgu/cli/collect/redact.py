"""Takes out what must not leave the hub: secrets by place, by name and by looks."""

import hashlib
import re
from collections.abc import Callable, Collection
from typing import Any

REMOVED = "(removed)"

_DROPPED = ("managedFields", "kubectl.kubernetes.io/last-applied-configuration")
"""Long, and copies of what is cleaned elsewhere."""
_SECRET_DATA = ("data", "stringData")
_CONFIG_DATA = ("data", "binaryData")
_NAMED = re.compile(
    r"pass(word|wd|phrase)|token|api[-_]?key|private[-_]?key|secret[-_]?key|credential"
    r"|authorization|dockercfg|dockerconfigjson|client-key|^auth$",
    re.IGNORECASE,
)
"""Keys whose text is secret."""
_LOOKS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S),
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(\.[\w-]*)?"),
    re.compile(r"\bsha256~[\w-]{16,}"),
    re.compile(r"(?<=\bBearer )[^\s\"',;]+", re.IGNORECASE),
    re.compile(r"(?<=\bBasic )[A-Za-z0-9+/=]{8,}"),
    re.compile(r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"),
    re.compile(r"(?i)(?<=password[=:])\s*[^\s\"',;&]+"),
    re.compile(r"(?<=\"auth\":)\s*\"[^\"]+\""),
)
"""Keys, tokens (JWT, OpenShift), headers, passwords in addresses and messages."""


def redacted(value: Any) -> Any:
    """A Kubernetes object, or any part of one: Secrets keep their keys, ConfigMaps a fingerprint
    of each entry, because entries carry whole manifests."""
    if isinstance(value, dict):
        return {key: _entry(value, key, inner) for key, inner in value.items() if _kept(key)}
    if isinstance(value, list):
        return [redacted(inner) for inner in value]
    return value


def _kept(key: str) -> bool:
    return key not in _DROPPED


def _entry(within: dict[str, Any], key: str, value: Any) -> Any:
    if within.get("kind") == "Secret" and key in _SECRET_DATA:
        return _each(value, lambda _: REMOVED)
    if within.get("kind") == "ConfigMap" and key in _CONFIG_DATA:
        return _each(value, _fingerprint)
    if isinstance(value, str) and _NAMED.search(key):
        return REMOVED
    return redacted(value)


def _each(value: Any, replace: Callable[[str], str]) -> Any:
    if not isinstance(value, dict):
        return REMOVED
    return {key: replace(str(inner)) for key, inner in value.items()}


def _fingerprint(text: str) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"{REMOVED[:-1]}: {len(text)} characters, sha256 {digest}…)"


def scrubbed(text: str, known: Collection[str] = ()) -> str:
    """Without what looks like a secret, and without those that are known to be one."""
    for secret in known:
        text = text.replace(secret, REMOVED)
    for looks in _LOOKS:
        text = looks.sub(REMOVED, text)
    return text
