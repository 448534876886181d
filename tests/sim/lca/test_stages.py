import pytest

from ibgu.sim.lca.conditions import Conditions
from ibgu.sim.lca.stages import RefusedStage, StageStart, transition, valid_next_stages


def listed(text: str) -> Conditions:
    """`Idle=False/Aborting PrepCompleted=True`"""
    conditions = []
    for word in text.split():
        kind, _, rest = word.partition("=")
        status, _, reason = rest.partition("/")
        conditions.append({"type": kind, "status": status, "reason": reason or "x"})
    return conditions


IN_STAGE = "Idle=False/InProgress PrepInProgress=False PrepCompleted=True"
UPGRADED = f"{IN_STAGE} UpgradeInProgress=False UpgradeCompleted=True"
FAILED = f"{IN_STAGE} UpgradeCompleted=False UpgradeInProgress=False/Failed"
ROLLED = f"{FAILED} RollbackInProgress=False RollbackCompleted=True"
STUCK = f"{FAILED} RollbackCompleted=False RollbackInProgress=False/Failed"


@pytest.mark.parametrize(
    ("conditions", "after_pivot", "stages"),
    [
        ("", False, ["Idle"]),
        ("Idle=True", False, ["Prep"]),
        ("Idle=False/Aborting PrepCompleted=False", False, []),
        ("Idle=False/AbortFailed", False, []),
        ("Idle=False/Finalizing UpgradeCompleted=True", True, []),
        ("Idle=False/FinalizeFailed", True, []),
        ("Idle=False/InProgress PrepInProgress=True", False, ["Idle"]),
        ("Idle=False PrepCompleted=False PrepInProgress=False/Failed", False, ["Idle"]),
        (IN_STAGE, False, ["Idle", "Upgrade"]),
        (f"{IN_STAGE} UpgradeInProgress=True", False, ["Idle"]),
        (f"{IN_STAGE} UpgradeInProgress=True", True, ["Rollback"]),
        (FAILED, False, ["Idle"]),
        (FAILED, True, ["Rollback"]),
        (UPGRADED, True, ["Idle", "Rollback"]),
        (f"{FAILED} RollbackInProgress=True", True, []),
        (ROLLED, False, ["Idle"]),
        (STUCK, True, []),
        ("Idle=False PrepInProgress=False/Blocked", False, ["Prep"]),
    ],
)
def test_valid_next_stages(conditions: str, after_pivot: bool, stages: list[str]) -> None:
    assert valid_next_stages(listed(conditions), "Prep", after_pivot) == stages


@pytest.mark.parametrize(
    ("stage", "conditions", "after_pivot", "expected"),
    [
        ("Prep", "Idle=True", False, StageStart.PREP),
        ("Prep", "Idle=False PrepInProgress=True", False, None),
        ("Prep", "Idle=False PrepCompleted=False", False, None),
        ("Prep", "Idle=False PrepInProgress=False/InvalidTransition", False, "Previous stage not"),
        ("Upgrade", IN_STAGE, False, StageStart.UPGRADE),
        ("Upgrade", f"{IN_STAGE} UpgradeInProgress=True", False, None),
        ("Upgrade", FAILED, False, None),
        ("Upgrade", "Idle=True", False, "Previous stage not succeeded"),
        ("Rollback", UPGRADED, True, StageStart.ROLLBACK),
        ("Rollback", FAILED, True, StageStart.ROLLBACK),
        ("Rollback", FAILED, False, "Upgrade not started or already finalized"),
        ("Rollback", "Idle=True", False, "Upgrade not started or already finalized"),
        ("Rollback", ROLLED, False, None),
        ("Idle", "", False, StageStart.INIT),
        ("Idle", "Idle=True", False, None),
        ("Idle", "Idle=False/Aborting", False, None),
        ("Idle", "Idle=False/FinalizeFailed", True, None),
        ("Idle", "Idle=False/Blocked", False, None),
        ("Idle", IN_STAGE, False, StageStart.ABORT),
        ("Idle", "Idle=False PrepInProgress=True", False, StageStart.ABORT),
        ("Idle", FAILED, False, StageStart.ABORT),
        ("Idle", UPGRADED, True, StageStart.FINALIZE),
        ("Idle", ROLLED, False, StageStart.FINALIZE),
        ("Idle", STUCK, True, "Transition to Idle not allowed - Rollback failed"),
        (
            "Idle",
            f"{FAILED} RollbackInProgress=True",
            True,
            "Transition to Idle not allowed - Rollback is in progress",
        ),
        ("Idle", FAILED, True, "Transition to Idle not allowed - Rollback first"),
    ],
)
def test_each_stage_starts_only_from_its_conditions(
    stage: str, conditions: str, after_pivot: bool, expected: StageStart | str | None
) -> None:
    found = transition(stage, listed(conditions), after_pivot)
    if isinstance(expected, str):
        assert isinstance(found, RefusedStage)
        assert found.message.startswith(expected)
    else:
        assert found == expected
