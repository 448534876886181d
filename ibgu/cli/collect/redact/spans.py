"""Declares spans of a text to remove."""

from typing import TypeAlias

BEGIN = r"(?:\b|(?<=\\[nrt]))"
"""The begin of a word, in patterns: behind an escaped line end, too, whose letter is no part of the
word."""

Span: TypeAlias = tuple[int, int]
"""The first character, and the one after the last."""
