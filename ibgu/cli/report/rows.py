"""Writes the rows of a report as CSV: one for each cluster and action."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from ibgu.cli.report.actions import ReportedAction, reported_actions
from ibgu.cli.report.totals import FailureKey, failure_key
from ibgu.client.responses import MemberAttemptsResponse, RolloutResponse
from ibgu.core.text.harmless import one_line
from ibgu.core.text.spans import utc

_OF_ROLLOUT = ("namespace", "rollout", "uid", "kind", "release")
_OF_ACTION = (
    *("step", "action", "begin", "end", "seconds", "attempts", "outcome"),
    *("cause", "failure", "message", "remedy", "note"),
)
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
"""First characters of what a spreadsheet would calculate."""


class ReportedRow(Struct, frozen=True):
    """ReportedRow is one member of a step, which becomes a row for each action of the step."""

    rollout: RolloutResponse
    found: MemberAttemptsResponse
    planned: tuple[str, ...]
    remedies: Mapping[FailureKey, str]


def csv_lines(found: Iterable[ReportedRow], labels: Sequence[str]) -> Iterator[str]:
    """Yields the lines without their ends, beginning with the names of the columns."""
    yield _line((*_OF_ROLLOUT, "cluster", *(f"label:{name}" for name in labels), *_OF_ACTION))
    for row in found:
        rollout, member = row.rollout, row.found.member
        head = (
            *(rollout.namespace, rollout.name, rollout.uid, rollout.kind),
            rollout.release.version or rollout.release.image,
            member.cluster,
            *(row.found.labels.get(name, "") for name in labels),
            str(member.step),
        )
        for action in reported_actions(row.found, row.planned):
            yield _line((*head, *_cells(action, row)))


def _cells(action: ReportedAction, row: ReportedRow) -> Iterator[str]:
    seconds = action.seconds
    failed = action.action == row.found.member.failed_action
    yield action.action
    yield _time(action.begin)
    yield _time(action.end)
    yield "" if seconds is None else f"{seconds:.0f}"
    yield str(action.attempts)
    yield action.outcome
    yield action.cause
    yield action.failure
    yield action.message
    yield row.remedies.get(failure_key(row.found.member), "") if failed else ""
    yield action.note


def _time(at: datetime | None) -> str:
    return utc(at) if at else ""


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([_cell(cell) for cell in cells])
    return text.getvalue()


def _cell(text: str) -> str:
    """Returns the text in one line; a spreadsheet takes one that begins like a formula as text."""
    line = one_line(text)
    return f"'{line}" if line.startswith(_FORMULA) else line
