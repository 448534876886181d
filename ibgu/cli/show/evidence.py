"""Shows what was read on a cluster after its failure, for `ibgu explain`."""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.times import duration
from ibgu.client.responses import EvidenceObjectResponse, EvidenceResponse
from ibgu.core.text.counted import counted


def evidence_lines(found: EvidenceResponse, now: datetime, style: OutputStyle) -> list[str]:
    """Returns the lines. Commands are not wrapped, so that they can be copied."""
    fact_lines = [style.under(f"{name:<8} ", text) for name, text in _facts(found, now)]
    commands = [
        f"{'' if index else 'on site':<8} {each}" for index, each in enumerate(found.commands)
    ]
    return [*chain.from_iterable(fact_lines), *commands]


def _facts(found: EvidenceResponse, now: datetime) -> Iterator[tuple[str, str]]:
    if found.problem:
        yield "velero", found.problem
    for index, each in enumerate(found.objects):
        yield ("" if index else "velero"), _object(each)
    if found.read_at:
        yield "read", f"{duration(now - found.read_at)} ago"
    if found.cause:
        yield "cause", f"{found.cause.means}   [{found.cause.failure}]"
        yield "fix", found.cause.remedy


def _object(found: EvidenceObjectResponse) -> str:
    counts = [
        counted(count, noun)
        for count, noun in ((found.errors, "error"), (found.warnings, "warning"))
        if count
    ]
    first = ", ".join(filter(None, (f"{found.object} {found.phase}".strip(), *counts)))
    return f"{first}: {'; '.join(found.messages)}" if found.messages else first
