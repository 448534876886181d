"""Makes responses of the REST API (JSON) harmless before anything reads them."""

import re
from typing import TypeVar

import msgspec

from ibgu.core.text import harmless as core

R = TypeVar("R", bound=msgspec.Struct)

_ESCAPED = re.compile(
    r"\\(?:u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|u(?P<code>[0-9a-fA-F]{4})|(?P<control>[bfr])|.)"
)
"""A pair that is no character (an escaped backslash, say) is skipped as a whole."""


def harmless(body: bytes) -> bytes:
    """Returns the JSON with U+FFFD for each control character in its strings."""
    parts = body.decode(errors="replace").split("\r")  # as it may stand at the end of a line
    text = "\r".join(core.harmless(part) for part in parts)
    return (_ESCAPED.sub(_replaced, text) if "\\" in text else text).encode()


def cleaned(record: R) -> R:
    """Returns the record with each of its strings cleaned in the same way."""
    return msgspec.json.decode(harmless(msgspec.json.encode(record)), type=type(record))


def _replaced(found: re.Match[str]) -> str:
    if found["control"]:
        return core.REPLACEMENT
    if found["high"]:
        high, low = int(found["high"], 16) - 0xD800, int(found["low"], 16) - 0xDC00
        character = chr(0x10000 + (high << 10) + low)
    elif found["code"]:
        character = chr(int(found["code"], 16))
    else:
        return found[0]
    return found[0] if core.harmless(character) == character else core.REPLACEMENT
