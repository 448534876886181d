"""Declares what a check finds."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


class Finding(Struct, frozen=True):
    check: str
    level: Level
    found: str
    """One line."""
    do: str = ""
    """One line; never empty for a warning or a problem."""


def ok(check: str, found: str) -> Finding:
    return Finding(check, Level.OK, found)


def warning(check: str, found: str, do: str) -> Finding:
    return Finding(check, Level.WARNING, found, do)


def problem(check: str, found: str, do: str) -> Finding:
    return Finding(check, Level.PROBLEM, found, do)


def skipped(check: str, why: str, do: str = "") -> Finding:
    return Finding(check, Level.SKIPPED, why, do)


def exit_code(findings: Iterable[Finding]) -> int:
    """Returns the exit code: 0: nothing to do; 1: warnings; 2: problems."""
    levels = {finding.level for finding in findings}
    if Level.PROBLEM in levels:
        return 2
    return 1 if Level.WARNING in levels else 0
