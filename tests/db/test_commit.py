"""Commits: what one writes, and what it refuses."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from asyncpg import ForeignKeyViolationError
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.model import (
    Change,
    Kind,
    OnMember,
    OnPendingPatch,
    OnRollout,
    OnStep,
    PendingPatch,
    Preempt,
    Probe,
    Reason,
    ReasonKind,
    RunState,
)
from ibgu.db import Changeset, Journal, LeadershipLost
from tests.db.records import (
    NOW,
    changing,
    claims,
    ended,
    ending,
    member,
    members,
    opening,
    rollout,
    rows,
    started,
    starting,
    step,
    with_run,
)

Leading = Callable[..., Coroutine[Any, Any, Journal]]


async def test_the_last_record_and_every_event_of_a_turn_are_written(
    journal: Journal, db: AsyncEngine
) -> None:
    one = rollout()
    seen = OnRollout(Kind.ROLLOUT_SEEN, replace(one, generation=1), "first")
    grew = OnRollout(Kind.PLAN_ACCEPTED, replace(one, generation=2), "second", actor="alice")
    await journal.commit(Changeset(decisions=(seen, grew), at=NOW))
    assert [found.generation for found in (await journal.load()).rollouts] == [2]
    told = await rows(db, "SELECT seq, kind, why, actor, at FROM events ORDER BY seq")
    assert told == [
        (1, "RolloutSeen", "first", "", NOW),
        (2, "PlanAccepted", "second", "alice", NOW),
    ]


async def test_silent_decisions_are_written_without_an_event(
    journal: Journal, db: AsyncEngine
) -> None:
    one = rollout()
    first = step(one)
    await journal.commit(opening(one, first, waiting=members(first, "a", "b")))
    assert len((await journal.load()).members) == 2
    assert await rows(db, "SELECT kind FROM events ORDER BY seq") == [
        ("RolloutSeen",),
        ("StepStarted",),
    ]


async def test_events_carry_what_it_takes_to_check_a_rollout(
    journal: Journal, db: AsyncEngine
) -> None:
    talm = Reason(ReasonKind.TALM, NOW, "TALM is live")
    one = rollout(controls={"ibgu.dev/resume": "1"}, hold=talm)
    first = step(one, total=1)
    running = started(member(first, "a"), slot=1)
    decisions = (
        OnRollout(Kind.CONTROL, one, "resumed", actor="alice"),
        OnStep(Kind.STEP_STARTED, first, "it is the first step"),
        OnMember(Kind.RUN_INTENDED, running, "a slot is free"),
    )
    await journal.commit(Changeset(decisions=decisions, taken=(running,), at=NOW))
    await journal.commit(ending(ended(running, message="done")))
    data = [data for (data,) in await rows(db, "SELECT data FROM events ORDER BY seq")]
    assert data == [
        {
            "namespace": "default",
            "name": "ibgu-r1",
            "generation": 0,
            "state": "pending",
            "hold": "TalmIsLive",
            "hold_message": "TALM is live",
            "hold_who": "ibgu",
            "controls": {"ibgu.dev/resume": "1"},
        },
        {
            "actions": ["Prep"],
            "max_concurrency": 2,
            "timeout_seconds": 14400.0,
            "total": 1,
            "state": "running",
        },
        {
            "state": "in flight",
            "slot": 1,
            "limit": "2026-05-04T04:02:01.123456Z",
            "action": "Prep",
            "attempt": 1,
            "run_state": "intended",
            "disarmed": True,
        },
        {
            "state": "finished",
            "outcome": "succeeded",
            "message": "done",
            "limit": "2026-05-04T04:02:01.123456Z",
            "action": "Prep",
            "attempt": 1,
            "run_state": "ended",
            "result": "succeeded",
            "disarmed": True,
        },
    ]


async def test_a_pending_patch_goes_when_it_is_applied(journal: Journal) -> None:
    pending = PendingPatch(uid="u", cluster="a", rollout="r1", labels={"k": Change(None, "")})
    await journal.commit(
        Changeset(
            decisions=(OnPendingPatch(Kind.LABELS_PENDING, pending, "Prep completed"),), at=NOW
        )
    )
    assert (await journal.load()).pending_patches == (pending,)
    cleared = replace(pending, labels={})
    await journal.commit(
        Changeset(
            decisions=(OnPendingPatch(Kind.LABELS_UPDATED, cleared, "the hub shows it"),), at=NOW
        )
    )
    assert (await journal.load()).pending_patches == ()


async def test_probes_and_preemptions_live_in_memory(journal: Journal, db: AsyncEngine) -> None:
    one = rollout()
    first = step(one)
    probing = member(first, "a", probe=Probe("probe-1", NOW))
    await journal.commit(opening(one, first, waiting=[probing]))
    changeset = Changeset(decisions=(Preempt("a", "uid-a", "default/other"),), at=NOW)
    assert await journal.commit(changeset) == frozenset()
    assert (await journal.load()).members == (replace(probing, probe=None),)


async def test_a_turn_without_rows_costs_nothing(journal: Journal, db: AsyncEngine) -> None:
    assert await journal.commit(Changeset(decisions=(), at=NOW)) == frozenset()
    assert await rows(db, "SELECT turns FROM hubs") == [(0,)]


async def test_nul_characters_do_not_stop_the_journal(journal: Journal) -> None:
    one = rollout(annotations={"lca.openshift.io/x": "a\0b"})
    await journal.commit(opening(one, step(one, payload_digest="\\u0000")))
    loaded = await journal.load()
    assert loaded.rollouts[0].annotations == {"lca.openshift.io/x": "a\N{REPLACEMENT CHARACTER}b"}
    assert loaded.steps[0].payload_digest == "\\u0000"


async def test_a_run_goes_through_its_states(journal: Journal, db: AsyncEngine) -> None:
    one = rollout()
    first = step(one)
    waiting = members(first, "a")
    await journal.commit(opening(one, first, waiting=waiting))
    intended = started(waiting[0], slot=1)
    await journal.commit(starting(intended))
    armed = with_run(intended, state=RunState.ARMED, armed_at=NOW, disarmed=False)
    await journal.commit(changing(armed))
    assert (await journal.load()).members == (armed,)
    assert await claims(db) == [("r1", "a", 1)]
    done = ended(armed)
    await journal.commit(ending(done))
    assert (await journal.load()).members == (done,)
    assert await claims(db) == []
    assert (await journal.load(shown=["run-r1-a", "other"])).foreign_runs == {"other"}


async def test_one_hub_does_not_see_the_other(leading: Leading) -> None:
    here, there = await leading(hub="hub-1"), await leading(hub="hub-2")
    one = rollout()
    first = step(one)
    waiting = members(first, "a")
    for journal in (here, there):
        await journal.commit(opening(one, first, waiting=waiting))
        assert await journal.commit(starting(started(waiting[0], slot=1))) == frozenset()
    await here.commit(ending(ended(started(waiting[0], slot=1))))
    assert (await here.load()).members != (await there.load()).members


async def test_no_commit_before_the_lead(db: AsyncEngine) -> None:
    with pytest.raises(LeadershipLost, match="has not taken the lead of hub hub-1"):
        await Journal(db, "hub-1").commit(opening(rollout()))


async def test_a_mistake_in_a_turn_writes_nothing(journal: Journal, db: AsyncEngine) -> None:
    one = rollout()
    first = step(one)
    orphan = member(step(one, 1), "a")
    changeset = opening(one, first)
    broken = Changeset(decisions=(*changeset.decisions, OnMember(Kind.WAITS, orphan, "")), at=NOW)
    with pytest.raises(ForeignKeyViolationError, match="members_hub_rollout_step_fkey"):
        await journal.commit(broken)
    assert (await journal.load()).rollouts == ()
    assert await rows(db, "SELECT * FROM events") == []
    assert await journal.commit(changeset) == frozenset()


async def test_the_clock_is_the_databases(journal: Journal, db: AsyncEngine) -> None:
    before = (await rows(db, "SELECT clock_timestamp()"))[0][0]
    now = await journal.now()
    assert before < now
    assert now.tzinfo is not None
