"""The transitions of a member: one function for each change of it, or of its run (R23).

The functions change nothing but the record; what a decision rests on, and what it says, stands
where it is decided. Which of them may be applied in which state is in `transition_table`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from ibgu.core.model import (
    Accepted,
    ActionName,
    Armed,
    Arming,
    Cause,
    CompletedAction,
    Ended,
    Finished,
    InFlight,
    Intended,
    Member,
    OpenRun,
    Outcome,
    Probe,
    Reason,
    ReasonKind,
    Run,
    RunResult,
    Step,
    Unfinished,
    Waiting,
)
from ibgu.core.model.run_transitions import (
    accepted_run,
    armed_run,
    arming_run,
    closed_run,
    ended_run,
    reopened_run,
)

M = TypeVar("M", bound=Member)
U = TypeVar("U", bound=Unfinished)


class InvariantViolation(Exception):
    """An internal error of ibgu: a decision that contradicts the records. Its rollout is
    quarantined (R32.5)."""


class UnlistedTransition(InvariantViolation):
    """A decision that the member's state does not allow."""


# -- waiting -----------------------------------------------------------------------------------


def join(step: Step, cluster: str, uid: str, position: int, reason: Reason) -> Waiting:
    """Returns a new member of the step, which has not started. `uid`: the ManagedCluster's; empty
    if the hub has none of that name."""
    return Waiting(
        rollout=step.rollout,
        step=step.index,
        cluster=cluster,
        uid=uid,
        position=position,
        reason=reason,
    )


def give_reason(member: M, reason: Reason) -> M:
    """Returns the member with why it has not finished."""
    return replace(member, reason=reason)


def probe_first(member: Waiting, probe: Probe, reason: Reason) -> Waiting:
    """Returns the waiting member with a probe under way, for which it waits."""
    return replace(member, probe=probe, reason=reason)


def probe_again(member: Waiting, probe: Probe) -> Waiting:
    """Returns the waiting member with a new probe under way; its reason stays."""
    return replace(member, probe=probe)


def drop_probe(member: Waiting) -> Waiting:
    """Returns the waiting member without a probe: the answer would say nothing any more."""
    return replace(member, probe=None)


def accept_warning(member: U, warning: str) -> U:
    """Returns the member whose cluster may go on in spite of that warning."""
    return replace(member, accepted_warning=warning)


def report(member: M, warning: str, rollback_until: datetime | None) -> M:
    """Returns the member with what its cluster reports beside the state of an action. A warning
    stays when the cluster no longer repeats it."""
    return replace(member, warning=warning or member.warning, rollback_until=rollback_until)


def complete_action(member: U, *done: CompletedAction) -> U:
    """Returns the member past its current action, or past several. What a part of that action has
    made is of no use for the next one."""
    index = member.action_index + len(done)
    over = replace(member, completed=(*member.completed, *done), action_index=index)
    return replace(over, part_at=None) if isinstance(over, InFlight) else over


def note_begun(member: U, run: Run, reason: Reason) -> U:
    """Returns the member that begins the run, or whose cluster has: with its attempt, and when the
    member first began."""
    started_at = member.started_at or run.intended_at
    return replace(member, attempts=run.attempt, started_at=started_at, reason=reason)


# -- in flight ---------------------------------------------------------------------------------


def take_slot(member: Waiting, run: Run, *, slot: int, limit: datetime) -> InFlight:
    """Returns the waiting member in flight: it has a slot, and with it the claim on its cluster."""
    return InFlight(
        rollout=member.rollout,
        step=member.step,
        cluster=member.cluster,
        uid=member.uid,
        position=member.position,
        reason=member.reason,
        action_index=member.action_index,
        completed=member.completed,
        attempts=member.attempts,
        started_at=member.started_at,
        warning=member.warning,
        accepted_warning=member.accepted_warning,
        rollback_until=member.rollback_until,
        paused_since=member.paused_since,
        resuming=member.resuming,
        run=run,
        slot=slot,
        limit=limit,
        probe=member.probe,
    )


def start(member: Waiting, run: Intended, *, slot: int, limit: datetime) -> InFlight:
    """Returns the waiting member in flight with a new run."""
    return take_slot(note_begun(member, run, _starts(run)), run, slot=slot, limit=limit)


def start_next(member: InFlight, run: Intended) -> InFlight:
    """Returns the member in flight with the chain's next run; slot and limit stay."""
    return replace(note_begun(member, run, _starts(run)), run=run)


def _starts(run: Intended) -> Reason:
    return Reason(ReasonKind.PREPARING, run.intended_at, f"starts {run.action}")


def arm(member: InFlight, run: Intended, now: datetime, *, pauses: bool = False) -> InFlight:
    """Returns the member whose stage work is to be armed. `pauses`: parts of the cluster may be
    paused from now on."""
    since = member.paused_since or (now if pauses else None)
    return replace(member, run=arming_run(run, now), paused_since=since)


def note_armed(member: InFlight, run: Arming, generation: int, now: datetime) -> InFlight:
    """Returns the member whose armed work the hub shows, at this generation of the work."""
    return replace(member, run=armed_run(run, generation, now))


def accept(member: InFlight, run: Arming | Armed, generation: int, now: datetime) -> InFlight:
    """Returns the member whose cluster has accepted the stage."""
    return replace(member, run=accepted_run(run, generation, now))


def accept_adopted(member: InFlight, run: Accepted, now: datetime) -> InFlight:
    """Returns the member whose cluster has accepted what TALM had begun (R20.4)."""
    accepted = replace(run, arming_at=now, armed_at=now, accepted_at=now)
    return replace(member, run=accepted)


def reopen(member: Waiting, run: Ended, *, slot: int, limit: datetime, now: datetime) -> InFlight:
    """Returns the waiting member in flight again: its cluster took the withdrawn run after all."""
    reason = Reason(ReasonKind.RUNNING, now, "reopened")
    waited = replace(member, probe=None, reason=reason)
    return take_slot(waited, reopened_run(run, now), slot=slot, limit=limit)


def extend(member: InFlight, limit: datetime, reason: Reason) -> InFlight:
    """Returns the member between two actions with a new limit."""
    return replace(member, limit=limit, reason=reason)


# -- ended -------------------------------------------------------------------------------------


def end(
    member: InFlight,
    run: OpenRun,
    result: RunResult,
    cause: Cause | None,
    message: str,
    now: datetime,
) -> InFlight:
    """Returns the member whose run has ended without success; it keeps its slot."""
    return replace(member, run=ended_run(run, result, now, cause, message))


def succeed(
    member: InFlight, run: Accepted, now: datetime, made_at: datetime | None = None
) -> InFlight:
    """Returns the member whose run has ended with success, past its current action."""
    over = replace(member, run=ended_run(run, RunResult.SUCCEEDED, now))
    return complete_action(over, CompletedAction(run.action, now, made_at=made_at))


def succeed_in_part(
    member: InFlight, run: Accepted, words: str, now: datetime, part_at: datetime | None = None
) -> InFlight:
    """Returns the member whose run has ended with success, and whose action takes another run;
    `words`: what this one has done, `part_at`: see `InFlight`."""
    over = ended_run(run, RunResult.CONTINUED, now, message=words)
    return replace(member, run=over, part_at=part_at)


def disarm(member: InFlight, run: Ended) -> InFlight:
    """Returns the member whose ended run no work asks for any more."""
    return replace(member, run=replace(run, disarmed=True))


def return_to_waiting(member: InFlight, run: Ended, now: datetime) -> Waiting:
    """Returns the member without slot and limit, as before the action that is due: its run was
    withdrawn, or was that of the action before."""
    return Waiting(
        rollout=member.rollout,
        step=member.step,
        cluster=member.cluster,
        uid=member.uid,
        position=member.position,
        reason=Reason(ReasonKind.SLOT, now, "waits for a slot"),
        action_index=member.action_index,
        completed=member.completed,
        attempts=member.attempts,
        started_at=member.started_at,
        warning=member.warning,
        accepted_warning=member.accepted_warning,
        rollback_until=member.rollback_until,
        paused_since=member.paused_since,
        resuming=member.resuming,
        run=run,
    )


def repeat_action(member: Unfinished, now: datetime) -> Waiting:
    """Returns the member as before its last completed action, which it takes once more."""
    index, done = member.action_index - 1, member.completed[:-1]
    if isinstance(member, Waiting):
        return replace(member, probe=None, action_index=index, completed=done)
    run = last_run(member)
    assert run is not None
    waits = return_to_waiting(member, run, now)
    return replace(waits, action_index=index, completed=done)


# -- finished ----------------------------------------------------------------------------------


def finish(
    member: Unfinished,
    run: Ended | None,
    outcome: Outcome,
    *,
    cause: Cause | None,
    message: str,
    failed_action: ActionName | None,
    watched: bool,
    now: datetime,
) -> Finished:
    """Returns the finished member, without slot; its last run has ended."""
    return Finished(
        rollout=member.rollout,
        step=member.step,
        cluster=member.cluster,
        uid=member.uid,
        position=member.position,
        reason=member.reason,
        action_index=member.action_index,
        completed=member.completed,
        attempts=run.attempt if run is not None else member.attempts,
        started_at=member.started_at,
        warning=member.warning,
        accepted_warning=member.accepted_warning,
        rollback_until=member.rollback_until,
        paused_since=member.paused_since,
        resuming=member.resuming,
        run=run,
        limit=member.limit,
        ended_at=now,
        outcome=outcome,
        cause=cause,
        message=message,
        failed_action=failed_action,
        watched=watched,
    )


def last_run(member: Unfinished) -> Ended | None:
    """Returns the member's run, which has ended. Raises UnlistedTransition if it is open: a member
    finishes only after its run."""
    run = member.run
    if run is None or isinstance(run, Ended):
        return run
    raise UnlistedTransition(f"{member.cluster} can't finish: its run is {run.state}")


def add_details(member: Finished, run: Ended, message: str) -> Finished:
    """Returns the failed member with the details that its cluster reported later."""
    return replace(member, message=message, run=replace(run, message=message))


def warn(member: Finished, message: str) -> Finished:
    """Returns the watched member with a warning in its message."""
    return replace(member, message=message)


def complete_late(member: Finished, done: CompletedAction, left: ActionName | None) -> Finished:
    """Returns the failed member whose action has completed after all. If that was the last one of
    its step, nothing failed any more; else the member has failed at what was `left`, which never
    began."""
    member = replace(member, completed=(*member.completed, done), watched=False)
    if left is None:
        return replace(member, failed_action=None, late=done.note)
    words = f"{done.action} {done.note}; {left} does not begin any more in this step"
    return replace(member, failed_action=left, cause=Cause.NEVER_STARTED, message=words)


def note_late(member: Finished, late: str) -> Finished:
    """Returns the member whose action has completed late, and that keeps its end: another rollout
    or a hand had taken the cluster, or a person had skipped it."""
    return replace(member, message=f"{member.message} ({late})", watched=False)


def unwatch(member: Finished) -> Finished:
    """Returns the finished member whose late completion would not be noticed any more."""
    return replace(member, watched=False)


def note_rollback_deadline(member: Finished, until: datetime | None) -> Finished:
    """Returns the finished member whose cluster can be rolled back until then; None: not any
    more."""
    return replace(member, rollback_until=until)


def note_resuming(member: Finished) -> Finished:
    """Returns the finished member whose cluster is to resume what was paused."""
    return replace(member, resuming=True)


def note_resumed(member: Finished) -> Finished:
    """Returns the finished member whose cluster has nothing paused any more."""
    return replace(member, paused_since=None, resuming=False)


# -- imported (R31.4) --------------------------------------------------------------------------


def import_completed(member: U, done: Sequence[CompletedAction], words: str, now: datetime) -> U:
    """Returns the member past actions that the hub shows as completed. A run that the journal has
    as open has ended with success; `words` is its message."""
    run = member.run
    if run is not None and not isinstance(run, Ended):
        member = replace(member, run=ended_run(run, RunResult.SUCCEEDED, now, message=words))
    return complete_action(member, *done)


def import_run(member: InFlight, run: Accepted | Ended, limit: datetime) -> InFlight:
    """Returns the member in flight with a newer run, which only the hub knows; the slot stays."""
    return replace(member, run=run, limit=limit)


def import_waiting(member: Unfinished, run: Ended, reason: Reason) -> Waiting:
    """Returns the member as waiting after a withdrawn run, which only the hub knows."""
    waits = member if isinstance(member, Waiting) else return_to_waiting(member, run, reason.since)
    return replace(waits, run=run, attempts=run.attempt, reason=reason)


def import_pause(member: M, since: datetime) -> M:
    """Returns the member with a pause of parts of its cluster, which the hub shows, or which its
    agent may carry out by what the hub shows."""
    return replace(member, paused_since=member.paused_since or since)


def close(member: InFlight, result: RunResult, words: str, now: datetime) -> InFlight:
    """Returns the member in flight whose run is over and disarmed: a newer one has followed."""
    return replace(member, run=closed_run(member.run, result, now, words))
