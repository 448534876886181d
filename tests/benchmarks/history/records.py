"""A rollout of the history and its steps, as records."""

from datetime import timedelta

from ibgu.core.model import (
    Kind,
    OnRollout,
    OnStep,
    RecordedDecision,
    Rollout,
    RolloutState,
    Step,
    StepState,
)
from ibgu.core.model.kinds import IbuSpec, PlanItem, RolloutSpec, RolloutStrategy, SeedImageRef
from tests.benchmarks.history.plan import ACTIONS, Course

_TIMEOUT = 240


def rollout(course: Course) -> Rollout:
    there = RolloutState.COMPLETE if course.stays else RolloutState.DELETED
    seed = SeedImageRef(image="registry.example.com/seed:4.17.2", version="4.17.2")
    strategy = RolloutStrategy(max_concurrency=course.slots, timeout=_TIMEOUT)
    over = None if course.live else course.started(len(ACTIONS))
    return Rollout(
        uid=course.uid,
        namespace=course.namespace,
        name=course.name,
        created_at=course.began,
        spec=RolloutSpec(
            ibu_spec=IbuSpec(seed_image_ref=seed),
            plan=[PlanItem([action.value], strategy) for action in ACTIONS],
        ),
        generation=1,
        state=RolloutState.RUNNING if course.live else there,
        started_at=course.began,
        completed_at=over,
        deleted_at=over if not course.live and there is RolloutState.DELETED else None,
    )


def step(course: Course, index: int) -> Step:
    over = not course.live or index + 1 < len(ACTIONS)
    return Step(
        rollout=course.uid,
        index=index,
        actions=(ACTIONS[index],),
        max_concurrency=course.slots,
        timeout=timedelta(minutes=_TIMEOUT),
        state=StepState.FINISHED if over else StepState.RUNNING,
        started_at=course.started(index),
        finished_at=course.started(index + 1) if over else None,
        total=course.size,
    )


def begins(course: Course, index: int) -> tuple[RecordedDecision, ...]:
    """Events before those of the step's members."""
    found, opened = rollout(course), step(course, index)
    first: tuple[RecordedDecision, ...] = (
        OnRollout(Kind.ROLLOUT_SEEN, found, "seen on the hub", actor="via the hub (kubectl)"),
        OnRollout(Kind.PLAN_ACCEPTED, found, "the plan has 2 steps"),
        OnRollout(Kind.ROLLOUT_STARTED, found, "the rollout starts"),
    )
    starts = OnStep(Kind.STEP_STARTED, opened, f"starts with {course.size} clusters")
    return (*(first if index == 0 else ()), starts)


def ends(course: Course, index: int) -> tuple[RecordedDecision, ...]:
    if step(course, index).state is not StepState.FINISHED:
        return ()
    over = (OnStep(Kind.STEP_FINISHED, step(course, index), "the step is finished"),)
    last = OnRollout(Kind.ROLLOUT_COMPLETED, rollout(course), "all plan steps are completed")
    return over if index + 1 < len(ACTIONS) else (*over, last)
