"""What is to be removed from a text: from where to where."""

from typing import TypeAlias

Span: TypeAlias = tuple[int, int]
"""The first character, and the one after the last."""
