"""Finds docstrings that begin with a fragment instead of their subject."""

import ast
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from tests.prose.vale import Finding

FRAGMENTS = frozenset(
    {"Of", "It", "Its", "What", "As", "By", "Who", "Whose", "How", "Which", "When", "Else", "Also"}
    | {"Or", "Like", "At"}
)
"""First words behind which no subject stands. "Returns what …" and "The state of …" have one."""
OF_FIELDS = frozenset({"Of", "It", "Its", "As", "By", "Also", "From", "With", "In", "For", "Not"})
"""First words behind which a field's docstring has no subject. "When …" and "Why …" say what the
value is."""
MESSAGE = "begins with '{}': name the subject, as in 'Returns …' or 'The …'"

_WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def fragments(paths: Iterable[Path]) -> Iterator[Finding]:
    """Yields the fragments of the Python files; a class may open with its own name."""
    for path in paths:
        if path.suffix == ".py":
            yield from _of_module(path)


def _of_module(path: Path) -> Iterator[Finding]:
    for node in ast.walk(ast.parse(path.read_text())):
        yield from _of_fields(path, node)
        if not isinstance(node, _WITH_DOCSTRING) or not (text := ast.get_docstring(node)):
            continue
        first = text.partition(" ")[0].rstrip(",:;")
        if first in FRAGMENTS and first != getattr(node, "name", ""):
            line = node.body[0].lineno
            yield Finding(path, line, "docstring", MESSAGE.format(first))


def _of_fields(path: Path, node: ast.AST) -> Iterator[Finding]:
    body = getattr(node, "body", None)
    for field, said in pairwise(body if isinstance(body, list) else ()):
        if not isinstance(field, ast.Assign | ast.AnnAssign) or not isinstance(said, ast.Expr):
            continue
        text = said.value.value if isinstance(said.value, ast.Constant) else None
        first = text.partition(" ")[0].rstrip(",:;") if isinstance(text, str) else ""
        if first in OF_FIELDS:
            yield Finding(path, said.lineno, "docstring", MESSAGE.format(first))
