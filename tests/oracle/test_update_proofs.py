"""The proofs in the recorded feedback of a ClusterVersion, apart from the driver."""

from typing import Any

import pytest

from tests.core.drivers.cluster_version.version_samples import (
    NEW,
    OLD,
    OTHER,
    conditions,
    pool,
    seen,
)
from tests.oracle.update_proofs import UPDATE_PROOFS

IDLE = seen().recorded()
ASKED = seen(wanted_image=NEW).recorded()
UNDER_WAY = seen(
    conditions(Progressing="True :"),
    wanted_image=NEW,
    desired_image=NEW,
    history_state="Partial",
    history_image=NEW,
).recorded()
DONE = UNDER_WAY | {"conditions": seen().recorded()["conditions"], "history": ["Completed", NEW]}
FAILING = DONE | {"conditions": DONE["conditions"] | {"Failing": "True"}}
PROGRESSING = DONE | {"conditions": DONE["conditions"] | {"Progressing": "True"}}
BACKED_UP = IDLE | {"run": "r1", "job": {"run": "r1", "complete": True}}
UNSETTLED = seen(pools=(pool("worker", machines=2),)).recorded()
REFUSED = seen(conditions(ReleaseAccepted="False R:"), wanted_image=NEW).recorded()
Seen = dict[str, Any]


def fits(shown: Seen, action: str) -> bool:
    return UPDATE_PROOFS.fits(shown, action, manual_cleanup_done=False)


def test_an_action_fits_the_state_in_which_it_may_start() -> None:
    assert fits(IDLE, "Check")
    assert fits(IDLE, "Update")
    assert fits(UNDER_WAY, "Update")
    assert not fits(FAILING, "Update")
    assert fits(ASKED, "RetractOnFailure")
    assert not fits(IDLE, "Retract")
    assert not fits(UNDER_WAY, "Retract")


PAUSED = DONE | {"paused": ["worker"]}


def test_pools_are_resumed_once_nothing_is_paused() -> None:
    assert fits(PAUSED, "Pools")
    assert not fits(DONE, "Pools")
    assert not fits(UNDER_WAY | {"paused": ["worker"]}, "Pools")
    assert UPDATE_PROOFS.reached(DONE, "Pools")
    assert not UPDATE_PROOFS.reached(PAUSED, "Pools")
    assert UPDATE_PROOFS.missing(PAUSED, "Pools") == "worker were still paused"
    assert UPDATE_PROOFS.failed(UNSETTLED, "Pools")


def test_a_cluster_is_where_an_action_would_bring_it() -> None:
    assert UPDATE_PROOFS.reached(DONE, "Update")
    assert UPDATE_PROOFS.reached(DONE | {"wanted": ""}, "Update"), "installed with the release"
    assert not UPDATE_PROOFS.reached(DONE | {"wanted": OTHER}, "Update")
    assert not UPDATE_PROOFS.reached(UNDER_WAY, "Update")
    assert UPDATE_PROOFS.reached(IDLE, "Retract")
    assert UPDATE_PROOFS.reached(ASKED, "RetractOnFailure"), "somebody may ask for another release"
    assert not UPDATE_PROOFS.reached(IDLE, "Check")


@pytest.mark.parametrize(
    ("shown", "action", "words"),
    [
        (DONE, "Update", ""),
        (UNDER_WAY, "Update", "the release was not completed"),
        (ASKED, "Update", "the release that was asked for was not applied"),
        (DONE | {"unsettled": ["worker"]}, "Update", "the pools worker were not settled"),
        (IDLE, "Check", ""),
        (UNDER_WAY | {"conditions": {}}, "Check", ""),
        ({}, "Check", "Available was not True"),
        (FAILING, "Check", "Failing was True"),
        (PROGRESSING, "Update", "Progressing was not False"),
        (FAILING, "Update", "Failing was not False"),
        (UNSETTLED, "Mirror", "the pools worker were not settled"),
        (IDLE, "Mirror", ""),
        (ASKED, "Retract", "the request was not withdrawn"),
        (seen(wanted_image=OLD).recorded(), "Retract", ""),
        ({}, "Update", "the release that was asked for was not applied"),
        (BACKED_UP, "Backup", ""),
        (BACKED_UP | {"run": "r2"}, "Backup", "its Job was not complete"),
        (IDLE, "Backup", "its Job was not complete"),
    ],
)
def test_a_proof_of_success_that_is_missing_is_named(shown: Seen, action: str, words: str) -> None:
    assert UPDATE_PROOFS.missing(shown, action) == words


def test_a_run_that_continues_has_paused_or_has_brought_its_release() -> None:
    pausing = seen(pausing=True).recorded()
    assert UPDATE_PROOFS.continues(pausing | {"paused": ["worker"]}, "Update") == ""
    nothing = "nothing was paused that another run resumes"
    assert UPDATE_PROOFS.continues(pausing, "Update") == nothing
    assert UPDATE_PROOFS.continues(PAUSED, "Pools") == ""
    assert UPDATE_PROOFS.continues(DONE, "Pools") == nothing
    assert UPDATE_PROOFS.continues(DONE, "Update") == ""
    assert UPDATE_PROOFS.continues(UNDER_WAY, "Update") == "the release was not completed"
    not_applied = "the release that was asked for was not applied"
    assert UPDATE_PROOFS.continues(ASKED, "Update") == not_applied


def test_a_refusal_proves_a_failure() -> None:
    assert UPDATE_PROOFS.failed(REFUSED, "Update")
    assert not UPDATE_PROOFS.failed(UNDER_WAY, "Update")
    assert UPDATE_PROOFS.failed(IDLE, "Check")
    assert UPDATE_PROOFS.failed(UNSETTLED, "Mirror")
    assert not UPDATE_PROOFS.failed(IDLE, "Mirror")
    assert UPDATE_PROOFS.failed(UNDER_WAY | {"wanted": OLD}, "Retract")
    assert not UPDATE_PROOFS.failed(seen(wanted_image=OLD).recorded(), "Retract")


@pytest.mark.parametrize(
    ("job", "failed"),
    [
        ({"run": "r1", "failed": True}, True),
        ({"run": "r1", "error": "forbidden"}, True),
        ({"refused": "denied"}, True),
        ({"run": "r1", "name": "backup-r1"}, False),
        ({"run": "r2", "failed": True}, False),
    ],
)
def test_a_backup_has_failed_by_its_own_job_alone(job: Seen, failed: bool) -> None:
    assert UPDATE_PROOFS.failed({"run": "r1", "job": job}, "Backup") is failed


def test_the_state_is_shown_by_its_conditions() -> None:
    assert "Available True" in UPDATE_PROOFS.shown(IDLE)
    assert UPDATE_PROOFS.shown({}) == "no conditions"
    assert UPDATE_PROOFS.stage("RetractOnFailure") == "Retract"
    assert UPDATE_PROOFS.stage("Update") == "Update"


def test_an_update_has_begun_from_whichever_registry_the_release_came() -> None:
    mirrored = "mirror.example.com/release@" + NEW.rpartition("@")[2]
    assert not UPDATE_PROOFS.begun(IDLE, (NEW, "4.16.12"))
    assert UPDATE_PROOFS.begun(UNDER_WAY, (mirrored, "4.16.12"))
    assert not UPDATE_PROOFS.begun({}, (NEW, "4.16.12"))
