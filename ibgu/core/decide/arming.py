"""A run from its intent until the cluster has taken it (R9, R10)."""

from datetime import datetime
from typing import Any

from ibgu.core.decide.debts import auto_import_off, owe
from ibgu.core.decide.ending import end_run
from ibgu.core.decide.forbidden import waits_for_hub
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
    Run,
    RunResult,
    RunState,
    Who,
    WorkView,
)
from ibgu.core.observe import JudgementKind, accepted, judge
from ibgu.core.times import ECHO, SETTLE, passed
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
    if _must_not_arm(turn, seen, run.action, run.intended_at):
        _withdraw(turn, member, _STOPPED)
    elif cluster.deleting or not cluster.reachable:
        _not_there(turn, member, run.intended_at)
    elif seen.talm:
        _withdraw(turn, member, talm_work(seen))
    elif not (_payload_ready(turn, member, seen) and _auto_import_ready(turn, member, seen)):
        return
    elif not _told(seen) and not passed(run.intended_at, ECHO, turn.now):
        turn.waits(member, ReasonKind.PREPARING, f"waits for feedback before {run.action}")
        turn.wake(member.cluster, run.intended_at + ECHO)
    elif why := _not_startable(turn, member, seen):
        _withdraw(turn, member, why)
    else:
        turn.on_run(
            Kind.RUN_ARMING,
            member,
            f"arms {run.action}",
            state=RunState.ARMING,
            arming_at=turn.now,
            disarmed=False,
        )


def _not_startable(turn: Turn, member: Member, seen: Observation) -> str:
    """Why the action must not be armed on what the hub shows now; empty: it may be (R8.8).

    Between the look and the write there may be minutes: a payload, a conflict, a refusal.
    """
    work, action = seen.stage, turn.action(member)
    if work is None or work.ibu is None or not _told(seen):
        return f"not armed: what the cluster is like has to be asked anew before {action}"
    found = judge(work.ibu, action, turn.rollout.spec)
    if found.kind is JudgementKind.STARTABLE:
        return ""
    return f"not armed: the cluster has changed meanwhile: {found.message or found.note}"


def _told(seen: Observation) -> bool:
    """What the cluster is like, by feedback that can be judged."""
    work = seen.stage
    return bool(work and work.settled and work.ibu and work.ibu.current)


def talm_work(seen: Observation) -> str:
    """Two works that ask for different stages would fight over the cluster."""
    return (
        f"TALM's ManifestWork {seen.talm} acts on the cluster; it goes when its IBGU is annotated "
        f"with {names.ADOPT}, or deleted"
    )


def _not_there(turn: Turn, member: Member, since: datetime) -> None:
    """Withdraw what the cluster does not take within ECHO; an Abort never waits (R9.3, R9.4)."""
    assert member.run is not None
    if passed(since, ECHO, turn.now) or member.run.action.aborts:
        _withdraw(turn, member, "not taken in time, and the cluster is not reachable")
    else:
        if member.run.action.reboots and member.run.state is RunState.ARMED:
            turn.waits(member, ReasonKind.REBOOTING, may_reboot(member.run))
        else:
            words = "the cluster is not reachable, or is being deleted"
            turn.waits(member, ReasonKind.UNREACHABLE, words, who=Who.CLUSTER)
        turn.wake(member.cluster, since + ECHO)


def may_reboot(run: Run) -> str:
    """Of a cluster that went dark before it could tell that it has taken the run."""
    return (
        f"not reachable since {run.action} was sent to it: it may have taken it, and be rebooting"
    )


def _payload_ready(turn: Turn, member: Member, seen: Observation) -> bool:
    digest = turn.step(member).step.payload_digest
    if turn.action(member) is not Action.PREP or not digest:
        return True
    work = seen.payload
    there = work and work.applied and work.digest == digest and not work.terminating
    if there and not seen.payload_writing:
        return True
    error = seen.payload_refusal or (work.apply_error if work else "")
    if error:
        _payload_error(turn, member, error)
    else:
        words = "waits until the payload is on the cluster"
        waits_for_hub(turn, member, seen.denied, ReasonKind.PREPARING, words)
    return False


def _payload_error(turn: Turn, member: Member, error: str) -> None:
    """Nothing was armed; two minutes of refusal on a reachable cluster end it."""
    member = turn.waits(member, ReasonKind.PAYLOAD_ERROR, error, who=Who.PERSON)
    if _settled(turn, member):
        words = f"payload refused: {error}"
        end_run(turn, member, RunResult.REFUSED, Cause.PAYLOAD_REFUSED, words)


def _settled(turn: Turn, member: Member) -> bool:
    """Whether the member's reason has stood for SETTLE; else the member is asked again then."""
    due = turn.stands_since(member.reason) + SETTLE
    turn.wake(member.cluster, due)
    return turn.now >= due


def _auto_import_ready(turn: Turn, member: Member, seen: Observation) -> bool:
    """disable-auto-import is on the cluster before its Upgrade is armed (R14.1)."""
    cluster = seen.cluster
    assert cluster is not None
    if turn.action(member) is not Action.UPGRADE:
        return True
    debt = turn.fleet.debts.get(cluster.uid)
    owed = debt is not None and names.DISABLE_AUTO_IMPORT in debt.annotations
    if names.DISABLE_AUTO_IMPORT in cluster.annotations and not owed:
        return True
    owe(turn, cluster, auto_import_off(turn, cluster), "Upgrade is about to start")
    words = "turns automatic import off"
    waits_for_hub(turn, turn.again(member), seen.labels_denied, ReasonKind.PREPARING, words)
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
            armed_generation=run.armed_generation or work.generation,
            accepted_at=turn.now,
        )
    elif work is not None and shown and run.state is RunState.ARMING:
        turn.on_run(
            Kind.RUN_ARMED,
            member,
            f"{run.action} is armed",
            state=RunState.ARMED,
            armed_at=turn.now,
            armed_generation=work.generation,
        )
    elif seen.refusal:
        words = f"the hub refused the stage work: {seen.refusal}"
        end_run(turn, member, RunResult.REFUSED, Cause.WRITE_REFUSED, words)
    elif why := "" if shown or seen.writing else _not_again(turn, member, seen):
        _withdraw(turn, member, why)
    else:
        _unaccepted(turn, member, seen, shown=shown)


_STOPPED = "it was not armed when ibgu had to stop"


def _not_again(turn: Turn, member: Member, seen: Observation) -> str:
    """Why an arming that did not reach the hub must not be sent (again); empty: it may be. After a
    conflict or a refusal the version that it rested on is another one (R26.1)."""
    run = member.run
    if run is None or run.state is not RunState.ARMING or run.arming_at is None:
        return ""
    if _must_not_arm(turn, seen, run.action, run.arming_at):
        return _STOPPED
    return _not_startable(turn, member, seen)


def _must_not_arm(turn: Turn, seen: Observation, action: Action, since: datetime) -> bool:
    """Nobody has armed it, and the look that it was decided on may be old by now."""
    facts = turn.facts
    return not seen.writing and (facts.talm_live or since < facts.armable_since(action))


def _withdraw(turn: Turn, member: Member, why: str) -> None:
    end_run(turn, member, RunResult.WITHDRAWN, None, why)


def _unaccepted(turn: Turn, member: Member, seen: Observation, *, shown: bool) -> None:
    run, cluster, work = member.run, seen.cluster, seen.stage
    assert run is not None
    assert run.arming_at is not None
    assert cluster is not None
    late = passed(run.arming_at, ECHO, turn.now)
    if cluster.deleting or not cluster.reachable:
        _not_there(turn, member, run.arming_at)
    elif run.action.aborts and (late or (shown and _refused_now(work))):
        _withdraw(turn, member, "the cluster did not take it at once: looks anew first")
    elif run.state is RunState.ARMED and (not shown or work is None or _touched(work)):
        if not seen.writing:
            diverged(turn, member, "the stage work was changed or deleted by somebody else")
    elif shown and work is not None and work.apply_error:
        _apply_error(turn, member, work)
    else:
        words = f"waits until the cluster takes {run.action}"
        waits_for_hub(turn, member, seen.denied, ReasonKind.ARMING, words)
        turn.wake(member.cluster, run.arming_at + ECHO)


def _touched(work: WorkView) -> bool:
    return work.edited or work.terminating


def _refused_now(work: WorkView | None) -> bool:
    return work is not None and classify(work.apply_error) is ApplyError.REFUSED_TRANSITION


def _apply_error(turn: Turn, member: Member, work: WorkView) -> None:
    """Final refusals end the run after two minutes; everything else heals by itself (R10.6)."""
    run = member.run
    assert run is not None
    assert run.arming_at is not None
    if not _final(work, run.action):
        turn.waits(member, ReasonKind.APPLY_ERROR, work.apply_error, who=Who.CLUSTER)
        turn.wake(member.cluster, run.arming_at + ECHO)
        return
    cause, words = _refusal(work.apply_error)
    member = turn.waits(member, ReasonKind.REFUSED, words, who=Who.PERSON)
    if _settled(turn, member):
        end_run(turn, member, RunResult.REFUSED, cause, words)


def _refusal(error: str) -> tuple[Cause, str]:
    """Return the cause of a final refusal, and words that name a refused field (R10.3)."""
    if classify(error) is ApplyError.REFUSED_SPEC:
        return Cause.SPEC_REFUSED, f"the cluster refused spec.{refused_field(error)}: {error}"
    return Cause.TRANSITION_REFUSED, error


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
    """Two minutes of somebody else's hand end the run without a label (R9.6)."""
    member = turn.waits(member, ReasonKind.DIVERGED, what, who=Who.PERSON)
    if _settled(turn, member):
        end_run(turn, member, RunResult.TAKEN_OVER, Cause.TAKEN_OVER, f"taken over by hand: {what}")
