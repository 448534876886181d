"""Finds the prose of a file: what its comments, docstrings and messages say to a person."""

import io
import re
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Line(NamedTuple):
    """Line is a line of Markdown, with the number of the source's line that it comes from.

    An empty one separates what does not belong to one paragraph.
    """

    number: int
    text: str


Lines = list[Line]

FEWEST_WORDS = 3
"""A string of fewer words is a name or a label, not a sentence."""

_WORD = re.compile(r"(?<![\w/.:=-])[A-Za-z][a-z']*(?=[\s,.:;!?)]|$)")
_SQL = re.compile(r"\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH|FROM|WHERE|ORDER|JOIN|LEFT) ")
_LITERAL = re.compile(r"(\w*)('''|\"\"\"|'|\")(.*)\2", re.DOTALL)
_PLACEHOLDER = re.compile(r"\$?\{[^{}]*\}|%[sd]")
_TEMPLATE = re.compile(r"\{\{.*?\}\}")
_SCRIPT = re.compile(
    r"(?://[^\n]*(?:\n\s*(?=//))?)+|/\*.*?\*/"
    r"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|`(?:\\.|[^`\\])*`",
    re.DOTALL,
)
_STATEMENT_ENDS = (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


def prose(path: Path) -> Lines:
    return _reader(path)(path.read_text())


def _reader(path: Path) -> Callable[[str], Lines]:
    return _READERS.get(path.suffix, _hashed)


def _markdown(source: str) -> Lines:
    return [Line(number, text) for number, text in enumerate(source.splitlines(), 1)]


def _script(source: str) -> Lines:
    """Returns JavaScript's comments, and its messages that have a line to themselves."""
    found: Lines = []
    for token in _SCRIPT.finditer(source):
        is_comment = token[0].startswith("/")
        body = _PLACEHOLDER.sub("`…`", token[0].strip("/*'\"` "))
        first = source.count("\n", 0, token.start()) + 1
        found.append(Line(first, ""))
        if is_comment or ("\n" not in body and len(_WORD.findall(body)) >= FEWEST_WORDS):
            found += _lines(body, first, " @")
    return found


def _hashed(source: str) -> Lines:
    """Returns the comments of YAML and of the Makefile that have lines of their own."""
    comments = (re.match(r"\s*#+ ?(.*)", line) for line in source.splitlines())
    return [Line(number, found[1] if found else "") for number, found in enumerate(comments, 1)]


def _notes(source: str) -> Lines:
    """Returns the sentences of a chart's NOTES.txt; what is indented is a command."""
    found: Lines = []
    for number, line in enumerate(source.splitlines(), 1):
        rest = _TEMPLATE.sub("", line).strip()
        text = _TEMPLATE.sub("`…`", line).strip() if rest and not line.startswith("  ") else ""
        found.append(Line(number, text))
    return found


def _python(source: str) -> Lines:
    found: Lines = []
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            found.append(Line(token.start[0], token.string.lstrip("#! ")))
        elif token.type == tokenize.STRING:
            if before != tokenize.STRING:
                found.append(Line(token.start[0], ""))
            found += _string(token, docstring=before in _STATEMENT_ENDS)
        elif token.type != tokenize.NL:
            found.append(Line(token.start[0], ""))
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            before = token.type
    return found


def _string(token: tokenize.TokenInfo, *, docstring: bool) -> Lines:
    """Returns a docstring's or a message's lines; none of a name, a pattern, data or code."""
    literal = _LITERAL.fullmatch(token.string)
    assert literal
    prefix, quotes, body = literal.groups()
    body = _PLACEHOLDER.sub("`…`", body)
    is_code = set(prefix.lower()) & {"r", "b"} or (len(quotes) == 3 and not docstring)
    if is_code or _SQL.match(body) or len(_WORD.findall(body)) < FEWEST_WORDS:
        return []
    return _lines(body, token.start[0], "\\n")


def _lines(body: str, first: int, end: str) -> Lines:
    """Returns the lines of `body`, the first with the number `first`; `end` ends a paragraph."""
    return [
        Line(number, part.strip(" /*"))
        for number, line in enumerate(body.split("\n"), first)
        for part in line.replace(end, f"{end}{end}").split(end)
    ]


_READERS = {".md": _markdown, ".py": _python, ".js": _script, ".txt": _notes}
