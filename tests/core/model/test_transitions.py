"""Every listed event leads where the table says, and nothing else leads anywhere (R23.6)."""

import ast
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest

from ibgu import core
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.state import FleetState
from ibgu.core.model import (
    CompletedAction,
    Finished,
    InFlight,
    Intended,
    Kind,
    Member,
    MemberState,
    OnMember,
    Outcome,
    Probe,
    ReasonKind,
    Run,
    RunResult,
    RunState,
)
from ibgu.core.model import transitions as t
from ibgu.core.model.run_transitions import closed_run
from ibgu.core.model.transition_table import (
    TRANSITIONS,
    State,
    Transition,
    check_listed,
    state_of,
)
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.state.records import done, in_flight, member, reason, rollout, run, step

PROBE = Probe("p", START)
INTENDED = Intended(id="2", action=Action.PREP, attempt=2, intended_at=START)
WHY = reason(ReasonKind.BUSY)
CODE = Path(core.__file__).parents[1]
TYPES = {each.__name__ for each in get_args(Member) + get_args(Run)}
LATE = CompletedAction(Action.PREP, START, "completed late, after 47 min")
STATES: dict[State | None, Member] = {
    MemberState.WAITING: member(run=run(state=RunState.ENDED), probe=PROBE),
    MemberState.FINISHED: done(run=run(state=RunState.ENDED), watched=True),
    **{state: in_flight(run=run(state=state)) for state in RunState},
}
STARTS: dict[State | None, Member] = {None: member(), **STATES}
"""What the functions of a row are given; without a state it is what `join` has returned."""
RUNS: dict[RunState, Any] = {state: run(state=state) for state in RunState}


def its_run(found: Member) -> Any:
    return found.run


def its_end(found: Any) -> Any:
    """Returns its run as it is when the member finishes."""
    if found.run is None:
        return None
    return closed_run(found.run, RunResult.WITHDRAWN, START, "imported")


MAKE: dict[Callable[..., Member], Callable[[Any, State], Member]] = {
    t.join: lambda m, to: t.join(step(), m.cluster, m.uid, m.position, m.reason),
    t.give_reason: lambda m, to: t.give_reason(m, WHY),
    t.probe_first: lambda m, to: t.probe_first(m, PROBE, WHY),
    t.probe_again: lambda m, to: t.probe_again(m, PROBE),
    t.drop_probe: lambda m, to: t.drop_probe(m),
    t.complete_action: lambda m, to: t.complete_action(m, CompletedAction(Action.PREP, START)),
    t.accept_warning: lambda m, to: t.accept_warning(m, "Thing[1] - not deployed"),
    t.start: lambda m, to: t.start(m, INTENDED, slot=1, limit=START),
    t.start_next: lambda m, to: t.start_next(m, INTENDED),
    t.arm: lambda m, to: t.arm(m, its_run(m), START),
    t.note_armed: lambda m, to: t.note_armed(m, its_run(m), 7, START),
    t.accept: lambda m, to: t.accept(m, its_run(m), 7, START),
    t.accept_adopted: lambda m, to: t.accept_adopted(m, its_run(m), START),
    t.reopen: lambda m, to: t.reopen(m, its_run(m), slot=1, limit=START, now=START),
    t.extend: lambda m, to: t.extend(m, START, WHY),
    t.end: lambda m, to: t.end(m, its_run(m), RunResult.LIMIT, None, "late", START),
    t.succeed: lambda m, to: t.succeed(m, its_run(m), START),
    t.succeed_in_part: lambda m, to: t.succeed_in_part(m, its_run(m), "paused worker", START),
    t.disarm: lambda m, to: t.disarm(m, its_run(m)),
    t.return_to_waiting: lambda m, to: t.return_to_waiting(m, its_run(m), START),
    t.repeat_action: lambda m, to: t.repeat_action(m, START),
    t.finish: lambda m, to: t.finish(
        m,
        its_end(m),
        Outcome.SKIPPED,
        cause=None,
        message="",
        failed_action=None,
        watched=False,
        now=START,
    ),
    t.add_details: lambda m, to: t.add_details(m, its_run(m), "more"),
    t.warn: lambda m, to: t.warn(m, "look"),
    t.complete_late: lambda m, to: t.complete_late(m, LATE, None),
    t.note_late: lambda m, to: t.note_late(m, LATE.note),
    t.unwatch: lambda m, to: t.unwatch(m),
    t.note_rollback_deadline: lambda m, to: t.note_rollback_deadline(m, START),
    t.note_resuming: lambda m, to: t.note_resuming(m),
    t.note_resumed: lambda m, to: t.note_resumed(m),
    t.import_pause: lambda m, to: t.import_pause(m or member(), START),
    t.take_slot: lambda m, to: t.take_slot(m, RUNS[RunState(to)], slot=1, limit=START),
    t.import_completed: lambda m, to: t.import_completed(
        m, [CompletedAction(Action.PREP, START)], "imported", START
    ),
    t.import_waiting: lambda m, to: t.import_waiting(m, RUNS[RunState.ENDED], WHY),
    t.import_run: lambda m, to: t.import_run(m, RUNS[RunState(to)], START),
    t.close: lambda m, to: t.close(m, RunResult.WITHDRAWN, "imported", START),
}


def listed() -> Iterator[tuple[Transition, Callable[..., Member]]]:
    for row in TRANSITIONS:
        for by in row.by:
            yield row, by


def name(value: object) -> str:
    if isinstance(value, Transition):
        return f"{value.state or 'none'}-{value.event}-{value.to}"
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(("row", "by"), list(listed()), ids=name)
def test_a_listed_event_leads_to_the_next_state(row: Transition, by: Callable[..., Member]) -> None:
    after = MAKE[by](STARTS[row.state], row.to)
    assert state_of(after) is row.to
    check_listed(STATES.get(row.state), row.event, after)


@pytest.mark.parametrize(("state", "event"), list(product(STARTS, Kind)))
def test_no_other_event_leads_anywhere(state: State | None, event: Kind) -> None:
    found = {row.to for row in TRANSITIONS if (row.state, row.event) == (state, event)}
    for to, after in STATES.items():
        if to not in found:
            words = f"{event} takes site-1 from {state or 'none'} to {to}"
            with pytest.raises(t.UnlistedTransition, match=words):
                check_listed(STATES.get(state), event, after)


def test_every_state_is_in_the_table() -> None:
    assert {row.state for row in TRANSITIONS} == set(STARTS)


def test_no_transition_is_listed_twice() -> None:
    rows = [(row.state, row.event, row.to) for row in TRANSITIONS]
    assert len(rows) == len(set(rows))


def test_a_cycle_that_decides_otherwise_ends_with_an_error() -> None:
    """A finished member that starts again would be upgraded twice."""
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.drive()
    over = engine.member(uid, 0, "site-1")
    assert isinstance(over, Finished)
    begun = in_flight(run=INTENDED, rollout=uid)
    with engine.fleet.draft() as apply:
        ctx = DecisionContext(engine.snapshot(engine.tracked(uid)), engine.now, apply)
        with pytest.raises(t.UnlistedTransition):
            ctx.on_member(Kind.RUN_INTENDED, begun, "starts Prep")
        assert ctx.result.decisions == []


@pytest.mark.parametrize("state", [each for each in RunState if each is not RunState.ENDED])
def test_a_member_with_an_open_run_does_not_finish(state: RunState) -> None:
    member = in_flight(run=run(state=state))
    assert isinstance(member, InFlight)
    with pytest.raises(t.UnlistedTransition, match=f"site-1 can't finish: its run is {state}"):
        t.last_run(member)


@pytest.mark.parametrize("event", [Kind.JOINED, Kind.MEMBER_ADOPTED])
def test_a_cluster_joins_a_step_once(event: Kind) -> None:
    """A member that joined again would forget what it has done."""
    fleet = FleetState()
    fleet.load([rollout()], [step(total=2)], [in_flight()], ())
    with pytest.raises(t.UnlistedTransition, match=f"{event} takes site-1 from armed to waiting"):
        fleet.apply(OnMember(event, member(), "joins"))
    assert fleet.rollouts["uid-a"].steps[0].members == {"site-1": in_flight()}


def test_states_are_made_by_transitions_only() -> None:
    makers = {path.name for path in CODE.rglob("*.py") if made_in(path)}
    assert makers == {"transitions.py", "run_transitions.py"}


def made_in(path: Path) -> set[str]:
    """Returns the states of members and runs that the module calls into being."""
    calls = (each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Call))
    return {each.func.id for each in calls if isinstance(each.func, ast.Name)} & TYPES
