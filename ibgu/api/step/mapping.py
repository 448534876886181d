"""Maps a step's members to columns, thousands at a time, and therefore without a model for each."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from ibgu.api.failures.mapping import known_failure
from ibgu.api.rollouts.overdue import hold_overdue, overdue_among, stalled_among
from ibgu.core.engine.gates.registry import stops_all
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import MemberState, Reason, completed_late
from ibgu.core.views.display import DisplayState, startable, word
from ibgu.core.views.forecast import Point, curve
from ibgu.db.views import GridRow, ProgressRow


class GridFields(Struct):
    """GridFields has the fields of `schemas.step.Grid`."""

    step: int | None
    seq: int
    clusters: list[str] = []
    states: list[DisplayState] = []
    reasons: list[str | None] = []
    causes: list[str | None] = []
    failures: list[str | None] = []
    since: list[str | datetime | None] = []
    stalled: list[bool] = []
    overdue: list[bool] = []
    warned: list[bool] = []
    rollback: list[bool] = []


def grid(
    step: int | None,
    row: GridRow,
    hold: Reason | None,
    duration_stats: DurationsByAction,
    *,
    followed: bool = True,
) -> GridFields:
    """`followed`: whether the journal still learns until when clusters can be rolled back."""
    found = GridFields(step, row.seq)
    held_late = hold_overdue(hold, row.now) is not None
    for cell in row.cells:
        _add(found, hold, held_late, *cell)
    slow = stalled_among(row.flights, row.now, duration_stats)
    found.stalled.extend(cluster in slow for cluster in found.clusters)
    late = overdue_among(row.flights, row.now, duration_stats)
    found.overdue = [
        waiting_late or cluster in late
        for cluster, waiting_late in zip(found.clusters, found.overdue, strict=True)
    ]
    if not followed:
        found.rollback = [False] * len(found.clusters)
    return found


def no_grid(seq: int) -> GridFields:
    """Returns an empty grid, for a rollout before its first step."""
    return GridFields(None, seq)


def _add(
    found: GridFields,
    hold: Reason | None,
    held_late: bool,
    cluster: str,
    state: str,
    kind: str,
    since: str,
    outcome: str | None,
    cause: str | None,
    ended_at: datetime | None,
    failed_action: str | None,
    message: str,
    late: str,
    overdue: bool,
    warned: bool,
    rollback: bool,
) -> None:
    completed = completed_late(outcome, late)
    finished = state == MemberState.FINISHED
    shown = hold if hold is not None and startable(state, kind) else None
    found.clusters.append(cluster)
    found.states.append(word(state, kind, outcome, completed, held=stops_all(hold)))
    found.reasons.append(None if finished else shown.kind if shown else kind)
    found.causes.append(None if completed else cause)
    found.failures.append(None if completed else _failure(failed_action, message))
    found.since.append(ended_at if finished else shown.since if shown else since)
    found.overdue.append(held_late if shown else overdue)
    found.warned.append(warned)
    found.rollback.append(rollback)


def _failure(action: str | None, message: str) -> str | None:
    known = known_failure(action, message) if action and message else None
    return known.name if known else None


def timeline(row: ProgressRow | None, intervals: int) -> dict[str, Any]:
    if row is None or row.step.started_at is None:
        return {"step": None, "slots": None, "points": []}
    points: list[Point] = curve(row.step.started_at, row.interval, intervals, row.changes)
    return {"step": row.step.index + 1, "slots": row.step.max_concurrency, "points": points}
