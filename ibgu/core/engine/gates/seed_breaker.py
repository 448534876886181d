"""The circuit breaker of a seed image: what fails in one rollout must not start in the next one
(R19.4)."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec.structs import replace

from ibgu.core.engine.gate import Alarm, GateInput, GateReason
from ibgu.core.engine.gates.gate import StepGate
from ibgu.core.engine.state import SeedTally, TrackedStep
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import ActingParty, ActionTraits, Reason, ReasonKind, Step
from ibgu.core.model.meaning import RESUME, Meaning, OverdueRule
from ibgu.core.model.seed_image import SeedCircuitBreaker
from ibgu.core.model.topics import Topic
from ibgu.core.text.spans import duration


def _seed_breaker(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    seeds = snapshot.seeds
    if seeds.problem:
        return Reason(ReasonKind.SEEDS_UNKNOWN, now, seeds.problem)
    found = next(_engaged(snapshot, step, now), "")
    if not found:
        return None
    words = f"{found}; annotate the rollout with ibgu.dev/resume to go on"
    return Reason(ReasonKind.SEED_BREAKER, now, words, None, ActingParty.PERSON)


def _engaged(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Iterator[str]:
    """Yields why circuit breakers of the rollout's image are engaged for the step. What a person
    has seen at its last resume does not count."""
    image, since = snapshot.tracked.seed, step.step.seed_resumed_at
    for breaker in snapshot.seeds.breakers:
        begin = now - breaker.limits.window
        after = begin if since is None else max(begin, since)
        if found := exceeded(breaker.limits, snapshot.fleet.seed_ends.tally(image, after)):
            window = duration(breaker.limits.window)
            yield (f"{found} within {window}, in all rollouts with the seed image {breaker.name}")
    if snapshot.seeds.breakers and _held_elsewhere(snapshot, image, since):
        yield (
            f"another rollout with the seed image {snapshot.seeds.breakers[0].name} is held by "
            "its circuit breaker"
        )


def exceeded(limits: SeedCircuitBreaker, found: SeedTally) -> str:
    """Returns which of the limits is reached; empty: none is."""
    if 0 < limits.same_cause <= found.of_cause:
        return f"{_failed(found.of_cause)} with {found.cause}"
    enough = found.ended >= max(1, limits.minimum_upgrades)
    if limits.percent and enough and 100 * found.failed >= limits.percent * found.ended:
        return f"{found.failed} of {found.ended} upgrades failed"
    return ""


def _failed(upgrades: int) -> str:
    return "1 upgrade failed" if upgrades == 1 else f"{upgrades} upgrades failed"


def _held_elsewhere(snapshot: Snapshot, image: str, since: datetime | None) -> bool:
    """Whether the circuit breaker has held another rollout of the image since then, and nobody has
    resumed it. The failures may have left the window meanwhile."""
    return any(
        hold.kind is ReasonKind.SEED_BREAKER and (since is None or hold.since > since)
        for hold in _other_holds(snapshot, image)
    )


def _other_holds(snapshot: Snapshot, image: str) -> Iterator[Reason]:
    """Yields the holds of the running steps of other rollouts with the image."""
    for tracked in snapshot.fleet.rollouts.values():
        current = tracked.current
        if current is None or current.step.hold is None or tracked is snapshot.tracked:
            continue
        if tracked.seed == image:
            yield current.step.hold


def _resumed(snapshot: Snapshot, step: Step, now: datetime) -> Step:
    return replace(step, seed_resumed_at=now)


def _brings_the_seed(action: ActionTraits) -> bool:
    """Chooses the actions that take a cluster to the image, and never one that leads back."""
    return action.preflight


def _upgrades(action: ActionTraits) -> bool:
    return action.preflight and action.reboots


SEED_BREAKER = StepGate(
    name="seed-circuit-breaker",
    check=_seed_breaker,
    reasons={
        ReasonKind.SEED_BREAKER: GateReason(
            meaning=Meaning(
                "too many upgrades to the seed image have failed, in this rollout or in others of "
                "the hub, so nothing new starts with it",
                "a person resumes this rollout",
                f"find out why they failed (ibgu seed show, ibgu status), {RESUME}, or make a new "
                "image and roll that out",
            ),
            lasting=True,
            resumable=True,
            stops_clock=True,
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
