"""Random rollouts in bad weather: a scenario is drawn, played in the twin, and brought to an end."""

from collections.abc import Callable
from datetime import timedelta

from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.model import RolloutState, Stage
from ibgu.core.plan import SHAPES
from ibgu.core.snapshot import Facts, PayloadState
from tests.core.decide.world import Twin, ibgu

MINUTE = timedelta(minutes=1)
FAULTS = ("fail", "hang", "slow", "rollback")


class Trouble(Struct, frozen=True):
    after: int
    """Smallest steps of the twin since the trouble before."""
    kind: str
    cluster: int


class Scenario(Struct, frozen=True):
    plan: tuple[str, ...]
    clusters: int
    concurrency: int
    timeout: int
    faults: tuple[tuple[int, Stage, str], ...]
    troubles: tuple[Trouble, ...]
    payload: bool


def _dark(twin: Twin, name: str) -> None:
    twin.spokes[name].dark = True
    twin.touch_cluster(name)


def _light(twin: Twin, name: str) -> None:
    twin.spokes[name].dark = False
    twin.touch_cluster(name)


def _hand(stage: Stage) -> Callable[[Twin, str], None]:
    def move(twin: Twin, name: str) -> None:
        spoke = twin.spokes[name]
        spoke.ask(stage, "", spoke.seed)

    return move


def _lose(twin: Twin, name: str) -> None:
    """What was on its way to the hub is lost, as by conflicts."""
    for uid, cluster in twin.writes:
        twin.touch(uid, cluster)
    twin.writes.clear()


def _stall(twin: Twin, name: str) -> None:
    twin.stalled = twin.now + 3 * MINUTE


def _freeze(twin: Twin, name: str) -> None:
    twin.frozen.add(name)


def _thaw(twin: Twin, name: str) -> None:
    twin.frozen.discard(name)


def _mute(twin: Twin, name: str) -> None:
    twin.muted.add(name)


def _hear(twin: Twin, name: str) -> None:
    twin.muted.discard(name)


def _absent(twin: Twin, name: str) -> None:
    twin.spokes[name].absent = not twin.spokes[name].absent


def _payload(twin: Twin, name: str) -> None:
    """The content on the hub changes, or clusters begin or cease to refuse it."""
    if twin.bad_payload or not twin.payload.digest:
        twin.payload = PayloadState(digest=f"digest-{twin.turns}")
    twin.bad_payload = "" if twin.bad_payload else "namespace is being terminated"


def _delete_work(twin: Twin, name: str) -> None:
    for key, work in twin.works.items():
        if key[1] == name:
            work.terminating = True
            twin.touch(*key)


def _edit_work(twin: Twin, name: str) -> None:
    for key, work in twin.works.items():
        if key[1] == name:
            work.edited = True
            twin.touch(*key)


def _sync(twin: Twin, name: str) -> None:
    twin.facts = Facts(in_sync_since=twin.now, talm_live=False)
    twin.touch_everything()


def _talm(twin: Twin, name: str) -> None:
    twin.facts = replace(twin.facts, talm_live=not twin.facts.talm_live)
    twin.touch_everything()


def _recreate(twin: Twin, name: str) -> None:
    twin.spokes[name].uid += "-again"
    twin.labels[name].clear()
    twin.touch_cluster(name)


def _second(*steps: str) -> Callable[[Twin, str], None]:
    def create(twin: Twin, name: str) -> None:
        uid = f"{'-'.join(steps).lower()}-{len(twin.ibgus)}"
        if len(twin.ibgus) < 3:
            twin.apply(ibgu(uid, *steps, concurrency=1, timeout=100, age=-len(twin.ibgus)))

    return create


def _skip(twin: Twin, name: str) -> None:
    for uid in list(twin.ibgus):
        twin.annotate(uid, skip=f"{name},nobody")


def _delete(twin: Twin, name: str) -> None:
    if "uid-storm" in twin.ibgus:
        twin.delete("uid-storm")


TROUBLES: dict[str, Callable[[Twin, str], None]] = {
    "dark": _dark,
    "light": _light,
    "hand back": _hand(Stage.IDLE),
    "hand on": _hand(Stage.UPGRADE),
    "lose": _lose,
    "stall": _stall,
    "freeze": _freeze,
    "thaw": _thaw,
    "mute": _mute,
    "hear": _hear,
    "absent": _absent,
    "payload": _payload,
    "delete work": _delete_work,
    "edit work": _edit_work,
    "sync": _sync,
    "talm": _talm,
    "recreate": _recreate,
    "abort": _second("Abort"),
    "rollback": _second("Rollback"),
    "again": _second("Prep", "Upgrade"),
    "skip": _skip,
    "delete": _delete,
    "restart": lambda twin, name: twin.restart(),
    "duplicates": lambda twin, name: twin.touch_everything(),
}
CALM = ("lose", "stall", "freeze", "thaw", "mute", "hear", "sync", "restart", "duplicates")
"""Troubles that no cluster's outcome may depend on."""


def scenarios(kinds: tuple[str, ...] = tuple(TROUBLES), faults: bool = True) -> st.SearchStrategy[Scenario]:
    plans = st.sampled_from([tuple(" ".join(step) for step in shape) for shape in SHAPES])
    trouble = st.builds(
        Trouble, st.integers(0, 9), st.sampled_from(kinds), st.integers(0, 11)
    )
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


def twin_of(scenario: Scenario) -> Twin:
    """The twin before its first turn, with clusters in the state that the plan begins with."""
    twin = Twin(*(f"site-{number}" for number in range(1, scenario.clusters + 1)))
    twin.payload = PayloadState(digest="digest" if scenario.payload else "")
    for name in twin.spokes:
        _prepare(twin, name, scenario.plan[0].split()[0])
    for number, stage, fault in scenario.faults:
        twin.spokes[f"site-{number % scenario.clusters + 1}"].faults[stage] = fault
    twin.apply(
        ibgu(
            "storm",
            *scenario.plan,
            concurrency=scenario.concurrency,
            timeout=scenario.timeout,
        )
    )
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


def _prepare(twin: Twin, name: str, first: str) -> None:
    """Bring a cluster by hand to where the plan's first action makes sense."""
    spoke = twin.spokes[name]
    for stage in STARTS[first]:
        spoke.to(stage)
    if first in LABELS:
        twin.labels[name][f"lcm.openshift.io/ibgu-{LABELS[first]}"] = ""


def play(twin: Twin, scenario: Scenario) -> None:
    twin.settle()
    for trouble in scenario.troubles:
        for _ in range(trouble.after):
            twin.step()
        TROUBLES[trouble.kind](twin, f"site-{trouble.cluster % scenario.clusters + 1}")


def heal(twin: Twin) -> None:
    """The weather clears up."""
    twin.frozen.clear()
    twin.muted.clear()
    twin.bad_payload = ""
    twin.facts = replace(twin.facts, talm_live=False)
    for name, spoke in twin.spokes.items():
        spoke.faults.clear()
        spoke.absent = False
        spoke.dark = False if spoke.due is None else spoke.dark
        twin.touch_cluster(name)
    twin.touch_everything()


def finish(twin: Twin) -> None:
    """Drive on until every rollout is complete; a person resumes what is held."""
    for attempt in range(60):
        twin.drive(timedelta(hours=2))
        if all(done(twin, uid) for uid in twin.world.books):
            return
        for uid in list(twin.ibgus):
            twin.annotate(uid, resume=str(attempt))
    states = {uid: book.rollout for uid, book in twin.world.books.items()}
    raise AssertionError(f"not complete: {states}")


def done(twin: Twin, uid: str) -> bool:
    book = twin.book(uid)
    if book.rollout.state is RolloutState.DELETED:
        return not any(True for _ in book.unfinished())
    return book.rollout.state is RolloutState.COMPLETE
