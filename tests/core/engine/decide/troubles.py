"""Faults of a fleet, its hub and the controller."""

from collections.abc import Callable
from datetime import timedelta

from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state.snapshot import Facts, PayloadState
from tests.core.engine.decide.fleet import TALM_RUNS, InMemoryEngine, ibgu

MINUTE = timedelta(minutes=1)


def _dark(twin: InMemoryEngine, name: str) -> None:
    twin.spokes[name].dark = True
    twin.touch_cluster(name)


def _light(twin: InMemoryEngine, name: str) -> None:
    twin.spokes[name].dark = False
    twin.touch_cluster(name)


def _hand(stage: Stage) -> Callable[[InMemoryEngine, str], None]:
    def move(twin: InMemoryEngine, name: str) -> None:
        spoke = twin.spokes[name]
        spoke.ask(stage, "", spoke.seed)

    return move


def _lose(twin: InMemoryEngine, name: str) -> None:
    """Loses what was on its way to the hub, as by conflicts."""
    for uid, cluster in twin.writes:
        twin.touch(uid, cluster)
    twin.writes.clear()


def _stall(twin: InMemoryEngine, name: str) -> None:
    twin.stalled = twin.now + 3 * MINUTE


def _freeze(twin: InMemoryEngine, name: str) -> None:
    twin.frozen.add(name)


def _thaw(twin: InMemoryEngine, name: str) -> None:
    twin.frozen.discard(name)


def _mute(twin: InMemoryEngine, name: str) -> None:
    twin.muted.add(name)


def _hear(twin: InMemoryEngine, name: str) -> None:
    twin.muted.discard(name)


def _absent(twin: InMemoryEngine, name: str) -> None:
    twin.spokes[name].absent = not twin.spokes[name].absent


def _payload(twin: InMemoryEngine, name: str) -> None:
    """The content on the hub changes, or clusters begin or cease to refuse it."""
    if twin.bad_payload or not twin.payload.digest:
        twin.payload = PayloadState(digest=f"digest-{twin.turns}")
    twin.bad_payload = "" if twin.bad_payload else "namespace is being terminated"


def _delete_work(twin: InMemoryEngine, name: str) -> None:
    for key, work in twin.works.items():
        if key[1] == name:
            work.terminating = True
            twin.touch(*key)


def _edit_work(twin: InMemoryEngine, name: str) -> None:
    for key, work in twin.works.items():
        if key[1] == name:
            work.edited = True
            twin.touch(*key)


def _sync(twin: InMemoryEngine, name: str) -> None:
    twin.facts = Facts(in_sync_since=twin.now, talm_hold="")
    twin.touch_everything()


def _talm(twin: InMemoryEngine, name: str) -> None:
    twin.facts = replace(twin.facts, talm_hold="" if twin.facts.talm_hold else TALM_RUNS)
    twin.touch_everything()


def _recreate(twin: InMemoryEngine, name: str) -> None:
    twin.spokes[name].uid += "-again"
    twin.labels[name].clear()
    twin.touch_cluster(name)


def _second(*steps: str) -> Callable[[InMemoryEngine, str], None]:
    def create(twin: InMemoryEngine, name: str) -> None:
        uid = f"{'-'.join(steps).lower()}-{len(twin.ibgus)}"
        if len(twin.ibgus) < 3:
            twin.apply(ibgu(uid, *steps, concurrency=1, timeout=100, age=-len(twin.ibgus)))

    return create


def _skip(twin: InMemoryEngine, name: str) -> None:
    for uid in list(twin.ibgus):
        twin.annotate(uid, skip=f"{name},nobody")


def _delete(twin: InMemoryEngine, name: str) -> None:
    if "uid-storm" in twin.ibgus:
        twin.delete("uid-storm")


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
    "restart": lambda twin, name: twin.restart(),
    "duplicates": lambda twin, name: twin.touch_everything(),
}
CALM = ("lose", "stall", "freeze", "thaw", "mute", "hear", "sync", "restart", "duplicates")
"""Troubles that no cluster's outcome may depend on."""
