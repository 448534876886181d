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
    """Steps of the twin since the trouble before."""
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
    """Returns the twin before its first turn, with clusters in the state that the plan begins
    with."""
    twin = InMemoryEngine(*(f"site-{number}" for number in range(1, clusters + 1)))
    for name in twin.spokes:
        _prepare(twin, name, plan[0].split()[0])
    twin.apply(ibgu("storm", *plan, concurrency=concurrency, timeout=timeout))
    return twin


def twin_of(scenario: Scenario) -> InMemoryEngine:
    twin = twin_of_plan(scenario.plan, scenario.clusters, scenario.concurrency, scenario.timeout)
    twin.payload = PayloadState(digest="digest" if scenario.payload else "")
    for number, stage, fault in scenario.faults:
        twin.spokes[f"site-{number % scenario.clusters + 1}"].faults[stage] = fault
    return twin


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


def _prepare(twin: InMemoryEngine, name: str, first: str) -> None:
    """Brings a cluster by hand to where the plan's first action makes sense."""
    spoke = twin.spokes[name]
    for stage in STARTS[first]:
        spoke.to(stage)
    if first in LABELS:
        twin.labels[name][f"lcm.openshift.io/ibgu-{LABELS[first]}"] = ""


def play(twin: InMemoryEngine, scenario: Scenario) -> None:
    twin.settle()
    for trouble in scenario.troubles:
        for _ in range(trouble.after):
            twin.step()
        TROUBLES[trouble.kind](twin, f"site-{trouble.cluster % scenario.clusters + 1}")


def heal(twin: InMemoryEngine) -> None:
    """Removes all faults."""
    twin.frozen.clear()
    twin.muted.clear()
    twin.bad_payload = ""
    twin.facts = replace(twin.facts, talm_hold="")
    for name, spoke in twin.spokes.items():
        spoke.faults.clear()
        spoke.absent = False
        spoke.dark = spoke.dark and spoke.rebooting
        twin.touch_cluster(name)
    twin.touch_everything()


def finish(twin: InMemoryEngine) -> None:
    """Drive on until every rollout is complete; a person resumes what is held, and skips clusters
    that wait for a canary which never starts."""
    for attempt in range(60):
        twin.drive(timedelta(hours=2))
        if all(done(twin, uid) for uid in twin.fleet.rollouts):
            return
        for uid in list(twin.ibgus):
            twin.annotate(uid, resume=str(attempt))
            if attempt >= 20:
                twin.annotate(uid, skip=f"waiting,{attempt}")
    states = {uid: tracked.rollout for uid, tracked in twin.fleet.rollouts.items()}
    raise AssertionError(f"not complete: {states}")


def done(twin: InMemoryEngine, uid: str) -> bool:
    tracked = twin.tracked(uid)
    if tracked.rollout.state is RolloutState.DELETED:
        return not any(True for _ in tracked.unfinished())
    return tracked.rollout.state is RolloutState.COMPLETE
