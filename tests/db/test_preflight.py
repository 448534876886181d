"""R46.8: the journal keeps a step's findings, and their event says what they were."""

from typing import Any

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.model import Kind, OnRollout, OnStep, Reason, ReasonKind
from ibgu.core.model.preflight import FindingSeverity, PreflightRecord, RecordedFinding
from ibgu.db import Changeset, Journal
from tests.db.records import NOW, rollout, rows, step

TOO_OLD = RecordedFinding("P3", FindingSeverity.ERROR, "are too old", ("site-7", "site-9"))
FOUND = PreflightRecord(NOW, (TOO_OLD,), ("P6",))


async def test_findings_are_loaded_with_their_step_and_are_in_the_history(
    journal: Journal, db: AsyncEngine
) -> None:
    one = rollout()
    judged = replace(step(one, total=2), preflight=FOUND)
    decisions = (
        OnRollout(Kind.ROLLOUT_SEEN, one, "seen"),
        OnStep(Kind.PREFLIGHT, judged, "1 error", warning=True),
    )
    await journal.commit(Changeset(decisions=decisions, at=NOW))
    [reloaded] = (await journal.load()).steps
    loaded = reloaded.preflight
    assert loaded == FOUND
    assert loaded is not None
    assert loaded.of_cluster("site-9") == (TOO_OLD,)
    [(data, warning)] = await rows(
        db, "SELECT data, warning FROM events WHERE kind = 'PreflightEvaluated'"
    )
    assert warning
    assert data["preflight"]["unknown"] == ["P6"]
    assert data["preflight"]["findings"] == [
        {
            "rule": "P3",
            "severity": "error",
            "message": "are too old",
            "clusters": ["site-7", "site-9"],
        }
    ]


async def test_a_later_change_of_the_step_neither_writes_nor_loses_its_findings(
    journal: Journal, db: AsyncEngine
) -> None:
    """The record of 3,000 clusters at fault has some 36 kB."""
    one = rollout()
    everywhere = replace(TOO_OLD, clusters=tuple(f"site-{number}" for number in range(3000)))
    judged = replace(step(one, total=3000), preflight=PreflightRecord(NOW, (everywhere,)))
    held = replace(judged, hold=Reason(ReasonKind.PAUSED, NOW, "paused by a person"))
    seen = OnRollout(Kind.ROLLOUT_SEEN, one, "seen")
    await journal.commit(
        Changeset(decisions=(seen, OnStep(Kind.PREFLIGHT, judged, "1 error")), at=NOW)
    )
    before = await large_values(db)
    assert before != []
    await journal.commit(Changeset(decisions=(OnStep(Kind.STEP_HELD, held, "held"),), at=NOW))
    assert await large_values(db) == before
    assert (await journal.load()).steps == (held,)


async def test_new_findings_replace_those_from_before_in_one_turn_with_other_changes(
    journal: Journal,
) -> None:
    one = rollout()
    judged = replace(step(one, total=2), preflight=FOUND)
    better = replace(judged, preflight=PreflightRecord(NOW))
    held = replace(better, hold=Reason(ReasonKind.PAUSED, NOW, "paused by a person"))
    seen = OnRollout(Kind.ROLLOUT_SEEN, one, "seen")
    await journal.commit(
        Changeset(decisions=(seen, OnStep(Kind.PREFLIGHT, judged, "1 error")), at=NOW)
    )
    decisions = (OnStep(Kind.PREFLIGHT, better, "0 errors"), OnStep(Kind.STEP_HELD, held, "held"))
    await journal.commit(Changeset(decisions=decisions, at=NOW))
    assert (await journal.load()).steps == (held,)


async def large_values(db: AsyncEngine) -> list[Any]:
    """Returns where Postgres keeps the large values of steps: a value that is written again has
    another place."""
    [(table,)] = await rows(
        db, "SELECT reltoastrelid::regclass::text FROM pg_class WHERE oid = 'steps'::regclass"
    )
    return await rows(db, f"SELECT chunk_id, chunk_seq, ctid::text FROM {table} ORDER BY 1, 2")
