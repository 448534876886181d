"""docs/reliability.md names tests that exist, for every fault."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "reliability.md"
NAMED = re.compile(r"`([a-z0-9_/]+\.py)::(test_\w+)`")


def named() -> list[tuple[str, str]]:
    return sorted(set(NAMED.findall(PAGE.read_text())))


@cache
def functions(file: str) -> set[str]:
    tree = ast.parse((TESTS / file).read_text())
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }


@pytest.mark.parametrize(("file", "name"), named())
def test_every_named_test_exists(file: str, name: str) -> None:
    assert (TESTS / file).is_file()
    assert name in functions(file)


def rows(heading: str) -> list[list[str]]:
    section = PAGE.read_text().partition(f"## {heading}")[2].partition("\n## ")[0]
    found = re.findall(r"^\| (.+) \|$", section, re.MULTILINE)
    return [[cell.strip() for cell in row.split(" | ")] for row in found[1:]]


@pytest.mark.parametrize("row", rows("Faults"), ids=lambda row: str(row[0])[:40])
def test_every_fault_has_its_proof(row: list[str]) -> None:
    fault, seen, proof = row
    assert fault
    assert seen
    assert NAMED.findall(proof)
    assert NAMED.sub("", proof).replace(",", "").strip() == ""
