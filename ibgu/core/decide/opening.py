"""Membership: taken from one consistent list when the step starts, then fixed (R2)."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from ibgu.core.decide.turn import Answer, Turn
from ibgu.core.model import (
    ClusterView,
    Kind,
    Member,
    OnMember,
    Reason,
    ReasonKind,
    StepState,
    Who,
)
from ibgu.core.plan import select, why_nobody
from ibgu.core.snapshot import Snapshot


def start_step(snapshot: Snapshot, clusters: Sequence[ClusterView], now: datetime) -> Answer:
    """Start the opening step with the clusters that match; `clusters` is the whole list.

    A payload that can't be carried keeps the step closed: no cluster is touched.
    """
    with snapshot.world.draft() as undo:
        turn = Turn(snapshot, now, undo)
        if snapshot.payload.problem:
            _keep_closed(turn, snapshot.payload.problem)
        else:
            _start(turn, clusters)
        return turn.answer


def _keep_closed(turn: Turn, problem: str) -> None:
    book = turn.book.current
    assert book is not None
    if book.step.hold is None or book.step.hold.message != problem:
        reason = Reason(ReasonKind.PAYLOAD_BLOCKED, turn.now, problem, None, Who.PERSON)
        turn.on_step(Kind.STEP_HELD, book.step, problem, warning=True, hold=reason)


def _start(turn: Turn, clusters: Sequence[ClusterView]) -> None:
    book = turn.book.current
    assert book is not None
    selectors = turn.rollout.spec.cluster_label_selectors
    barred = set() if book.step.first.cancels else turn.world.barred(turn.rollout)
    chosen = select(clusters, selectors, book.step.first, turn.world.debts, barred)
    if not chosen:
        why = why_nobody(clusters, selectors, book.step.first, turn.world.debts, barred)
        said = f"step {book.step.index + 1}: {why}"
    else:
        said = f"step {book.step.index + 1} starts with {len(chosen)} clusters"
    turn.on_step(
        Kind.STEP_STARTED,
        book.step,
        said,
        warning=not chosen,
        state=StepState.RUNNING,
        started_at=turn.now,
        total=len(chosen),
        hold=None,
        payload_digest=turn.snapshot.payload.digest,
    )
    _join(turn, chosen)
    if turn.rollout.started_at is None:
        turn.on_rollout(Kind.ROLLOUT_STARTED, "the first step has started", started_at=turn.now)


def _join(turn: Turn, chosen: Iterable[ClusterView]) -> None:
    book = turn.book.current
    assert book is not None
    for position, cluster in enumerate(chosen):
        member = Member(
            rollout=turn.rollout.uid,
            step=book.step.index,
            cluster=cluster.name,
            uid=cluster.uid,
            position=position,
            reason=Reason(ReasonKind.SLOT, turn.now, "waits for a slot"),
        )
        turn.say(OnMember(Kind.WAITS, member, "belongs to the step"))
