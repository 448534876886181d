"""R3 and R6 in the database: a claim takes a slot, and outlives its run."""

from collections.abc import Mapping

import pytest
from asyncpg import IntegrityConstraintViolationError
from msgspec.structs import replace
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.model import (
    Change,
    Kind,
    Member,
    OnMember,
    OnPendingPatch,
    Outcome,
    PendingPatch,
    RunState,
)
from ibgu.core.model.start_facts import Labels, StartFacts
from ibgu.db import Changeset, Journal
from ibgu.db.journal import concerns
from ibgu.db.journal.batch import gather
from tests.db.records import (
    NOW,
    changing,
    claims,
    ended,
    ending,
    members,
    opening,
    rollout,
    rows,
    started,
    starting,
    step,
    with_run,
)


@pytest.fixture
async def waiting(journal: Journal) -> list[Member]:
    """Three members of r1, of whom two may be in flight."""
    one = rollout()
    first = step(one)
    found = members(first, "a", "b", "c")
    await journal.commit(opening(one, first, waiting=found))
    return found


@pytest.fixture
async def rival(journal: Journal) -> list[Member]:
    """Two of the same clusters in r2."""
    other = rollout("r2")
    first = step(other)
    found = members(first, "a", "b")
    await journal.commit(opening(other, first, waiting=found))
    return found


async def test_a_claim_of_another_rollout_is_an_answer(
    journal: Journal, db: AsyncEngine, waiting: list[Member], rival: list[Member]
) -> None:
    await journal.commit(starting(started(waiting[0], slot=1)))
    before = await rows(db, "SELECT count(*) FROM events")
    lost, won = started(rival[0], slot=1), started(rival[1], slot=2)
    assert await journal.commit(starting(lost, won)) == {lost.key}
    assert await claims(db) == [("r1", "a", 1), ("r2", "b", 2)]
    loaded = {found.key: found for found in (await journal.load()).members}
    assert loaded[lost.key] == rival[0]
    assert loaded[won.key] == won
    assert await rows(db, "SELECT count(*) FROM events") == [(before[0][0] + 1,)]
    assert await rows(db, "SELECT id FROM runs WHERE rollout = 'r2'") == [("run-r2-b",)]


async def test_a_taken_slot_is_an_answer(
    journal: Journal, db: AsyncEngine, waiting: list[Member]
) -> None:
    await journal.commit(starting(started(waiting[0], slot=1)))
    late = started(waiting[1], slot=1)
    assert await journal.commit(starting(late)) == {late.key}
    assert await claims(db) == [("r1", "a", 1)]


async def test_one_of_two_claims_of_a_slot_in_one_turn_succeeds(
    journal: Journal, db: AsyncEngine, waiting: list[Member]
) -> None:
    both = (started(waiting[0], slot=2), started(waiting[1], slot=2))
    assert await journal.commit(starting(*both)) == {both[1].key}
    assert await claims(db) == [("r1", "a", 2)]


async def test_a_repeated_claim_is_no_conflict(
    journal: Journal, db: AsyncEngine, waiting: list[Member]
) -> None:
    changeset = starting(started(waiting[0], slot=1), started(waiting[1], slot=2))
    assert await journal.commit(changeset) == frozenset()
    assert await journal.commit(changeset) == frozenset()
    begun = "SELECT count(*) FROM events WHERE kind = 'RunIntended'"
    assert await rows(db, begun) == [(4,)], "the second turn was written, too"
    moved = starting(started(waiting[0], slot=2))
    assert await journal.commit(moved) == {waiting[0].key}


async def test_a_lost_claim_enqueues_no_patch(
    journal: Journal, db: AsyncEngine, waiting: list[Member], rival: list[Member]
) -> None:
    """An outcome that was not written has no labels, in the journal as in memory."""
    await journal.commit(starting(started(waiting[0], slot=1)))
    lost = started(rival[0], slot=1)
    other = PendingPatch(uid="uid-b", cluster="b", rollout="r1", labels={"k": Change(None, "")})
    mine = PendingPatch(uid="uid-a", cluster="a", rollout="r2", labels={"k": Change(None, "")})
    told = (
        OnPendingPatch(Kind.LABELS_PENDING, mine, "Prep succeeded", {"k": ""}),
        OnMember(Kind.RUN_INTENDED, lost, "goes on"),
        OnPendingPatch(Kind.LABELS_PENDING, other, "Prep succeeded", {"k": ""}),
    )
    changeset = Changeset(decisions=told, taken=(lost,), at=NOW)
    assert await journal.commit(changeset) == {lost.key}
    assert [concerns(decision, {lost.key}) for decision in told] == [True, True, False]
    assert (await journal.load()).pending_patches == (other,)


async def test_unchanged_labels_are_recorded_and_not_enqueued(
    journal: Journal, db: AsyncEngine
) -> None:
    await journal.commit(opening(rollout()))
    pending = PendingPatch(uid="uid-a", cluster="a", rollout="r1")
    stand = OnPendingPatch(Kind.LABELS_UNCHANGED, pending, "Prep succeeded", {"k": ""})
    await journal.commit(Changeset(decisions=(stand,), at=NOW))
    told = await rows(db, "SELECT kind, data FROM events ORDER BY seq DESC LIMIT 1")
    assert told == [("LabelsUnchanged", {"labels": {}, "annotations": {}, "asked": {"k": ""}})]
    assert (await journal.load()).pending_patches == ()


async def test_a_lost_claim_frees_no_slot(
    journal: Journal, db: AsyncEngine, waiting: list[Member]
) -> None:
    """A member that would move to a taken slot keeps the one it has, and its run."""
    a, b = started(waiting[0], slot=1), started(waiting[1], slot=2)
    await journal.commit(starting(a, b))
    over = with_run(a, state=RunState.ENDED, ended_at=NOW, disarmed=True)
    again = started(waiting[0], slot=2, run="second")
    changeset = Changeset(
        decisions=(
            OnMember(Kind.RUN_ENDED, over, "withdrawn"),
            OnMember(Kind.RUN_INTENDED, again, "again"),
        ),
        taken=(again,),
        freed=(over,),
        at=NOW,
    )
    assert await journal.commit(changeset) == {a.key}
    assert await claims(db) == [("r1", "a", 1), ("r1", "b", 2)]
    assert (await journal.load()).members[0] == a


async def test_no_slot_beyond_the_bound(journal: Journal, waiting: list[Member]) -> None:
    for slot in (0, 3):
        with pytest.raises(IntegrityConstraintViolationError, match="claims_slot_check"):
            await journal.commit(starting(started(waiting[0], slot=slot)))


async def test_a_bound_can_not_be_lowered_under_a_taken_slot(
    journal: Journal, db: AsyncEngine, waiting: list[Member]
) -> None:
    await journal.commit(starting(started(waiting[0], slot=2)))
    with pytest.raises(IntegrityError, match="claims_slot_check"):
        await rows(db, "UPDATE steps SET max_concurrency = 1")
    await rows(db, "UPDATE steps SET max_concurrency = 3")
    assert await journal.commit(starting(started(waiting[1], slot=3))) == frozenset()


async def test_a_freed_slot_is_taken_in_the_same_turn(
    journal: Journal, db: AsyncEngine, waiting: list[Member]
) -> None:
    first = started(waiting[0], slot=1)
    await journal.commit(starting(first))
    done, following = ended(first), started(waiting[1], slot=1)
    changeset = Changeset(
        decisions=(
            OnMember(Kind.FINISHED, done, "Prep completed"),
            OnMember(Kind.RUN_INTENDED, following, "slot 1 is free"),
        ),
        taken=(following,),
        freed=(done,),
        at=NOW,
    )
    assert await journal.commit(changeset) == frozenset()
    assert await claims(db) == [("r1", "b", 1)]


async def test_a_cluster_passes_to_its_canceller_in_one_turn(
    journal: Journal, db: AsyncEngine, waiting: list[Member], rival: list[Member]
) -> None:
    first = started(waiting[0], slot=1)
    await journal.commit(starting(first))
    preempted, mine = ended(first, Outcome.CANCELLED), started(rival[0], slot=1)
    changeset = Changeset(
        decisions=(
            OnMember(Kind.FINISHED, preempted, "cancelled by default/r2"),
            OnMember(Kind.RUN_INTENDED, mine, "the claim was passed on"),
        ),
        taken=(mine,),
        freed=(preempted,),
        at=NOW,
    )
    assert await journal.commit(changeset) == frozenset()
    assert await claims(db) == [("r2", "a", 1)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"state": RunState.ARMED, "disarmed": False},
        {"state": RunState.ACCEPTED, "disarmed": True},
        {"state": RunState.ENDED, "ended_at": NOW, "disarmed": False},
    ],
)
async def test_a_claim_stays_while_its_run_is_open_or_armed(
    journal: Journal, db: AsyncEngine, waiting: list[Member], changes: dict[str, object]
) -> None:
    found = started(waiting[0], slot=1)
    await journal.commit(starting(found))
    open_still = replace(with_run(found, **changes), slot=None)
    with pytest.raises(IntegrityConstraintViolationError, match="runs_claim_fkey"):
        await journal.commit(ending(open_still))
    with pytest.raises(IntegrityError, match="runs_claim_fkey"):
        await rows(db, "DELETE FROM claims")
    assert await claims(db) == [("r1", "a", 1)]


async def test_no_run_without_a_claim(journal: Journal, waiting: list[Member]) -> None:
    with pytest.raises(IntegrityConstraintViolationError, match="runs_claim_fkey"):
        await journal.commit(changing(started(waiting[0], slot=1)))


async def test_no_run_under_another_rollouts_claim(
    journal: Journal, waiting: list[Member], rival: list[Member]
) -> None:
    await journal.commit(starting(started(waiting[0], slot=1)))
    with pytest.raises(IntegrityConstraintViolationError, match="runs_claim_fkey"):
        await journal.commit(changing(started(rival[0], slot=1)))


async def test_no_two_open_runs_of_a_member(journal: Journal, waiting: list[Member]) -> None:
    found = started(waiting[0], slot=1)
    await journal.commit(starting(found))
    with pytest.raises(IntegrityConstraintViolationError, match="runs_open_idx"):
        await journal.commit(changing(with_run(found, id="second")))


async def test_a_withdrawn_run_is_reopened_under_a_new_claim(
    journal: Journal, db: AsyncEngine, waiting: list[Member]
) -> None:
    found = started(waiting[0], slot=1)
    await journal.commit(starting(found))
    withdrawn = with_run(found, state=RunState.ENDED, ended_at=NOW, disarmed=True)
    await journal.commit(ending(replace(withdrawn, slot=None)))
    await journal.commit(starting(started(waiting[1], slot=1)))
    reopened = replace(with_run(found, state=RunState.ACCEPTED), slot=2)
    assert await journal.commit(starting(reopened)) == frozenset()
    assert await claims(db) == [("r1", "b", 1), ("r1", "a", 2)]


async def test_the_next_attempt_takes_the_slot_in_the_turn_that_ended_the_last(
    journal: Journal, db: AsyncEngine, waiting: list[Member]
) -> None:
    found = started(waiting[0], slot=1)
    await journal.commit(starting(found))
    over = with_run(found, state=RunState.ENDED, ended_at=NOW, disarmed=True)
    again = started(waiting[0], slot=2, run="second")
    changeset = Changeset(
        decisions=(
            OnMember(Kind.RUN_ENDED, over, "withdrawn"),
            OnMember(Kind.RUN_INTENDED, again, "again"),
        ),
        taken=(again,),
        freed=(over,),
        at=NOW,
    )
    assert await journal.commit(changeset) == frozenset()
    assert await claims(db) == [("r1", "a", 2)]
    assert await rows(db, "SELECT id, state FROM runs ORDER BY intended_at, state") == [
        ("run-r1-a", "ended"),
        ("second", "intended"),
    ]


def test_the_next_start_records_what_a_lost_one_would_have_of_others() -> None:
    """Without, the certificate would judge it by labels from before."""
    first = step(rollout("r"))
    known: dict[str, Mapping[str, Labels | None] | None] = {
        "lost": {"x": {"site": "new"}, "y": {"site": "old"}},
        "none": None,
        "next": {"y": {"site": "new"}},
        "last": {},
    }
    starts = [
        OnMember(Kind.RUN_INTENDED, started(each, slot=slot), "", facts=StartFacts(beside=beside))
        for slot, (each, beside) in enumerate(
            zip(members(first, *known), known.values(), strict=True)
        )
    ]
    lost = starts[0].member.key
    kept = gather(Changeset(decisions=tuple(starts), at=NOW), {lost}).recorded
    facts = [each.facts for each in kept if isinstance(each, OnMember)]
    assert [each and each.beside for each in facts] == [
        None,
        {"x": {"site": "new"}, "y": {"site": "new"}},
        {},
    ]
    assert gather(Changeset(decisions=tuple(starts), at=NOW), set()).recorded == starts
