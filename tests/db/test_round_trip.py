"""Every record comes back as it was written, whatever its values."""

import itertools

from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.model import (
    Kind,
    Member,
    OnMember,
    OnPendingPatch,
    OnRollout,
    OnStep,
    PendingPatch,
    Rollout,
    Step,
)
from ibgu.db import Changeset, Journal
from tests.db.records import NOW
from tests.db.strategies import fleets

_hubs = itertools.count(1)


@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(fleet=fleets())
async def test_records_come_back_as_they_were(
    db: AsyncEngine, fleet: tuple[Rollout, Step, Member, PendingPatch]
) -> None:
    rollout, step, member, pending = fleet
    journal = Journal(db, f"hub-{next(_hubs)}")
    await journal.lead("ibgu-0")
    decisions = (
        OnRollout(Kind.ROLLOUT_SEEN, rollout, "seen"),
        OnStep(Kind.PREFLIGHT, step, "evaluated"),
        OnMember(Kind.RUN_PROGRESS, member, "runs"),
        OnPendingPatch(Kind.LABELS_PENDING, pending, "pending"),
    )
    taken = (member,) if member.slot else ()
    assert await journal.commit(Changeset(decisions=decisions, taken=taken, at=NOW)) == frozenset()
    loaded = await journal.load()
    assert loaded.pending_patches == (pending,)
    if rollout.uid in loaded.handled:
        return
    assert loaded.rollouts == (rollout,)
    assert loaded.steps == (step,)
    assert loaded.members == (member,)
