"""Where text goes: a terminal takes colours and bars, anything else plain text."""

import os
import sys

import typer
from msgspec import Struct


class Paper(Struct, frozen=True):
    colours: bool = False
    bars: bool = False

    def paint(self, text: str, colour: str | None = None, *, bold: bool = False) -> str:
        if not self.colours or not text:
            return text
        return typer.style(text, fg=colour, bold=bold or None)

    def bar(self, done: int, total: int, width: int = 24) -> str:
        """Empty where there are no bars; all empty cells where there is nothing to count."""
        if not self.bars:
            return ""
        full = width * done // total if total else 0
        return "█" * full + "░" * (width - full)


PLAIN = Paper()


def stdout() -> Paper:
    terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return Paper(colours=terminal and not os.environ.get("NO_COLOR"), bars=terminal)
