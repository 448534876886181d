"""The journal's rows of one member of a step: the code's own rows, as templates."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from msgspec import Struct

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Kind, Member, OnMember, RecordedDecision
from ibgu.db.journal.history import event_rows
from ibgu.db.rows import Row, member_row, run_row
from ibgu.db.schema import events, members, runs
from tests.benchmarks.history.copying import template
from tests.benchmarks.history.decided import Attempt, decided, waiting

BEGAN = datetime(2001, 1, 1, tzinfo=UTC)
ENDED = datetime(2002, 1, 1, tzinfo=UTC)
LIMIT = datetime(2003, 1, 1, tzinfo=UTC)
AT = datetime(2004, 1, 1, tzinfo=UTC)
_POSITION, _SLOT, _SEQ = 987_001, 987_002, 987_003
_MARKS = {
    str(_POSITION): "@position@",
    str(_SLOT): "@slot@",
    str(_SEQ): "@seq@",
    **{
        form: f"@{name}@"
        for name, moment in {"began": BEGAN, "ended": ENDED, "limit": LIMIT, "at": AT}.items()
        for form in (moment.isoformat(), moment.isoformat().replace("+00:00", "Z"))
    },
}
"""Fields that are numbers and times, and so can't carry the name of their place."""


class MemberLines(Struct, frozen=True):
    """Lines of COPY, to be filled in."""

    joins: tuple[str, ...]
    starts: tuple[str, ...]
    runs: tuple[str, ...]
    ends: tuple[str, ...]
    settles: tuple[str, ...]
    waiting: str
    """Lines of `members`; the state in which it is."""
    in_flight: str
    finished: str
    running: str
    """Lines of `runs`."""
    over: str


@cache
def life(hub: str, step: int, action: Action, *, fails: bool) -> MemberLines:
    waits = waiting("@rollout@", step, "@cluster@", "@uid@", _POSITION, BEGAN)
    attempt = Attempt(action, "@run@", _SLOT, BEGAN, ENDED, LIMIT, fails)
    found = decided(waits, attempt)
    return MemberLines(
        joins=told_at(hub, AT, (OnMember(Kind.JOINED, waits, "belongs to the step"),)),
        starts=told_at(hub, AT, found.starts),
        runs=told_at(hub, AT, found.runs),
        ends=told_at(hub, AT, found.ends),
        settles=told_at(hub, AT, found.settles),
        waiting=_line(members, member_row(hub, waits)),
        in_flight=_line(members, member_row(hub, found.running)),
        finished=_line(members, member_row(hub, found.over)),
        running=_run_line(hub, found.running),
        over=_run_line(hub, found.over),
    )


def told_at(hub: str, at: datetime, decisions: tuple[RecordedDecision, ...]) -> tuple[str, ...]:
    """Lines of `events`, to be filled in."""
    rows = event_rows(hub, 1, at, decisions)
    return tuple(_line(events, row | {"seq": _SEQ}) for row in rows)


def _run_line(hub: str, member: Member) -> str:
    assert member.run
    return _line(runs, run_row(hub, member, member.run))


def _line(table: Any, row: Row) -> str:
    return template(table, row, _MARKS)
