"""Faults of a fleet, its hub and the controller."""

from collections.abc import Callable
from datetime import timedelta

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import Facts, PayloadState
from tests.core.engine.decide.fleet import TALM_RUNS, InMemoryEngine, ibgu

MINUTE = timedelta(minutes=1)


def _dark(engine: InMemoryEngine, name: str) -> None:
    engine.spokes[name].dark = True
    engine.touch_cluster(name)


def _light(engine: InMemoryEngine, name: str) -> None:
    engine.spokes[name].dark = False
    engine.touch_cluster(name)


def _hand(stage: Stage) -> Callable[[InMemoryEngine, str], None]:
    def move(engine: InMemoryEngine, name: str) -> None:
        spoke = engine.spokes[name]
        spoke.ask(stage, "", spoke.seed)

    return move


def _lose(engine: InMemoryEngine, name: str) -> None:
    """Loses what was on its way to the hub, as by conflicts."""
    for uid, cluster in engine.writes:
        engine.touch(uid, cluster)
    engine.writes.clear()


def _stall(engine: InMemoryEngine, name: str) -> None:
    engine.stalled = engine.now + 3 * MINUTE


def _freeze(engine: InMemoryEngine, name: str) -> None:
    engine.frozen.add(name)


def _thaw(engine: InMemoryEngine, name: str) -> None:
    engine.frozen.discard(name)


def _mute(engine: InMemoryEngine, name: str) -> None:
    engine.muted.add(name)


def _hear(engine: InMemoryEngine, name: str) -> None:
    engine.muted.discard(name)


def _absent(engine: InMemoryEngine, name: str) -> None:
    engine.spokes[name].absent = not engine.spokes[name].absent


def _payload(engine: InMemoryEngine, name: str) -> None:
    """The content on the hub changes, or clusters begin or cease to refuse it."""
    if engine.bad_payload or not engine.payload.digest:
        engine.payload = PayloadState(digest=f"digest-{engine.turns}")
    engine.bad_payload = "" if engine.bad_payload else "namespace is being terminated"


def _delete_work(engine: InMemoryEngine, name: str) -> None:
    for key, work in engine.works.items():
        if key[1] == name:
            work.terminating = True
            engine.touch(*key)


def _edit_work(engine: InMemoryEngine, name: str) -> None:
    for key, work in engine.works.items():
        if key[1] == name:
            work.edited = True
            engine.touch(*key)


def _sync(engine: InMemoryEngine, name: str) -> None:
    engine.facts = Facts(in_sync_since=engine.now, talm_hold="")
    engine.touch_everything()


def _talm(engine: InMemoryEngine, name: str) -> None:
    engine.facts = replace(engine.facts, talm_hold="" if engine.facts.talm_hold else TALM_RUNS)
    engine.touch_everything()


def _recreate(engine: InMemoryEngine, name: str) -> None:
    engine.spokes[name].uid += "-again"
    engine.labels[name].clear()
    engine.touch_cluster(name)


def _second(*steps: str) -> Callable[[InMemoryEngine, str], None]:
    def create(engine: InMemoryEngine, name: str) -> None:
        uid = f"{'-'.join(steps).lower()}-{len(engine.ibgus)}"
        if len(engine.ibgus) < 3:
            engine.apply(ibgu(uid, *steps, concurrency=1, timeout=100, age=-len(engine.ibgus)))

    return create


def _skip(engine: InMemoryEngine, name: str) -> None:
    for uid in list(engine.ibgus):
        engine.annotate(uid, skip=f"{name},nobody")


def _delete(engine: InMemoryEngine, name: str) -> None:
    if "uid-storm" in engine.ibgus:
        engine.delete("uid-storm")


TROUBLES: dict[str, Callable[[InMemoryEngine, str], None]] = {
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
    "restart": lambda engine, name: engine.restart(),
    "duplicates": lambda engine, name: engine.touch_everything(),
}
CALM = ("lose", "stall", "freeze", "thaw", "mute", "hear", "sync", "restart", "duplicates")
"""Troubles that no cluster's outcome may depend on."""
