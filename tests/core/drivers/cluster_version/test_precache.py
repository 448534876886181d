"""A pre-cache's Job, and how it goes by what the cluster reports."""

import pytest

from ibgu.core.drivers.cluster_version.precache import (
    EXITS,
    job_manifests,
)
from ibgu.core.drivers.node_jobs.jobs import JobState, state_of_job, words_of_failure
from ibgu.core.model import JobView
from ibgu.core.model.kinds import PreCache
from tests.core.drivers.cluster_version.version_samples import NEW, OLD


def test_the_job_of_a_pre_cache_gets_the_release_and_the_patterns() -> None:
    found = job_manifests(PreCache(OLD, 40, ["^azure", "gcp"]), NEW, "r1")
    assert {each["metadata"].get("namespace", "openshift-ibgu-pre-cache") for each in found} == {
        "openshift-ibgu-pre-cache"
    }
    job = found[-1]
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == OLD
    assert container["command"][3:] == ["pre-cache-r1", NEW, "40", "^azure", "gcp"]
    assert job["spec"]["activeDeadlineSeconds"] == 4 * 60 * 60
    assert job["spec"]["backoffLimit"] == 0


@pytest.mark.parametrize(
    ("job", "state", "failed"),
    [
        (None, JobState.PREPARING_TO_START, False),
        (JobView(name="p"), JobState.STARTING, False),
        (JobView(name="p", active=1), JobState.ACTIVE, False),
        (JobView(name="p", complete=True), JobState.SUCCEEDED, False),
        (JobView(failed=True, reason="DeadlineExceeded"), JobState.PRECACHE_TIMEOUT, True),
        (JobView(failed=True), JobState.UNRECOVERABLE_ERROR, True),
    ],
)
def test_the_state_of_a_pre_cache_follows_its_job(
    job: JobView | None, state: JobState, failed: bool
) -> None:
    found = state_of_job(job, JobState.PRECACHE_TIMEOUT)
    assert (found, found.failed) == (state, failed)


def test_a_failed_pre_cache_says_why_as_well_as_it_is_known() -> None:
    words = "Container job for pod p failed with exit code 7 matching FailJob rule at index 0"
    told = words_of_failure(JobView(reason="PodFailurePolicy", message=words), EXITS)
    assert told == f"images of the release can't be pulled (PodFailurePolicy: {words})"
    report = "pulled 12 of 190 images"
    late = JobView(reason="DeadlineExceeded", message="too long", report=report)
    assert words_of_failure(late, EXITS) == f"{report} (DeadlineExceeded: too long)"
