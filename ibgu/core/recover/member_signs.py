"""Rebuilds one member of a step from the journal's record (if any) and the hub's signs."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.engine.decide.restored import restored
from ibgu.core.engine.works.trace import Trace
from ibgu.core.model import (
    Accepted,
    ActingParty,
    ActionName,
    Cause,
    CompletedAction,
    Ended,
    Finished,
    InFlight,
    Member,
    Outcome,
    Reason,
    ReasonKind,
    RunResult,
    Unfinished,
    Waiting,
    traits,
)
from ibgu.core.model.actions import whole
from ibgu.core.model.transitions import (
    U,
    finish,
    import_completed,
    import_run,
    import_waiting,
    note_begun,
)
from ibgu.core.recover.placing import StepPart
from ibgu.core.recover.runs import FROM_HUB, closed, last_run, taken, withdrawn

NOTHING_KNOWN = f"{FROM_HUB}: nothing is known of it in this step"
_CAUSES = {cause.value: cause for cause in Cause}
_CANCELLED = frozenset({Cause.CANCELLED, Cause.PREEMPTED, Cause.DELETED})
_GOES_ON = frozenset({RunResult.WITHDRAWN, RunResult.CONTINUED})
"""Ends after which the action takes another run."""
_CAUSE_OF = {
    RunResult.LIMIT: Cause.TIMED_OUT,
    RunResult.TAKEN_OVER: Cause.TAKEN_OVER,
    RunResult.PREEMPTED: Cause.PREEMPTED,
    RunResult.DELETED: Cause.DELETED,
}
"""Results of runs that have one cause alone."""


class ResumedMember(Struct, frozen=True):
    """A member that the hub shows in flight, and that the journal does not: it still needs a
    slot."""

    member: Waiting
    run: Accepted | Ended
    limit: datetime | None


class MemberSigns(Struct, frozen=True, kw_only=True):
    """The hub's signs of one member of a step."""

    now: datetime
    told_at: datetime
    """When what the status tells had ended, at the latest."""
    over: bool
    """Whether the step has ended."""
    part: StepPart = StepPart()
    trace: Trace | None = None
    """The trace of a run that the journal does not know."""
    created_at: datetime
    """When the rollout was created: nothing of it is older."""
    labels: Mapping[str, str] = {}
    """The labels of the member's ManagedCluster."""


def member_from_signs(
    before: Member, actions: Sequence[ActionName], signs: MemberSigns
) -> Member | ResumedMember:
    """Returns the member by these signs; unchanged where they add nothing."""
    if isinstance(before, Finished):
        return before
    member = _with_completed(before, actions, signs)
    trace, failed = signs.trace, signs.part.failed
    if member.action_index == len(actions):
        ended = member.completed[-1].at if member.completed else signs.now
        return _finished(member, signs, Outcome.SUCCEEDED, at=ended)
    if failed is not None:
        return _failed(member, signs, failed.action, failed.message)
    if trace is not None and whole(trace.action) == actions[member.action_index]:
        return _traced(member, trace, signs)
    if not signs.over:
        return member
    if isinstance(member.run, Accepted):
        return _failed_unseen(member, signs, member.run.action)
    return _finished(member, signs, Outcome.SKIPPED, cause=Cause.SKIPPED, message=NOTHING_KNOWN)


def _with_completed(member: U, actions: Sequence[ActionName], signs: MemberSigns) -> U:
    reported = signs.part.completed[len(member.completed) :]
    done = [_completed(one.action, signs, signs.told_at, one.message) for one in reported]
    done += _passed(actions[len(member.completed) + len(done) :], signs)
    rest, trace = actions[len(member.completed) + len(done) :], signs.trace
    if trace and trace.outcome is RunResult.SUCCEEDED and rest[:1] == (trace.action,):
        done.append(_completed(trace.action, signs, signs.now))
    if not done:
        return member
    return import_completed(member, done, FROM_HUB, signs.now)


def _passed(rest: Sequence[ActionName], signs: MemberSigns) -> list[CompletedAction]:
    """Returns actions that the work has passed, though no status shows it: they go in order
    (R5.1)."""
    trace = signs.trace
    if trace is None or whole(trace.action) not in rest:
        return []
    words = f"{FROM_HUB}: its work has gone on to {trace.action}"
    passed = rest[: rest.index(whole(trace.action))]
    ended = min(trace.started or signs.now, signs.now)
    return [_completed(action, signs, ended, words) for action in passed]


def _completed(
    action: ActionName, signs: MemberSigns, at: datetime, words: str = ""
) -> CompletedAction:
    """Returns the action as completed; `at`: when it was, at the latest. The hub does not show when
    a Job made what it has made: it counts as old as it may be. A run that has not succeeded may be
    another one, which takes the action once more and which the status does not tell of yet
    (R47.6)."""
    if not traits(action).runs_job:
        return CompletedAction(action, at, words)
    trace = signs.trace
    succeeded = trace is not None and trace.outcome is RunResult.SUCCEEDED
    began = trace.started if trace is not None and succeeded and trace.action == action else None
    return CompletedAction(action, at, words, min(began or signs.created_at, at))


def _traced(member: Unfinished, trace: Trace, signs: MemberSigns) -> Member | ResumedMember:
    """Returns the member by what its work shows of the run of its next action."""
    result, action = trace.outcome, whole(trace.action)
    if result is not None and result not in _GOES_ON:
        cause = _CAUSE_OF.get(result)
        outcome = Outcome.CANCELLED if cause in _CANCELLED else Outcome.FAILED
        words = f"{FROM_HUB}: its work says {result}"
        return _finished(member, signs, outcome, cause=cause, message=words, failed_action=action)
    if signs.over:
        return _failed_unseen(member, signs, trace.action)
    if result is None and trace.taken:
        words = f"{FROM_HUB}: the cluster has accepted {trace.action}"
        reason = Reason(ReasonKind.RUNNING, signs.now, words, who=ActingParty.CLUSTER)
        return _in_flight(member, trace, taken(trace, signs.now), reason)
    if trace.work.armed:
        words = f"{FROM_HUB}: disarms the stage work"
        reason = Reason(ReasonKind.DISARMING, signs.now, words)
        return _in_flight(member, trace, withdrawn(trace, signs.now), reason)
    return waiting(member, trace, signs.now)


def _failed_run(run: Ended, cause: Cause | None, signs: MemberSigns) -> Ended:
    """Returns the failed run with its cause, by which circuit breakers count it. A label that
    stands has followed from it, so that a late completion changes that (R15.2); none follows from
    an end that nobody has seen (R13.4)."""
    if cause is None and (signs.trace is None or signs.trace.outcome is None):
        return replace(run, armed_at=None)
    stands = traits(whole(run.action)).failed_label in signs.labels
    return replace(run, cause=cause, armed_at=run.arming_at if stands else run.armed_at)


def _failed_unseen(member: Unfinished, signs: MemberSigns, action: ActionName) -> Finished:
    """Fails the member whose cluster has taken the action: its step ended without it, and only the
    cluster may still show how the action ended (R15.2)."""
    words = f"{FROM_HUB}: how its {action} ended is not known"
    return _finished(member, signs, Outcome.FAILED, message=words, failed_action=whole(action))


def _in_flight(
    member: Unfinished, trace: Trace, run: Accepted | Ended, reason: Reason
) -> InFlight | ResumedMember:
    """Returns the member in flight, which needs a slot: it works, or its work is still to be
    disarmed."""
    begun = note_begun(member, run, reason)
    if isinstance(begun, InFlight):
        return import_run(begun, run, trace.limit or begun.limit)
    return ResumedMember(begun, run, trace.limit)


def waiting(member: Unfinished, trace: Trace, now: datetime) -> Waiting:
    """Returns the member to waiting: no cluster was seen to take the run, or there is no slot. If
    the cluster echoes the run, it goes on (R9.5). An armed work is disarmed, as its member
    waits."""
    reason = restored(f"{FROM_HUB}: waits", now)
    return import_waiting(member, closed(trace, now, RunResult.WITHDRAWN), reason)


def _failed(
    member: Unfinished, signs: MemberSigns, action: ActionName, status_message: str
) -> Finished:
    """Finishes the member as failed; in the status the cause precedes the words, and stands before
    the name of a known failure."""
    prefix, _, words = status_message.partition(": ")
    cause = _CAUSES.get(prefix.partition(" (")[0])
    outcome = Outcome.CANCELLED if cause in _CANCELLED else Outcome.FAILED
    message, at = words if cause else status_message, signs.told_at
    return _finished(
        member, signs, outcome, cause=cause, message=message, failed_action=action, at=at
    )


def _finished(
    member: Unfinished,
    signs: MemberSigns,
    outcome: Outcome,
    *,
    cause: Cause | None = None,
    message: str = "",
    failed_action: ActionName | None = None,
    at: datetime | None = None,
) -> Finished:
    """Finishes the member without slot and claim; one that failed in what it was armed for is
    watched (R15.1), unless that was a Job (R47.3). `at`: when it had ended at the latest, None:
    this is not known."""
    ended = at or signs.now
    run = last_run(member.run, signs.trace, ended, outcome, cause)
    armed = run is not None and run.arming_at is not None and whole(run.action) == failed_action
    by_job = run is not None and traits(run.action).runs_job
    worth = outcome in (Outcome.FAILED, Outcome.CANCELLED) and armed and not by_job
    if run is not None and armed and outcome is Outcome.FAILED:
        run = _failed_run(run, cause, signs)
    return finish(
        member,
        run,
        outcome,
        cause=cause,
        message=message,
        failed_action=failed_action,
        watched=worth,
        now=ended,
    )
