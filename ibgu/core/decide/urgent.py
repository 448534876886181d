"""Whom a turn does not keep waiting: where a slot stands still meanwhile.

That chooses when a turn begins, and never what it decides.
"""

from ibgu.core.book import Book
from ibgu.core.model import Member, MemberState, Run, RunState, WorkView
from ibgu.core.observe import VerdictKind, answers, speaks_for, verdict

_WAITS_FOR_HUB = (RunState.INTENDED, RunState.ENDED)
"""For a payload, a label, an answer; for the work to be disarmed, or the next action's feedback."""


def urgent(book: Book, cluster: str) -> bool:
    """Something about the cluster has changed; may it let its slot go on?"""
    run = _in_flight(book.latest(cluster))
    return run is not None and run.state in _WAITS_FOR_HUB


def urgent_news(book: Book, cluster: str, work: WorkView) -> bool:
    """What the work tells: may it free a slot, or fill one that is free?

    After a reboot a cluster tells that it is through some milliseconds before that is proven; the
    turn is for the proof (R7).
    """
    member = book.latest(cluster)
    if member is None:
        return False
    run = _in_flight(member)
    return _ends(work, run) if run is not None else _answers(book, member, work)


def _in_flight(member: Member | None) -> Run | None:
    if member is None or member.state is not MemberState.IN_FLIGHT:
        return None
    return member.run


def _ends(work: WorkView, run: Run) -> bool:
    ibu = work.ibu
    if ibu is None or not speaks_for(work, run):
        return False
    return verdict(ibu, run.action).kind is not VerdictKind.RUNNING


def _answers(book: Book, member: Member, work: WorkView) -> bool:
    if member.look is None or member.state is not MemberState.WAITING:
        return False
    return book.steps[member.step].free > 0 and answers(work, member.look)
