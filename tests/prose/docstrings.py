"""Finds docstrings that begin with a fragment instead of their subject."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.prose.vale import Finding

FRAGMENTS = frozenset(
    {"Of", "It", "Its", "What", "As", "By", "Who", "Whose", "How", "Which", "When", "Else", "Also"}
)
"""First words behind which no subject stands. "Returns what …" and "The state of …" have one."""
MESSAGE = "begins with '{}': name the subject, as in 'Returns …' or 'The …'"

_WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def fragments(paths: Iterable[Path]) -> Iterator[Finding]:
    """Yields the fragments of the Python files; a class may open with its own name."""
    for path in paths:
        if path.suffix == ".py":
            yield from _of_module(path)


def _of_module(path: Path) -> Iterator[Finding]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, _WITH_DOCSTRING) or not (text := ast.get_docstring(node)):
            continue
        first = text.partition(" ")[0].rstrip(",:;")
        if first in FRAGMENTS and first != getattr(node, "name", ""):
            line = node.body[0].lineno
            yield Finding(path, line, "docstring", MESSAGE.format(first))
