"""Values reach Postgres as parameters: no query is put together from text."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("ibgu", "migrations")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "sandbox" not in path.parts  # makes databases for tests; it is no part of what serves
]
TAKES_SQL = {"text", "execute", "executemany", "exec_driver_sql", "fetch", "fetchrow", "fetchval"}


def formatted(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, source) of every query that a function puts together.

    What stands outside of functions is made when the module is imported, before anybody has said
    anything: names of tables may be put into a text there, which can't be parameters.
    """
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and _name(node.func) in TAKES_SQL and node.args:
                    yield from _parts(node)


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _parts(call: ast.Call) -> Iterator[tuple[int, str]]:
    """`text` takes nothing but what stands there; others also what was made elsewhere."""
    query = call.args[0]
    if _name(call.func) == "text" and not isinstance(query, ast.Constant):
        yield call.lineno, ast.unparse(query)
    for node in ast.walk(query):
        match node:
            case ast.FormattedValue(value=value):
                yield node.lineno, ast.unparse(value)
            case ast.BinOp(op=ast.Mod() | ast.Add()) if _has_text(node):
                yield node.lineno, ast.unparse(node)
            case ast.Call(func=ast.Attribute(attr="format" | "join" | "replace")):
                yield node.lineno, ast.unparse(node)


def _has_text(node: ast.AST) -> bool:
    return any(
        isinstance(each, ast.JoinedStr)
        or (isinstance(each, ast.Constant) and isinstance(each.value, str))
        for each in ast.walk(node)
    )


def of(path: Path) -> list[str]:
    name = path.relative_to(ROOT)
    return [f"{name}:{line}: {part}" for line, part in formatted(ast.parse(path.read_text()))]


def test_no_query_is_put_together() -> None:
    assert [found for path in SOURCES for found in of(path)] == []
    assert len(SOURCES) > 100


@pytest.mark.parametrize(
    "code",
    [
        "text(f'SELECT {x}')",
        "text(x)",
        "db.execute(text('SELECT ' + x))",
        "db.execute('SELECT %s' % x)",
        "db.fetch('SELECT {}'.format(x))",
    ],
)
def test_a_query_formatted_from_text_is_found(code: str) -> None:
    assert list(formatted(ast.parse(f"def query(x): {code}")))


@pytest.mark.parametrize("code", ["text('SELECT :x')", "db.fetch('SELECT $1', f'{x}')"])
def test_parameters_are_fine(code: str) -> None:
    assert list(formatted(ast.parse(f"def query(x): {code}"))) == []
