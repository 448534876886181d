"""IBUs as the Lifecycle Agent leaves them in every state: conditions in the order of its writes."""

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.observe.ibu_view import IbuCondition, IbuView

IMAGE, VERSION = "registry/seed@sha256:aa", "4.17.2"


def running(message: str = "In progress") -> IbuCondition:
    return IbuCondition("True", "InProgress", message)


def done(message: str) -> IbuCondition:
    return IbuCondition("True", "Completed", message)


def over(message: str) -> IbuCondition:
    return IbuCondition("False", "Completed", message)


def failed(message: str) -> IbuCondition:
    return IbuCondition("False", "Failed", message)


def ibu(stage: Stage, *next_stages: Stage, **conditions: IbuCondition) -> IbuView:
    conditions.setdefault("idle", IbuCondition("False", "InProgress", "In progress"))
    bare = IbuView(
        stage=stage,
        generation=2,
        observed_generation=2,
        next_stages=frozenset(next_stages),
        seed_image=IMAGE,
        seed_version=VERSION,
    )
    return replace(bare, **conditions)


def of_another_seed(view: IbuView) -> IbuView:
    return replace(view, seed_image="registry/other")


IDLE, PREP, UPGRADE, ROLLBACK = Stage.IDLE, Stage.PREP, Stage.UPGRADE, Stage.ROLLBACK
PREPARED = {
    "prep_in_progress": over("Prep completed"),
    "prep_completed": done("Prep stage completed successfully"),
}
UPGRADED = {
    **PREPARED,
    "upgrade_in_progress": over("Upgrade completed"),
    "upgrade_completed": done("Upgrade completed"),
}
REQUESTED = {
    **PREPARED,
    "upgrade_in_progress": failed("Rollback requested"),
    "upgrade_completed": failed("Rollback requested"),
}


def upgrade_failed(detail: str) -> dict[str, IbuCondition]:
    return {
        **PREPARED,
        "upgrade_in_progress": failed(detail),
        "upgrade_completed": failed("Upgrade failed"),
    }


def idle_false(reason: str, message: str = "") -> dict[str, IbuCondition]:
    return {"idle": IbuCondition("False", reason, message or reason)}


STATES: dict[str, IbuView] = {
    "fresh": ibu(IDLE, IDLE, idle=IbuCondition()),
    "idle": ibu(IDLE, PREP, idle=IbuCondition("True", "Idle", "Idle")),
    "preparing": ibu(PREP, IDLE, prep_in_progress=running("Precache job in progress")),
    "prepared": ibu(PREP, IDLE, UPGRADE, **PREPARED),
    "prepared-other": of_another_seed(ibu(PREP, IDLE, UPGRADE, **PREPARED)),
    "prep-failed": ibu(
        PREP,
        IDLE,
        prep_in_progress=failed("precache job failed to complete"),
        prep_completed=failed("Prep failed"),
    ),
    "pre-pivot": ibu(UPGRADE, IDLE, **PREPARED, upgrade_in_progress=running()),
    "post-pivot": ibu(UPGRADE, ROLLBACK, **PREPARED, upgrade_in_progress=running("Restoring")),
    "upgraded": ibu(UPGRADE, IDLE, ROLLBACK, **UPGRADED),
    "upgraded-other": of_another_seed(ibu(UPGRADE, IDLE, ROLLBACK, **UPGRADED)),
    "auto-rollback": ibu(UPGRADE, IDLE, **upgrade_failed("Rollback due to LCA Init Monitor")),
    "upgrade-failed-new": ibu(UPGRADE, ROLLBACK, **upgrade_failed("Failed restore CRs: a")),
    "upgrade-failed-stuck": ibu(UPGRADE, **upgrade_failed("Failed restore CRs: a")),
    "rollback-requested": ibu(ROLLBACK, **REQUESTED),
    "rolling-back": ibu(ROLLBACK, **REQUESTED, rollback_in_progress=running("Initiating rollback")),
    "rolled-back": ibu(
        ROLLBACK,
        IDLE,
        **REQUESTED,
        rollback_in_progress=over("Rollback completed"),
        rollback_completed=done("Rollback completed"),
    ),
    "rollback-failed": ibu(
        ROLLBACK,
        **REQUESTED,
        rollback_in_progress=failed("failed to set default deployment"),
        rollback_completed=failed("Rollback failed"),
    ),
    "aborting": ibu(IDLE, **PREPARED, **idle_false("Aborting")),
    "finalizing": ibu(IDLE, **UPGRADED, **idle_false("Finalizing")),
    "abort-failed": ibu(IDLE, **PREPARED, **idle_false("AbortFailed", "failed to delete backups")),
    "finalize-failed": ibu(
        IDLE, **UPGRADED, **idle_false("FinalizeFailed", "failed to remove 1 stateroots")
    ),
    "idle-blocked": ibu(IDLE, IDLE, **idle_false("Blocked", "IPC is not idle")),
    "prep-blocked": ibu(
        PREP, PREP, prep_in_progress=IbuCondition("False", "Blocked", "IPC is not idle")
    ),
}


@pytest.fixture
def states() -> dict[str, IbuView]:
    return STATES
