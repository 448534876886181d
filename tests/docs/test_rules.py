"""docs/rules.md is whole: every rule has an anchor, code that exists and a test that exists."""

import ast
import re
from collections import Counter
from functools import cache
from pkgutil import resolve_name
from typing import NamedTuple

import pytest

from tests.docs.site import DOCS, ROOT

PAGE = (DOCS / "rules.md").read_text()
HEADING = re.compile(r'^### <a id="(r\d+)"></a>(R\d+) \S', re.MULTILINE)
PART = re.compile(r'^- <a id="(r\d+\.\d+)"></a>\*\*(R\d+\.\d+)\*\* \S', re.MULTILINE)
GONE = re.compile(r"\*\*(R\d+\.\d+)\*\* Gone\.$", re.MULTILINE)
ROW = re.compile(r"^\| (R\d[^|]*) \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)


class Row(NamedTuple):
    rules: list[str]
    code: list[str]
    tests: list[str]


def rules() -> list[str]:
    return [name for _, name in HEADING.findall(PAGE)]


def parts() -> list[str]:
    return [name for _, name in PART.findall(PAGE)]


def rows() -> list[Row]:
    found = ROW.findall(PAGE)
    return [Row(each[0].split(", "), _quoted(each[1]), _quoted(each[2])) for each in found]


def _quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def named(column: str) -> list[str]:
    return sorted({name for row in rows() for name in getattr(row, column)})


@cache
def functions(file: str) -> frozenset[str]:
    """Names of the tests that pytest collects from a file under tests/."""
    tree = ast.parse((ROOT / "tests" / file).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = (node.name for node in tree.body if isinstance(node, kinds))
    return frozenset(name for name in found if name.startswith("test_"))


def exists(name: str) -> bool:
    """Whether `file` has tests, or `file::function` is one of them."""
    file, _, function = name.partition("::")
    if not (ROOT / "tests" / file).is_file() or not file.rpartition("/")[2].startswith("test_"):
        return False
    return function in functions(file) if function else bool(functions(file))


def test_rules_are_numbered_from_one_without_a_gap() -> None:
    assert rules() == [f"R{number}" for number in range(1, len(rules()) + 1)]
    assert len(rules()) >= 44


@pytest.mark.parametrize("rule", rules())
def test_a_rule_has_parts_that_are_numbered_from_one(rule: str) -> None:
    own = [part for part in parts() if part.startswith(f"{rule}.")]
    assert own == [f"{rule}.{number}" for number in range(1, len(own) + 1)]
    assert own


@pytest.mark.parametrize("rule", rules())
def test_a_rule_says_why_it_exists(rule: str) -> None:
    section = PAGE.partition(f"</a>{rule} ")[2]
    why = section.partition("\n")[2].partition("\n- <a")[0].strip()
    assert why.endswith((".", ")."))


def test_an_anchor_is_the_number_of_its_rule() -> None:
    for anchor, name in (*HEADING.findall(PAGE), *PART.findall(PAGE)):
        assert anchor == name.lower()


def test_every_part_that_is_not_gone_is_in_one_row_and_every_row_is_of_parts() -> None:
    held = Counter(parts()) - Counter(GONE.findall(PAGE))
    assert Counter(name for row in rows() for name in row.rules) == held


@pytest.mark.parametrize("row", rows(), ids=lambda row: ",".join(row.rules))
def test_a_row_names_code_and_tests(row: Row) -> None:
    assert row.code
    assert row.tests


@pytest.mark.parametrize("name", named("code"))
def test_code_that_is_named_exists(name: str) -> None:
    if name.startswith("charts/"):
        assert (ROOT / name).is_file()
    else:
        assert resolve_name(name)


@pytest.mark.parametrize("name", named("tests"))
def test_a_test_that_is_named_exists(name: str) -> None:
    assert exists(name)


@pytest.mark.parametrize(
    "name",
    [
        "core/engine/decide/test_nothing.py",
        "core/engine/decide/fleet.py",
        "core/engine/decide/test_r01_order.py::test_nothing",
        "core/engine/decide/test_r01_order.py::rollout",
    ],
)
def test_names_of_missing_tests_are_found(name: str) -> None:
    assert not exists(name)


def test_code_that_is_gone_is_found() -> None:
    for name in ("ibgu.core.nothing", "ibgu.core.engine.gates.nothing"):
        with pytest.raises((ImportError, AttributeError)):
            resolve_name(name)
