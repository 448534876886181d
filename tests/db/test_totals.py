"""Whole rollouts are counted in Postgres as the fleet state counts them in memory."""

from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import FleetState
from ibgu.core.model import (
    Decision,
    Kind,
    Member,
    MemberState,
    OnMember,
    OnRollout,
    OnStep,
    Outcome,
    Rollout,
    Step,
    StepState,
)
from ibgu.core.model.counts import Counts
from ibgu.db import Changeset, Journal
from ibgu.db.reads import Reads
from ibgu.db.reads.tallies import LARGE, STALE_SECONDS, CountCache
from tests.core.engine.state.records import spec
from tests.core.model.test_counts import PLANS, STATES, became
from tests.db.records import NOW, member, opening, rollout, step
from tests.members import changed_member

ROLLOUTS = 60


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reads(db: AsyncEngine, clock: Clock) -> Reads:
    return Reads(db, "hub-1", CountCache(clock))


def course(random: Random, number: int) -> tuple[Rollout, list[Step], list[Member]]:
    """Some steps of some plan, and clusters that were in some of them."""
    plan = random.choice(PLANS)
    of = rollout(f"r{number}", spec=spec(*plan), deleted_at=random.choice([None, None, None, NOW]))
    opened = plan[: random.randint(0, len(plan))]
    states = [StepState.FINISHED] * len(opened)
    if opened:
        states[-1] = random.choice(list(StepState))
    steps = [
        step(of, index, *map(Action, actions.split()), state=states[index])
        for index, actions in enumerate(opened)
    ]
    members = [
        became(
            random.choice(STATES),
            each.index,
            f"site-{site}",
            rollout=of.uid,
            uid=f"uid-{random.choice('aaab')}",
        )
        for each in steps
        for site in range(1, 8)
        if each.state is not StepState.OPENING and random.random() < 0.7
    ]
    return of, steps, [_without_run(each) for each in members]


def _without_run(found: Member) -> Member:
    return replace(found, run=None)


def seen(of: Rollout, steps: list[Step], members: list[Member]) -> list[Decision]:
    return [
        OnRollout(Kind.ROLLOUT_SEEN, of, ""),
        *(OnStep(Kind.STEP_STARTED, each, "") for each in steps),
        *(OnMember(Kind.JOINED, each, "") for each in members),
    ]


async def test_any_rollout_is_counted_as_in_the_fleet_state(journal: Journal, reads: Reads) -> None:
    random, wanted = Random(22), {}
    for number in range(ROLLOUTS):
        of, steps, members = course(random, number)
        await journal.commit(Changeset(decisions=tuple(seen(of, steps, members)), at=NOW))
        fleet = FleetState()
        fleet.load([of], steps, members, ())
        wanted[of.uid] = fleet.rollouts[of.uid].counts
    found = {row.rollout.uid: row.counts for row in (await reads.rollouts(limit=ROLLOUTS)).items}
    assert found == wanted
    assert all(any(getattr(each, name) for each in found.values()) for name in to_see())


def to_see() -> tuple[str, ...]:
    """Returns the outcomes that must be there, else the test would prove too little."""
    return Counts.__struct_fields__


async def counted(reads: Reads) -> Counts:
    row = await reads.rollout_by_uid("r1")
    assert row is not None
    return row.counts


def ended(found: Member, outcome: Outcome, **changes: Any) -> Changeset:
    over = changed_member(found, state=MemberState.FINISHED, outcome=outcome, **changes)
    return Changeset(decisions=(OnMember(Kind.FINISHED, over, ""),), at=NOW)


async def test_totals_are_recounted_after_the_next_event(journal: Journal, reads: Reads) -> None:
    one = rollout()
    first = step(one, total=1)
    site = member(first, "site-1")
    await journal.commit(opening(one, first, waiting=[site]))
    assert await counted(reads) == await counted(reads) == Counts(total=1, waiting=1)
    await journal.commit(ended(site, Outcome.FAILED))
    assert await counted(reads) == Counts(total=1, failed=1)
    await journal.commit(ended(site, Outcome.FAILED, late="completed late, after 47 min"))
    assert await counted(reads) == Counts(total=1, succeeded=1)


@pytest.mark.parametrize("clean_up", [Action.ABORT_ON_FAILURE, Action.ABORT])
@pytest.mark.parametrize("outcome", list(Outcome))
async def test_a_clean_up_of_a_late_completion_counts_as_in_the_fleet_state(
    journal: Journal, reads: Reads, clean_up: Action, outcome: Outcome
) -> None:
    one = rollout(spec=spec("Prep", clean_up))
    steps = [step(one, index, each) for index, each in enumerate((Action.PREP, clean_up))]
    members = [
        _without_run(became(state, index, rollout=one.uid))
        for index, state in enumerate(("late", str(outcome)))
    ]
    await journal.commit(Changeset(decisions=tuple(seen(one, steps, members)), at=NOW))
    fleet = FleetState()
    fleet.load([one], steps, members, ())
    assert await counted(reads) == fleet.rollouts[one.uid].counts


async def test_a_large_rollout_is_counted_with_its_step_for_all_callers(
    journal: Journal, reads: Reads, clock: Clock
) -> None:
    one = rollout()
    first = step(one, total=LARGE)
    site = member(first, "site-1")
    await journal.commit(opening(one, first, waiting=[site]))
    assert await counted(reads) == Counts(total=1, waiting=1)
    await journal.commit(ended(site, Outcome.SUCCEEDED))
    assert await counted(reads) == Counts(total=1, waiting=1)
    clock.now += STALE_SECONDS + 1
    assert await counted(reads) == Counts(total=1, succeeded=1)


@pytest.mark.parametrize("other", ["steps", "view"])
async def test_a_row_is_consistent_while_others_count(
    journal: Journal, reads: Reads, other: str
) -> None:
    """A step's count of a second ago beside the rollout's of now is what no moment had."""
    one = rollout()
    first = step(one, total=LARGE)
    site = member(first, "site-1")
    await journal.commit(opening(one, first, waiting=[site]))

    async def counted_by_others() -> None:
        await (reads.steps("r1") if other == "steps" else reads.view("r1", None, 10))

    async def together() -> None:
        row = await reads.rollout_by_uid("r1")
        assert row is not None
        assert row.current is not None
        assert row.current.counts == row.counts

    await counted_by_others()
    await journal.commit(ended(site, Outcome.FAILED))
    await together()
    await journal.commit(ended(site, Outcome.SUCCEEDED))
    await counted_by_others()
    await together()
