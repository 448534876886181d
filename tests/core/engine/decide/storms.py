"""Random rollouts with faults: a scenario is drawn, played, and brought to its end."""

from datetime import timedelta

from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import IBU_ACTIONS, Stage
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import RolloutState
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.troubles import TROUBLES

FAULTS = ("fail", "hang", "slow", "rollback")


class StormFault(Struct, frozen=True):
    after: int
    """Steps of the engine since the trouble before."""
    kind: str
    cluster: int


class Scenario(Struct, frozen=True):
    plan: tuple[str, ...]
    clusters: int
    concurrency: int
    timeout: int
    faults: tuple[tuple[int, Stage, str], ...]
    troubles: tuple[StormFault, ...]
    payload: bool


def scenarios(
    kinds: tuple[str, ...] = tuple(TROUBLES), faults: bool = True
) -> st.SearchStrategy[Scenario]:
    plans = st.sampled_from(
        [tuple(" ".join(step) for step in shape) for shape in IBU_ACTIONS.plans]
    )
    trouble = st.builds(StormFault, st.integers(0, 9), st.sampled_from(kinds), st.integers(0, 11))
    fault = st.tuples(st.integers(0, 11), st.sampled_from(list(Stage)), st.sampled_from(FAULTS))
    return st.builds(
        Scenario,
        plan=plans,
        clusters=st.integers(1, 12),
        concurrency=st.integers(1, 12),
        timeout=st.sampled_from((20, 60, 240)),
        faults=st.lists(fault, max_size=8 if faults else 0).map(tuple),
        troubles=st.lists(trouble, max_size=16).map(tuple),
        payload=st.booleans(),
    )


def twin_of_plan(
    plan: tuple[str, ...], clusters: int, concurrency: int, timeout: int = 240
) -> InMemoryEngine:
    """Returns the engine before its first turn, with clusters in the state that the plan begins
    with."""
    engine = InMemoryEngine(*(f"site-{number}" for number in range(1, clusters + 1)))
    for name in engine.spokes:
        _prepare(engine, name, plan[0].split()[0])
    engine.apply(ibgu("storm", *plan, concurrency=concurrency, timeout=timeout))
    return engine


def twin_of(scenario: Scenario) -> InMemoryEngine:
    engine = twin_of_plan(scenario.plan, scenario.clusters, scenario.concurrency, scenario.timeout)
    engine.payload = PayloadState(digest="digest" if scenario.payload else "")
    for number, stage, fault in scenario.faults:
        engine.spokes[f"site-{number % scenario.clusters + 1}"].faults[stage] = fault
    return engine


STARTS = {
    "Prep": (),
    "Upgrade": (Stage.PREP,),
    "Abort": (Stage.PREP,),
    "AbortOnFailure": (Stage.PREP,),
    "FinalizeUpgrade": (Stage.PREP, Stage.UPGRADE),
    "Rollback": (Stage.PREP, Stage.UPGRADE),
    "FinalizeRollback": (Stage.PREP, Stage.UPGRADE, Stage.ROLLBACK),
}
LABELS = {
    "Upgrade": "prep-completed",
    "AbortOnFailure": "prep-failed",
    "FinalizeUpgrade": "upgrade-completed",
    "Rollback": "upgrade-completed",
    "FinalizeRollback": "rollback-completed",
}


def _prepare(engine: InMemoryEngine, name: str, first: str) -> None:
    """Brings a cluster by hand to where the plan's first action makes sense."""
    spoke = engine.spokes[name]
    for stage in STARTS[first]:
        spoke.to(stage)
    if first in LABELS:
        engine.labels[name][f"lcm.openshift.io/ibgu-{LABELS[first]}"] = ""


def play(engine: InMemoryEngine, scenario: Scenario) -> None:
    engine.settle()
    for trouble in scenario.troubles:
        for _ in range(trouble.after):
            engine.step()
        TROUBLES[trouble.kind](engine, f"site-{trouble.cluster % scenario.clusters + 1}")


def heal(engine: InMemoryEngine) -> None:
    """Removes all faults."""
    engine.frozen.clear()
    engine.muted.clear()
    engine.bad_payload = ""
    engine.facts = replace(engine.facts, talm_hold="")
    for name, spoke in engine.spokes.items():
        spoke.faults.clear()
        spoke.absent = False
        spoke.dark = spoke.dark and spoke.rebooting
        engine.touch_cluster(name)
    engine.touch_everything()


def finish(engine: InMemoryEngine) -> None:
    """Drive on until every rollout is complete; a person resumes what is held, and skips clusters
    that wait for a canary which never starts."""
    for attempt in range(60):
        engine.drive(timedelta(hours=2))
        if all(done(engine, uid) for uid in engine.fleet.rollouts):
            return
        for uid in list(engine.ibgus):
            engine.annotate(uid, resume=str(attempt))
            if attempt >= 20:
                engine.annotate(uid, skip=f"waiting,{engine.now.isoformat()}")
    states = {uid: tracked.rollout for uid, tracked in engine.fleet.rollouts.items()}
    raise AssertionError(f"not complete: {states}")


def done(engine: InMemoryEngine, uid: str) -> bool:
    tracked = engine.tracked(uid)
    if tracked.rollout.state is RolloutState.DELETED:
        return not any(True for _ in tracked.unfinished())
    return tracked.rollout.state is RolloutState.COMPLETE
