"""The action Backup: when a cluster may take it, how it goes, and which Update needs it."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.cluster_version.feedback import BACKED_UP, VersionView
from ibgu.core.drivers.cluster_version.values import ClusterCondition
from ibgu.core.engine.driver import JudgementKind, Prerequisite, Verdict, VerdictKind
from ibgu.core.model import Cause, JobView, WorkView
from ibgu.core.model.kinds import Backup
from tests.core.drivers.cluster_version.version_samples import (
    NEW,
    OTHER,
    conditions,
    pool,
    run,
    seen,
    values,
    with_update,
)

ROLLOUT = with_update(backup=Backup("Etcd", OTHER, max_age_minutes=90))
JOB = WorkView(name="w", uid="u", resource_version="1", generation=1, applied=True)
TO_NEW: dict[str, Any] = {"history_image": NEW, "desired_image": NEW, "history_version": "4.16.12"}


def judged(view: VersionView) -> tuple[str, str]:
    found = CLUSTER_VERSION.judge(view, "Backup", ROLLOUT)
    return found.kind, found.message or found.note


def progressing(name: str) -> VersionView:
    told = dict.fromkeys(BACKED_UP, ClusterCondition("False"))
    return seen(progressing=told | {name: ClusterCondition("True")})


def test_a_backup_may_start_where_an_update_may_not() -> None:
    broken = conditions(Failing="True : broken", Available="False :", Invalid="True : bad")
    paused = (pool(), pool("worker", paused=True, current=False))
    assert judged(seen(broken, pools=paused)) == ("startable", "")


def test_etcd_is_not_backed_up_while_an_operator_of_static_pods_is_progressing() -> None:
    for name in BACKED_UP:
        words = f"the cluster operator {name} is progressing, and etcd can't be backed up"
        assert judged(progressing(name)) == ("busy", words)
    told = CLUSTER_VERSION.read(values(**{"kube-schedulerProgressing" + "Status": "True"}))
    assert isinstance(told, VersionView)
    assert told.progressing["kube-scheduler"].true
    assert not told.progressing["etcd"].true


def test_a_backup_waits_for_the_end_of_another_update() -> None:
    under_way = seen(history_state="Partial", history_version="4.16.9", history_image=OTHER)
    assert judged(under_way)[0] == "busy"


@pytest.mark.parametrize("state", ["Partial", "Completed"])
def test_a_cluster_whose_update_has_begun_is_not_backed_up(state: str) -> None:
    words = "made no backup: the update to 4.16.12 has begun before"
    assert judged(seen(history_state=state, **TO_NEW)) == ("reached", words)


def test_a_full_backup_is_for_one_node_also_beside_a_single_control_plane() -> None:
    pools = (pool(machines=1, updated=1), pool("worker", machines=2, updated=2))
    several, one = seen(pools=pools), seen(pools=pools[:1])
    full, etcd = (with_update(backup=Backup(form, NEW)) for form in ("Full", "Etcd"))
    assert CLUSTER_VERSION.judge(several, "Backup", full).message == (
        "a full backup is for clusters of one node, and this one has 3: use the form Etcd in a new "
        "FleetUpdate"
    )
    for view, rollout in ((one, full), (several, etcd)):
        assert CLUSTER_VERSION.judge(view, "Backup", rollout).kind is JudgementKind.STARTABLE


def test_a_plan_with_backup_and_a_spec_without_fails_before_anything_is_made() -> None:
    found = CLUSTER_VERSION.judge(seen(), "Backup", with_update())
    assert (found.kind, found.cause) == (JudgementKind.FAILED, Cause.WRONG_STATE)
    assert "spec.update.backup is missing" in found.message
    assert list(CLUSTER_VERSION.job(with_update(), run("Backup"), seen())) == []


def test_the_job_of_a_run_has_its_id_in_its_name() -> None:
    assert (
        CLUSTER_VERSION.job(ROLLOUT, run("Backup"), seen())[-1]["metadata"]["name"]
        == "backup-run-1"
    )


@pytest.mark.parametrize(
    ("view", "action", "needed"),
    [
        (seen(), "Update", Prerequisite("Backup", timedelta(minutes=90))),
        (seen(history_state="Partial", **TO_NEW), "Update", None),
        (seen(), "Check", None),
    ],
)
def test_only_an_update_that_has_not_begun_needs_a_backup(
    view: VersionView, action: str, needed: Prerequisite | None
) -> None:
    assert CLUSTER_VERSION.prerequisite(view, action, ROLLOUT) == needed
    assert CLUSTER_VERSION.prerequisite(view, action, with_update()) is None


FORBIDDEN = "the cluster does not take the Job: namespaces is forbidden"


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        (
            {},
            Verdict(
                VerdictKind.RUNNING,
                message="PreparingToStart: the cluster does not report the Job yet",
            ),
        ),
        (
            {"job": JobView(name="b")},
            Verdict(VerdictKind.RUNNING, message="Starting: the pod of the Job does not run yet"),
        ),
        (
            {"job": JobView(name="b", active=1)},
            Verdict(VerdictKind.RUNNING, message="Active: the Job runs"),
        ),
        (
            {"job": JobView(name="b", active=1, report="copies /etc")},
            Verdict(VerdictKind.RUNNING, message="Active: copies /etc"),
        ),
        ({"job": JobView(name="b", complete=True)}, Verdict(VerdictKind.SUCCEEDED)),
        (
            {"job": JobView(name="b", failed=True, reason="DeadlineExceeded")},
            Verdict(VerdictKind.FAILED, Cause.BACKUP_FAILED, "BackupTimeout: DeadlineExceeded"),
        ),
        (
            {"apply_error": "namespaces is forbidden", "applied": False},
            Verdict(VerdictKind.FAILED, Cause.BACKUP_FAILED, FORBIDDEN, timedelta(minutes=2)),
        ),
    ],
)
def test_a_backup_goes_as_its_job_does(changes: dict[str, Any], verdict: Verdict) -> None:
    assert (
        CLUSTER_VERSION.job_verdict(replace(JOB, **changes), seen(), "Backup", ROLLOUT) == verdict
    )


def test_the_cluster_version_alone_does_not_say_how_a_backup_goes() -> None:
    assert CLUSTER_VERSION.verdict(seen(), "Backup", ROLLOUT).kind is VerdictKind.RUNNING
