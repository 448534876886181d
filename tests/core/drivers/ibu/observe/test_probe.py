"""R8: every action is judged in every state of the Lifecycle Agent."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.drivers.ibu.observe import judge
from ibgu.core.drivers.ibu.observe.ibu_view import MISSING, IbuCondition, IbuView
from ibgu.core.engine.driver import JudgementKind
from ibgu.core.model import Cause, Rollout
from ibgu.core.model.kinds import IbuSpec, RolloutSpec, SeedImageRef

SPEC = RolloutSpec(IbuSpec(SeedImageRef("registry/seed@sha256:aa", "4.17.2")))
START = datetime(2026, 11, 20, tzinfo=UTC)


def rollout(spec: RolloutSpec = SPEC, **controls: str) -> Rollout:
    marks = {f"ibgu.dev/{key.replace('_', '-')}": value for key, value in controls.items()}
    return Rollout(
        uid="uid-a", namespace="default", name="a", created_at=START, spec=spec, controls=marks
    )


ACTIONS = (
    Action.PREP,
    Action.UPGRADE,
    Action.FINALIZE_UPGRADE,
    Action.ROLLBACK,
    Action.FINALIZE_ROLLBACK,
    Action.ABORT,
    Action.ABORT_ON_FAILURE,
)
KINDS = {
    "S": JudgementKind.STARTABLE,
    "R": JudgementKind.REACHED,
    "B": JudgementKind.BUSY,
    "F": JudgementKind.FAILED,
}
# Columns: Prep Upgrade FinalizeUpgrade Rollback FinalizeRollback Abort AbortOnFailure
TABLE = {
    "fresh": "B B B B B B B",
    "idle": "S F R F R R R",
    "preparing": "B B B B B S S",
    "prepared": "R S F F F S S",
    "prepared-other": "F F F F F S S",
    "prep-failed": "F F F F F S S",
    "pre-pivot": "B B B B B S S",
    "post-pivot": "B B B S B B B",
    "upgraded": "R R S S F F F",
    "upgraded-other": "F F S S F F F",
    "auto-rollback": "F F F F F S S",
    "upgrade-failed-new": "F F F S F F F",
    "upgrade-failed-stuck": "F F F F F F F",
    "rollback-requested": "B B B B B B B",
    "rolling-back": "B B B B B B B",
    "rolled-back": "F F F R S F F",
    "rollback-failed": "F F F F F F F",
    "aborting": "B B B B B B B",
    "finalizing": "B B B B B B B",
    "abort-failed": "F F F F F F F",
    "finalize-failed": "F F F F F F F",
    "idle-blocked": "B B B B B B B",
    "prep-blocked": "B B B B B B B",
}


def test_the_table_has_every_state(states: dict[str, IbuView]) -> None:
    assert set(TABLE) == set(states)


@pytest.mark.parametrize(
    ("state", "action", "letter"),
    [
        (state, action, letter)
        for state, row in TABLE.items()
        for action, letter in zip(ACTIONS, row.split(), strict=True)
    ],
)
def test_each_action_is_judged_in_each_state(
    states: dict[str, IbuView], state: str, action: Action, letter: str
) -> None:
    found = judge(states[state], action, rollout())
    assert found.kind is KINDS[letter]
    assert bool(found.note) == (letter == "R")
    assert bool(found.message) == (letter in "BF")
    assert (found.cause is not None) == (letter == "F")


@pytest.mark.parametrize(
    ("state", "action", "note"),
    [
        ("prepared", Action.PREP, "was already prepared with 4.17.2 (registry/seed@sha256:aa)"),
        ("upgraded", Action.PREP, "was already upgraded to 4.17.2 (registry/seed@sha256:aa)"),
        ("upgraded", Action.UPGRADE, "was already upgraded to 4.17.2 (registry/seed@sha256:aa)"),
        ("idle", Action.ABORT, "was already Idle"),
        ("idle", Action.FINALIZE_UPGRADE, "was already Idle"),
        ("rolled-back", Action.ROLLBACK, "was already rolled back"),
    ],
)
def test_an_action_already_done_has_a_note(
    states: dict[str, IbuView], state: str, action: Action, note: str
) -> None:
    assert judge(states[state], action, rollout()).note == note


@pytest.mark.parametrize(
    ("state", "action", "message"),
    [
        ("aborting", Action.PREP, "Aborting"),
        ("finalizing", Action.PREP, "Finalizing"),
        ("idle-blocked", Action.PREP, "IPC is not idle"),
        ("prep-blocked", Action.UPGRADE, "IPC is not idle"),
        ("preparing", Action.UPGRADE, "Prep in progress: Precache job in progress"),
        ("pre-pivot", Action.PREP, "Upgrade in progress"),
        ("rolling-back", Action.ROLLBACK, "Rollback in progress: Initiating rollback"),
        ("rollback-requested", Action.FINALIZE_ROLLBACK, "Rollback in progress"),
        ("fresh", Action.PREP, "the Lifecycle Agent has not reported a state yet"),
    ],
)
def test_busy_in_the_clusters_words(
    states: dict[str, IbuView], state: str, action: Action, message: str
) -> None:
    assert judge(states[state], action, rollout()).message == message


@pytest.mark.parametrize(
    ("state", "action", "cause", "message"),
    [
        ("abort-failed", Action.PREP, Cause.ABORT_FAILED, "failed to delete backups"),
        (
            "finalize-failed",
            Action.ABORT,
            Cause.FINALIZE_FAILED,
            "failed to remove 1 stateroots",
        ),
        (
            "prepared-other",
            Action.UPGRADE,
            Cause.WRONG_STATE,
            "Upgrade is for the seed 4.17.2 (registry/seed@sha256:aa), but the cluster is prepared "
            "with 4.17.2 (registry/other); Upgrade or Abort can follow",
        ),
        (
            "upgraded-other",
            Action.PREP,
            Cause.WRONG_STATE,
            "Prep is for the seed 4.17.2 (registry/seed@sha256:aa), but the cluster is upgraded "
            "to 4.17.2 (registry/other); FinalizeUpgrade or Rollback can follow",
        ),
        (
            "idle",
            Action.UPGRADE,
            Cause.WRONG_STATE,
            "Upgrade needs a cluster that is prepared with 4.17.2 (registry/seed@sha256:aa), but "
            "it is Idle; only Prep can follow",
        ),
        (
            "prep-failed",
            Action.UPGRADE,
            Cause.WRONG_STATE,
            "Upgrade needs a cluster that is prepared with 4.17.2 (registry/seed@sha256:aa), but "
            "its Prep failed (precache job failed to complete); Abort can follow",
        ),
        (
            "auto-rollback",
            Action.UPGRADE,
            Cause.WRONG_STATE,
            "Upgrade needs a cluster that is prepared with 4.17.2 (registry/seed@sha256:aa), but "
            "its Upgrade failed (Rollback due to LCA Init Monitor); it runs its former release, "
            "Abort can follow",
        ),
        (
            "upgrade-failed-new",
            Action.ABORT_ON_FAILURE,
            Cause.UPGRADE_FAILED_AFTER_PIVOT,
            "AbortOnFailure needs a cluster that is neither upgraded nor rolled back and offers "
            "Idle, but its Upgrade failed (Failed restore CRs: a); it runs the new release, "
            "Rollback can follow",
        ),
        (
            "upgraded",
            Action.ABORT,
            Cause.WRONG_STATE,
            "Abort needs a cluster that is neither upgraded nor rolled back and offers Idle, but "
            "it is upgraded to 4.17.2 (registry/seed@sha256:aa); FinalizeUpgrade or Rollback can "
            "follow once its ManagedCluster has the label lcm.openshift.io/ibgu-upgrade-completed",
        ),
        (
            "upgrade-failed-stuck",
            Action.ROLLBACK,
            Cause.WRONG_STATE,
            "Rollback needs a cluster that offers Rollback as its next stage, but its Upgrade "
            "failed (Failed restore CRs: a); the Lifecycle Agent offers no next stage, look at "
            "the cluster",
        ),
        (
            "rollback-failed",
            Action.FINALIZE_ROLLBACK,
            Cause.WRONG_STATE,
            "FinalizeRollback needs a cluster that was rolled back, but its Rollback failed "
            "(failed to set default deployment); the cluster has to be recovered by hand",
        ),
    ],
)
def test_failed_says_what_was_wanted_and_seen(
    states: dict[str, IbuView], state: str, action: Action, cause: Cause, message: str
) -> None:
    found = judge(states[state], action, rollout())
    assert (found.cause, found.message) == (cause, message)


def test_the_seeds_version_counts_too(states: dict[str, IbuView]) -> None:
    other = replace(states["prepared"], seed_version="4.17.3")
    found = judge(other, Action.UPGRADE, rollout())
    assert found.kind is JudgementKind.FAILED
    assert "4.17.3" in found.message


def test_without_a_seed_nothing_is_ours(states: dict[str, IbuView]) -> None:
    found = judge(states["prepared"], Action.UPGRADE, rollout(RolloutSpec()))
    assert found.kind is JudgementKind.FAILED
    assert "the seed without a version (no image)" in found.message


@pytest.mark.parametrize("action", [Action.ABORT, Action.ABORT_ON_FAILURE])
def test_a_completed_upgrade_is_never_aborted(states: dict[str, IbuView], action: Action) -> None:
    """Idle would finalize it, whatever else the conditions say."""
    odd = replace(states["upgraded"], rollback_in_progress=IbuCondition("True", "InProgress", "x"))
    assert judge(odd, action, rollout()).kind is JudgementKind.BUSY
    odd = replace(states["rolled-back"], upgrade_completed=MISSING)
    assert judge(odd, action, rollout()).kind is JudgementKind.FAILED


def test_a_reason_stands_in_for_a_missing_message(states: dict[str, IbuView]) -> None:
    quiet = replace(states["aborting"], idle=IbuCondition("False", "Aborting"))
    assert judge(quiet, Action.PREP, rollout()).message == "Aborting"
    quiet = replace(states["aborting"], idle=IbuCondition("False", "AbortFailed"))
    assert judge(quiet, Action.PREP, rollout()).message == "AbortFailed"


def test_idle_false_for_no_known_reason_is_waited_for() -> None:
    odd = IbuView(
        stage=Stage.IDLE, idle=IbuCondition("False", "InvalidTransition", "Rollback first")
    )
    found = judge(odd, Action.PREP, rollout())
    assert (found.kind, found.message) == (JudgementKind.BUSY, "Rollback first")


@pytest.mark.parametrize(
    ("state", "row"),
    [
        ("abort-failed", "F F F F F S S"),
        ("finalize-failed", "F F S F S F F"),
        ("prep-failed", TABLE["prep-failed"]),
        ("idle", TABLE["idle"]),
    ],
)
def test_after_a_clean_up_by_hand_the_same_way_to_idle_may_start(
    states: dict[str, IbuView], state: str, row: str
) -> None:
    cleaned = rollout(manual_cleanup_done="alice: removed the backups")
    found = [judge(states[state], action, cleaned).kind for action in ACTIONS]
    assert found == [KINDS[letter] for letter in row.split()]
