"""The annotations that ask for a backup before Upgrade, and what the driver makes of them."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import UPGRADE_BACKUP
from ibgu.core.drivers.ibu.backup import asked_backup
from ibgu.core.drivers.ibu.observe.ibu_view import IbuView
from ibgu.core.engine.driver import Part, VerdictKind
from ibgu.core.model import Cause, JobView, Rollout, WorkView, names
from ibgu.core.views.mistakes import mistakes
from tests.core.drivers.cluster_version.version_samples import NEW, run
from tests.core.engine.state.records import rollout as rollout_named
from tests.oracle.ibu_proofs import IBU_PROOFS

ASKED = {names.BACKUP: "Full", names.BACKUP_IMAGE: NEW}
JOB = WorkView(name="w", uid="u", resource_version="1", generation=1, applied=True)


def rollout(**more: str) -> Rollout:
    marks = {f"ibgu.dev/backup-{key.replace('_', '-')}": value for key, value in more.items()}
    return replace(rollout_named(), controls=ASKED | marks)


def test_the_backup_comes_before_upgrade_alone() -> None:
    part = Part(action=UPGRADE_BACKUP, within=timedelta(minutes=30))
    assert IBU.part("Upgrade", rollout(max_age="30").controls) == part
    assert IBU.part("Prep", rollout().controls) is None
    assert IBU.part("Upgrade", {}) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({names.BACKUP: "full"}, "the annotation ibgu.dev/backup: full is not Etcd or Full"),
        ({names.BACKUP: ""}, "ibgu.dev/backup: (none) is not"),
        ({names.BACKUP_IMAGE: "tools:latest"}, "backup-image: tools:latest is not an image by"),
        ({names.BACKUP_PATH: "/etc"}, "backup-path: '/etc' is not a folder in"),
        (
            {names.BACKUP_MAX_AGE: "29"},
            'backup-max-age is "29"; expected: minutes from 30 to 10080',
        ),
        ({names.BACKUP_MAX_AGE: "4h"}, 'backup-max-age is "4h"; expected'),
        ({names.BACKUP_MAX_AGE: "10081"}, "expected: minutes from 30 to 10080"),
    ],
)
def test_a_typing_error_is_named(changes: dict[str, str], words: str) -> None:
    found = asked_backup(ASKED | changes)
    assert found is not None
    assert words in found.problem
    assert any(words in each for each in mistakes(ASKED | changes))
    broken = replace(rollout(), controls=ASKED | changes)
    assert list(IBU.job(broken, run(UPGRADE_BACKUP), IbuView())) == []


def test_a_value_that_is_too_long_is_refused_as_the_journal_keeps_it() -> None:
    found = asked_backup(ASKED | {names.BACKUP_IMAGE: f"{'x' * 5000}/{NEW}"})
    assert found is not None
    assert "backup-image: sha256:" in found.problem
    assert len(found.problem) < 200


def test_a_fleet_update_has_no_such_annotations() -> None:
    assert mistakes(ASKED | {names.BACKUP: "x"}, names.FLEET_UPDATE) == [
        f"the annotation {key} does nothing: name the backup in spec.update.backup"
        for key in (names.BACKUP, names.BACKUP_IMAGE)
    ]


def test_annotations_that_can_be_read_are_no_mistake() -> None:
    assert mistakes(ASKED | {names.BACKUP_MAX_AGE: "30", names.BACKUP_PATH: "/var/mnt/x"}) == []
    assert asked_backup({}) is None


def test_an_image_alone_asks_for_no_form_and_says_so() -> None:
    found = asked_backup({names.BACKUP_IMAGE: NEW})
    assert found is not None
    assert "ibgu.dev/backup: (none) is not Etcd or Full" in found.problem


def test_the_run_marks_the_upgrade_and_leaves_its_stage_alone() -> None:
    _, ibu = IBU.manifests(rollout(), run(UPGRADE_BACKUP), 1, None)
    assert isinstance(ibu, dict)
    assert ibu["metadata"] == {"name": "upgrade", "annotations": {names.RUN: "run-1"}}
    assert "spec" not in ibu, "a person may have set another stage since"
    strategy = IBU.strategy(rollout(), run(UPGRADE_BACKUP), None)
    assert strategy["serverSideApply"]["fieldManager"] == "work-agent-ibgu-mark"
    assert (
        IBU.job(rollout(), run(UPGRADE_BACKUP), IbuView())[-1]["metadata"]["name"] == "backup-run-1"
    )
    assert list(IBU.job(rollout_named(), run(UPGRADE_BACKUP), IbuView())) == []
    assert IBU.failure(UPGRADE_BACKUP, "no known words") is None


@pytest.mark.parametrize(
    ("job", "kind", "cause", "again"),
    [
        (JobView(name="b", active=1), VerdictKind.RUNNING, None, False),
        (JobView(name="b", complete=True), VerdictKind.SUCCEEDED, None, True),
        (JobView(name="b", failed=True), VerdictKind.FAILED, Cause.BACKUP_FAILED, False),
    ],
)
def test_after_the_backup_comes_another_run(
    job: JobView, kind: VerdictKind, cause: Cause | None, again: bool
) -> None:
    found = IBU.job_verdict(replace(JOB, job=job), IbuView(), UPGRADE_BACKUP, rollout())
    assert (found.kind, found.cause, found.again) == (kind, cause, again)


def test_the_image_based_upgrade_says_nothing_about_the_backup() -> None:
    found = IBU.verdict(IbuView(), UPGRADE_BACKUP, rollout())
    assert found.kind is VerdictKind.RUNNING


def test_the_certifier_judges_the_backup_by_its_job() -> None:
    prepared: dict[str, Any] = {"run": "r1", "conditions": {"PrepCompleted": "True"}}
    done = prepared | {"job": {"run": "r1", "complete": True}}
    assert IBU_PROOFS.stage(UPGRADE_BACKUP) == "Prep"
    assert IBU_PROOFS.fits(prepared, UPGRADE_BACKUP, manual_cleanup_done=False)
    assert IBU_PROOFS.missing(done, UPGRADE_BACKUP) == ""
    assert IBU_PROOFS.missing(prepared, UPGRADE_BACKUP) == "its Job was not complete"
    assert IBU_PROOFS.failed(prepared | {"job": {"refused": "no"}}, UPGRADE_BACKUP)
    assert not IBU_PROOFS.failed(done, UPGRADE_BACKUP)


@pytest.mark.parametrize(
    ("job", "name"),
    [
        (JobView(reason="PodFailurePolicy", message="x failed with exit code 3 y"), "Space"),
        (JobView(reason="PodFailurePolicy", message="x failed with exit code 5 y"), "Refused"),
        (JobView(reason="DeadlineExceeded"), "Timeout"),
        (JobView(report="/b has 3 MiB free, and a backup needs 7000 MiB"), "WithoutSpace"),
    ],
)
def test_a_job_that_fails_is_a_known_failure_of_upgrade(job: JobView, name: str) -> None:
    failed = replace(job, failed=True)
    verdict = IBU.job_verdict(replace(JOB, job=failed), IbuView(), UPGRADE_BACKUP, rollout())
    known = IBU.failure(UPGRADE_BACKUP, verdict.message)
    assert known is not None
    assert known.name.endswith(name)
    assert "backup" in known.guide
