"""The work that brings a Job to a cluster, and what is read of it."""

import pytest
from msgspec import json

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.engine.works import job_body, read_job, shown_work
from ibgu.core.model import JobView, names
from ibgu.core.model.kinds import (
    Backup,
    JsonObject,
    ManifestCondition,
    ManifestWork,
    ObjectMeta,
    ResourceMeta,
    ResourceStatus,
    StatusFeedback,
    WorkStatus,
)
from tests.core.drivers.cluster_version.version_samples import (
    NEW,
    run,
    seen,
    values,
    with_update,
)

ROLLOUT = with_update(backup=Backup("Etcd", NEW))


def body(*, watch: bool) -> JsonObject:
    manifests = CLUSTER_VERSION.job(ROLLOUT, run("Backup"), seen())
    found: JsonObject = json.decode(job_body(manifests, ROLLOUT, run("Backup"), "a", watch=watch))
    return found


def test_a_job_work_carries_the_run_and_takes_all_that_it_brought_along() -> None:
    work = body(watch=True)
    metadata = work["metadata"]
    assert metadata["name"] == names.job_name("u-1", "z-stream")
    assert metadata["namespace"] == "a"
    assert metadata["labels"][names.PART] == "job"
    assert metadata["annotations"][names.RUN] == "run-1"
    assert metadata["annotations"][names.GENERATION] == "1"
    assert work["spec"]["deleteOption"] == {"propagationPolicy": "Foreground"}
    manifests = work["spec"]["workload"]["manifests"]
    assert manifests == CLUSTER_VERSION.job(ROLLOUT, run("Backup"), seen())


@pytest.mark.parametrize("watch", [True, False])
def test_the_job_is_created_once_and_never_changed(watch: bool) -> None:
    (config,) = body(watch=watch)["spec"]["manifestConfigs"]
    assert config["updateStrategy"] == {"type": "CreateOnly"}
    assert config["resourceIdentifier"] == {
        "group": "batch",
        "resource": "jobs",
        "name": "backup-run-1",
        "namespace": "openshift-ibgu-backup",
    }
    assert config.get("feedbackScrapeType") == ("Watch" if watch else None)


def reported(part: str) -> ManifestWork:
    meta = ResourceMeta(
        group="batch", kind="Job", name="backup-run-1", namespace="openshift-ibgu-backup"
    )
    feedback = StatusFeedback(values(jobName="backup-run-1", jobComplete="True"))
    entries = [
        ManifestCondition(
            resource_meta=ResourceMeta(kind="Namespace", name="openshift-ibgu-backup")
        ),
        ManifestCondition(resource_meta=meta, status_feedback=feedback),
    ]
    return ManifestWork(
        metadata=ObjectMeta(name="w", namespace="a", labels={names.PART: part}),
        status=WorkStatus(resource_status=ResourceStatus(manifests=entries)),
    )


def test_the_job_is_read_of_job_works_alone() -> None:
    done = JobView(name="backup-run-1", complete=True)
    assert shown_work(CLUSTER_VERSION, reported(names.JOB)).view.job == done
    assert shown_work(CLUSTER_VERSION, reported(names.STAGE)).view.job is None
    nothing = ManifestWork(metadata=ObjectMeta(name="w", labels={names.PART: names.JOB}))
    assert shown_work(CLUSTER_VERSION, nothing).view.job is None


def test_a_job_that_is_not_reported_is_none() -> None:
    assert read_job([]) is None
    assert read_job(values(jobActive=1)) is None
