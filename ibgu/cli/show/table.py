"""Prints columns as kubectl does."""

from collections.abc import Sequence


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    return [_line(row, widths) for row in (headings, *rows)]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
