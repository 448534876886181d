"""Values that Postgres will never store are found to be one rollout's."""

from datetime import timedelta, timezone
from typing import Any

import pytest
from asyncpg import StringDataRightTruncationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.model import Kind, Member, MemberState, OnMember, Preempt
from ibgu.db import Changeset, Journal, LeadershipLost
from ibgu.db.errors import is_refused
from tests.db.conftest import HUB
from tests.db.records import (
    NOW,
    ended,
    ending,
    member,
    opening,
    rollout,
    rows,
    started,
    starting,
    step,
)

GOOD, BAD = rollout("good"), rollout("bad")
HALF = "\ud800"
"""Half of a character, as no encoding has it."""
_ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
HOSTILE = st.fixed_dictionaries(
    {},
    optional={
        "message": st.text(max_size=20) | st.just(HALF) | st.just("a\0b"),
        "late": st.text(max_size=20),
        "action_index": st.integers(),
        "attempts": st.integers(),
        "limit": st.datetimes(timezones=_ZONES),
        "ended_at": st.datetimes(timezones=_ZONES),
    },
)


def _over(**changes: Any) -> Member:
    return member(step(BAD), "b", state=MemberState.FINISHED, **changes)


def of_both(**changes: Any) -> Changeset:
    """A turn about two rollouts; `changes` are of the member of one of them."""
    parts = [
        opening(GOOD, step(GOOD), waiting=[member(step(GOOD), "a")]),
        opening(BAD, step(BAD), waiting=[_over(**changes)]),
    ]
    return Changeset(decisions=tuple(d for part in parts for d in part.decisions), at=NOW)


@pytest.fixture
async def narrow(db: AsyncEngine) -> None:
    """A column that takes less than what is written."""
    async with db.begin() as connection:
        await connection.execute(text("ALTER TABLE members ALTER message TYPE varchar(9)"))


@pytest.mark.usefixtures("narrow")
async def test_a_refused_value_is_attributed_to_its_rollout(
    journal: Journal, db: AsyncEngine
) -> None:
    """Nothing of the turn is written, neither by the commit nor by the search."""
    changeset = of_both(message="more than nine")
    with pytest.raises(StringDataRightTruncationError):
        await journal.commit(changeset)
    refused = await journal.refused(changeset)
    assert {uid: type(error) for uid, error in refused.items()} == {
        "bad": StringDataRightTruncationError
    }
    assert await rows(db, "SELECT turns, last_seq FROM hubs") == [(0, 0)]
    assert await journal.commit(changeset.of_rollout("good")) == frozenset()


async def test_a_value_that_can_not_be_encoded_is_attributed_to_its_rollout(
    journal: Journal,
) -> None:
    changeset = of_both(message=HALF)
    with pytest.raises(UnicodeEncodeError):
        await journal.commit(changeset)
    assert list(await journal.refused(changeset)) == ["bad"]
    assert await journal.commit(changeset.of_rollout("good")) == frozenset()


async def test_a_claim_of_another_is_no_refusal(journal: Journal) -> None:
    """The cluster that one rollout frees may be taken by another in the same turn."""
    first, second = member(step(GOOD), "a"), member(step(BAD), "a")
    await journal.commit(opening(GOOD, step(GOOD), waiting=[first]))
    await journal.commit(opening(BAD, step(BAD), waiting=[second]))
    running = started(first, slot=1)
    await journal.commit(starting(running))
    free, take = ending(ended(running)), starting(started(second, slot=1))
    both = Changeset(
        decisions=(*free.decisions, *take.decisions), taken=take.taken, freed=free.freed, at=NOW
    )
    assert await journal.refused(both) == {}
    assert await journal.commit(both) == frozenset()


async def test_a_deposed_leader_attributes_no_refusal(journal: Journal, leading: Any) -> None:
    await leading("ibgu-1")
    assert await journal.refused(of_both()) == {}
    with pytest.raises(LeadershipLost):
        await journal.commit(of_both())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes=HOSTILE)
async def test_any_value_is_stored_or_attributed_to_its_rollout(
    db: AsyncEngine, changes: dict[str, Any]
) -> None:
    journal = Journal(db, HUB)
    await journal.lead("ibgu-0")
    try:
        await journal.commit(of_both(**changes))
    except Exception as error:
        if not is_refused(error):
            raise
        assert list(await journal.refused(of_both(**changes))) == ["bad"]
    assert await journal.commit(of_both().of_rollout("good")) == frozenset()


def test_a_preemption_is_written_nowhere() -> None:
    waits = OnMember(Kind.WAITS, member(step(BAD), "b"), "")
    whole = Changeset(decisions=(Preempt(uid="u", cluster="a", by="b"), waits), at=NOW)
    assert whole.of_rollout("bad").decisions == (waits,)
