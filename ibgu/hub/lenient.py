"""Decodes JSON that msgspec does not read: nested too deeply for it, or with bytes that are no
text.

Both raise errors that are not msgspec's own, and one such object must not end a watch.
"""

import re
from typing import TypeVar

from msgspec import Raw
from msgspec.json import Decoder

A = TypeVar("A")

MAX_DEPTH = 64
"""Levels of nesting that are kept; nothing that ibgu reads has half as many."""

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
"""A string, or what opens or closes a level."""


def decode(decoder: Decoder[A], data: bytes | Raw) -> A:
    """Decodes the data. Raises msgspec.DecodeError, and nothing else."""
    try:
        return decoder.decode(data)
    except (UnicodeDecodeError, RecursionError):
        return decoder.decode(repaired(bytes(data)))


def repaired(data: bytes) -> bytes:
    """Returns the data with replacement characters for invalid UTF-8, and null for all below
    MAX_DEPTH levels."""
    return _cut(data.decode(errors="replace").encode())


def _cut(data: bytes) -> bytes:
    kept: list[bytes] = []
    depth = begin = 0
    for token in _TOKEN.finditer(data):
        if token[0] in (b"{", b"["):
            depth += 1
            if depth == MAX_DEPTH + 1:
                kept += (data[begin : token.start()], b"null")
        elif token[0] in (b"}", b"]"):
            if depth == MAX_DEPTH + 1:
                begin = token.end()
            depth -= 1
    if depth <= MAX_DEPTH:
        kept.append(data[begin:])
    return b"".join(kept)
