"""Declares what a check finds."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


class Finding(Struct, frozen=True):
    check: str
    level: Level
    found: str
    """One line."""
    do: str = ""
    """One line; never empty for a warning or an error."""


def ok(check: str, found: str) -> Finding:
    return Finding(check, Level.OK, found)


def warning(check: str, found: str, do: str) -> Finding:
    return Finding(check, Level.WARNING, found, do)


def error(check: str, found: str, do: str) -> Finding:
    return Finding(check, Level.ERROR, found, do)


def skipped(check: str, why: str, do: str = "") -> Finding:
    return Finding(check, Level.SKIPPED, why, do)


def exit_code(findings: Iterable[Finding]) -> int:
    """Returns the exit code: 0: nothing to do; 1: warnings; 2: errors."""
    levels = {finding.level for finding in findings}
    if Level.ERROR in levels:
        return 2
    return 1 if Level.WARNING in levels else 0
