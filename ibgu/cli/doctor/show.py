"""Prints findings as text and for programs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from ibgu.cli.doctor.findings import Finding, Level, exit_code
from ibgu.cli.show import symbols
from ibgu.cli.show.output_style import OutputStyle

_WORST_FIRST = (Level.ERROR, Level.WARNING, Level.OK, Level.SKIPPED)
_SYMBOLS = {
    Level.OK: (symbols.SUCCEEDED, "green"),
    Level.WARNING: (symbols.WARNING, "yellow"),
    Level.ERROR: (symbols.FAILED, "red"),
    Level.SKIPPED: (symbols.SKIPPED, "bright_black"),
}


def body_of(findings: Sequence[Finding]) -> dict[str, object]:
    counts = Counter(finding.level for finding in findings)
    return {
        "findings": findings,
        "summary": {level: counts[level] for level in Level},
        "exitCode": exit_code(findings),
    }


def as_text(findings: Sequence[Finding], style: OutputStyle) -> Iterator[str]:
    width = max((len(finding.check) for finding in findings), default=0)
    for finding, after in zip_longest(findings, findings[1:]):
        symbol, colour = _SYMBOLS[finding.level]
        level = f"{symbol} {finding.level:<8}"
        yield f"{style.paint(level, colour)} {finding.check:<{width}}  {finding.found}"
        # A remedy for several findings in a row is printed once, after the last.
        if finding.do and (after is None or after.do != finding.do):
            yield f"{'':{width + 13}}→ {finding.do}"
    yield _sum(findings)


def _sum(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.level for finding in findings)
    parts = [_counted(counts[level], level) for level in _WORST_FIRST if counts[level]]
    return ", ".join(parts) or "nothing to check"


def _counted(count: int, level: Level) -> str:
    several = count > 1 and level in (Level.ERROR, Level.WARNING)
    return f"{count} {level}{'s' if several else ''}"
