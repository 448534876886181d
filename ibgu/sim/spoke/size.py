"""Limits the size of what a managed cluster's API server stores."""

from base64 import b64decode
from collections.abc import Iterator

from ibgu.core.model.kinds import JsonObject

MAX_BYTES = 1_048_576
"""Bytes that the values of one ConfigMap or Secret may have together."""
_TOO_LONG = f"Too long: may not be more than {MAX_BYTES} bytes"
_FIELDS = {"ConfigMap": "[]", "Secret": "data"}
"""The field that the API server names, by kind."""


def check_size(manifest: JsonObject) -> list[str]:
    """Returns the error of an object that is too large; empty if it is stored."""
    field = _FIELDS.get(str(manifest.get("kind", "")))
    if field is None or sum(_sizes(manifest)) <= MAX_BYTES:
        return []
    return [f"{field}: {_TOO_LONG}"]


def _sizes(manifest: JsonObject) -> Iterator[int]:
    encoded = {**(manifest.get("binaryData") or {})}
    plain = {**(manifest.get("stringData") or {})}
    (encoded if manifest["kind"] == "Secret" else plain).update(manifest.get("data") or {})
    for value in plain.values():
        yield len(str(value).encode())
    for value in encoded.values():
        yield len(b64decode(str(value)))
