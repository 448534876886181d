"""Declares what a fault is."""

from enum import Enum

from msgspec import Struct


class FaultPoint(Enum):
    """FaultPoint is the point at which a fault strikes."""

    CHECK = "the validation at the start of Prep"
    STATEROOT = "the stateroot job"
    PRECACHE = "the precache job"
    BACKUP = "before the reboot of Upgrade"
    REBOOT = "the reboot command"
    NEW_BOOT = "the first boot of the new stateroot, before LCA runs: rolls back by itself"
    MONITOR = "the init monitor's timeout in the new stateroot: rolls back by itself"
    SETTLED = "after LCA has started in the new stateroot: rolls back by itself"
    OSTREE = "the start of Rollback"
    CLEANUP = "the clean-up of abort or finalize"
    HEALTH = "the health wait, which never ends"
    SLOW = "every phase of the stage, which takes longer"
    DARK = "the reboot, after which the cluster does not come back in time"
    HAND = "someone sets the stage Idle by hand while it runs"
    BLOCKED = "before the stage: an IPConfig is active"
    AGENT = "the work agent"
    SPOKE = "what is installed on the cluster"
    EQUIPMENT = "what the cluster lacks from the beginning"
    LINK = "the connection to the hub"
    WARNING = "the dry run of the extra manifests, which warns: Prep completes"
    UPDATE = "the operators that take a cluster to another release"
    CERTIFICATES = "the certificates of the old stateroot, which expire sooner"


class Fault(Struct, frozen=True):
    """Fault is one thing that goes wrong on a cluster.

    `message` is the Lifecycle Agent's own text; `{name}` parts are filled in when it strikes.
    `stage` is Prep, Upgrade, Rollback or Idle (abort and finalize), or empty for one that holds
    from the beginning. `seconds` is its default length before the time scale (None: for ever) and
    `times` how often it strikes (None: at every attempt).
    """

    name: str
    where: FaultPoint
    stage: str = ""
    message: str = ""
    seconds: float | None = None
    times: int | None = None

    @property
    def harmless(self) -> bool:
        """Whether every stage of the IBU completes all the same."""
        return self.where in (FaultPoint.WARNING, FaultPoint.CERTIFICATES, FaultPoint.UPDATE)
