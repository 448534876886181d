"""Markdown as the reference pages use it."""

from collections.abc import Iterable, Sequence

MADE = "<!-- Made from the code by `make docs`. Change it there. -->"


def document(title: str, *blocks: str) -> str:
    return "\n\n".join((f"# {title}", *blocks, MADE)) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(map(_row, (header, ["---"] * len(header), *rows)))


def _row(cells: Sequence[str]) -> str:
    escaped = (cell.replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def code(text: str) -> str:
    """Returns the text as code in one line."""
    return f"`{' '.join(text.split())}`"


def sentence(text: str) -> str:
    """`text` as one: with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""
