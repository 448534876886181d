"""The seven actions of an image-based upgrade, what each one does, and the plans that TALM's CRD
allows."""

from enum import StrEnum

from ibgu.core.model.actions import (
    ActionTable,
    ActionTraits,
    AgeRange,
    Danger,
    RequiredLabels,
    Risk,
    plans,
    traits,
)

LABEL_PREFIX = "lcm.openshift.io/ibgu-"
_MINUTE = 60.0


class Stage(StrEnum):
    """The values of an ImageBasedUpgrade's `spec.stage` (Lifecycle Agent)."""

    IDLE = "Idle"
    PREP = "Prep"
    UPGRADE = "Upgrade"
    ROLLBACK = "Rollback"


class Action(StrEnum):
    PREP = "Prep"
    UPGRADE = "Upgrade"
    FINALIZE_UPGRADE = "FinalizeUpgrade"
    ROLLBACK = "Rollback"
    FINALIZE_ROLLBACK = "FinalizeRollback"
    ABORT = "Abort"
    ABORT_ON_FAILURE = "AbortOnFailure"

    @property
    def stage(self) -> Stage:
        return Stage(traits(self).stage)

    @property
    def completed_label(self) -> str:
        return f"{LABEL_PREFIX}{self.lower()}-completed"

    @property
    def failed_label(self) -> str:
        return f"{LABEL_PREFIX}{self.lower()}-failed"


_PREP = ActionTraits(
    name=Action.PREP.value,
    stage=Stage.PREP.value,
    label_prefix=LABEL_PREFIX,
    usual=AgeRange(4 * _MINUTE, 30 * _MINUTE),
    carries_payload=True,
    begins=True,
    rate_limited=True,
    warns=True,
    preflight=True,
    implied_by=Action.UPGRADE.value,
)
_UPGRADE = ActionTraits(
    name=Action.UPGRADE.value,
    stage=Stage.UPGRADE.value,
    label_prefix=LABEL_PREFIX,
    usual=AgeRange(8 * _MINUTE, 40 * _MINUTE),
    need=RequiredLabels(any_of=(Action.PREP.completed_label,)),
    reboots=True,
    rolls_back=True,
    import_off=True,
    rate_limited=True,
    preflight=True,
)
UPGRADE_BACKUP = "UpgradeBackup"
"""What a run does that takes the backup before an Upgrade. The stage stays."""
_UPGRADE_BACKUP = ActionTraits(
    name=UPGRADE_BACKUP,
    stage=Stage.PREP.value,
    label_prefix=LABEL_PREFIX,
    usual=AgeRange(_MINUTE, 10 * _MINUTE),
    runs_job=True,
    part_of=Action.UPGRADE.value,
)
_FINALIZE_UPGRADE = ActionTraits(
    name=Action.FINALIZE_UPGRADE.value,
    stage=Stage.IDLE.value,
    label_prefix=LABEL_PREFIX,
    usual=AgeRange(10.0, 5 * _MINUTE),
    need=RequiredLabels(any_of=(Action.UPGRADE.completed_label,)),
    risk=Risk(
        Danger.IRREVERSIBLE,
        "The release from before the upgrade is deleted from each cluster, and Rollback is no "
        "longer possible.",
    ),
    clears_labels=True,
)
_ROLLBACK = ActionTraits(
    name=Action.ROLLBACK.value,
    stage=Stage.ROLLBACK.value,
    label_prefix=LABEL_PREFIX,
    usual=AgeRange(3 * _MINUTE, 20 * _MINUTE),
    need=RequiredLabels(
        any_of=(Action.UPGRADE.completed_label,), if_selected=(Action.UPGRADE.failed_label,)
    ),
    risk=Risk(
        Danger.DESTRUCTIVE,
        "Each cluster restarts with the release and the data from before its upgrade, and what it "
        "has stored since is lost.",
    ),
    reboots=True,
    cancels=True,
    expires=True,
    leads_back=True,
)
_FINALIZE_ROLLBACK = ActionTraits(
    name=Action.FINALIZE_ROLLBACK.value,
    stage=Stage.IDLE.value,
    label_prefix=LABEL_PREFIX,
    usual=AgeRange(10.0, 5 * _MINUTE),
    need=RequiredLabels(any_of=(Action.ROLLBACK.completed_label,)),
    risk=Risk(
        Danger.IRREVERSIBLE,
        "The release that was rolled back is deleted from each cluster; to get it again, run Prep "
        "and Upgrade.",
    ),
    clears_labels=True,
)
_ABORT = ActionTraits(
    name=Action.ABORT.value,
    stage=Stage.IDLE.value,
    label_prefix=LABEL_PREFIX,
    usual=AgeRange(15.0, 10 * _MINUTE),
    need=RequiredLabels(none_of=(Action.UPGRADE.completed_label,)),
    risk=Risk(
        Danger.DESTRUCTIVE,
        "The prepared release is deleted from each cluster, Upgrades that have not restarted the "
        "cluster yet are cancelled, and older rollouts are cancelled on these clusters.",
    ),
    clears_labels=True,
    aborts=True,
    cancels=True,
    leads_back=True,
)
_ABORT_ON_FAILURE = ActionTraits(
    name=Action.ABORT_ON_FAILURE.value,
    stage=Stage.IDLE.value,
    label_prefix=LABEL_PREFIX,
    usual=AgeRange(15.0, 10 * _MINUTE),
    need=RequiredLabels(any_of=(Action.PREP.failed_label, Action.UPGRADE.failed_label)),
    risk=Risk(
        Danger.DESTRUCTIVE,
        "The prepared release is deleted from each failed cluster, together with the traces of the "
        "failure, also where another rollout made it fail; to upgrade it, run Prep again.",
    ),
    clears_labels=True,
    aborts=True,
    after_failure=True,
    leads_back=True,
)
_PLANS = """
Prep
Prep | Upgrade
Prep Upgrade
Prep | Upgrade | FinalizeUpgrade
Prep | Upgrade FinalizeUpgrade
Prep Upgrade | FinalizeUpgrade
Prep Upgrade FinalizeUpgrade
Rollback
Rollback | FinalizeRollback
Rollback FinalizeRollback
Upgrade
Upgrade | FinalizeUpgrade
Upgrade FinalizeUpgrade
FinalizeUpgrade
FinalizeRollback
Abort
AbortOnFailure
Prep | Abort
Prep | AbortOnFailure
Prep | AbortOnFailure | Upgrade
Prep | AbortOnFailure | Upgrade | AbortOnFailure
Prep | Upgrade | AbortOnFailure
Prep Upgrade | AbortOnFailure
Prep | AbortOnFailure | Upgrade | AbortOnFailure | FinalizeUpgrade
Prep | Upgrade | AbortOnFailure | FinalizeUpgrade
Prep Upgrade | AbortOnFailure | FinalizeUpgrade
"""

IBU_ACTIONS = ActionTable(
    actions=(
        _PREP,
        _UPGRADE,
        _FINALIZE_UPGRADE,
        _ROLLBACK,
        _FINALIZE_ROLLBACK,
        _ABORT,
        _ABORT_ON_FAILURE,
    ),
    plans=plans(_PLANS.strip().splitlines()),
    parts=(_UPGRADE_BACKUP,),
)


def action_named(name: str) -> Action | None:
    """Returns the action; None: it is of another kind of change."""
    return Action(name) if name in IBU_ACTIONS.names else None
