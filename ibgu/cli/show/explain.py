"""`ibgu explain`: one cluster's state, why, what it means, what to do, and how it came."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.cli.show import symbols
from ibgu.cli.show.paper import Paper
from ibgu.cli.show.times import clock, duration
from ibgu.client.answers.members import Member, Run, Visit

_SYMBOLS = {
    "succeeded": (symbols.SUCCEEDED, "green"),
    "failed": (symbols.FAILED, "red"),
    "skipped": (symbols.SKIPPED, None),
    "cancelled": (symbols.FAILED, "red"),
    "in flight": (symbols.RUNNING, "blue"),
    "waiting": (symbols.WAITING, None),
}
_REASONS = {
    "Looking": (symbols.LOOKING, None),
    "Rebooting": (symbols.REBOOTING, "blue"),
    "Diverged": (symbols.TAKEN_OVER, "yellow"),
}
_CAUSES = {"TakenOver": (symbols.TAKEN_OVER, "yellow")}
_WHO = {
    "ibgu": "nothing: ibgu goes on by itself",
    "cluster": "wait for the cluster, or see what it is at",
    "person": "this waits for a person, as the line above says",
}


class Case(Struct, frozen=True):
    visits: Sequence[Visit]
    """The steps that the cluster was in, newest first; the first one is explained."""
    now: datetime

    @property
    def member(self) -> Member:
        return self.visits[0].member


def explain_lines(case: Case, paper: Paper) -> list[str]:
    facts = {
        "why": _why(case.member),
        "means": case.member.means or "",
        "do": _do(case.member),
        "late": case.member.late,
        "limit": _limit(case),
        "history": " · ".join(_history(case)),
    }
    lines = [_headline(case, paper)]
    return lines + [f"{name:<8} {text}" for name, text in facts.items() if text]


def _headline(case: Case, paper: Paper) -> str:
    member = case.member
    reason = member.reason.kind if member.reason else ""
    symbol, colour = (
        _CAUSES.get(member.cause or "")
        or _REASONS.get(reason)
        or _SYMBOLS[member.outcome or member.state]
    )
    state = paper.paint(f"{symbol} {_state(member, case.now)}", colour, bold=True)
    rollout = case.visits[0].rollout
    where = f"{rollout.namespace}/{rollout.name} · step {member.step}"
    return f"{member.cluster} · {where} · {state}"


def _state(member: Member, now: datetime) -> str:
    action = member.failed_action or member.action or ""
    if member.state == "finished":
        ended = f"{duration(now - member.ended_at)} ago" if member.ended_at else ""
        what = f"{action} " if member.failed_action else ""
        return f"{what}{member.outcome} {ended}{_attempt(member)}".strip()
    if member.reason is None:
        return f"{action}: {member.state}{_attempt(member)}"
    since = duration(now - member.reason.since)
    if member.state == "in flight":
        return f"{action}: {member.reason.kind} for {since}{_attempt(member)}"
    return f"waits with {action} for {since}: {member.reason.kind}"


def _attempt(member: Member) -> str:
    run = member.run
    if run is None:
        return ""
    ran = _span(run.arming_at, run.ended_at)
    return f" (attempt {member.attempt}" + (f", ran {duration(ran)})" if ran else ")")


def _span(start: datetime | None, end: datetime | None) -> timedelta | None:
    return end - start if start and end else None


def _why(member: Member) -> str:
    reason = member.reason
    words = reason.message if reason else member.message
    named = member.failure or (reason.kind if reason else member.cause)
    words = " ".join(words.split())
    return f"{words}   [{named}]".strip() if named else words


def _do(member: Member) -> str:
    if member.remedy:
        return member.remedy
    return _WHO.get(member.reason.who, "") if member.reason else ""


def _limit(case: Case) -> str:
    limit = case.member.limit
    if not limit or case.member.state == "finished":
        return ""
    left = limit - case.now
    past = "passed" if left < timedelta() else f"in {duration(left)}"
    return f"{clock(limit, case.now)} ({past})"


def _history(case: Case) -> Iterator[str]:
    """Oldest first: when each attempt began and how it ended."""
    for visit in reversed(case.visits):
        for run in visit.runs:
            yield from _run(run, case.now)
        for done in visit.member.completed:
            if done.note:
                yield f"{clock(done.at, case.now)} {done.action} {done.note}"


def _run(run: Run, now: datetime) -> Iterator[str]:
    began = run.arming_at or run.intended_at
    again = f" again ({run.attempt})" if run.attempt > 1 else ""
    yield f"{clock(began, now)} {run.action} started{again}"
    if run.ended_at:
        result = _RESULTS.get(run.result or "", run.result)
        took = duration(run.ended_at - began)
        yield f"{clock(run.ended_at, now)} {run.action} {result} ({took})"


_RESULTS = {"limit": "past its limit"}
