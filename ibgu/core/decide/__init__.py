"""The centre of the program: what should happen now, and why.

`decide` is a function of the snapshot and the time. It drafts its decisions in the world so
that later ones see earlier ones, and leaves the world as it was.
"""

from collections.abc import Iterable
from datetime import datetime

from ibgu.core.decide.controls import decide_controls
from ibgu.core.decide.debts import decide_debt
from ibgu.core.decide.late import decide_finished
from ibgu.core.decide.opening import start_step
from ibgu.core.decide.rollouts import decide_rollout, ibu_annotations, open_next_step
from ibgu.core.decide.running import decide_running
from ibgu.core.decide.stagework import REMOVE, Remove, payload_wanted, stage_work
from ibgu.core.decide.steps import decide_step
from ibgu.core.decide.turn import Answer, Turn
from ibgu.core.decide.waiting import decide_waiting
from ibgu.core.model import MemberState, StepState
from ibgu.core.snapshot import Snapshot

__all__ = [
    "REMOVE",
    "Answer",
    "Remove",
    "decide",
    "decide_debt",
    "ibu_annotations",
    "payload_wanted",
    "stage_work",
    "start_step",
]


def decide(snapshot: Snapshot, touched: Iterable[str], now: datetime) -> Answer:
    """What follows from the snapshot for the clusters in `touched` and for the rollout.

    A numbered cycle: (1) the object on the hub, (2) a person's controls, (3) the touched
    members, evidence before deadlines, (4) the running step: deadline, starts, clock, end,
    (5) the next step.
    """
    with snapshot.world.draft() as undo:
        turn = Turn(snapshot, now, undo)
        was_live = turn.rollout.deleted_at is None
        decide_rollout(turn)
        decide_controls(turn)
        for cluster in _everybody(turn) if was_live and turn.rollout.deleted_at else touched:
            _decide_members(turn, cluster)
        _decide_current_step(turn)
        open_next_step(turn)
        return turn.answer


def _everybody(turn: Turn) -> list[str]:
    """A deletion concerns every member that is not done with (R16)."""
    members = [*turn.book.unfinished(), *turn.book.watched()]
    return list(dict.fromkeys(member.cluster for member in members))


def _decide_members(turn: Turn, cluster: str) -> None:
    for step in turn.book.steps:
        member = step.members.get(cluster)
        if member is not None:
            _BY_STATE[member.state](turn, member)


def _decide_current_step(turn: Turn) -> None:
    book = turn.book.current
    if book is not None and book.step.state is StepState.RUNNING:
        decide_step(turn, book)


_BY_STATE = {
    MemberState.WAITING: decide_waiting,
    MemberState.IN_FLIGHT: decide_running,
    MemberState.FINISHED: decide_finished,
}
