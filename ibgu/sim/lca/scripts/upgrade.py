"""Describes Upgrade: backups, the reboot into the new stateroot, and what follows or brings it
back."""

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.course import Fate
from ibgu.sim.durations import go_duration
from ibgu.sim.faults import Fault, Where
from ibgu.sim.lca.beats import (
    Beat,
    BootNew,
    BootOld,
    Connect,
    Effect,
    OpenPhase,
    RestoreIbu,
    Script,
    Shutdown,
    beat,
    completed,
    failed,
    say,
    spread,
)
from ibgu.sim.lca.scripts.health import FULLY, health_wait, waiting

_NEVER = float("inf")
_CERTIFICATES = 30 * 86400.0
"""Seconds for which those of the old stateroot are valid at most; never scaled."""
_OFF = "auto-rollback-on-failure.lca.openshift.io/"
_SWITCHES = {
    Where.MONITOR: f"{_OFF}init-monitor",
    Where.NEW_BOOT: f"{_OFF}post-reboot-config",
    Where.SETTLED: f"{_OFF}upgrade-completion",
}


def upgrade(fate: Fate, ibu: JsonObject) -> Script:
    accepted = beat(0.0, OpenPhase("PrePivot"), say("Upgrade", "In progress"))
    wait = health_wait(fate, say("Upgrade", waiting("Upgrade (pre-pivot) stage")))
    return (accepted, *wait, *_before_pivot(fate, ibu))


def _before_pivot(fate: Fate, ibu: JsonObject) -> list[Beat]:
    backups = _backups(fate) if (ibu.get("spec") or {}).get("oadpContent") else []
    if fault := fate.strikes(Where.BACKUP):
        return [*backups, beat(fate.durations["export"], *failed("Upgrade", fault.message))]
    exporting = spread(
        fate.durations["export"] * 0.9,
        [
            (say("Upgrade", "Exporting Application Configuration"),),
            (say("Upgrade", "Exporting Policy and Config Manifests"),),
            (say("Upgrade", "Exporting Cluster, LVM, and cert-manager configuration"),),
            (say("Upgrade", "In progress"), OpenPhase("")),
        ],
    )
    last = fate.durations["export"] * 0.1
    if fault := fate.strikes(Where.REBOOT):
        return [*backups, *exporting, beat(last, *failed("Upgrade", fault.message))]
    return [*backups, *exporting, beat(last, Shutdown()), *_after_shutdown(fate, ibu)]


def _backups(fate: Fate) -> list[Beat]:
    seconds = fate.durations["backup"]
    return [
        beat(seconds * 0.02, say("Upgrade", "Backing up Application Data")),
        beat(seconds * 0.08, say("Upgrade", "Backup of Application Data is in progress")),
        beat(seconds * 0.9),
    ]


def _after_shutdown(fate: Fate, ibu: JsonObject) -> list[Beat]:
    dark = fate.durations["reboot"]
    if fault := fate.strikes(Where.DARK):
        dark += fate.length(fault)
    expire = fate.strikes(Where.CERTIFICATES)
    certificates = fate.length(expire) if expire else _CERTIFICATES
    boot = beat(dark, BootNew(certificates), OpenPhase("PostPivot"), say("Upgrade", waiting()))
    rolls_back = fate.strikes(Where.MONITOR, Where.NEW_BOOT, Where.SETTLED)
    if rolls_back is None:
        return [boot, *_after_pivot(fate)]
    if not _switched_off(ibu, rolls_back.where):
        return [boot, *_automatic_rollback(fate, ibu, rolls_back)]
    if rolls_back.where is Where.SETTLED:
        return [boot, *_left_on_new_release(fate, ibu, rolls_back)]
    return [boot, beat(fate.durations["settle"], Connect()), beat(_NEVER)]


def _after_pivot(fate: Fate) -> list[Beat]:
    """Returns what follows the pivot, which the hub sees only once the klusterlet's own data is
    restored."""
    settle, restore = fate.durations["settle"], fate.durations["restore"]
    return [
        beat(settle * 0.8, say("Upgrade", "Applying Policy Manifests")),
        beat(settle * 0.1, say("Upgrade", "Applying Config Manifests")),
        beat(settle * 0.1, say("Upgrade", "Restoring Application Data")),
        beat(restore * 0.3, Connect()),
        beat(restore * 0.1, say("Upgrade", "Restore of Application Data is in progress")),
        beat(restore * 0.4, say("Upgrade", FULLY)),
        beat(restore * 0.2, OpenPhase(""), *completed("Upgrade", "Upgrade completed")),
    ]


def _left_on_new_release(fate: Fate, ibu: JsonObject, fault: Fault) -> list[Beat]:
    """Returns the end of an Upgrade that fails on the new release, with its own rollback off. The
    init monitor, if it is on, rolls back later: only a success ends it."""
    failure = fault.message.partition(": ")[2]
    stays = beat(_settled(fate), Connect(), *failed("Upgrade", failure))
    if _switched_off(ibu, Where.MONITOR):
        return [stays]
    seconds = monitor_seconds(ibu)
    message = f"Rollback due to LCA Init Monitor timeout, after {go_duration(seconds)}"
    return [
        stays,
        beat(max(0.0, seconds * fate.scale - _settled(fate)), Shutdown()),
        *_back(fate, message),
    ]


def _automatic_rollback(fate: Fate, ibu: JsonObject, fault: Fault) -> list[Beat]:
    """Returns the way back to the original stateroot, where the stage stays Upgrade, failed."""
    seconds = monitor_seconds(ibu)
    message = fault.message.format(monitor=go_duration(seconds)) if fault.message else ""
    in_new = {
        Where.MONITOR: seconds * fate.scale,
        Where.SETTLED: _settled(fate),
    }.get(fault.where, 0.0)
    before: tuple[Effect, ...] = (Connect(),) if fault.where is Where.SETTLED else ()
    return [
        beat(in_new, *before),
        beat(fate.durations["settle"] * 0.1, Shutdown()),
        *_back(fate, message),
    ]


def _settled(fate: Fate) -> float:
    """Returns the seconds from the boot of the new release to what its upgrade depends on."""
    return fate.durations["settle"] + fate.durations["restore"] * 0.3


def _back(fate: Fate, message: str) -> list[Beat]:
    return [
        beat(fate.durations["reboot"] * 0.7, BootOld()),
        beat(fate.durations["settle"] * 0.3, RestoreIbu(), *failed("Upgrade", message)),
    ]


def monitor_seconds(ibu: JsonObject) -> int:
    """Returns the init monitor's timeout; absent and 0 mean half an hour."""
    settings = (ibu.get("spec") or {}).get("autoRollbackOnFailure") or {}
    return int(settings.get("initMonitorTimeoutSeconds") or 1800)


def _switched_off(ibu: JsonObject, where: Where) -> bool:
    annotations = ibu["metadata"].get("annotations") or {}
    return bool(annotations.get(_SWITCHES[where]) == "Disabled")
