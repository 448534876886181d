"""Parses the text of one path to a sequence of nodes."""

import re
from functools import lru_cache

from msgspec import Struct


class PathError(Exception):
    """PathError: the path can't be parsed, or not be evaluated on this object."""


class Field(Struct, frozen=True):
    name: str


class Wildcard(Struct, frozen=True):
    pass


class Recursive(Struct, frozen=True):
    """Recursive is `..`: the value itself and everything below it."""


class Slice(Struct, frozen=True):
    """Slice is `[start:stop:step]`; a lone index `[n]` has `single` and stands for `[n:n+1]`."""

    start: int | None
    stop: int | None
    step: int | None
    single: bool = False


class Union(Struct, frozen=True):
    branches: "tuple[Path, ...]"


class Filter(Struct, frozen=True):
    """Filter is `[?(left operator right)]`; the operator `exists` has no right side."""

    left: "Path"
    operator: str
    right: "Path" = ()


class Literal(Struct, frozen=True):
    value: str | int | float | bool


class Identifier(Struct, frozen=True):
    """Identifier is a bare word, which the evaluation refuses: a path without its leading dot."""

    name: str


Node = Field | Wildcard | Recursive | Slice | Union | Filter | Literal | Identifier
Path = tuple[Node, ...]

_TERMINATORS = frozenset(" \t\r\n.,[]$@{}")
_SLICE = re.compile(r"(-?\d*)(?::(-?\d*))?(?::(-?\d*))?")
_KEY = re.compile(r"'([^']*)'")
_COMPARISON = re.compile(r"([^!<>=]+)([!<>=]+)(.+)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?[\d.]*")


@lru_cache(maxsize=1024)
def parse(path: str) -> Path:
    """Parses a path. Raises PathError."""
    return _Parser(path).nodes()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def nodes(self) -> Path:
        found: list[Node] = []
        while self.at < len(self.text):
            node = self.node(found)
            if node is not None:
                found.extend(node)
        return tuple(found)

    def node(self, before: list[Node]) -> Path | None:
        char = self.text[self.at]
        if self.text.startswith("[?(", self.at):
            return (self.filter(),)
        if self.text.startswith("..", self.at):
            return self.recursive(before)
        if char == "[":
            return self.brackets()
        if char == ".":
            self.at += 1
            return (self.field(),)
        if char in "\"'":
            return (self.quoted(char),)
        return self.word(char)

    def word(self, char: str) -> Path | None:
        if char in " @$":
            self.at += 1
            return None
        if char in "+-" or char.isdigit():
            return (self.number(),)
        if char == "_" or char.isalpha():
            return (self.identifier(),)
        raise PathError(f"unrecognized character in action: U+{ord(char):04X} '{char}'")

    def until_terminator(self) -> str:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in _TERMINATORS:
            self.at += 2 if self.text[self.at] == "\\" else 1
        if self.at > len(self.text):
            raise PathError("unclosed action")
        return self.text[start : self.at]

    def field(self) -> Node:
        name = self.until_terminator()
        return Wildcard() if name == "*" else Field(name.replace("\\", ""))

    def recursive(self, before: list[Node]) -> Path:
        if before and isinstance(before[-1], Recursive):
            raise PathError("invalid multiple recursive descent")
        self.at += 2
        following = self.text[self.at : self.at + 1]
        if following == "_" or following.isalnum():
            return (Recursive(), self.field())
        return (Recursive(),)

    def identifier(self) -> Node:
        name = self.until_terminator()
        return Literal(name == "true") if name in ("true", "false") else Identifier(name)

    def number(self) -> Literal:
        match = _NUMBER.match(self.text, self.at)
        digits = match.group() if match else ""
        self.at += len(digits)
        try:
            return Literal(float(digits) if "." in digits else int(digits))
        except ValueError:
            raise PathError(f"cannot parse number {digits}") from None

    def quoted(self, quote: str) -> Literal:
        end = self.at + 1
        while end < len(self.text) and (self.text[end] != quote or self.text[end - 1] == "\\"):
            end += 1
        if end >= len(self.text) or "\n" in self.text[self.at : end]:
            raise PathError("unterminated quoted string")
        inner, self.at = self.text[self.at + 1 : end], end + 1
        return Literal(re.sub(r"\\(.)", r"\1", inner))

    def brackets(self) -> Path:
        end = self.text.find("]", self.at)
        if end < 0:
            raise PathError("unterminated array")
        inner, self.at = self.text[self.at + 1 : end], end + 1
        branches = inner.split(",")
        if len(branches) > 1:
            return (Union(tuple(parse(f"[{branch.strip(' ')}]") for branch in branches)),)
        if key := _KEY.fullmatch(inner):
            return parse(f".{key.group(1)}")
        return (_slice(":" if inner == "*" else inner),)

    def filter(self) -> Filter:
        end = self.filter_end()
        inner, self.at = self.text[self.at + 3 : end], end + 2
        if match := _COMPARISON.fullmatch(inner):
            left, operator, right = match.groups()
            return Filter(parse(left), operator, parse(right))
        return Filter(parse(inner), "exists")

    def filter_end(self) -> int:
        """Returns the position of the `)` of `[?(...)]`; one inside quotes does not count."""
        quote = ""
        for at in range(self.at + 3, len(self.text)):
            char = self.text[at]
            if char in "\"'" and (not quote or (char == quote and self.text[at - 1] != "\\")):
                quote = "" if quote else char
            elif char == ")" and not quote:
                if self.text[at + 1 : at + 2] != "]":
                    raise PathError("unclosed array expect ]")
                return at
        raise PathError("unterminated filter")


def _slice(inner: str) -> Slice:
    match = _SLICE.fullmatch(inner)
    if match is None:
        raise PathError(f"invalid array index {inner}")
    if "-" in match.groups():
        raise PathError("array index - is not a number")
    start, stop, step = (int(part) if part else None for part in match.groups())
    return Slice(start, stop, step, single=match.group(2) is None)
