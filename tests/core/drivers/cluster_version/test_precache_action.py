"""The action PreCache: when a cluster may take it, and how it goes."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.cluster_version.feedback import VersionView
from ibgu.core.engine.driver import JudgementKind, Verdict, VerdictKind
from ibgu.core.model import Cause, JobView, WorkView
from ibgu.core.model.kinds import PreCache
from tests.core.drivers.cluster_version.version_samples import (
    NEW,
    OTHER,
    conditions,
    run,
    seen,
    with_update,
)

ROLLOUT = with_update(pre_cache=PreCache(OTHER))
JOB = WorkView(name="w", uid="u", resource_version="1", generation=1, applied=True)


def judged(view: VersionView) -> tuple[str, str]:
    found = CLUSTER_VERSION.judge(view, "PreCache", ROLLOUT)
    return found.kind, found.message or found.note


def test_images_may_be_pulled_where_an_update_may_not_start() -> None:
    assert judged(seen(conditions(Failing="True : broken"))) == ("startable", "")


def test_images_are_pulled_after_another_update_alone() -> None:
    assert judged(seen(history_state="Partial", history_image=OTHER))[0] == "busy"
    words = "pulled nothing ahead: the update to 4.16.12 has begun before"
    assert judged(seen(history_state="Partial", history_image=NEW)) == ("reached", words)


def test_a_plan_with_precache_and_a_spec_without_fails_before_anything_is_made() -> None:
    found = CLUSTER_VERSION.judge(seen(), "PreCache", with_update())
    assert (found.kind, found.cause) == (JudgementKind.FAILED, Cause.WRONG_STATE)
    assert list(CLUSTER_VERSION.job(with_update(), run("PreCache"), seen())) == []


def test_the_job_pulls_the_release_of_the_rollout() -> None:
    job = CLUSTER_VERSION.job(ROLLOUT, run("PreCache"), seen())[-1]
    assert job["metadata"]["name"] == "pre-cache-run-1"
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert NEW in container["command"]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        (
            {"job": JobView(name="p", active=1, report="pulled 12 of 190 images")},
            Verdict(VerdictKind.RUNNING, message="Active: pulled 12 of 190 images"),
        ),
        ({"job": JobView(name="p", complete=True)}, Verdict(VerdictKind.SUCCEEDED)),
        (
            {"job": JobView(name="p", failed=True, reason="DeadlineExceeded")},
            Verdict(VerdictKind.FAILED, Cause.PRECACHE_FAILED, "PrecacheTimeout: DeadlineExceeded"),
        ),
        (
            {"apply_error": "forbidden", "applied": False},
            Verdict(
                VerdictKind.FAILED,
                Cause.PRECACHE_FAILED,
                "the cluster does not take the Job: forbidden",
                timedelta(minutes=2),
            ),
        ),
    ],
)
def test_a_precache_goes_as_its_job_does(changes: dict[str, Any], verdict: Verdict) -> None:
    assert (
        CLUSTER_VERSION.job_verdict(replace(JOB, **changes), seen(), "PreCache", ROLLOUT) == verdict
    )
