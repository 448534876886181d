"""The comparison: who knew when, who waited for whom."""

from datetime import timedelta
from typing import Any

from ibgu.core.assurance.shadow import (
    Report,
    ShadowNote,
    ShadowOutcome,
    ShadowRollout,
    ShadowRun,
    ShadowStep,
    ShadowVerdict,
    TalmBatch,
    compare,
)
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause
from tests.core.assurance.shadow.scenes import START, at

ROLLOUT = ShadowRollout(
    uid="uid", namespace="fleet", name="a", created_at=START, watched_since=START
)
PULL = "precache job failed: failed to pull images from registry"


def ok(minutes: float) -> ShadowOutcome:
    return ShadowOutcome(ShadowVerdict.SUCCEEDED, at(minutes))


def failed(minutes: float, message: str = "Prep failed") -> ShadowOutcome:
    return ShadowOutcome(ShadowVerdict.FAILED, at(minutes), Cause.PREP_FAILED, message)


def timed_out(minutes: float) -> ShadowOutcome:
    return ShadowOutcome(ShadowVerdict.FAILED, at(minutes))


def run(
    cluster: str,
    ibgu: ShadowOutcome | None,
    talm: ShadowOutcome | None,
    freed: float | None = None,
    **more: Any,
) -> ShadowRun:
    given: dict[str, Any] = {
        "rollout": "uid",
        "step": 0,
        "cluster": cluster,
        "action": Action.PREP,
        "work": "w",
        "since": START,
        "batch": 1,
        "ibgu": ibgu,
        "talm": talm,
        "freed_at": None if freed is None else at(freed),
        "notes": (ShadowNote(START, "TALM asks the cluster for Prep"),),
    }
    return ShadowRun(**{**given, **more})


def step(*batches: tuple[tuple[str, ...], float | None], **more: Any) -> ShadowStep:
    given: dict[str, Any] = {
        "rollout": "uid",
        "index": 0,
        "group": "fleet/a-prep-0",
        "actions": (Action.PREP,),
        "max_concurrency": 2,
        "timeout_minutes": 60,
        "batches": tuple(
            TalmBatch(names, None if end is None else at(end)) for names, end in batches
        ),
        "started_at": START,
    }
    return ShadowStep(**{**given, **more})


def report(*runs: ShadowRun, steps: tuple[ShadowStep, ...] = (), now: float = 100) -> Report:
    return compare(ROLLOUT, steps, runs, at(now))


def minutes(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds() / 60


def test_failures_are_known_earlier() -> None:
    found = report(
        run("s1", failed(10), timed_out(60)),
        run("s2", failed(15, PULL), None),
        run("s10", failed(20), timed_out(60)),
        run("s3", ok(5), ok(6)),
        run("s4", None, timed_out(60)),
    )
    assert [row.run.cluster for row in found.rows] == ["s1", "s2", "s3", "s4", "s10"]
    assert [minutes(row.ahead) for row in found.rows] == [50, 85, None, None, 40]
    assert minutes(found.ahead) == 175
    first, second = found.failures
    assert (first.count, first.clusters, first.failure) == (2, ("s1", "s10"), "")
    assert minutes(first.ahead) == 90
    assert "oc get ibu upgrade" in first.remedy
    assert (second.count, second.failure) == (1, "PrecacheFailed")
    assert second.means
    assert "oc get ibu" not in second.remedy


def test_rows_with_different_results_differ() -> None:
    found = report(
        run("s1", failed(10), ok(20)), run("s2", ok(10), ok(20)), run("s3", ok(10), None)
    )
    assert [row.differ for row in found.rows] == [True, False, False]


def test_places_that_stood_empty() -> None:
    slow = step((("s1", "s2"), 60), (("s3",), 70), finished_at=at(70))
    found = report(
        run("s1", ok(10), ok(11), 60),
        run("s2", ok(60), ok(60), 60),
        run("s3", ok(70), ok(70), 70, since=at(60), batch=2),
        steps=(slow,),
    )
    assert [minutes(row.idle) for row in found.rows] == [50, 0, 0]
    (told,) = found.steps
    assert minutes(told.idle) == 50
    (batch,) = told.slow
    assert (batch.batch, batch.slowest) == (1, "s2")
    assert (minutes(batch.waited), minutes(batch.idle)) == (50, 50)
    assert (minutes(told.took), minutes(told.sliding)) == (70, 60)
    assert minutes(told.saved) == minutes(found.saved) == 10


def test_only_the_last_action_of_a_step_waits_for_the_batch() -> None:
    found = report(
        run("s1", ok(10), ok(11), 60),
        run("s1", ok(30), ok(30), 60, action=Action.UPGRADE, since=at(12)),
        steps=(step((("s1",), 60), finished_at=at(60)),),
    )
    assert [minutes(row.idle) for row in found.rows] == [None, 30]
    # 10 and 18 minutes of work, the rest was waiting
    assert minutes(found.steps[0].sliding) == 28


def test_nothing_is_estimated_from_half_a_step() -> None:
    half = step((("s1", "s2"), None))
    found = report(run("s1", ok(10), ok(10)), steps=(half,))
    assert (found.steps[0].sliding, found.steps[0].took) == (None, None)
    assert found.steps[0].saved == timedelta()
    found = report(run("s1", ok(10), ok(10)), run("s2", None, None), steps=(half,))
    assert found.steps[0].sliding is None
    assert found.steps[0].slow == ()
    unbounded = step((("s1",), 10), max_concurrency=0)
    assert report(run("s1", ok(10), ok(10)), steps=(unbounded,)).steps[0].sliding is None


def test_all_at_once_costs_no_more_than_there_are() -> None:
    most = step((("s1",), 10), finished_at=at(10), max_concurrency=2**31 - 1)
    assert minutes(report(run("s1", ok(10), ok(10)), steps=(most,)).steps[0].sliding) == 10


def test_a_batch_that_was_not_seen_to_end() -> None:
    open_ = step((("s1", "s2"), None))
    found = report(run("s1", ok(10), ok(10)), run("s2", ok(20), ok(20)), steps=(open_,))
    assert found.steps[0].slow == ()
    assert minutes(found.steps[0].sliding) == 20


def test_talm_is_never_blamed_for_being_quicker() -> None:
    found = report(run("s1", failed(30), timed_out(20), 10))
    (row,) = found.rows
    assert (row.ahead, row.idle) == (timedelta(), timedelta())
    quick = step((("s1", "s2"), 10), finished_at=at(10))
    found = report(run("s1", ok(20), None), run("s2", ok(20), None), steps=(quick,))
    assert found.steps[0].saved == timedelta()


def test_starts_that_policies_would_have_held_are_grouped() -> None:
    night, wide = "RolloutPolicy/night", "RolloutPolicy/wide"
    notes = [
        ShadowNote(START, "TALM asks the cluster for Prep"),
        ShadowNote(START, f"{night} would have held it: by day", night),
        ShadowNote(START, f"{wide} would have held it: 30 are", wide),
    ]
    runs = [run(f"s{number}", None, None, notes=tuple(notes[:2])) for number in range(1, 12)]
    runs.append(run("s20", None, None, notes=tuple(notes)))
    first, second = compare(ROLLOUT, [], runs, at(60)).policies
    assert (first.gate, first.count, len(first.clusters)) == (night, 12, 10)
    assert first.message == f"{night} would have held it: by day"
    assert (second.gate, second.count, second.clusters) == (wide, 1, ("s20",))
