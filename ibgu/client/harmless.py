"""What clusters and people say is shown, never obeyed: no control characters for a terminal.

A message from a cluster could otherwise move the cursor, recolour or rewrite what an operator sees.
"""

import re
from typing import TypeVar

import msgspec

R = TypeVar("R", bound=msgspec.Struct)

_CONTROL = re.compile(
    rb"\\(?P<told>[bfr]|u00(?:0[0-8bBcCdDeEfF]|1[0-9a-fA-F]|7[fF]|[89][0-9a-fA-F]))"
    rb"|\\."
    rb"|\xc2[\x80-\x9f]|\x7f"
)
"""In JSON, where those below a space are always escaped: a pair that is none of them (an escaped
backslash, say) is passed over as a whole. Tabs and line ends stay."""


def harmless(body: bytes) -> bytes:
    """JSON as it came, with U+FFFD for each control character in its strings."""
    return _CONTROL.sub(_replaced, body)


def cleaned(record: R) -> R:
    """The record with the same done to each of its strings."""
    return msgspec.json.decode(harmless(msgspec.json.encode(record)), type=type(record))


def _replaced(found: re.Match[bytes]) -> bytes:
    kept = found[0].startswith(b"\\") and found["told"] is None
    return found[0] if kept else rb"\ufffd"
