"""`ibgu history`: every attempt on a cluster, over all rollouts."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from ibgu.cli.show.clusters import rollout_name
from ibgu.cli.show.names import reason_words
from ibgu.cli.show.table import table
from ibgu.cli.show.times import clock, duration
from ibgu.client.responses import MemberResponse, RunResponse, VisitResponse
from ibgu.core.drivers import KIND_TEXTS

_NARROW = ("ROLLOUT", "STEP", "ACTION", "ATTEMPT", "STARTED", "TOOK", "RESULT", "CAUSE")
_WIDE = ("RUN", "WORDS")
_NOTHING = "-"


def history_lines(visits: Sequence[VisitResponse], now: datetime, *, wide: bool) -> list[str]:
    """Returns the lines, newest last, as in a log; `visits` come with the newest first."""
    rows = [row for visit in reversed(visits) for row in _rows(visit, now)]
    headings = (*_NARROW, *(_WIDE if wide else ()))
    return table(headings, [row[: len(headings)] for row in rows])


def _rows(visit: VisitResponse, now: datetime) -> Iterator[list[str]]:
    where = [rollout_name(visit.rollout), str(visit.member.step)]
    for run in visit.runs:
        yield [*where, *_run(run, now)]
    if not visit.runs:
        yield [*where, *_without_run(visit.member, now)]


def _run(run: RunResponse, now: datetime) -> list[str]:
    began = run.arming_at or run.intended_at
    took = duration((run.ended_at or now) - began)
    return [
        run.action,
        str(run.attempt),
        clock(began, now),
        took,
        run.result or run.state,
        _cause(run),
        run.id,
        " ".join(run.message.split()) or _NOTHING,
    ]


def _cause(run: RunResponse) -> str:
    """Returns the known failure's name, as everywhere else, or the cause."""
    known = KIND_TEXTS.failure(run.action, run.message) if run.cause else None
    return known.name if known else run.cause or _NOTHING


def _without_run(member: MemberResponse, now: datetime) -> list[str]:
    """Returns the lines of a member that waits, or ended before anything was started."""
    reason = member.reason
    words = " ".join((reason.message if reason else member.message).split())
    done = member.completed[-1] if member.completed else None
    return [
        member.failed_action or member.action or (done.action if done else _NOTHING),
        _NOTHING,
        clock(member.ended_at, now) if member.ended_at else _NOTHING,
        _NOTHING,
        member.outcome or member.state,
        member.failure or member.cause or (reason_words(reason) if reason else _NOTHING),
        _NOTHING,
        words or (done.note if done and done.note else _NOTHING),
    ]
