"""Every listed pair of state and event leads where the table says, and no other pair leads
anywhere (R23.6)."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.decide import transitions as t
from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.model import (
    CompletedAction,
    Finished,
    InFlight,
    Intended,
    Kind,
    Member,
    MemberState,
    Outcome,
    Probe,
    ReasonKind,
    RunResult,
    RunState,
)
from tests.core.engine.decide.fleet import START, Twin, ibgu
from tests.core.engine.state.records import done, in_flight, member, reason, run

PROBE = Probe("p", START)
INTENDED = Intended(id="2", action=Action.PREP, attempt=2, intended_at=START)
WHY = reason(ReasonKind.BUSY)
LATE = CompletedAction(Action.PREP, START, "completed late, after 47 min")
STATES: dict[t.State, Member] = {
    MemberState.WAITING: member(run=run(state=RunState.ENDED), probe=PROBE),
    MemberState.FINISHED: done(run=run(state=RunState.ENDED), watched=True),
    **{state: in_flight(run=run(state=state)) for state in RunState},
}


def its_run(found: Member) -> Any:
    return found.run


MAKE: dict[Callable[..., Member], Callable[[Any], Member]] = {
    t.give_reason: lambda m: t.give_reason(m, WHY),
    t.probe_first: lambda m: t.probe_first(m, PROBE, WHY),
    t.probe_again: lambda m: t.probe_again(m, PROBE),
    t.drop_probe: t.drop_probe,
    t.complete_action: lambda m: t.complete_action(m, CompletedAction(Action.PREP, START)),
    t.accept_warning: lambda m: t.accept_warning(m, "Thing[1] - not deployed"),
    t.start: lambda m: t.start(m, INTENDED, slot=1, limit=START),
    t.start_next: lambda m: t.start_next(m, INTENDED),
    t.arm: lambda m: t.arm(m, its_run(m), START),
    t.note_armed: lambda m: t.note_armed(m, its_run(m), 7, START),
    t.accept: lambda m: t.accept(m, its_run(m), 7, START),
    t.accept_adopted: lambda m: t.accept_adopted(m, its_run(m), START),
    t.reopen: lambda m: t.reopen(m, its_run(m), slot=1, limit=START, now=START),
    t.extend: lambda m: t.extend(m, START, WHY),
    t.end: lambda m: t.end(m, its_run(m), RunResult.LIMIT, None, "late", START),
    t.succeed: lambda m: t.succeed(m, its_run(m), START),
    t.disarm: lambda m: t.disarm(m, its_run(m)),
    t.return_to_waiting: lambda m: t.return_to_waiting(m, its_run(m), START),
    t.finish: lambda m: t.finish(
        m,
        t.last_run(m),
        Outcome.SKIPPED,
        cause=None,
        message="",
        failed_action=None,
        watched=False,
        now=START,
    ),
    t.add_details: lambda m: t.add_details(m, its_run(m), "more"),
    t.warn: lambda m: t.warn(m, "look"),
    t.complete_late: lambda m: t.complete_late(m, LATE),
    t.note_late: lambda m: t.note_late(m, LATE.note),
    t.unwatch: t.unwatch,
    t.note_rollback_deadline: lambda m: t.note_rollback_deadline(m, START),
}


def listed() -> Iterator[tuple[t.State, Kind, Callable[..., Member]]]:
    for (state, event), found in t.TRANSITIONS.items():
        for by in found.by:
            yield state, event, by


@pytest.mark.parametrize(("state", "event", "by"), list(listed()))
def test_a_listed_event_leads_to_the_next_state(
    state: t.State, event: Kind, by: Callable[..., Member]
) -> None:
    before = STATES[state]
    after = MAKE[by](before)
    assert t.state_of(after) is t.TRANSITIONS[state, event].to
    t.check_listed(before, event, after)


@pytest.mark.parametrize(("state", "event"), list(product(STATES, Kind)))
def test_no_other_event_leads_anywhere(state: t.State, event: Kind) -> None:
    found = t.TRANSITIONS.get((state, event))
    for after in STATES.values():
        if found is None or t.state_of(after) is not found.to:
            with pytest.raises(t.UnlistedTransition, match=f"{event} takes site-1 from {state}"):
                t.check_listed(STATES[state], event, after)


def test_every_state_is_in_the_table() -> None:
    assert {state for state, _ in t.TRANSITIONS} == set(STATES)


def test_a_cycle_that_decides_otherwise_ends_with_an_error() -> None:
    """A finished member that starts again would be upgraded twice."""
    twin = Twin("site-1")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.drive()
    over = twin.member(uid, 0, "site-1")
    assert isinstance(over, Finished)
    begun = in_flight(run=INTENDED, rollout=uid)
    with twin.fleet.draft() as apply:
        ctx = DecisionContext(twin.snapshot(twin.tracked(uid)), twin.now, apply)
        with pytest.raises(t.UnlistedTransition):
            ctx.on_member(Kind.RUN_INTENDED, begun, "starts Prep")
        assert ctx.result.decisions == []


@pytest.mark.parametrize("state", [each for each in RunState if each is not RunState.ENDED])
def test_a_member_whose_run_is_open_does_not_finish(state: RunState) -> None:
    member = in_flight(run=run(state=state))
    assert isinstance(member, InFlight)
    with pytest.raises(t.UnlistedTransition, match=f"site-1 can't finish: its run is {state}"):
        t.last_run(member)
