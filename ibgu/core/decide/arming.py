"""A run from its intent until the cluster has taken it (R9, R10)."""

from typing import Any

from ibgu.core.decide.debts import auto_import_off, owe
from ibgu.core.decide.ending import end_run
from ibgu.core.decide.turn import Turn
from ibgu.core.failures import ApplyError, classify, refused_field
from ibgu.core.model import (
    Action,
    Cause,
    IbuView,
    Kind,
    Member,
    MemberState,
    Observation,
    Reason,
    ReasonKind,
    RunResult,
    RunState,
    Who,
    WorkView,
)
from ibgu.core.observe import accepted
from ibgu.core.times import ECHO, SETTLE
from ibgu.core.works import names


def intend(turn: Turn, member: Member, **changes: Any) -> Member:
    """Begin the member's next action; `changes` give it its slot where it has none yet."""
    action = turn.action(member)
    run = turn.new_run(member, action, RunState.INTENDED)
    return turn.on_member(
        Kind.RUN_INTENDED,
        member,
        f"starts {action}",
        state=MemberState.IN_FLIGHT,
        run=run,
        attempts=run.attempt,
        reason=Reason(ReasonKind.PREPARING, turn.now, f"starts {action}"),
        **changes,
    )


def decide_intended(turn: Turn, member: Member, seen: Observation) -> None:
    run, cluster = member.run, seen.cluster
    assert run is not None
    assert cluster is not None
    if not cluster.reachable and turn.now - run.intended_at >= ECHO:
        words = "the cluster became unreachable before anything was armed"
        end_run(turn, member, RunResult.WITHDRAWN, None, words)
    elif _payload_ready(turn, member, seen) and _auto_import_ready(turn, member, seen):
        turn.on_run(
            Kind.RUN_ARMING,
            member,
            f"arms {run.action}",
            state=RunState.ARMING,
            arming_at=turn.now,
            disarmed=False,
        )
    else:
        turn.wake(member.cluster, run.intended_at + ECHO)


def _payload_ready(turn: Turn, member: Member, seen: Observation) -> bool:
    digest = turn.step(member).step.payload_digest
    if turn.action(member) is not Action.PREP or not digest:
        return True
    work = seen.payload
    if work and work.applied and work.digest == digest and not work.terminating:
        return True
    error = seen.payload_refusal or (work.apply_error if work else "")
    if error:
        _payload_error(turn, member, seen, error)
    else:
        turn.waits(member, ReasonKind.PREPARING, "waits until the payload is on the cluster")
    return False


def _payload_error(turn: Turn, member: Member, seen: Observation, error: str) -> None:
    """Nothing was armed; two minutes of the same refusal on a reachable cluster end it."""
    assert seen.cluster is not None
    member = turn.waits(member, ReasonKind.PAYLOAD_ERROR, error, who=Who.PERSON)
    due = turn.stands_since(member.reason) + SETTLE
    if seen.cluster.reachable and turn.now >= due:
        words = f"payload refused: {error}"
        end_run(turn, member, RunResult.REFUSED, Cause.PAYLOAD_REFUSED, words)
    else:
        turn.wake(member.cluster, max(due, turn.now + SETTLE / 4))


def _auto_import_ready(turn: Turn, member: Member, seen: Observation) -> bool:
    """disable-auto-import is on the cluster before its Upgrade is armed (R14)."""
    cluster = seen.cluster
    assert cluster is not None
    if (
        turn.action(member) is not Action.UPGRADE
        or names.DISABLE_AUTO_IMPORT in cluster.annotations
    ):
        return True
    owe(turn, cluster, {}, auto_import_off(turn, cluster), "Upgrade is about to start")
    turn.waits(turn.again(member), ReasonKind.PREPARING, "turns automatic import off")
    return False


def decide_armed(turn: Turn, member: Member, seen: Observation) -> None:
    run, work = member.run, seen.stage
    assert run is not None
    assert run.arming_at is not None
    shown = work is not None and work.armed and work.run == run.id
    if work is not None and accepted(work, run):
        turn.on_run(
            Kind.RUN_ACCEPTED,
            member,
            f"the cluster took {run.action}",
            state=RunState.ACCEPTED,
            armed_at=run.armed_at or turn.now,
            accepted_at=turn.now,
        )
    elif shown and run.state is RunState.ARMING:
        turn.on_run(
            Kind.RUN_ARMED,
            member,
            f"{run.action} is armed",
            state=RunState.ARMED,
            armed_at=turn.now,
        )
    elif seen.refusal:
        words = f"the hub refused the stage work: {seen.refusal}"
        end_run(turn, member, RunResult.REFUSED, Cause.WRITE_REFUSED, words)
    elif not shown and not seen.writing and run.arming_at < turn.facts.in_sync_since:
        _withdraw(turn, member, "it was not armed when ibgu stopped")
    else:
        _unaccepted(turn, member, seen, work)


def _withdraw(turn: Turn, member: Member, why: str) -> None:
    end_run(turn, member, RunResult.WITHDRAWN, None, why)


def _unaccepted(turn: Turn, member: Member, seen: Observation, work: WorkView | None) -> None:
    run, cluster = member.run, seen.cluster
    assert run is not None
    assert run.arming_at is not None
    assert cluster is not None
    late = turn.now - run.arming_at >= ECHO
    if late and not cluster.reachable:
        _withdraw(turn, member, "not echoed after 60 s, and the cluster is not reachable")
    elif run.action.aborts and (late or _refused_now(work)):
        _withdraw(turn, member, "the cluster did not take it at once: looks anew first")
    elif work is not None and work.apply_error:
        _apply_error(turn, member, seen, work)
    elif run.state is RunState.ARMED and (work is None or work.edited or work.terminating):
        diverged(turn, member, "the stage work was changed or deleted by somebody else")
    else:
        turn.waits(member, ReasonKind.ARMING, f"waits until the cluster takes {run.action}")
        turn.wake(member.cluster, run.arming_at + ECHO)


def _refused_now(work: WorkView | None) -> bool:
    return work is not None and classify(work.apply_error) is ApplyError.REFUSED_TRANSITION


def _apply_error(turn: Turn, member: Member, seen: Observation, work: WorkView) -> None:
    """Final refusals end the run after two minutes; everything else heals by itself (R10)."""
    assert member.run is not None
    assert seen.cluster is not None
    if not _final(work, member.run.action):
        turn.waits(member, ReasonKind.APPLY_ERROR, work.apply_error, who=Who.CLUSTER)
        turn.wake(member.cluster, turn.now + ECHO)
        return
    member = turn.waits(member, ReasonKind.REFUSED, work.apply_error, who=Who.PERSON)
    due = turn.stands_since(member.reason) + SETTLE
    if seen.cluster.reachable and turn.now >= due:
        _refuse(turn, member, work.apply_error)
    else:
        turn.wake(member.cluster, max(due, turn.now + SETTLE / 4))


def _refuse(turn: Turn, member: Member, error: str) -> None:
    if classify(error) is ApplyError.REFUSED_SPEC:
        words = f"the cluster refused spec.{refused_field(error)}: {error}"
        end_run(turn, member, RunResult.REFUSED, Cause.SPEC_REFUSED, words)
    else:
        end_run(turn, member, RunResult.REFUSED, Cause.TRANSITION_REFUSED, error)


_PASSING = frozenset({"Blocked", "Aborting", "Finalizing"})


def _final(work: WorkView, action: Action) -> bool:
    kind = classify(work.apply_error)
    if kind is ApplyError.REFUSED_SPEC:
        return True
    if kind is not ApplyError.REFUSED_TRANSITION:
        return False
    return work.ibu is None or not (_passing(work.ibu) or action.stage in work.ibu.next_stages)


def _passing(ibu: IbuView) -> bool:
    conditions = (ibu.idle, ibu.prep_in_progress, ibu.upgrade_in_progress, ibu.rollback_in_progress)
    return any(condition.reason in _PASSING for condition in conditions)


def diverged(turn: Turn, member: Member, what: str) -> None:
    """Two minutes of somebody else's hand end the run without a label (R9)."""
    member = turn.waits(member, ReasonKind.DIVERGED, what, who=Who.PERSON)
    due = turn.stands_since(member.reason) + SETTLE
    if turn.now >= due:
        end_run(turn, member, RunResult.TAKEN_OVER, Cause.TAKEN_OVER, f"taken over by hand: {what}")
    else:
        turn.wake(member.cluster, due)
