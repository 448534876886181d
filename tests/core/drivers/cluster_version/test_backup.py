"""A backup's Job, and how it goes by what the cluster reports."""

import pytest

from ibgu.core.drivers.cluster_version import precache
from ibgu.core.drivers.node_jobs import backup
from ibgu.core.drivers.node_jobs.backup import (
    EXITS,
    folder_of,
    job_manifests,
)
from ibgu.core.drivers.node_jobs.jobs import JobState, state_of_job, words_of_failure
from ibgu.core.engine.works import JOB_PATHS, read_job
from ibgu.core.model import JobView
from ibgu.core.model.kinds import Backup
from tests.core.drivers.cluster_version.version_samples import NEW, OLD, values

ETCD = Backup("Etcd", NEW)
FULL = Backup("Full", NEW)


def test_the_objects_of_a_backup_stand_in_the_order_of_their_needs() -> None:
    found = [(each["kind"], each["metadata"]["name"]) for each in job_manifests(ETCD, OLD, "r1")]
    assert found == [
        ("Namespace", "openshift-ibgu-backup"),
        ("ServiceAccount", "openshift-ibgu-backup"),
        ("RoleBinding", "openshift-ibgu-backup"),
        ("Role", "report"),
        ("RoleBinding", "report"),
        ("Job", "backup-r1"),
    ]


def test_a_user_of_the_cluster_can_not_request_the_namespace_of_a_job() -> None:
    """The user who requests a project administers it, and with it all accounts in it."""
    for namespace in (backup.NAMESPACE, precache.NAMESPACE):
        assert namespace.startswith("openshift-")


def test_a_backup_may_use_the_privileged_scc_and_patch_its_job_alone() -> None:
    namespace, _, binding, role, of_role, job = job_manifests(FULL, OLD, "r1")
    assert namespace["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "privileged"}
    assert binding["roleRef"]["kind"] == "ClusterRole"
    assert binding["roleRef"]["name"] == "system:openshift:scc:privileged"
    pod = job["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == binding["subjects"][0]["name"]
    assert of_role["subjects"] == binding["subjects"]
    assert of_role["roleRef"]["kind"] == "Role"
    assert role["rules"] == [
        {
            "apiGroups": ["batch"],
            "resources": ["jobs"],
            "resourceNames": [job["metadata"]["name"]],
            "verbs": ["patch"],
        }
    ]


@pytest.mark.parametrize(
    ("backup", "seconds", "arguments"),
    [
        (ETCD, 600, ["Etcd", "/home/core/assets/backup", "r1"]),
        (FULL, 1200, ["Full", "/var/recovery", "r1"]),
        (Backup("Full", NEW, path="/var/mnt/b"), 1200, ["Full", "/var/mnt/b", "r1"]),
    ],
)
def test_a_job_runs_once_in_the_files_of_one_node(
    backup: Backup, seconds: int, arguments: list[str]
) -> None:
    spec = job_manifests(backup, OLD, "r1")[-1]["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (0, seconds)
    assert "ttlSecondsAfterFinished" not in spec
    container = spec["template"]["spec"]["containers"][0]
    assert container["image"] == NEW
    assert container["command"][:2] == ["/bin/sh", "-c"]
    assert "exec chroot /host /bin/sh" in container["command"][2]
    assert container["command"][3:] == ["backup-r1", *arguments, OLD]
    given = {each["name"]: each["value"] for each in container["env"]}
    assert given["JOB"] == "/apis/batch/v1/namespaces/openshift-ibgu-backup/jobs/backup-r1"
    assert ("RECOVERY" in given) == (backup.form == "Full")
    assert folder_of(backup) == arguments[1]


def test_the_report_of_a_job_is_read_whole() -> None:
    found = read_job(
        values(
            jobName="backup-r1",
            jobStarted="2026-11-25T10:00:00Z",
            jobActive=1,
            jobFailed="True",
            jobFailedReason="DeadlineExceeded",
            jobFailedMessage="Job was active longer than specified deadline",
            jobReport="copies /etc",
        )
    )
    assert found == JobView(
        name="backup-r1",
        started="2026-11-25T10:00:00Z",
        active=1,
        failed=True,
        reason="DeadlineExceeded",
        message="Job was active longer than specified deadline",
        report="copies /etc",
    )


def test_a_job_of_which_only_other_values_are_reported_is_not_known() -> None:
    assert read_job(values(generation=3)) is None
    assert read_job([]) is None


def test_every_path_of_a_job_has_a_name_that_is_read() -> None:
    texts = dict.fromkeys(JOB_PATHS, "True") | {"jobActive": ""}
    found = read_job(values(**texts))
    assert found is not None
    assert found.complete
    assert found.failed
    assert found.active == 0


@pytest.mark.parametrize(
    ("job", "state", "failed"),
    [
        (None, JobState.PREPARING_TO_START, False),
        (JobView(name="b"), JobState.STARTING, False),
        (JobView(name="b", active=1), JobState.ACTIVE, False),
        (JobView(name="b", complete=True), JobState.SUCCEEDED, False),
        (JobView(failed=True, reason="DeadlineExceeded"), JobState.BACKUP_TIMEOUT, True),
        (JobView(failed=True, reason="PodFailurePolicy"), JobState.UNRECOVERABLE_ERROR, True),
        (JobView(failed=True), JobState.UNRECOVERABLE_ERROR, True),
    ],
)
def test_the_state_of_a_backup_follows_its_job(
    job: JobView | None, state: JobState, failed: bool
) -> None:
    found = state_of_job(job, JobState.BACKUP_TIMEOUT)
    assert (found, found.failed) == (state, failed)


_BY_CODE = (
    "Container job for pod openshift-ibgu-backup/b failed with exit code 3 "
    "matching FailJob rule at index 0"
)


@pytest.mark.parametrize(
    ("job", "words"),
    [
        (
            JobView(reason="PodFailurePolicy", message=_BY_CODE),
            f"the node has too little free space for a backup (PodFailurePolicy: {_BY_CODE})",
        ),
        (
            JobView(reason="BackoffLimitExceeded", message="too often", report="no space: 3 GiB"),
            "no space: 3 GiB (BackoffLimitExceeded: too often)",
        ),
        (
            JobView(reason="PodFailurePolicy", message=_BY_CODE.replace(" 3 ", " 137 ")),
            f"PodFailurePolicy: {_BY_CODE.replace(' 3 ', ' 137 ')}",
        ),
        (JobView(reason="DeadlineExceeded"), "DeadlineExceeded"),
        (JobView(), "the Job failed"),
    ],
)
def test_a_failed_backup_says_why_as_well_as_it_is_known(job: JobView, words: str) -> None:
    assert words_of_failure(job, EXITS) == words
