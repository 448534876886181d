"""Membership: taken from one consistent list when the step starts, then fixed (R2)."""

from collections.abc import Iterable, Sequence

from ibgu.core.decide.turn import Turn
from ibgu.core.decide.words import count
from ibgu.core.gates import unread
from ibgu.core.model import (
    Action,
    ClusterView,
    Kind,
    Member,
    OnMember,
    Reason,
    ReasonKind,
    RolloutState,
    StepState,
    Who,
)
from ibgu.core.plan import outside, select, why_nobody


def open_step(turn: Turn, clusters: Sequence[ClusterView]) -> None:
    """Start the opening step with the clusters that match; `clusters` is the whole list.

    A rollout that is held, a namespace that may take nobody, or a payload that can't be carried
    keeps the step closed: no cluster is touched.
    """
    reason = turn.rollout.hold or _scope_problem(turn) or _payload_problem(turn)
    if reason is not None:
        _keep_closed(turn, reason)
    else:
        _start(turn, clusters)


def _scope_problem(turn: Turn) -> Reason | None:
    problem = turn.snapshot.scope.problem
    return Reason(ReasonKind.UNBOUND, turn.now, problem, None, Who.PERSON) if problem else None


def _payload_problem(turn: Turn) -> Reason | None:
    payload = turn.snapshot.payload
    if not _carries(turn):
        return None
    if payload.problem:
        return Reason(ReasonKind.PAYLOAD_BLOCKED, turn.now, payload.problem, None, Who.PERSON)
    return None if payload.read else unread(turn.now)


def _carries(turn: Turn) -> bool:
    """Only a step with Prep brings anything to the clusters."""
    tracked = turn.tracked.current
    assert tracked is not None
    return Action.PREP in tracked.step.actions


def _keep_closed(turn: Turn, reason: Reason) -> None:
    tracked = turn.tracked.current
    assert tracked is not None
    if tracked.step.hold is None or tracked.step.hold.message != reason.message:
        warning = reason.who is Who.PERSON
        turn.on_step(Kind.STEP_HELD, tracked.step, reason.message, warning=warning, hold=reason)


def _start(turn: Turn, clusters: Sequence[ClusterView]) -> None:
    tracked = turn.tracked.current
    assert tracked is not None
    selectors, scope = turn.rollout.spec.cluster_label_selectors, turn.snapshot.scope
    barred = set() if tracked.step.first.cancels else turn.fleet.barred(turn.rollout)
    chosen = select(clusters, selectors, tracked.step.first, turn.fleet.debts, barred, scope)
    if not chosen:
        why = why_nobody(clusters, selectors, tracked.step.first, turn.fleet.debts, barred, scope)
        said = f"step {tracked.step.index + 1}: {why}"
    else:
        said = f"step {tracked.step.index + 1} starts with {count(len(chosen), 'cluster')}"
        others = outside(clusters, selectors, scope)
        said += f"; {others}" if others else ""
    if turn.rollout.state is RolloutState.PENDING:
        turn.on_rollout(
            Kind.ROLLOUT_STARTED,
            "the rollout starts",
            state=RolloutState.RUNNING,
            started_at=turn.now,
        )
    turn.on_step(
        Kind.STEP_STARTED,
        tracked.step,
        said,
        warning=not chosen,
        state=StepState.RUNNING,
        started_at=turn.now,
        total=len(chosen),
        hold=None,
        payload_digest=turn.snapshot.payload.digest if _carries(turn) else "",
    )
    _join(turn, chosen)


def _join(turn: Turn, chosen: Iterable[ClusterView]) -> None:
    tracked = turn.tracked.current
    assert tracked is not None
    for position, cluster in enumerate(chosen):
        member = Member(
            rollout=turn.rollout.uid,
            step=tracked.step.index,
            cluster=cluster.name,
            uid=cluster.uid,
            position=position,
            reason=Reason(ReasonKind.SLOT, turn.now, "waits for a slot"),
        )
        turn.answer.joining.append(OnMember(Kind.JOINED, member, "belongs to the step"))
