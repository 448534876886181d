"""Prints what preflight rules find in files."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest

import typer

from ibgu.cli.errors import FAILED
from ibgu.cli.show.form import as_json
from ibgu.cli.show.output_style import OutputStyle, page, stdout
from ibgu.client.harmless import cleaned
from ibgu.core.drivers.ibu.preflight import PreflightFinding, Severity
from ibgu.core.text.counted import counted
from ibgu.core.text.harmless import one_line

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}
"""The severities of what files tell: nothing is unknown there."""


def report(findings: Sequence[PreflightFinding], documents: int, *, json: bool) -> None:
    """Prints the findings, and ends the command if one is an error."""
    if json:
        typer.echo(as_json(body_of(findings)))
    else:
        typer.echo(page(as_text(findings, documents, stdout())))
    if errors(findings):
        raise typer.Exit(FAILED)


def errors(findings: Sequence[PreflightFinding]) -> int:
    return sum(found.severity is Severity.ERROR for found in findings)


def body_of(findings: Sequence[PreflightFinding]) -> dict[str, object]:
    """Returns the findings as programs read them."""
    return {
        "findings": [_item(cleaned(found)) for found in findings],
        "summary": {severity: _count(findings, severity) for severity in _COLOURS},
    }


def _item(found: PreflightFinding) -> dict[str, object]:
    at = found.at
    return {
        "rule": found.rule.id,
        "severity": found.severity,
        "object": at.object,
        "field": at.field,
        "file": at.file,
        "line": at.line,
        "message": found.message,
        "remedy": found.remedy,
        "reference": found.rule.reference,
    }


def as_text(
    findings: Sequence[PreflightFinding], documents: int, style: OutputStyle
) -> Iterator[str]:
    """Yields a line as compilers print it for each finding, so that editors jump there."""
    for found, after in zip_longest(findings, findings[1:]):
        level = style.paint(f"{found.severity} {found.rule.id}", _COLOURS[found.severity])
        where = " ".join(filter(None, (found.at.object, found.at.field)))
        yield f"{_place(found)}{level}: {one_line(where)}: {one_line(found.message)}"
        # A remedy for several findings in a row is printed once, after the last.
        if after is None or after.remedy != found.remedy:
            yield from style.under("    → ", found.remedy)
    yield _sum(findings, documents)


def _place(found: PreflightFinding) -> str:
    if not found.at.file:
        return ""
    line = f":{found.at.line}" if found.at.line else ""
    return f"{one_line(found.at.file)}{line}: "


def _sum(findings: Sequence[PreflightFinding], documents: int) -> str:
    counts = [(each, _count(findings, each)) for each in _COLOURS]
    parts = [counted(count, each) for each, count in counts if count]
    return f"{', '.join(parts) or 'no findings'} in {counted(documents, 'document')}"


def _count(findings: Sequence[PreflightFinding], severity: Severity) -> int:
    return Counter(found.severity for found in findings)[severity]
