"""Describes Rollback: the reboot back into the original stateroot."""

from ibgu.sim.course import Fate
from ibgu.sim.faults import Where
from ibgu.sim.lca.beats import (
    Beat,
    BootOld,
    ClearExpiration,
    RestoreIbu,
    Script,
    Set,
    Shutdown,
    beat,
    completed,
    failed,
    say,
)
from ibgu.sim.lca.scripts.health import health_wait, waiting

_REQUESTED = "Rollback requested"


def rollback(fate: Fate) -> Script:
    accepted = beat(
        0.0,
        Set("UpgradeCompleted", "False", "Failed", _REQUESTED),
        Set("UpgradeInProgress", "False", "Failed", _REQUESTED),
        say("Rollback", "In progress"),
    )
    wait = health_wait(fate, say("Rollback", waiting("Rollback stage")))
    return (accepted, *wait, *_reboot(fate))


def _reboot(fate: Fate) -> list[Beat]:
    begin = fate.durations["rollback-start"]
    initiating = beat(begin * 0.3, say("Rollback", "Initiating rollback"))
    if fault := fate.strikes(Where.OSTREE):
        return [initiating, beat(begin * 0.7, *failed("Rollback", fault.message))]
    dark = fate.durations["rollback-reboot"]
    if fault := fate.strikes(Where.DARK):
        dark += fate.length(fault)
    settle = fate.durations["rollback-settle"]
    return [
        initiating,
        beat(begin * 0.4, ClearExpiration(), say("Rollback", "Completing rollback")),
        beat(begin * 0.3, Shutdown()),
        beat(dark, BootOld()),
        beat(settle * 0.2, RestoreIbu()),
        beat(settle * 0.8, *completed("Rollback", "Rollback completed")),
    ]
