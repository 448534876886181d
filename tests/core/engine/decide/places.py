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
    twin = InMemoryEngine(*(f"site-{number}" for number in range(1, clusters + 1)))
    twin.spokes["site-1"].faults[Stage.PREP] = "slow"
    twin.payload = PayloadState(digest="digest")
    twin.apply(ibgu("a", "Prep", concurrency=1))
    return twin


def pending() -> InMemoryEngine:
    """Seen while TALM is alive."""
    twin = _began()
    twin.facts = replace(twin.facts, talm_hold=TALM_RUNS)
    twin.settle()
    return twin


def opening() -> InMemoryEngine:
    twin = _began()
    twin.until(Kind.STEP_OPENED)
    return twin


def running() -> InMemoryEngine:
    twin = _began()
    twin.wait(seconds=30)
    return twin


def paused() -> InMemoryEngine:
    twin = running()
    twin.annotate(UID, pause="alice")
    twin.settle()
    return twin


def invalid() -> InMemoryEngine:
    twin = running()
    twin.append(UID, "Prep")
    twin.settle()
    return twin


def talm_lives() -> InMemoryEngine:
    twin = running()
    talm_appears(twin)
    twin.touch_everything()
    twin.settle()
    return twin


def name_taken() -> InMemoryEngine:
    twin = running()
    twin.namesakes[UID] = "FleetUpdate"
    twin.touch(UID)
    twin.settle()
    return twin


def to_adopt() -> InMemoryEngine:
    twin = running()
    twin.adoption.add(UID)
    twin.touch(UID)
    twin.settle()
    return twin


def adopting() -> InMemoryEngine:
    twin = running()
    twin.adoption.add(UID)
    twin.traces[UID] = Traces(left=1)
    twin.annotate(UID, adopt="1")
    twin.settle()
    return twin


def restored() -> InMemoryEngine:
    twin = running()
    restore_hub(twin, backup(twin))
    twin.settle()
    return twin


def quarantine_rollout() -> InMemoryEngine:
    """A rollout in quarantine, whose next turn gets through."""
    twin = running()
    for decision in decide.quarantine_rollout(
        twin.tracked(UID), "KeyError in ibgu.core, line 1", twin.now
    ):
        twin.fleet.apply(decision)
        twin.records.write(decision)
    return twin


def payload_changed() -> InMemoryEngine:
    twin = _began(clusters=2)
    twin.wait(seconds=30)
    twin.payload = PayloadState(digest="another")
    twin.wait(hours=2)
    return twin


def payload_blocked() -> InMemoryEngine:
    twin = _began(clusters=2)
    twin.wait(seconds=30)
    twin.payload = PayloadState(problem="too large")
    twin.wait(hours=2)
    return twin


def preflight_pending() -> InMemoryEngine:
    """Preflight is enforced, and not evaluated yet."""
    twin = _began()
    twin.annotate(UID, preflight="enforce")
    twin.settle()
    return twin


def refused_by_preflight() -> InMemoryEngine:
    """A plan with an error, where preflight is enforced."""
    twin = _began()
    error = RecordedFinding("P11", FindingSeverity.ERROR, "lacks image or version")
    twin.preflight = PreflightResult(
        PreflightRecord(twin.now, (error,), enforced=True), frozenset()
    )
    twin.annotate(UID, preflight="enforce")
    twin.settle()
    return twin


def _with_a_seed(seeds: SeedState) -> InMemoryEngine:
    """A rollout whose seed image is named by its digest."""
    twin = InMemoryEngine("site-1")
    twin.payload = PayloadState(digest="digest")
    twin.seeds = seeds
    twin.apply(seeded(ibgu("a", "Prep", concurrency=1)))
    return twin


def stopped_by_its_seed() -> InMemoryEngine:
    """An Upgrade to the image has failed in another rollout."""
    twin = _with_a_seed(SeedState((SeedBreaker("du-416", SeedCircuitBreaker(same_cause=1)),)))
    end = ActionEnd(twin.now, "site-9", Cause.UPGRADE_FAILED)
    twin.fleet.seed_ends.load([(DIGEST, end)])
    twin.settle()
    return twin


def stopped_by_a_budget() -> InMemoryEngine:
    """A cluster has failed, and a policy allows none."""
    twin = InMemoryEngine("site-0", "site-1")
    twin.payload = PayloadState(digest="digest")
    twin.spokes["site-0"].faults[Stage.PREP] = "fail"
    set_policies(twin, policy(failureBudget={"maximum": 0}))
    twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.until(Kind.STEP_HELD)
    twin.drive(timedelta(seconds=1))
    return twin


def seeds_unknown() -> InMemoryEngine:
    twin = _with_a_seed(SeedState(problem="ibgu may not list SeedImages"))
    twin.settle()
    return twin


def unbound() -> InMemoryEngine:
    """A rollout whose namespace may take no cluster, so that its step stays closed."""
    twin = opening()
    twin.scope = Scope("fleet", (), "no ManagedClusterSet is bound to namespace fleet")
    twin.settle()
    return twin


def misspelt_rate_limit() -> InMemoryEngine:
    twin = _began()
    twin.annotate(UID, **{"starts-per-minute": "ten"})
    twin.settle()
    return twin


def backup_not_allowed() -> InMemoryEngine:
    """Annotations ask for a backup before Upgrade, which the hub does not allow."""
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].to("Prep")
    twin.labels["site-1"]["lcm.openshift.io/ibgu-prep-completed"] = ""
    twin.apply(ibgu("a", "Upgrade", concurrency=1))
    twin.annotate(UID, backup="Etcd", backup_image=f"registry.example/tools@sha256:{'a' * 64}")
    twin.settle()
    return twin


def frozen() -> InMemoryEngine:
    """A policy keeps everybody."""
    twin = _began()
    twin.policies = (WIDE_FREEZE,)
    twin.touch(UID)
    twin.settle()
    return twin


def too_late() -> InMemoryEngine:
    """A step whose deadline passed while ibgu was away, and nobody is judged yet."""
    twin = _began(clusters=2)
    twin.wait(seconds=30)
    twin.now += timedelta(hours=5)
    twin.spokes["site-1"].uid = "another"
    twin.restart()
    twin.settle()
    return twin


def stopped() -> InMemoryEngine:
    twin = InMemoryEngine(*(f"site-{number}" for number in range(1, 8)))
    for name, spoke in twin.spokes.items():
        spoke.to(Stage.PREP)
        spoke.faults[Stage.UPGRADE] = "fail"
        twin.labels[name] = {"lcm.openshift.io/ibgu-prep-completed": ""}
    twin.payload = PayloadState(digest="digest")
    twin.apply(ibgu("a", "Upgrade", concurrency=1))
    twin.wait(hours=1)
    return twin


def complete() -> InMemoryEngine:
    twin = _began()
    twin.wait(hours=2)
    return twin


def deleted() -> InMemoryEngine:
    twin = running()
    twin.delete(UID)
    twin.settle()
    return twin


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


def nothing(twin: InMemoryEngine) -> None:
    pass


def clusters_are_done(twin: InMemoryEngine) -> None:
    """Finishes on the clusters what was asked of them."""
    while dues := [spoke.due for spoke in twin.spokes.values() if spoke.due is not None]:
        twin.now = max(twin.now, min(dues))
        for spoke in twin.spokes.values():
            spoke.tick(twin.now)
    twin.agents()


def deadline_passes(twin: InMemoryEngine) -> None:
    twin.now += timedelta(hours=5)


def step_is_appended(twin: InMemoryEngine) -> None:
    twin.append(UID, "AbortOnFailure")


def plan_becomes_invalid(twin: InMemoryEngine) -> None:
    twin.append(UID, "Prep")


def person_pauses(twin: InMemoryEngine) -> None:
    twin.annotate(UID, pause="alice")


def person_ends_the_pause(twin: InMemoryEngine) -> None:
    obj = twin.ibgus[UID]
    twin.apply(replace(obj, metadata=replace(obj.metadata, annotations={})))


def person_resumes(twin: InMemoryEngine) -> None:
    twin.annotate(UID, resume="1")


def person_skips_who_waits(twin: InMemoryEngine) -> None:
    twin.annotate(UID, skip="waiting")


def payload_changes(twin: InMemoryEngine) -> None:
    twin.payload = PayloadState(digest="a third one")


def talm_appears(twin: InMemoryEngine) -> None:
    twin.facts = replace(twin.facts, talm_hold=TALM_RUNS)


def talm_goes(twin: InMemoryEngine) -> None:
    twin.facts = replace(twin.facts, talm_hold="")


def ibgu_is_deleted(twin: InMemoryEngine) -> None:
    twin.delete(UID)


def controller_restarts(twin: InMemoryEngine) -> None:
    twin.restart()


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
    twin = make()
    event(twin)
    twin.touch_everything()
    return twin.turn()


def said(decisions: list[Decision]) -> str:
    """Each decision about the rollout or a step, with the reason of a hold."""
    words = [_word(d) for d in decisions if isinstance(d, OnRollout | OnStep)]
    return ", ".join(words)


def _word(decision: OnRollout | OnStep) -> str:
    subject = decision.rollout if isinstance(decision, OnRollout) else decision.step
    held = decision.kind in (Kind.ROLLOUT_HELD, Kind.STEP_HELD) and subject.hold is not None
    return f"{decision.kind} {subject.hold.kind}" if held and subject.hold else str(decision.kind)
