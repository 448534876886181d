"""Citations of the repository's files: rules, decisions, and texts that are not in it."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.docs.site import ROOT

RULE = re.compile(r"\bR\d+(?:\.\d+)?\b")
DECISION = re.compile(r"\b[Dd]ecisions?[\s#]+(\d+)|decisions/(\d+)-")
ELSEWHERE = re.compile(
    r"\bthe design\b"
    r"|\bdesign(?:\.md\b|,? (?:section |§ ?)?\d|,? R\d)"
    r"|(?<![\w-])(?:talm|cgu|wire|stack|peers|beside-talm|spoke-and-work-api)\.md\b"
    r"|\bfacts(?:/|: )[\w-]+(?:\.md\b|[ ,]*§)"
    r"|\bpreflight (?:rule )?P\d"
)
"""Notes from before the first line of code: anyone who reads a file here does not have them."""


class Citation(NamedTuple):
    path: str
    line: int
    text: str


class Source(NamedTuple):
    path: str
    text: str

    def find(self, pattern: re.Pattern[str]) -> Iterator[tuple[Citation, re.Match[str]]]:
        for found in pattern.finditer(self.text):
            line = self.text.count("\n", 0, found.start()) + 1
            yield Citation(self.path, line, found[0]), found


def sources(*but: Path) -> list[Source]:
    """Returns all files with text that git has or would take, but those of others, and `but`."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    told = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    left_out = {str(path.relative_to(ROOT)) for path in but}
    names = (name for name in told.splitlines() if name not in left_out and not _of_others(name))
    found = ((name, _text(ROOT / name)) for name in names)
    return [Source(name, text) for name, text in found if text is not None]


def _of_others(name: str) -> bool:
    return "/vendor/" in name or name.endswith((".lock", ".sum"))


def _text(path: Path) -> str | None:
    """None: it is deleted, or no text."""
    try:
        return path.read_text()
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def cited_rules(source: Source) -> Iterator[tuple[Citation, str]]:
    return ((citation, found[0]) for citation, found in source.find(RULE))


def cited_decisions(source: Source) -> Iterator[tuple[Citation, int]]:
    return ((citation, int(found[1] or found[2])) for citation, found in source.find(DECISION))


def cited_elsewhere(source: Source) -> Iterator[Citation]:
    return (citation for citation, _ in source.find(ELSEWHERE))
