"""`ibgu members`: clusters of a rollout in columns."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ibgu.cli.show.names import reason_words
from ibgu.cli.show.table import table
from ibgu.cli.show.times import clock, duration
from ibgu.client.responses import MemberResponse

_NARROW = ("CLUSTER", "STEP", "STATE", "ACTION", "WHY", "TOOK")
_WIDE = ("ATTEMPT", "SLOT", "STARTED", "LIMIT", "ROLLBACK", "WORDS")
_NOTHING = "-"


def members_lines(found: Sequence[MemberResponse], now: datetime, *, wide: bool) -> list[str]:
    headings = (*_NARROW, *(_WIDE if wide else ()))
    return table(headings, [_row(member, now)[: len(headings)] for member in found])


def _row(member: MemberResponse, now: datetime) -> list[str]:
    return [
        member.cluster,
        str(member.step),
        member.outcome or member.state,
        member.failed_action or member.action or _last(member),
        _why(member),
        _took(member, now),
        str(member.attempt or _NOTHING),
        str(member.slot or _NOTHING),
        _clock(member.started_at, now),
        _clock(member.limit, now),
        _clock(member.rollback_until, now),
        _message(member) or _NOTHING,
    ]


def _last(member: MemberResponse) -> str:
    if member.late and member.run:
        return member.run.action
    return member.completed[-1].action if member.completed else _NOTHING


def _why(member: MemberResponse) -> str:
    """Returns the known failure's name, the cause, or what it waits for; with a mark if it
    stalls or has waited for it too long. A cluster that is done may have warned."""
    warned = "Warning" if member.warning else _NOTHING
    found = (
        member.failure or member.cause or (reason_words(member.reason) if member.reason else warned)
    )
    if member.stalled:
        return f"{found} (stalled)"
    return f"{found} (overdue)" if member.reason and member.reason.overdue else found


def _took(member: MemberResponse, now: datetime) -> str:
    if member.started_at is None:
        return _NOTHING
    return duration(max((member.ended_at or now) - member.started_at, timedelta(0)))


def _clock(at: datetime | None, now: datetime) -> str:
    return clock(at, now) if at else _NOTHING


def _message(member: MemberResponse) -> str:
    reason = member.reason.message if member.reason else ""
    warning = f"warning: {member.warning}" if member.warning else ""
    return " ".join((member.late or member.message or reason or warning).split())
