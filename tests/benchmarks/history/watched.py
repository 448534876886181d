"""A shadow's records of TALM's rollouts: as many, and as large, as the newest of ibgu's."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache

from ibgu.core.assurance.shadow import (
    ShadowNote,
    ShadowOutcome,
    ShadowRollout,
    ShadowRun,
    ShadowStep,
    ShadowVerdict,
    TalmBatch,
)
from ibgu.core.drivers.ibu.actions import Action
from ibgu.db.rows import Row, shadow_row
from ibgu.db.schema import shadow_runs
from tests.benchmarks.history.copying import template
from tests.benchmarks.history.member_lines import BEGAN, ENDED
from tests.benchmarks.history.plan import ACTIONS, WAVE, Course, History, fails

NEWEST = 72
"""Rollouts: three months of them, which is how long they are kept."""
_BATCH = 987_004
_TOOK = timedelta(minutes=14)
_MARKS = {
    str(_BATCH): "@batch@",
    **{
        form: f"@{name}@"
        for name, moment in {"began": BEGAN, "ended": ENDED}.items()
        for form in (moment.isoformat(), moment.isoformat().replace("+00:00", "Z"))
    },
}


def courses(history: History) -> tuple[Course, ...]:
    return history.courses[-NEWEST:]


def rollouts(history: History) -> Iterator[Row]:
    for course in courses(history):
        found = ShadowRollout(
            uid=course.uid,
            namespace=course.namespace,
            name=course.name,
            created_at=course.began,
            seed_image="registry.example.com/seed:4.17.2",
            seed_version="4.17.2",
            plan=tuple((action.value,) for action in ACTIONS),
            watched_since=course.began,
            progress="All plan steps are completed",
            complete=True,
            deleted=not course.stays,
        )
        yield shadow_row(history.hub, found)


def steps(history: History) -> Iterator[Row]:
    for course in courses(history):
        for index in range(len(ACTIONS)):
            yield shadow_row(history.hub, _step(history, course, index))


def runs(history: History) -> Iterator[str]:
    """Lines of `shadow_runs`."""
    for course in courses(history):
        for index, action in enumerate(ACTIONS):
            for each in range(course.size):
                began = _began(course, index, each)
                values = {
                    "rollout": course.uid,
                    "cluster": history.cluster(course.first + each),
                    "batch": str(each // course.slots + 1),
                    "began": began.isoformat(),
                    "ended": (began + _TOOK).isoformat(),
                }
                yield _line(history.hub, index, action, failed=fails(each)) % values


def _step(history: History, course: Course, index: int) -> ShadowStep:
    batches = tuple(
        TalmBatch(
            tuple(history.cluster(course.first + each) for each in range(first, last)),
            _began(course, index, last),
        )
        for first in range(0, course.size, course.slots)
        for last in [min(first + course.slots, course.size)]
    )
    return ShadowStep(
        rollout=course.uid,
        index=index,
        group=f"{course.namespace}/{course.name}-{index}",
        actions=(ACTIONS[index],),
        max_concurrency=course.slots,
        timeout_minutes=240,
        batches=batches,
        batch=len(batches),
        started_at=course.started(index),
        finished_at=course.started(index + 1),
    )


def _began(course: Course, index: int, each: int) -> datetime:
    return course.started(index) + WAVE * (each // course.slots)


@cache
def _line(hub: str, step: int, action: Action, *, failed: bool) -> str:
    verdict = ShadowVerdict.FAILED if failed else ShadowVerdict.SUCCEEDED
    words = f"{action} {verdict}"
    found = ShadowRun(
        rollout="@rollout@",
        step=step,
        cluster="@cluster@",
        action=action,
        work=f"ran-{step}-x7k2p-@cluster@",
        batch=_BATCH,
        since=BEGAN,
        words=words,
        words_at=ENDED,
        ibgu=ShadowOutcome(verdict, ENDED, None, words),
        talm=ShadowOutcome(verdict, ENDED, None, words),
        gone_at=ENDED,
        freed_at=ENDED,
        notes=(ShadowNote(BEGAN, f"TALM asks the cluster for {action}"), ShadowNote(ENDED, words)),
    )
    return template(shadow_runs, shadow_row(hub, found), _MARKS)
