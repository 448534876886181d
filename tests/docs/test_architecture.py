"""The map shows every package, and all files and functions that the page names exist."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.structure import FIGURES

ROOT = Path(__file__).parents[2]
MAP = (ROOT / "docs/architecture.md").read_text()
PACKAGES = MAP.split("## The packages")[1].split("## Find your way")[0]
NAMED = sorted(set(re.findall(r"`(\w+(?:/[\w.-]+)+(?::\w+)?)`", MAP)))
ROOTS = (ROOT, ROOT / "ibgu", ROOT / "ibgu/core")
WALKS = MAP.split("## Find your way")[1].split("## Add a gate")[0]
STOPS = re.findall(r"^(\d+)\. `[\w/]+\.py:\w+`", WALKS, re.MULTILINE)


LINES_A_MINUTE = 20
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(places: list[str]) -> dict[str, Function]:
    """Returns the definitions of the functions that are named as file:function."""
    known: dict[str, Function] = {}
    for place in places:
        name, _, wanted = place.partition(":")
        file = next(root / name for root in ROOTS if (root / name).exists())
        nodes = ast.walk(ast.parse(file.read_text()))
        known[place] = next(n for n in nodes if isinstance(n, Function) and n.name == wanted)
    return known


TOUR = functions(re.findall(r"`([\w/]+\.py:\w+)`", WALKS.split("## One rollout's way")[1]))


def packages(*folders: str) -> list[str]:
    found = (each.parent for folder in folders for each in (ROOT / folder).glob("*/__init__.py"))
    return sorted(str(each.relative_to(ROOT)) for each in found)


def found(place: str) -> bool:
    """Whether the file is there, and defines the function or class after the colon, if any."""
    name, _, wanted = place.partition(":")
    files = [root / name for root in ROOTS if (root / name).exists()]
    return bool(files) and (not wanted or wanted in defined(files[0]))


def defined(file: Path) -> set[str]:
    """Returns the names of the file's functions, methods and classes."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, kinds)}


@pytest.mark.parametrize("package", packages("ibgu", "ibgu/core", "ibgu/controller"))
def test_a_package_is_on_the_map(package: str) -> None:
    assert re.search(rf"\b{package.rpartition('/')[2]}\b", PACKAGES)


@pytest.mark.parametrize("place", NAMED)
def test_a_place_that_is_named_is_there(place: str) -> None:
    assert found(place)


@pytest.mark.parametrize(
    "place", ["core/gone.py", "ibgu/settings.py:gone", "core/model/gone.py:Kind"]
)
def test_a_place_that_is_gone_is_found(place: str) -> None:
    assert not found(place)


def test_a_rollouts_way_is_read_in_half_an_hour() -> None:
    assert [int(stop) for stop in STOPS] == list(range(1, len(STOPS) + 1))
    lines = sum(node.end_lineno - node.lineno + 1 for node in TOUR.values() if node.end_lineno)
    assert lines <= 30 * LINES_A_MINUTE, "the tour has grown: leave out a stop, or split a function"


@pytest.mark.parametrize("place", TOUR)
def test_a_function_on_the_way_says_what_it_does(place: str) -> None:
    assert ast.get_docstring(TOUR[place]), f"{place} has no docstring, which the tour says to read"


@pytest.mark.parametrize(
    "place",
    [
        "controller/mirror/mirror.py:_object_changed",
        "core/engine/decide/step/opening.py:start_listed_step",
        "core/engine/decide/member/running.py:decide_in_flight",
        "core/engine/decide/member/ending.py:succeed_run",
        "core/views/status/__init__.py:status_of",
        "core/engine/decide/rollout/rollouts.py:open_next_step",
        "core/engine/decide/member/late.py:decide_finished",
    ],
)
def test_the_way_goes_from_the_apply_to_the_end(place: str) -> None:
    assert place in TOUR


def test_a_walk_says_how_many_files_it_takes() -> None:
    for row in re.findall(r"^\| .*`.*$", WALKS, re.MULTILINE):
        files = set(re.findall(r"`([\w/]+(?:\.py|\.md|/gates))[:`]", row))
        assert row.endswith(f" | {len(files)} |")


@pytest.mark.parametrize("head", FIGURES)
def test_the_structure_in_numbers_is_at_most_a_twentieth_off(head: str) -> None:
    counted = FIGURES[head]()
    row = next(line for line in MAP.splitlines() if re.match(rf"\| {head}\b", line))
    written = [int(number.replace(",", "")) for number in re.findall(r"[\d,]+", row.split("|")[2])]
    assert written == pytest.approx(counted, rel=0.05, abs=2), "python -m tests.docs.structure"
