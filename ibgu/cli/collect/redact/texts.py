"""Redacts free text: messages, logs, and whatever a string of an object may hold."""

import re
from collections.abc import Iterator
from functools import lru_cache

from ibgu.cli.collect.redact.assignments import assigned
from ibgu.cli.collect.redact.blocks import blocks
from ibgu.cli.collect.redact.commands import in_commands
from ibgu.cli.collect.redact.shapes import shapes
from ibgu.cli.collect.redact.spans import Span
from ibgu.cli.collect.redact.urls import logins, parts_of_urls

REMOVED = "(removed)"
MAX_LENGTH = 4096
"""Characters of one value, and of one line of a log."""
_MAX_WORD = 1024
"""Characters at the end of a cut text that may be a piece of a secret, and go with the rest."""
_SECRET_IN_JSON = re.compile(
    r"[\"']kind\\{0,8}[\"'][ \t]{0,8}:[ \t]{0,8}\\{0,8}[\"']Secret(?:List)?(?!\w)"
)
_ENDS = " \t\r\n\"',;&<>"


def cut(text: str, longest: int = MAX_LENGTH) -> str:
    """Returns the text with what is too long marked; it does not end in the middle of a word."""
    if len(text) <= longest:
        return text
    last = max(text.rfind(end, longest - _MAX_WORD, longest) for end in _ENDS)
    kept = text[: last + 1 or longest]
    return f"{kept}… ({len(text) - len(kept)} characters cut)"


def scrubbed(text: str) -> str:
    """Returns the text without what looks like a secret or has the name of one."""
    return _short(text) if len(text) <= 256 else _scrubbed(text)


def _scrubbed(text: str) -> str:
    pieces, position = [], 0
    for start, end in _merged(text):
        pieces += [text[position:start], REMOVED]
        position = end
    return "".join([*pieces, text[position:]]) if pieces else text


_short = lru_cache(maxsize=16384)(_scrubbed)
"""Names, states and reasons come again and again."""


def _merged(text: str) -> Iterator[Span]:
    found = sorted(_spans(text))
    start, end = 0, 0
    for each in found:
        if each[0] > end or not end:
            if end:
                yield start, end
            start, end = each
        else:
            end = max(end, each[1])
    if end:
        yield start, end


def _spans(text: str) -> Iterator[Span]:
    yield from shapes(text)
    if any(sign in text for sign in ":= >%"):
        yield from parts_of_urls(text)
        yield from logins(text)
        yield from assigned(text)
        yield from in_commands(text)
    if "\n" in text or "\\n" in text:
        yield from blocks(text)
    for found in _SECRET_IN_JSON.finditer(text):
        end = text.find("\n", found.end())
        yield text.rfind("\n", 0, found.start()) + 1, end if end >= 0 else len(text)
