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
_PLACEHOLDER = re.compile(r"\{[^{}]*\}|%[sd]")
_STATEMENT_ENDS = (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


def prose(path: Path) -> Lines:
    return _reader(path)(path.read_text())


def _reader(path: Path) -> Callable[[str], Lines]:
    if path.suffix == ".md":
        return _markdown
    return _python if path.suffix == ".py" else _hashed


def _markdown(source: str) -> Lines:
    return [Line(number, text) for number, text in enumerate(source.splitlines(), 1)]


def _hashed(source: str) -> Lines:
    """Returns the comments of YAML and of the Makefile that have lines of their own."""
    comments = (re.match(r"\s*#+ ?(.*)", line) for line in source.splitlines())
    return [Line(number, found[1] if found else "") for number, found in enumerate(comments, 1)]


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
    return [
        Line(number, part.strip())
        for number, line in enumerate(body.split("\n"), token.start[0])
        for part in line.split("\\n")
    ]
