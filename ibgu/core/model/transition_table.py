"""The table of what may happen to a member in which state (R23.6).

An event is the kind of the decision that the journal keeps. `None` is the state of a cluster that
is no member of the step yet: `join` makes it one, and the other functions of such a row are applied
to what `join` has returned.
"""

from collections.abc import Callable

from msgspec import Struct

from ibgu.core.model import InFlight, Kind, Member, MemberState, RunState
from ibgu.core.model import transitions as t
from ibgu.core.model.transitions import UnlistedTransition

State = MemberState | RunState
"""The state of a member; one in flight is in the state of its run."""


def state_of(member: Member | None) -> State | None:
    if isinstance(member, InFlight):
        return member.run.state
    return None if member is None else member.state


class Transition(Struct, frozen=True):
    """One row of the table: an event in a state, what follows, and the functions that may lead
    there."""

    state: State | None
    event: Kind
    to: State
    by: tuple[Callable[..., Member], ...]


_NEW = None
_WAITING, _FINISHED = MemberState.WAITING, MemberState.FINISHED
_INTENDED, _ARMING, _ARMED = RunState.INTENDED, RunState.ARMING, RunState.ARMED
_ACCEPTED, _ENDED = RunState.ACCEPTED, RunState.ENDED


def _row(state: State | None, event: Kind, to: State, *by: Callable[..., Member]) -> Transition:
    return Transition(state, event, to, by)


TRANSITIONS: tuple[Transition, ...] = (
    _row(_NEW, Kind.JOINED, _WAITING, t.join),
    _row(_NEW, Kind.MEMBER_ADOPTED, _WAITING, t.join, t.complete_action),
    _row(_NEW, Kind.MEMBER_ADOPTED, _ACCEPTED, t.take_slot),
    _row(_NEW, Kind.MEMBER_ADOPTED, _FINISHED, t.finish),
    _row(
        *(_NEW, Kind.IMPORTED, _WAITING),
        *(t.join, t.import_completed, t.import_waiting, t.import_pause),
    ),
    _row(_NEW, Kind.IMPORTED, _ACCEPTED, t.take_slot),
    _row(_NEW, Kind.IMPORTED, _ENDED, t.take_slot),
    _row(_NEW, Kind.IMPORTED, _FINISHED, t.finish),
    _row(_WAITING, Kind.WAITS, _WAITING, t.give_reason),
    _row(_WAITING, Kind.PROBED, _WAITING, t.probe_first, t.probe_again, t.drop_probe),
    _row(_WAITING, Kind.WARNING_ACCEPTED, _WAITING, t.accept_warning),
    _row(_WAITING, Kind.ACTION_SKIPPED, _WAITING, t.complete_action),
    _row(_WAITING, Kind.ACTION_REPEATED, _WAITING, t.repeat_action),
    _row(_WAITING, Kind.RUN_INTENDED, _INTENDED, t.start),
    _row(_WAITING, Kind.RUN_REOPENED, _ACCEPTED, t.reopen),
    _row(_WAITING, Kind.FINISHED, _FINISHED, t.finish),
    _row(
        *(_WAITING, Kind.IMPORTED, _WAITING),
        *(t.import_completed, t.import_waiting, t.import_pause),
    ),
    _row(_WAITING, Kind.IMPORTED, _ACCEPTED, t.take_slot),
    _row(_WAITING, Kind.IMPORTED, _ENDED, t.take_slot),
    _row(_WAITING, Kind.IMPORTED, _FINISHED, t.finish),
    _row(_INTENDED, Kind.RUN_PROGRESS, _INTENDED, t.give_reason),
    _row(_INTENDED, Kind.RUN_ARMING, _ARMING, t.arm),
    _row(_INTENDED, Kind.RUN_ENDED, _ENDED, t.end),
    _row(_INTENDED, Kind.IMPORTED, _ENDED, t.import_completed, t.close),
    _row(_INTENDED, Kind.IMPORTED, _FINISHED, t.finish),
    _row(_ARMING, Kind.RUN_PROGRESS, _ARMING, t.give_reason),
    _row(_ARMING, Kind.RUN_ARMED, _ARMED, t.note_armed),
    _row(_ARMING, Kind.RUN_ACCEPTED, _ACCEPTED, t.accept),
    _row(_ARMING, Kind.RUN_ENDED, _ENDED, t.end),
    _row(_ARMING, Kind.IMPORTED, _ENDED, t.import_completed, t.close),
    _row(_ARMING, Kind.IMPORTED, _FINISHED, t.finish),
    _row(_ARMED, Kind.RUN_PROGRESS, _ARMED, t.give_reason),
    _row(_ARMED, Kind.RUN_ACCEPTED, _ACCEPTED, t.accept),
    _row(_ARMED, Kind.RUN_ENDED, _ENDED, t.end),
    _row(_ARMED, Kind.IMPORTED, _ENDED, t.import_completed, t.close),
    _row(_ARMED, Kind.IMPORTED, _FINISHED, t.finish),
    _row(_ACCEPTED, Kind.RUN_PROGRESS, _ACCEPTED, t.give_reason),
    _row(_ACCEPTED, Kind.RUN_ACCEPTED, _ACCEPTED, t.accept_adopted),
    _row(_ACCEPTED, Kind.RUN_ENDED, _ENDED, t.end, t.succeed, t.succeed_in_part),
    _row(_ACCEPTED, Kind.IMPORTED, _ENDED, t.import_completed, t.close),
    _row(_ACCEPTED, Kind.IMPORTED, _FINISHED, t.finish),
    _row(_ENDED, Kind.WAITS, _ENDED, t.give_reason, t.extend),
    _row(_ENDED, Kind.WARNING_ACCEPTED, _ENDED, t.accept_warning),
    _row(_ENDED, Kind.RUN_DISARMED, _ENDED, t.disarm),
    _row(_ENDED, Kind.ACTION_SKIPPED, _ENDED, t.complete_action),
    _row(_ENDED, Kind.RUN_INTENDED, _INTENDED, t.start_next),
    _row(_ENDED, Kind.RETURNED, _WAITING, t.return_to_waiting),
    _row(_ENDED, Kind.ACTION_REPEATED, _WAITING, t.repeat_action),
    _row(_ENDED, Kind.FINISHED, _FINISHED, t.finish),
    _row(_ENDED, Kind.IMPORTED, _WAITING, t.import_waiting),
    _row(_ENDED, Kind.IMPORTED, _ACCEPTED, t.import_run),
    _row(_ENDED, Kind.IMPORTED, _ENDED, t.import_completed, t.import_run, t.close),
    _row(_ENDED, Kind.IMPORTED, _FINISHED, t.finish),
    _row(_FINISHED, Kind.WAITS, _FINISHED, t.give_reason),
    _row(_FINISHED, Kind.DETAILED, _FINISHED, t.add_details),
    _row(_FINISHED, Kind.COMPLETED_LATE, _FINISHED, t.complete_late, t.note_late),
    _row(_FINISHED, Kind.AUTO_IMPORT_OFF, _FINISHED, t.warn),
    _row(_FINISHED, Kind.UNWATCHED, _FINISHED, t.unwatch),
    _row(_FINISHED, Kind.ROLLBACK_DEADLINE, _FINISHED, t.note_rollback_deadline),
    _row(_FINISHED, Kind.PAUSED_AGAIN, _FINISHED, t.import_pause),
    _row(_FINISHED, Kind.RESUME_DUE, _FINISHED, t.note_resuming),
    _row(_FINISHED, Kind.RESUMED, _FINISHED, t.note_resumed),
)
"""All that may happen; what is not listed never does."""

_LISTED = frozenset((row.state, row.event, row.to) for row in TRANSITIONS)


def check_listed(before: Member | None, event: Kind, after: Member) -> None:
    """Raises UnlistedTransition unless the table leads from the one member to the other. `before`:
    None if the cluster is no member of the step yet."""
    state, to = state_of(before), state_of(after)
    if (state, event, to) not in _LISTED:
        was = "none" if state is None else state
        raise UnlistedTransition(f"{event} takes {after.cluster} from {was} to {to}")
