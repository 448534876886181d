"""Finds secrets in the lines below their name, in YAML or in JSON for people."""

import re
from collections.abc import Iterator

from ibgu.cli.collect.redact.names import is_secret
from ibgu.cli.collect.redact.spans import Span

_BREAK = re.compile(r"(?<!\\)\n|\\{1,8}n")
"""Matches the end of a line, also where the text is quoted in another one; YAML folds lines by a
backslash."""
_OPENS = re.compile(
    r"(?:^|[\s\"'({\[-])(?P<name>[\w./]{1,128}+|[\w./][\w./-]{0,127})\\{0,8}[\"']?"
    r"[ \t]{0,8}(?::=|=>|[:=])[ \t]{0,8}(?:[|>][-+0-9]{0,2}|[{\[])?\Z"
)
"""At the end of a line."""
_TAIL = 192
_BEGINNING = re.compile(r"[ \t]*+(?:-[ \t]+)*+[\"']?")
_WORD = re.compile(r"\s*[^\s:=]{4,}\s*")
_DATA = frozenset({"data", "stringData", "binaryData"})
"""Matches the data of Secrets and ConfigMaps."""


def blocks(text: str) -> Iterator[Span]:
    """Yields lines that are deeper than one that opens such a block, and a word alone right below
    it."""
    column, first = -1, False
    for start, end in _lines(text):
        line = text[start:end]
        if column >= 0 and not line.strip():
            continue
        if column >= 0 and (_is_deeper(line, column) or (first and _WORD.fullmatch(line))):
            yield start + _depth(line), end
            first = False
        else:
            column = _column(line.rstrip())
            first = column >= 0


def _column(line: str) -> int:
    """Returns what the lines below a secret's name are deeper than; -1 if there is no name."""
    opens = _OPENS.search(line, max(0, len(line) - _TAIL))
    if not opens or not (opens["name"] in _DATA or is_secret(opens["name"])):
        return -1
    beginning = _BEGINNING.match(line)
    assert beginning
    alone = beginning.end() == opens.start("name")
    return len(beginning[0].rstrip("\"'")) if alone else _depth(line)


def _is_deeper(line: str, column: int) -> bool:
    depth = _depth(line)
    return depth > column or (depth == column and line.startswith("- ", depth))


def _lines(text: str) -> Iterator[Span]:
    position = 0
    for found in _BREAK.finditer(text):
        yield position, found.start()
        position = found.end()
    yield position, len(text)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(" \t\\\n"))
