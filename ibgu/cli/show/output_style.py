"""Adapts text to its output: a terminal takes colours and bars, anything else plain text."""

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import TextIO

import typer
from msgspec import Struct

_COMMAND = re.compile(r"\(?`[^`]*`[^\s`]*")
"""A command with the punctuation beside it."""
_SPACE = "\N{NO-BREAK SPACE}"
_MIN_WIDTH = 20
"""The fewest characters of text that a line has room for."""


class OutputStyle(Struct, frozen=True):
    colours: bool = False
    bars: bool = False
    width: int = 0
    """Characters of a line; 0: as many as it takes."""

    def paint(self, text: str, colour: str | None = None, *, bold: bool = False) -> str:
        if not self.colours or not text or not (colour or bold):
            return text
        return typer.style(text, fg=colour, bold=bold or None)

    def bar(self, done: int, total: int, width: int = 24) -> str:
        """Returns a bar; empty without bars; all empty cells if there is nothing to count."""
        if not self.bars:
            return ""
        full = width * done // total if total else 0
        return "█" * full + "░" * (width - full)

    def room(self, prefix: str, most: int) -> int:
        """Returns the characters that a line has left after `prefix`; `most` if lines have no
        limit."""
        return max(_MIN_WIDTH, self.width - len(prefix)) if self.width else most

    def under(self, prefix: str, text: str) -> list[str]:
        """Returns `text` after `prefix`; what does not fit goes on below it. A command in backticks
        stays on one line, whatever its length, to be copied."""
        room = self.room(prefix, len(text))
        if len(text) <= room:
            return [prefix + text]
        whole = _COMMAND.sub(lambda found: found[0].replace(" ", _SPACE), text)
        longest = max((len(each) for each in _COMMAND.findall(text)), default=0)
        lines = textwrap.wrap(whole, room, break_on_hyphens=False, break_long_words=longest <= room)
        first, *others = (each.replace(_SPACE, " ") for each in lines or [""])
        return [prefix + first, *(" " * len(prefix) + each for each in others)]


PLAIN = OutputStyle()


def page(lines: Iterable[str]) -> str:
    """Returns the lines as one text, in which a cluster's message can't begin a line of its own."""
    return "\n".join(line.replace("\n", " ") for line in lines)


def stdout() -> OutputStyle:
    return _of(sys.stdout)


def stderr() -> OutputStyle:
    return _of(sys.stderr)


def _of(stream: TextIO) -> OutputStyle:
    terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size().columns if terminal else 0
    return OutputStyle(terminal and not os.environ.get("NO_COLOR"), terminal, width)
