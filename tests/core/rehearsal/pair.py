"""The same fleet, plan, policies and draws through the engine itself and through a rehearsal."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.engine.timing.rate_limits import step_limits
from ibgu.core.model import (
    Cause,
    ClusterView,
    Finished,
    Member,
    MemberState,
    Outcome,
    ReasonKind,
    RunResult,
)
from ibgu.core.model.kinds import LabelSelector, RolloutObject
from ibgu.core.model.rollout_policy import PolicyState, RolloutPolicy
from ibgu.core.rehearsal.model import Attempts, Draws, PlannedStep, RehearsedPlan
from ibgu.core.rehearsal.run import Rehearsal, Run
from ibgu.core.rehearsal.step_end import Held
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.node import Script, Work
from tests.core.engine.decide.spoke import Spoke

REACTION = 1.0
"""Seconds by which the ends of a step may differ: the engine's are whole microseconds."""
_HELD = {
    Held.CIRCUIT_BREAKER: ReasonKind.CIRCUIT_BREAKER,
    Held.UPGRADE_BREAKER: ReasonKind.SEED_BREAKER,
    Held.CANARIES: ReasonKind.FAILURE_BUDGET,
    Held.BUDGET: ReasonKind.FAILURE_BUDGET,
}
_SECOND = timedelta(seconds=1)
_STAGES = {
    Action.PREP: Stage.PREP,
    Action.UPGRADE: Stage.UPGRADE,
    Action.ROLLBACK: Stage.ROLLBACK,
    Action.FINALIZE_UPGRADE: Stage.IDLE,
    Action.ABORT: Stage.IDLE,
}


class Case(Struct, frozen=True, kw_only=True):
    """Case is what both go through."""

    names: Sequence[str]
    steps: Sequence[str]
    draws: Draws
    concurrency: int = 10
    timeout: int = 240
    labels: Mapping[str, Mapping[str, str]] = {}
    policies: Sequence[RolloutPolicy] = ()
    durations: DurationsByAction = {}
    annotations: Mapping[str, str] = {}
    days: int = 3

    def object(self) -> RolloutObject:
        found = ibgu(
            "a", *self.steps, concurrency=self.concurrency, timeout=self.timeout,
            selectors=[LabelSelector()],
        )  # fmt: skip
        meta = replace(found.metadata, annotations=dict(self.annotations))
        return replace(found, metadata=meta)


class StepFigures(Struct, frozen=True):
    """StepFigures are what both must agree on; times are in seconds from the beginning."""

    ends: float | None
    succeeded: int
    failed: int
    never_started: int
    held: ReasonKind | None
    """The hold that a person must end; None: there is none."""
    started: int


def drawn(
    names: Sequence[str],
    seed: int = 1,
    failing: Mapping[str, float] | None = None,
    minutes: Mapping[str, tuple[float, float]] | None = None,
) -> Draws:
    """Draws evenly between so many minutes, to whole seconds: an Upgrade must leave room for its
    reboot."""
    dice, spans = Random(seed), {"Prep": (5, 20), "Upgrade": (15, 40)} | dict(minutes or {})
    found = {
        str(action): Attempts(
            [
                float(dice.randint(*(round(60 * each) for each in spans.get(action, (1, 3)))))
                for _ in names
            ],
            [dice.random() < (failing or {}).get(action, 0.0) for _ in names],
        )
        for action in _STAGES
    }
    # All are one stage of the cluster, which has one course.
    idle = found[str(Action.FINALIZE_UPGRADE)]
    return found | {str(Action.ABORT): idle, str(Action.ABORT_ON_FAILURE): idle}


class DrawnSpoke(Spoke):
    """DrawnSpoke takes as long as was drawn for it, and is unreachable until the end of a
    reboot, as a rehearsal has it."""

    def __init__(self, attempts: Mapping[str, Mapping[Stage, tuple[float, bool]]], name: str,
                 now: datetime) -> None:  # fmt: skip
        super().__init__(name, now)
        self._attempts = attempts[name]

    def _course(self, stage: Stage) -> Script:
        seconds, fails = self._attempts[stage]
        # One second has passed since the stage was asked for, when the agent sees it.
        rest = timedelta(seconds=seconds) - _SECOND
        end: Callable[[], None] = self._fail(stage) if fails else self._complete(stage)
        if stage not in (Stage.UPGRADE, Stage.ROLLBACK):
            return [(rest, end)]
        if fails:
            return [(_SECOND, self._darken), (rest - _SECOND, self._roll_back)]

        def come_back() -> None:
            self._pivot()
            end()

        return [(_SECOND, self._darken), (rest - _SECOND, come_back)]


class LazySpoke(DrawnSpoke):
    """LazySpoke is one whose agent looks again only after something has changed: there are
    hundreds of them, and thousands of turns. It has one work."""

    _reported: object = None

    def sync(self, work: Work) -> bool:
        if self._state(work) == self._reported:
            return False
        changed = super().sync(work)
        self._reported = self._state(work)
        return changed

    def _state(self, work: Work) -> object:
        return (work.generation, work.applied, len(self._script), len(self.executed), self.dark)


def engine_of(case: Case) -> InMemoryEngine:
    attempts = {
        name: {
            stage: (case.draws[action].seconds[index], case.draws[action].fails[index])
            for action, stage in _STAGES.items()
        }
        for index, name in enumerate(case.names)
    }
    engine = InMemoryEngine(*case.names, node=partial(LazySpoke, attempts))
    Invariants(engine)
    for name in case.names:
        engine.labels[name] = dict(case.labels.get(name, {}))
    engine.durations = case.durations
    engine.rollout_policies = PolicyState(tuple(case.policies))
    engine.apply(case.object())
    return engine


def plan_of(case: Case) -> RehearsedPlan:
    found = case.object()
    return RehearsedPlan(
        steps=tuple(
            PlannedStep(
                tuple(item.actions),
                item.rollout_strategy.max_concurrency,
                timedelta(minutes=item.rollout_strategy.timeout),
                step_limits(case.annotations, item.actions),
            )
            for item in found.spec.plan
        ),
        selectors=found.spec.cluster_label_selectors,
        clusters=[view(name, case.labels.get(name, {})) for name in case.names],
        begin=START,
        policies=case.policies,
        durations=case.durations,
        rollback_time=IBU.rollback_time(found.spec),
    )


def view(name: str, labels: Mapping[str, str]) -> ClusterView:
    return ClusterView(
        name=name, uid=f"uid-{name}", accepted=True, deleting=False, reachable=True, local=False,
        labels=dict(labels),
    )  # fmt: skip


def of_engine(case: Case) -> list[StepFigures]:
    engine = engine_of(case)
    engine.drive(timedelta(days=case.days))
    return [_engine_figures(each) for each in engine.tracked("uid-a").steps]


def _engine_figures(tracked: Any) -> StepFigures:
    step, members = tracked.step, tracked.members.values()
    never = sum(map(never_started, members))
    ends = (step.finished_at - START).total_seconds() if step.finished_at else None
    kind = step.hold.kind if step.hold is not None and ends is None else None
    return StepFigures(
        ends=ends,
        succeeded=tracked.counts[Outcome.SUCCEEDED],
        failed=tracked.counts[Outcome.FAILED] - never,
        never_started=never,
        held=kind if kind in _HELD.values() else None,
        started=len(members) - never - tracked.counts[MemberState.WAITING],
    )


def never_started(member: Member) -> bool:
    """Returns whether no run of the member was carried out; one whose action was completed late has
    failed at the next one."""
    if not isinstance(member, Finished) or member.cause is not Cause.NEVER_STARTED:
        return False
    return member.run is None or member.run.result is RunResult.WITHDRAWN


def rehearsed(case: Case) -> Run:
    rehearsal = Rehearsal(plan_of(case))
    assert [each.name for each in rehearsal.clusters] == list(case.names)
    return rehearsal.run(case.draws)


def of_rehearsal(case: Case) -> list[StepFigures]:
    return [
        StepFigures(
            ends=None if each.held else each.at,
            succeeded=each.succeeded,
            failed=each.failed,
            never_started=each.never_started,
            held=_HELD.get(each.held),
            started=each.started,
        )
        for each in rehearsed(case).steps
    ]


def agree(case: Case, within: float = 0.0) -> None:
    """Runs both and compares them step by step; `within`: a share of the time by which ends may
    differ beyond the engine's reaction."""
    ours, theirs = of_rehearsal(case), of_engine(case)
    assert [replace(each, ends=None) for each in ours] == [
        replace(each, ends=None) for each in theirs
    ], (ours, theirs)
    for mine, real in zip(ours, theirs, strict=True):
        assert (mine.ends is None) == (real.ends is None), (ours, theirs)
        if mine.ends is not None and real.ends is not None:
            assert abs(mine.ends - real.ends) <= REACTION + within * real.ends, (ours, theirs)
