"""Describes Upgrade: backups, the reboot into the new stateroot, and what follows or brings it
back."""

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.attempts import StageAttempt
from ibgu.sim.durations import go_duration
from ibgu.sim.faults import Fault, FaultPoint
from ibgu.sim.lca.script_steps import (
    BootNewStateroot,
    BootOldStateroot,
    ConnectKlusterlet,
    Effect,
    OpenPhase,
    RestoreIbu,
    Script,
    ScriptStep,
    ShutDownNode,
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
    FaultPoint.MONITOR: f"{_OFF}init-monitor",
    FaultPoint.NEW_BOOT: f"{_OFF}post-reboot-config",
    FaultPoint.SETTLED: f"{_OFF}upgrade-completion",
}


def upgrade(attempt: StageAttempt, ibu: JsonObject) -> Script:
    accepted = beat(0.0, OpenPhase("PrePivot"), say("Upgrade", "In progress"))
    wait = health_wait(attempt, say("Upgrade", waiting("Upgrade (pre-pivot) stage")))
    return (accepted, *wait, *_before_pivot(attempt, ibu))


def _before_pivot(attempt: StageAttempt, ibu: JsonObject) -> list[ScriptStep]:
    backups = _backups(attempt) if (ibu.get("spec") or {}).get("oadpContent") else []
    if fault := attempt.active_fault(FaultPoint.BACKUP):
        return [*backups, beat(attempt.durations["export"], *failed("Upgrade", fault.message))]
    exporting = spread(
        attempt.durations["export"] * 0.9,
        [
            (say("Upgrade", "Exporting Application Configuration"),),
            (say("Upgrade", "Exporting Policy and Config Manifests"),),
            (say("Upgrade", "Exporting Cluster, LVM, and cert-manager configuration"),),
            (say("Upgrade", "In progress"), OpenPhase("")),
        ],
    )
    last = attempt.durations["export"] * 0.1
    if fault := attempt.active_fault(FaultPoint.REBOOT):
        return [*backups, *exporting, beat(last, *failed("Upgrade", fault.message))]
    return [*backups, *exporting, beat(last, ShutDownNode()), *_after_shutdown(attempt, ibu)]


def _backups(attempt: StageAttempt) -> list[ScriptStep]:
    seconds = attempt.durations["backup"]
    return [
        beat(seconds * 0.02, say("Upgrade", "Backing up Application Data")),
        beat(seconds * 0.08, say("Upgrade", "Backup of Application Data is in progress")),
        beat(seconds * 0.9),
    ]


def _after_shutdown(attempt: StageAttempt, ibu: JsonObject) -> list[ScriptStep]:
    dark = attempt.durations["reboot"]
    if fault := attempt.active_fault(FaultPoint.DARK):
        dark += attempt.length(fault)
    expire = attempt.active_fault(FaultPoint.CERTIFICATES)
    certificates = attempt.length(expire) if expire else _CERTIFICATES
    boot = beat(
        dark, BootNewStateroot(certificates), OpenPhase("PostPivot"), say("Upgrade", waiting())
    )
    rolls_back = attempt.active_fault(FaultPoint.MONITOR, FaultPoint.NEW_BOOT, FaultPoint.SETTLED)
    if rolls_back is None:
        return [boot, *_after_pivot(attempt)]
    if not _switched_off(ibu, rolls_back.where):
        return [boot, *_automatic_rollback(attempt, ibu, rolls_back)]
    if rolls_back.where is FaultPoint.SETTLED:
        return [boot, *_left_on_new_release(attempt, ibu, rolls_back)]
    return [boot, beat(attempt.durations["settle"], ConnectKlusterlet()), beat(_NEVER)]


def _after_pivot(attempt: StageAttempt) -> list[ScriptStep]:
    """Returns what follows the pivot, which the hub sees only once the klusterlet's own data is
    restored."""
    settle, restore = attempt.durations["settle"], attempt.durations["restore"]
    return [
        beat(settle * 0.8, say("Upgrade", "Applying Policy Manifests")),
        beat(settle * 0.1, say("Upgrade", "Applying Config Manifests")),
        beat(settle * 0.1, say("Upgrade", "Restoring Application Data")),
        beat(restore * 0.3, ConnectKlusterlet()),
        beat(restore * 0.1, say("Upgrade", "Restore of Application Data is in progress")),
        beat(restore * 0.4, say("Upgrade", FULLY)),
        beat(restore * 0.2, OpenPhase(""), *completed("Upgrade", "Upgrade completed")),
    ]


def _left_on_new_release(attempt: StageAttempt, ibu: JsonObject, fault: Fault) -> list[ScriptStep]:
    """Returns the end of an Upgrade that fails on the new release, with its own rollback off. The
    init monitor, if it is on, rolls back later: only a success ends it."""
    failure = fault.message.partition(": ")[2]
    stays = beat(_settled(attempt), ConnectKlusterlet(), *failed("Upgrade", failure))
    if _switched_off(ibu, FaultPoint.MONITOR):
        return [stays]
    seconds = monitor_seconds(ibu)
    message = f"Rollback due to LCA Init Monitor timeout, after {go_duration(seconds)}"
    return [
        stays,
        beat(max(0.0, seconds * attempt.scale - _settled(attempt)), ShutDownNode()),
        *_back(attempt, message),
    ]


def _automatic_rollback(attempt: StageAttempt, ibu: JsonObject, fault: Fault) -> list[ScriptStep]:
    """Returns the way back to the original stateroot, where the stage stays Upgrade, failed."""
    seconds = monitor_seconds(ibu)
    message = fault.message.format(monitor=go_duration(seconds)) if fault.message else ""
    in_new = {
        FaultPoint.MONITOR: seconds * attempt.scale,
        FaultPoint.SETTLED: _settled(attempt),
    }.get(fault.where, 0.0)
    before: tuple[Effect, ...] = (ConnectKlusterlet(),) if fault.where is FaultPoint.SETTLED else ()
    return [
        beat(in_new, *before),
        beat(attempt.durations["settle"] * 0.1, ShutDownNode()),
        *_back(attempt, message),
    ]


def _settled(attempt: StageAttempt) -> float:
    """Returns the seconds from the boot of the new release to what its upgrade depends on."""
    return attempt.durations["settle"] + attempt.durations["restore"] * 0.3


def _back(attempt: StageAttempt, message: str) -> list[ScriptStep]:
    return [
        beat(attempt.durations["reboot"] * 0.7, BootOldStateroot()),
        beat(attempt.durations["settle"] * 0.3, RestoreIbu(), *failed("Upgrade", message)),
    ]


def monitor_seconds(ibu: JsonObject) -> int:
    """Returns the init monitor's timeout; absent and 0 mean half an hour."""
    settings = (ibu.get("spec") or {}).get("autoRollbackOnFailure") or {}
    return int(settings.get("initMonitorTimeoutSeconds") or 1800)


def _switched_off(ibu: JsonObject, where: FaultPoint) -> bool:
    annotations = ibu["metadata"].get("annotations") or {}
    return bool(annotations.get(_SWITCHES[where]) == "Disabled")
