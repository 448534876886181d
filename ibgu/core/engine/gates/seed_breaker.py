"""The circuit breaker of a seed image: what fails in one rollout must not start in the next one
(R19.4)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec.structs import replace

from ibgu.core.engine.gate import RESUME_TO_GO_ON, Alarm, GateInput, GateReason
from ibgu.core.engine.gates.gate import StepGate
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.seed_ends import exceeded
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import ActingParty, ActionTraits, Reason, ReasonKind, Step
from ibgu.core.model.meaning import RESUME, Meaning, OverdueRule
from ibgu.core.model.topics import Topic
from ibgu.core.text.spans import duration


def _seed_breaker(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    seeds = snapshot.seeds
    if seeds.problem:
        return Reason(ReasonKind.SEEDS_UNKNOWN, now, seeds.problem)
    found = next(_engaged(snapshot, step), "")
    if not found:
        return None
    words = f"{found}; {RESUME_TO_GO_ON}"
    return Reason(ReasonKind.SEED_BREAKER, now, words, None, ActingParty.PERSON)


def _engaged(snapshot: Snapshot, step: TrackedStep) -> Iterator[str]:
    """Yields why circuit breakers of the rollout's image are engaged. What a person has seen when
    the rollout was last resumed does not count."""
    tracked = snapshot.tracked
    resumes = (each.step.seed_resumed_at for each in tracked.steps)
    since = max((at for at in resumes if at is not None), default=None)
    for breaker in snapshot.seeds.breakers:
        found = snapshot.fleet.seed_ends.engaged(tracked.image, breaker.limits, since)
        if found is not None and breaker.concerns(step):
            window = duration(breaker.limits.window)
            image = (
                f"this image; RolloutPolicy {breaker.name} allows fewer"
                if breaker.of_policy
                else f"the seed image {breaker.name}"
            )
            words = exceeded(breaker.limits, found)
            yield f"{words} within {window}, in all rollouts with {image}"


def _resumed(snapshot: Snapshot, step: Step, now: datetime) -> Step:
    return replace(step, seed_resumed_at=now)


def _brings_the_seed(action: ActionTraits) -> bool:
    """Chooses the actions that take a cluster to the image, and never one that leads back."""
    return action.brings


def _upgrades(action: ActionTraits) -> bool:
    return action.upgrades


SEED_BREAKER = StepGate(
    name="seed-circuit-breaker",
    check=_seed_breaker,
    reasons={
        ReasonKind.SEED_BREAKER: GateReason(
            meaning=Meaning(
                "too many upgrades to the seed image have failed, in this rollout or in others of "
                "the hub, so nothing new starts with it",
                "a person resumes this rollout",
                f"find out why they failed (`ibgu seed show`, `ibgu status NAME`), {RESUME}, or "
                "make a new image and roll that out",
            ),
            lasting=True,
            counts_failures=True,
            resumable=True,
            stops_clock=True,
            asks=RESUME_TO_GO_ON,
            alarm=Alarm(topic=Topic.STEP_CIRCUIT_BREAKER, words="the circuit breaker holds"),
        ),
        ReasonKind.SEEDS_UNKNOWN: GateReason(
            meaning=Meaning(
                "ibgu can't read the catalogue of seed images, so it does not know whether a "
                "circuit breaker holds the image",
                "ibgu has read the SeedImages",
                "nothing, it continues automatically",
            ),
            opened="continues: the catalogue of seed images is read",
            overdue=OverdueRule(
                timedelta(minutes=5), "see the controller's log, and whether it may list SeedImages"
            ),
        ),
    },
    resumed=_resumed,
    needs=frozenset({GateInput.RECORDS, GateInput.SEEDS, GateInput.ENDS, GateInput.TIME}),
    actions=_brings_the_seed,
    own=True,
    chained=_upgrades,
)
