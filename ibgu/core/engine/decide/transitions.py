"""The transitions of a member and its run: one function for each change, and the table of what may
happen in which state (R23).

An event is the kind of the decision that the journal keeps. The functions change nothing but the
record; what a decision rests on, and what it says, stands where it is decided.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from msgspec import Struct
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
    Kind,
    Member,
    MemberState,
    OpenRun,
    Outcome,
    Probe,
    Reason,
    ReasonKind,
    Run,
    RunResult,
    RunState,
    Unfinished,
    Waiting,
)

State = MemberState | RunState
"""The state of a member; one in flight is in the state of its run."""


M = TypeVar("M", bound=Member)
U = TypeVar("U", bound=Unfinished)


def state_of(member: Member) -> State:
    return member.run.state if isinstance(member, InFlight) else member.state


# -- waiting -----------------------------------------------------------------------------------


def give_reason(member: M, reason: Reason) -> M:
    """Returns the member with why it is not further."""
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


def complete_action(member: U, done: CompletedAction) -> U:
    """Returns the member past its current action."""
    completed = (*member.completed, done)
    return replace(member, completed=completed, action_index=member.action_index + 1)


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
        run=run,
        slot=slot,
        limit=limit,
        probe=member.probe,
    )


def start(member: Waiting, run: Intended, *, slot: int, limit: datetime) -> InFlight:
    """Returns the waiting member in flight with a new run."""
    began = replace(member, started_at=member.started_at or run.intended_at)
    return start_next(take_slot(began, run, slot=slot, limit=limit), run)


def start_next(member: InFlight, run: Intended) -> InFlight:
    """Returns the member in flight with the chain's next run; slot and limit stay."""
    reason = Reason(ReasonKind.PREPARING, run.intended_at, f"starts {run.action}")
    return replace(member, run=run, attempts=run.attempt, reason=reason)


def arm(member: InFlight, run: Intended, now: datetime) -> InFlight:
    """Returns the member whose stage work is to be armed."""
    arming = Arming(
        id=run.id,
        action=run.action,
        attempt=run.attempt,
        intended_at=run.intended_at,
        arming_at=now,
    )
    return replace(member, run=arming)


def note_armed(member: InFlight, run: Arming, generation: int, now: datetime) -> InFlight:
    """Returns the member whose armed work the hub shows, at this generation of the work."""
    armed = Armed(
        id=run.id,
        action=run.action,
        attempt=run.attempt,
        intended_at=run.intended_at,
        arming_at=run.arming_at,
        armed_at=now,
        disarmed=run.disarmed,
        armed_generation=generation,
    )
    return replace(member, run=armed)


def accept(member: InFlight, run: Arming | Armed, generation: int, now: datetime) -> InFlight:
    """Returns the member whose cluster has accepted the stage."""
    accepted = Accepted(
        id=run.id,
        action=run.action,
        attempt=run.attempt,
        intended_at=run.intended_at,
        arming_at=run.arming_at,
        armed_at=run.armed_at or now,
        accepted_at=now,
        disarmed=run.disarmed,
        armed_generation=run.armed_generation or generation,
    )
    return replace(member, run=accepted)


def accept_adopted(member: InFlight, run: Accepted, now: datetime) -> InFlight:
    """Returns the member whose cluster has accepted what TALM had begun (R20.4)."""
    accepted = replace(run, arming_at=now, armed_at=now, accepted_at=now)
    return replace(member, run=accepted)


def reopen(member: Waiting, run: Ended, *, slot: int, limit: datetime, now: datetime) -> InFlight:
    """Returns the waiting member in flight again: its cluster took the withdrawn run after all."""
    accepted = Accepted(
        id=run.id,
        action=run.action,
        attempt=run.attempt,
        intended_at=run.intended_at,
        arming_at=run.arming_at,
        armed_at=run.armed_at or run.arming_at,
        accepted_at=now,
        disarmed=run.disarmed,
        adopted=run.adopted,
        armed_generation=run.armed_generation,
    )
    reason = Reason(ReasonKind.RUNNING, now, "reopened")
    waited = replace(member, probe=None, reason=reason)
    return take_slot(waited, accepted, slot=slot, limit=limit)


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


def ended_run(
    run: OpenRun,
    result: RunResult,
    now: datetime,
    cause: Cause | None = None,
    message: str = "",
) -> Ended:
    """Returns the run as ended, with the times that it had reached."""
    return Ended(
        id=run.id,
        action=run.action,
        attempt=run.attempt,
        intended_at=run.intended_at,
        arming_at=run.arming_at,
        armed_at=run.armed_at,
        accepted_at=run.accepted_at,
        ended_at=now,
        result=result,
        cause=cause,
        message=message,
        disarmed=run.disarmed,
        adopted=run.adopted,
        armed_generation=run.armed_generation,
    )


def succeed(member: InFlight, run: Accepted, now: datetime) -> InFlight:
    """Returns the member whose run has ended with success, past its current action."""
    over = replace(member, run=ended_run(run, RunResult.SUCCEEDED, now))
    return complete_action(over, CompletedAction(run.action, now))


def disarm(member: InFlight, run: Ended) -> InFlight:
    """Returns the member whose ended run no work asks for any more."""
    return replace(member, run=replace(run, disarmed=True))


def return_to_waiting(member: InFlight, run: Ended, now: datetime) -> Waiting:
    """Returns the member without slot and limit, as if its withdrawn run had never started."""
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
        run=run,
    )


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
        attempts=member.attempts,
        started_at=member.started_at,
        warning=member.warning,
        accepted_warning=member.accepted_warning,
        rollback_until=member.rollback_until,
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


def complete_late(member: Finished, done: CompletedAction) -> Finished:
    """Returns the failed member whose action has completed after all; nothing failed any more."""
    completed = (*member.completed, done)
    return replace(member, completed=completed, failed_action=None, late=done.note, watched=False)


def note_late(member: Finished, late: str) -> Finished:
    """Returns the member whose action has completed late, where its failure stands."""
    return replace(member, message=f"{member.message} ({late})", late=late, watched=False)


def unwatch(member: Finished) -> Finished:
    """Returns the finished member whose late completion would not be noticed any more."""
    return replace(member, watched=False)


def note_rollback_deadline(member: Finished, until: datetime | None) -> Finished:
    """Returns the finished member whose cluster can be rolled back until then; None: not any
    more."""
    return replace(member, rollback_until=until)


# -- the table ---------------------------------------------------------------------------------


class Transition(Struct, frozen=True):
    """The state that follows, and the functions that may lead there."""

    to: State
    by: tuple[Callable[..., Member], ...]


def _to(to: State, *by: Callable[..., Member]) -> Transition:
    return Transition(to, by)


_WAITING, _FINISHED = MemberState.WAITING, MemberState.FINISHED
_INTENDED, _ARMING, _ARMED = RunState.INTENDED, RunState.ARMING, RunState.ARMED
_ACCEPTED, _ENDED = RunState.ACCEPTED, RunState.ENDED

TRANSITIONS: Mapping[tuple[State, Kind], Transition] = {
    (_WAITING, Kind.WAITS): _to(_WAITING, give_reason),
    (_WAITING, Kind.PROBED): _to(_WAITING, probe_first, probe_again, drop_probe),
    (_WAITING, Kind.WARNING_ACCEPTED): _to(_WAITING, accept_warning),
    (_WAITING, Kind.ACTION_SKIPPED): _to(_WAITING, complete_action),
    (_WAITING, Kind.RUN_INTENDED): _to(_INTENDED, start),
    (_WAITING, Kind.RUN_REOPENED): _to(_ACCEPTED, reopen),
    (_WAITING, Kind.FINISHED): _to(_FINISHED, finish),
    (_INTENDED, Kind.RUN_PROGRESS): _to(_INTENDED, give_reason),
    (_INTENDED, Kind.RUN_ARMING): _to(_ARMING, arm),
    (_INTENDED, Kind.RUN_ENDED): _to(_ENDED, end),
    (_ARMING, Kind.RUN_PROGRESS): _to(_ARMING, give_reason),
    (_ARMING, Kind.RUN_ARMED): _to(_ARMED, note_armed),
    (_ARMING, Kind.RUN_ACCEPTED): _to(_ACCEPTED, accept),
    (_ARMING, Kind.RUN_ENDED): _to(_ENDED, end),
    (_ARMED, Kind.RUN_PROGRESS): _to(_ARMED, give_reason),
    (_ARMED, Kind.RUN_ACCEPTED): _to(_ACCEPTED, accept),
    (_ARMED, Kind.RUN_ENDED): _to(_ENDED, end),
    (_ACCEPTED, Kind.RUN_PROGRESS): _to(_ACCEPTED, give_reason),
    (_ACCEPTED, Kind.RUN_ACCEPTED): _to(_ACCEPTED, accept_adopted),
    (_ACCEPTED, Kind.RUN_ENDED): _to(_ENDED, end, succeed),
    (_ENDED, Kind.WAITS): _to(_ENDED, give_reason, extend),
    (_ENDED, Kind.WARNING_ACCEPTED): _to(_ENDED, accept_warning),
    (_ENDED, Kind.RUN_DISARMED): _to(_ENDED, disarm),
    (_ENDED, Kind.ACTION_SKIPPED): _to(_ENDED, complete_action),
    (_ENDED, Kind.RUN_INTENDED): _to(_INTENDED, start_next),
    (_ENDED, Kind.RETURNED): _to(_WAITING, return_to_waiting),
    (_ENDED, Kind.FINISHED): _to(_FINISHED, finish),
    (_FINISHED, Kind.DETAILED): _to(_FINISHED, add_details),
    (_FINISHED, Kind.COMPLETED_LATE): _to(_FINISHED, complete_late, note_late),
    (_FINISHED, Kind.AUTO_IMPORT_OFF): _to(_FINISHED, warn),
    (_FINISHED, Kind.UNWATCHED): _to(_FINISHED, unwatch),
    (_FINISHED, Kind.ROLLBACK_DEADLINE): _to(_FINISHED, note_rollback_deadline),
}
"""What follows from an event in a state; a pair that is not listed never happens."""


class UnlistedTransition(Exception):
    """An internal error of ibgu: a decision that no state allows. Its rollout is quarantined."""


def check_listed(before: Member, event: Kind, after: Member) -> None:
    """Raises UnlistedTransition unless the table leads from the one member to the other."""
    state, found = state_of(before), state_of(after)
    listed = TRANSITIONS.get((state, event))
    if listed is None or listed.to is not found:
        raise UnlistedTransition(f"{event} takes {before.cluster} from {state} to {found}")
