"""Maps events, with their data named as everywhere else in the API."""

from collections.abc import Collection
from typing import Any

from msgspec.structs import replace
from pydantic.alias_generators import to_camel

from ibgu.api.events.schemas import EventBody
from ibgu.api.requests.readable import Readable
from ibgu.core.model import Cause, Kind, Outcome, RunResult
from ibgu.core.model.claims import (
    ANOTHER_NAMESPACE,
    CANCELLATIONS,
    cancelled_by,
    without_last_words,
)
from ibgu.db.views import EventRow

_SAME = ("seq", "at", "kind", "why", "cause", "warning", "actor", "rollout", "cluster", "run")

_NAME_ROLLOUTS = ("message", "words")
"""Data that may name rollouts, such as the reason of a member that waits."""
_OF_CLUSTER = frozenset(
    {
        Kind.RUN_INTENDED,
        Kind.RUN_ARMING,
        Kind.RUN_ARMED,
        Kind.RUN_ACCEPTED,
        Kind.RUN_PROGRESS,
        Kind.RUN_ENDED,
        Kind.RUN_DISARMED,
        Kind.RUN_REOPENED,
        Kind.ACTION_SKIPPED,
        Kind.ACTION_REPEATED,
        Kind.COMPLETED_LATE,
        Kind.DETAILED,
        Kind.PROBED,
        Kind.LABELS_PENDING,
        Kind.LABELS_UPDATED,
        Kind.LABELS_UNCHANGED,
    }
)
"""Events whose words are about the cluster alone."""
_OF_OTHERS = ("beside", "policies")
"""What a start records of clusters that may be in other namespaces."""
_OF_ROLLOUT = ("author", "rolloutLabels")
"""What a start records of its rollout."""


def event_for(row: EventRow, namespace: str | None, readable: Readable) -> EventRow:
    """Returns the event as the caller may read it; `namespace`: of its rollout, None if unknown."""
    if readable.includes(namespace):
        return row
    if "facts" in row.data:
        row = replace(row, data={**row.data, "facts": _without(row.data["facts"], _OF_ROLLOUT)})
    outcome, result = row.data.get("outcome"), row.data.get("result")
    taken = outcome == Outcome.CANCELLED or result == RunResult.PREEMPTED
    if row.kind in _OF_CLUSTER and not taken:
        said = {name: without_last_words(str(row.data[name]), row.cause) for name in _said(row)}
        return replace(row, why=without_last_words(row.why, row.cause), data={**row.data, **said})
    named = _said(row)
    data = {name: value for name, value in row.data.items() if name not in named}
    return replace(row, why=_why(row), data=data)


def _said(row: EventRow) -> list[str]:
    return [name for name in _NAME_ROLLOUTS if name in row.data]


def _why(row: EventRow) -> str:
    """Returns why a member ended, or went on, without what names rollouts or their objects."""
    if row.cause in CANCELLATIONS:
        return cancelled_by(ANOTHER_NAMESPACE)
    if row.kind == Kind.FINISHED and row.cause in (Cause.NEVER_STARTED, Cause.TIMED_OUT):
        return without_last_words(row.why, row.cause)
    return row.why if row.kind == Kind.FINISHED else ""


def event_body(row: EventRow) -> EventBody:
    """Returns the event's body, without what it records of other clusters. Only the outer names
    of `data` change: below them are labels, annotations, a plan, and names that are like this
    already."""
    return EventBody(
        **{name: getattr(row, name) for name in _SAME},
        step=None if row.step is None else row.step + 1,
        data={
            to_camel(name): _without(value, _OF_OTHERS) if name == "facts" else value
            for name, value in row.data.items()
        },
    )


def _without(facts: Any, names: Collection[str]) -> Any:
    """Returns the facts of a start without these."""
    if not isinstance(facts, dict):
        return facts
    return {name: value for name, value in facts.items() if name not in names}
