"""The tokens of one template."""

import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import NoReturn

from msgspec import Struct

_TOKEN = re.compile(
    r"""(?P<space>[ \t]+)
    |(?P<text>"(?:[^"\\]|\\.)*"|`[^`]*`)
    |(?P<field>\.[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<mark>[()|])
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {'"': '"', "\\": "\\"}


class TokenKind(Enum):
    TEXT = "text"
    FIELD = "field"
    WORD = "word"
    MARK = "mark"


class Token(Struct, frozen=True):
    kind: TokenKind
    text: str
    """A text is without its quotes."""


def tokens_of(content: str, fail: Callable[[str], NoReturn]) -> Iterator[Token]:
    """Yields the tokens of what stands between `{{hub` and `hub}}`."""
    for found in _TOKEN.finditer(content):
        kind, text = found.lastgroup, found[0]
        if kind == "text":
            yield Token(TokenKind.TEXT, _unquoted(text, fail))
        elif kind == "other":
            fail(f"{text!r} is not supported in a template")
        elif kind != "space":
            yield Token(TokenKind(kind), text)


def _unquoted(text: str, fail: Callable[[str], NoReturn]) -> str:
    if text.startswith("`"):
        return text[1:-1]

    def unescaped(found: re.Match[str]) -> str:
        if found[1] not in _ESCAPED:
            fail(f"the escape {found[0]!r} is not supported")
        return _ESCAPED[found[1]]

    return _ESCAPE.sub(unescaped, text[1:-1])
