"""Rollouts and steps in each of their states, the events, and the decisions that follow."""

from collections.abc import Callable
from datetime import timedelta

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine import decide
from ibgu.core.engine.state import ActionEnd
from ibgu.core.engine.state.snapshot import PayloadState, SeedBreaker, SeedState
from ibgu.core.model import Cause, Decision, Kind, OnRollout, OnStep
from ibgu.core.model.preflight import (
    FindingSeverity,
    PreflightRecord,
    PreflightResult,
    RecordedFinding,
)
from ibgu.core.model.seed_image import SeedCircuitBreaker
from ibgu.core.plan import Scope
from ibgu.core.talm.adopt import Traces
from tests.core.engine.decide.builders import DIGEST, seeded
from tests.core.engine.decide.events import UID
from tests.core.engine.decide.fleet import TALM_RUNS, InMemoryEngine, ibgu
from tests.core.engine.decide.restores import backup, restore_hub
from tests.core.engine.gates.policies.policy import policy, set_policies
from tests.core.engine.gates.toy import WIDE_FREEZE

Make = Callable[[], InMemoryEngine]
Event = Callable[[InMemoryEngine], object]


def _began(clusters: int = 1) -> InMemoryEngine:
    """A rollout whose clusters are prepared one at a time; the first one takes an hour."""
    engine = InMemoryEngine(*(f"site-{number}" for number in range(1, clusters + 1)))
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    engine.payload = PayloadState(digest="digest")
    engine.apply(ibgu("a", "Prep", concurrency=1))
    return engine


def pending() -> InMemoryEngine:
    """Seen while TALM is alive."""
    engine = _began()
    engine.facts = replace(engine.facts, talm_hold=TALM_RUNS)
    engine.settle()
    return engine


def opening() -> InMemoryEngine:
    engine = _began()
    engine.until(Kind.STEP_OPENED)
    return engine


def running() -> InMemoryEngine:
    engine = _began()
    engine.wait(seconds=30)
    return engine


def paused() -> InMemoryEngine:
    engine = running()
    engine.annotate(UID, pause="alice")
    engine.settle()
    return engine


def invalid() -> InMemoryEngine:
    engine = running()
    engine.append(UID, "Prep")
    engine.settle()
    return engine


def talm_lives() -> InMemoryEngine:
    engine = running()
    talm_appears(engine)
    engine.touch_everything()
    engine.settle()
    return engine


def name_taken() -> InMemoryEngine:
    engine = running()
    engine.namesakes[UID] = "FleetUpdate"
    engine.touch(UID)
    engine.settle()
    return engine


def to_adopt() -> InMemoryEngine:
    engine = running()
    engine.adoption.add(UID)
    engine.touch(UID)
    engine.settle()
    return engine


def adopting() -> InMemoryEngine:
    engine = running()
    engine.adoption.add(UID)
    engine.traces[UID] = Traces(left=1)
    engine.annotate(UID, adopt="1")
    engine.settle()
    return engine


def restored() -> InMemoryEngine:
    engine = running()
    restore_hub(engine, backup(engine))
    engine.settle()
    return engine


def quarantine_rollout() -> InMemoryEngine:
    """A rollout in quarantine, whose next turn gets through."""
    engine = running()
    for decision in decide.quarantine_rollout(
        engine.tracked(UID), "KeyError in ibgu.core, line 1", engine.now
    ):
        engine.fleet.apply(decision)
        engine.records.write(decision)
    return engine


def payload_changed() -> InMemoryEngine:
    engine = _began(clusters=2)
    engine.wait(seconds=30)
    engine.payload = PayloadState(digest="another")
    engine.wait(hours=2)
    return engine


def payload_blocked() -> InMemoryEngine:
    engine = _began(clusters=2)
    engine.wait(seconds=30)
    engine.payload = PayloadState(problem="too large")
    engine.wait(hours=2)
    return engine


def preflight_pending() -> InMemoryEngine:
    """Preflight is enforced, and not evaluated yet."""
    engine = _began()
    engine.annotate(UID, preflight="enforce")
    engine.settle()
    return engine


def refused_by_preflight() -> InMemoryEngine:
    """A plan with an error, where preflight is enforced."""
    engine = _began()
    error = RecordedFinding("P11", FindingSeverity.ERROR, "lacks image or version")
    engine.preflight = PreflightResult(
        PreflightRecord(engine.now, (error,), enforced=True), frozenset(engine.spokes)
    )
    engine.annotate(UID, preflight="enforce")
    engine.settle()
    return engine


def _with_a_seed(seeds: SeedState) -> InMemoryEngine:
    """A rollout whose seed image is named by its digest."""
    engine = InMemoryEngine("site-1")
    engine.payload = PayloadState(digest="digest")
    engine.seeds = seeds
    engine.apply(seeded(ibgu("a", "Prep", concurrency=1)))
    return engine


def stopped_by_its_seed() -> InMemoryEngine:
    """An Upgrade to the image has failed in another rollout."""
    engine = _with_a_seed(SeedState((SeedBreaker("du-416", SeedCircuitBreaker(same_cause=1)),)))
    end = ActionEnd(engine.now, "site-9", Cause.UPGRADE_FAILED)
    engine.fleet.seed_ends.load([(DIGEST, end)])
    engine.settle()
    return engine


def stopped_by_a_budget() -> InMemoryEngine:
    """A cluster has failed, and a policy allows none."""
    engine = InMemoryEngine("site-0", "site-1")
    engine.payload = PayloadState(digest="digest")
    engine.spokes["site-0"].faults[Stage.PREP] = "fail"
    set_policies(engine, policy(failureBudget={"maximum": 0}))
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until(Kind.STEP_HELD)
    engine.drive(timedelta(seconds=1))
    return engine


def seeds_unknown() -> InMemoryEngine:
    engine = _with_a_seed(SeedState(problem="ibgu may not list SeedImages"))
    engine.settle()
    return engine


def unbound() -> InMemoryEngine:
    """A rollout whose namespace may take no cluster, so that its step stays closed."""
    engine = opening()
    engine.scope = Scope("fleet", (), "no ManagedClusterSet is bound to namespace fleet")
    engine.settle()
    return engine


def misspelt_rate_limit() -> InMemoryEngine:
    engine = _began()
    engine.annotate(UID, **{"starts-per-minute": "ten"})
    engine.settle()
    return engine


def backup_not_allowed() -> InMemoryEngine:
    """Annotations ask for a backup before Upgrade, which the hub does not allow."""
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].to("Prep")
    engine.labels["site-1"]["lcm.openshift.io/ibgu-prep-completed"] = ""
    engine.apply(ibgu("a", "Upgrade", concurrency=1))
    engine.annotate(UID, backup="Etcd", backup_image=f"registry.example/tools@sha256:{'a' * 64}")
    engine.settle()
    return engine


def frozen() -> InMemoryEngine:
    """A policy keeps everybody."""
    engine = _began()
    engine.policies = (WIDE_FREEZE,)
    engine.touch(UID)
    engine.settle()
    return engine


def too_late() -> InMemoryEngine:
    """A step whose deadline passed while ibgu was away, and nobody is judged yet."""
    engine = _began(clusters=2)
    engine.wait(seconds=30)
    engine.now += timedelta(hours=5)
    engine.spokes["site-1"].uid = "another"
    engine.restart()
    engine.settle()
    return engine


def stopped() -> InMemoryEngine:
    engine = InMemoryEngine(*(f"site-{number}" for number in range(1, 8)))
    for name, spoke in engine.spokes.items():
        spoke.to(Stage.PREP)
        spoke.faults[Stage.UPGRADE] = "fail"
        engine.labels[name] = {"lcm.openshift.io/ibgu-prep-completed": ""}
    engine.payload = PayloadState(digest="digest")
    engine.apply(ibgu("a", "Upgrade", concurrency=1))
    engine.wait(hours=1)
    return engine


def complete() -> InMemoryEngine:
    engine = _began()
    engine.wait(hours=2)
    return engine


def deleted() -> InMemoryEngine:
    engine = running()
    engine.delete(UID)
    engine.settle()
    return engine


PLACES: dict[str, Make] = {
    make.__name__: make
    for make in (
        pending,
        opening,
        running,
        paused,
        invalid,
        name_taken,
        talm_lives,
        to_adopt,
        adopting,
        restored,
        quarantine_rollout,
        payload_changed,
        payload_blocked,
        preflight_pending,
        refused_by_preflight,
        stopped_by_its_seed,
        stopped_by_a_budget,
        seeds_unknown,
        unbound,
        misspelt_rate_limit,
        backup_not_allowed,
        frozen,
        too_late,
        stopped,
        complete,
        deleted,
    )
}


def nothing(engine: InMemoryEngine) -> None:
    pass


def clusters_are_done(engine: InMemoryEngine) -> None:
    """Finishes on the clusters what was asked of them."""
    while dues := [spoke.due for spoke in engine.spokes.values() if spoke.due is not None]:
        engine.now = max(engine.now, min(dues))
        for spoke in engine.spokes.values():
            spoke.tick(engine.now)
    engine.agents()


def deadline_passes(engine: InMemoryEngine) -> None:
    engine.now += timedelta(hours=5)


def step_is_appended(engine: InMemoryEngine) -> None:
    engine.append(UID, "AbortOnFailure")


def plan_becomes_invalid(engine: InMemoryEngine) -> None:
    engine.append(UID, "Prep")


def person_pauses(engine: InMemoryEngine) -> None:
    engine.annotate(UID, pause="alice")


def person_ends_the_pause(engine: InMemoryEngine) -> None:
    obj = engine.ibgus[UID]
    engine.apply(replace(obj, metadata=replace(obj.metadata, annotations={})))


def person_resumes(engine: InMemoryEngine) -> None:
    engine.annotate(UID, resume="1")


def person_skips_who_waits(engine: InMemoryEngine) -> None:
    engine.annotate(UID, skip="waiting")


def payload_changes(engine: InMemoryEngine) -> None:
    engine.payload = PayloadState(digest="a third one")


def talm_appears(engine: InMemoryEngine) -> None:
    engine.facts = replace(engine.facts, talm_hold=TALM_RUNS)


def talm_goes(engine: InMemoryEngine) -> None:
    engine.facts = replace(engine.facts, talm_hold="")


def ibgu_is_deleted(engine: InMemoryEngine) -> None:
    engine.delete(UID)


def controller_restarts(engine: InMemoryEngine) -> None:
    engine.restart()


TO_THE_OBJECT: tuple[Event, ...] = (
    step_is_appended,
    plan_becomes_invalid,
    person_pauses,
    person_ends_the_pause,
    person_resumes,
    person_skips_who_waits,
    ibgu_is_deleted,
)
"""They can't happen any more where there is none."""
HAPPENINGS: dict[str, Event] = {
    event.__name__: event
    for event in (
        *TO_THE_OBJECT,
        nothing,
        clusters_are_done,
        deadline_passes,
        payload_changes,
        talm_appears,
        talm_goes,
        controller_restarts,
    )
}


def turn_after(make: Make, event: Event) -> list[Decision]:
    """Returns the decisions of the turn that follows the event."""
    engine = make()
    event(engine)
    engine.touch_everything()
    return engine.turn()


def said(decisions: list[Decision]) -> str:
    """Each decision about the rollout or a step, with the reason of a hold."""
    words = [_word(d) for d in decisions if isinstance(d, OnRollout | OnStep)]
    return ", ".join(words)


def _word(decision: OnRollout | OnStep) -> str:
    subject = decision.rollout if isinstance(decision, OnRollout) else decision.step
    held = decision.kind in (Kind.ROLLOUT_HELD, Kind.STEP_HELD) and subject.hold is not None
    return f"{decision.kind} {subject.hold.kind}" if held and subject.hold else str(decision.kind)
