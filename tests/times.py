"""Where the time of the tests goes: `make test-times` writes it into docs/contributing/tests.md.

While `TEST_TIMES` names a file, a run writes a line for each of its tests there. It has seconds on
the clock, seconds of CPU, and what the test needs. CPU is that of the process that ran it and of
all that this process has started: its hub, its Postgres, its browser. What is shared by several
tests, as a hub is, counts for the first of them.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct, json

PAGE = Path(__file__).parents[1] / "docs/contributing/tests.md"
_MARK = "<!-- what follows is made by `make test-times` -->\n"
LISTED = 20
"""Seconds: a file that takes less has no line of its own."""
VARIABLE = "TEST_TIMES"
NEEDS = ("nothing", "Postgres", "hub in memory", "real hub", "agent", "TALM", "browser")
"""What the tests of a file may need, from the cheapest to the dearest."""
_BY_FIXTURE = {
    "postgres_url": "Postgres",
    "sandbox_hub": "real hub",
    "audited": "real hub",
    "servers": "agent",
    "talm_program": "TALM",
    "browser": "browser",
}
_BY_NAME = {
    "MemoryHub": "hub in memory",
    "SandboxHub": "real hub",
    "managed_clusters": "agent",
    "RealTalm": "TALM",
}
_TICKS = os.sysconf("SC_CLK_TCK")
_CPU_BEFORE = pytest.StashKey[float]()
_seconds: dict[str, float] = {}
"""How long the phases of each test that runs have taken."""


class Row(Struct):
    test: str
    seconds: float
    cpu: float
    needs: str
    slow: str
    """The key of the reason why the test is slow (tests/tiers.py); empty: `make test` has it."""


def needs_of(item: pytest.Item) -> str:
    """Returns the dearest of `NEEDS` that the test has, by its fixtures and module."""
    fixtures = getattr(item, "fixturenames", ())
    names = vars(getattr(item, "module", item))
    found = {_BY_FIXTURE[name] for name in fixtures if name in _BY_FIXTURE}
    found |= {need for name, need in _BY_NAME.items() if name in names}
    return max(found, key=NEEDS.index, default="nothing")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool, bool]:
    if VARIABLE in os.environ:
        item.stash[_CPU_BEFORE] = _cpu_seconds(os.getpid())
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if VARIABLE in os.environ and call.when == "teardown":
        cpu = _cpu_seconds(os.getpid()) - item.stash[_CPU_BEFORE]
        slow = item.get_closest_marker("slow")
        report.user_properties += [
            ("cpu", max(cpu, 0.0)),
            ("needs", needs_of(item)),
            ("slow", slow.args[0] if slow else ""),
        ]
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if VARIABLE not in os.environ or "PYTEST_XDIST_WORKER" in os.environ:
        return
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0.0) + report.duration
    if report.when == "teardown":
        measured: dict[str, Any] = dict(report.user_properties)
        row = Row(report.nodeid, _seconds.pop(report.nodeid), **measured)
        with Path(os.environ[VARIABLE]).open("ab") as file:
            file.write(json.encode(row) + b"\n")


class Sums(Struct):
    tests: int = 0
    seconds: float = 0.0
    cpu: float = 0.0

    def add(self, row: Row) -> None:
        self.tests += 1
        self.seconds += row.seconds
        self.cpu += row.cpu


def write_tables(measured: Path) -> None:
    """Writes what a run has measured into the contributors' page, behind its mark."""
    rows = [json.decode(line, type=Row) for line in measured.read_bytes().splitlines()]
    PAGE.write_text(PAGE.read_text().partition(_MARK)[0] + _MARK + "\n".join(_tables(rows)) + "\n")


def _tables(rows: list[Row]) -> Iterator[str]:
    by_need, by_reason, by_file = (defaultdict[tuple[str, ...], Sums](Sums) for _ in range(3))
    dearest: dict[str, str] = {}
    for row in rows:
        file = row.test.partition("::")[0]
        dearest[file] = max(dearest.get(file, NEEDS[0]), row.needs, key=NEEDS.index)
        by_need[row.needs,].add(row)
        by_reason[row.slow or "in `make test`",].add(row)
        by_file[file, row.slow].add(row)
    yield from ("", "## By what they need", "", *_table(("needs",), by_need))
    yield from ("", "## By why they are slow", "", *_table(("reason",), by_reason))
    for need in NEEDS:
        of_need = {file: sums for file, sums in by_file.items() if dearest[file[0]] == need}
        long = {file: sums for file, sums in of_need.items() if sums.seconds >= LISTED}
        yield from ("", f"## Files that need {need}", "", *_table(("file", "slow"), long))
        yield f"| {len(of_need) - len(long)} below {LISTED} s | | | | |"


def _table(heads: tuple[str, ...], sums: Mapping[tuple[str, ...], Sums]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} | tests | seconds | of CPU |"
    yield "|" + "---|" * len(heads) + "--:|" * 3
    for names, each in sorted(sums.items(), key=lambda item: -item[1].seconds):
        yield f"| {' | '.join(names)} | {each.tests} | {each.seconds:.0f} | {each.cpu:.0f} |"


def _cpu_seconds(pid: int) -> float:
    """Returns the seconds of CPU of a process, of those that it has started, and of theirs."""
    return sum(_ticks(pid)) / _TICKS


def _ticks(pid: int) -> Iterator[int]:
    folder = Path(f"/proc/{pid}")
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        children = [
            child
            for task in (folder / "task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return  # it has just ended
    yield from (int(ticks) for ticks in fields[11:15])
    for child in children:
        yield from _ticks(int(child))


if __name__ == "__main__":
    write_tables(Path(sys.argv[1]))
