"""R7, R10, R14: what the conditions say about a run, and about the way out of a stage."""

import pytest
from msgspec.structs import replace

from ibgu.core.drivers import traits
from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.drivers.ibu.observe import out_of_stage, verdict
from ibgu.core.drivers.ibu.observe.ibu_state import last_words
from ibgu.core.drivers.ibu.observe.ibu_view import MISSING, IbuCondition, IbuView
from ibgu.core.engine.driver import Verdict, VerdictKind
from ibgu.core.model import Cause
from tests.core.drivers.ibu.observe.test_probe import rollout

RUNNING = Verdict(VerdictKind.RUNNING)
SUCCEEDED = Verdict(VerdictKind.SUCCEEDED)


def failed(cause: Cause, message: str) -> Verdict:
    return Verdict(VerdictKind.FAILED, cause, message)


@pytest.mark.parametrize(
    ("state", "action", "expected"),
    [
        ("preparing", Action.PREP, RUNNING),
        ("prep-blocked", Action.PREP, RUNNING),
        ("prepared", Action.PREP, SUCCEEDED),
        (
            "prep-failed",
            Action.PREP,
            failed(Cause.PREP_FAILED, "precache job failed to complete"),
        ),
        ("pre-pivot", Action.UPGRADE, RUNNING),
        ("post-pivot", Action.UPGRADE, RUNNING),
        ("upgraded", Action.UPGRADE, SUCCEEDED),
        (
            "auto-rollback",
            Action.UPGRADE,
            failed(Cause.UPGRADE_FAILED, "Rollback due to LCA Init Monitor"),
        ),
        (
            "upgrade-failed-new",
            Action.UPGRADE,
            failed(Cause.UPGRADE_FAILED_AFTER_PIVOT, "Failed restore CRs: a"),
        ),
        ("rollback-requested", Action.UPGRADE, RUNNING),
        ("rollback-requested", Action.ROLLBACK, RUNNING),
        ("rolling-back", Action.ROLLBACK, RUNNING),
        ("rolled-back", Action.ROLLBACK, SUCCEEDED),
        (
            "rollback-failed",
            Action.ROLLBACK,
            failed(Cause.ROLLBACK_FAILED, "failed to set default deployment"),
        ),
        *(
            (state, action, RUNNING)
            for state, action in (
                ("aborting", Action.ABORT),
                ("aborting", Action.ABORT_ON_FAILURE),
                ("finalizing", Action.FINALIZE_UPGRADE),
                ("finalizing", Action.FINALIZE_ROLLBACK),
                ("idle-blocked", Action.ABORT),
                ("fresh", Action.ABORT),
            )
        ),
        *(("idle", action, SUCCEEDED) for action in Action if traits(action).clears_labels),
        (
            "abort-failed",
            Action.ABORT,
            failed(Cause.ABORT_FAILED, "failed to delete backups"),
        ),
        (
            "finalize-failed",
            Action.FINALIZE_UPGRADE,
            failed(Cause.FINALIZE_FAILED, "failed to remove 1 stateroots"),
        ),
    ],
)
def test_the_verdict_follows_from_the_conditions(
    states: dict[str, IbuView], state: str, action: Action, expected: Verdict
) -> None:
    if expected == RUNNING:
        expected = replace(RUNNING, message=last_words(states[state], action.stage))
    assert verdict(states[state], action, rollout()) == expected


def test_completed_false_is_enough_the_detail_may_come_later(states: dict[str, IbuView]) -> None:
    early = replace(
        states["prep-failed"], prep_in_progress=IbuCondition("True", "InProgress", "pulling")
    )
    assert verdict(early, Action.PREP, rollout()) == failed(Cause.PREP_FAILED, "Prep failed")
    silent = replace(early, prep_in_progress=IbuCondition("False", "Failed"))
    assert verdict(silent, Action.PREP, rollout()) == failed(Cause.PREP_FAILED, "Prep failed")


@pytest.mark.parametrize("state", ["abort-failed", "finalize-failed"])
def test_after_a_clean_up_by_hand_the_old_failure_is_no_new_one(
    states: dict[str, IbuView], state: str
) -> None:
    """The Lifecycle Agent says so until it has cleaned up."""
    cleaned = rollout(manual_cleanup_done="alice: removed the backups")
    words = states[state].idle.message
    assert verdict(states[state], Action.ABORT, cleaned) == replace(RUNNING, message=words)
    assert verdict(states["idle"], Action.ABORT, cleaned) == SUCCEEDED


def test_last_words_are_the_newest_message_of_the_stage(states: dict[str, IbuView]) -> None:
    assert last_words(states["preparing"], Stage.PREP) == "Precache job in progress"
    assert last_words(states["post-pivot"], Stage.UPGRADE) == "Restoring"
    assert last_words(states["rolling-back"], Stage.ROLLBACK) == "Initiating rollback"
    assert last_words(states["aborting"], Stage.IDLE) == "Aborting"
    quiet = replace(states["aborting"], idle=IbuCondition("False", "Finalizing"))
    assert last_words(quiet, Stage.IDLE) == "Finalizing"
    assert last_words(replace(quiet, idle=MISSING), Stage.IDLE) == ""


@pytest.mark.parametrize(
    ("state", "out"),
    [
        ("fresh", False),
        ("idle", True),
        ("preparing", False),
        ("prepared", False),
        ("prep-failed", False),
        ("pre-pivot", False),
        ("post-pivot", False),
        ("upgraded", True),
        ("auto-rollback", True),
        ("upgrade-failed-new", False),
        ("upgrade-failed-stuck", False),
        ("rollback-requested", False),
        ("rolling-back", False),
        ("rolled-back", True),
        ("rollback-failed", False),
        ("aborting", False),
        ("finalizing", True),
    ],
)
def test_a_cluster_is_out_of_stage_at_idle_or_upgraded(
    states: dict[str, IbuView], state: str, out: bool
) -> None:
    assert out_of_stage(states[state]) is out


def test_a_requested_rollback_is_not_out_even_if_idle_is_offered(
    states: dict[str, IbuView],
) -> None:
    odd = replace(states["rollback-requested"], next_stages=frozenset({Stage.IDLE}))
    assert not out_of_stage(odd)


def test_an_image_based_upgrade_pauses_nothing(states: dict[str, IbuView]) -> None:
    seen = states["prepared"]
    assert (seen.pauses, seen.rolling, seen.unwell) == ((), False, "")
