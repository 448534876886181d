"""Pauses of an update on a cluster, and their end."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.actions import UpdateAction
from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.cluster_version.pools import HealthCheckView
from ibgu.core.drivers.cluster_version.spec import problem_of_update, update_of
from ibgu.core.drivers.cluster_version.states import judge_update, verdict_on_update
from ibgu.core.drivers.ibu.driver import IBU
from ibgu.core.engine.driver import JudgementKind, VerdictKind
from ibgu.core.engine.works import DesiredWork, stage_body
from ibgu.core.engine.works.wanted import resuming_stage
from ibgu.core.model import Cause, WorkView
from ibgu.core.model.kinds import Pauses
from tests.core.drivers.cluster_version.version_samples import (
    NEW,
    conditions,
    pool,
    run,
    seen,
    with_update,
)
from tests.core.engine.state.records import NOW, done
from tests.oracle.ibu_proofs import IBU_PROOFS

CHECK = "openshift-machine-api/worker"
ROLLOUT = with_update(pause=Pauses(pools=["canary", "worker"], health_checks=[CHECK]))
MINE, HERS = {"paused_by": ROLLOUT.uid}, {"paused_by": "u-2"}


def cluster(**pauses: bool) -> Any:
    """Returns a cluster of which the rollout has paused some pools, or "checks"."""
    pools = (
        pool("canary", paused=pauses.get("canary", False)),
        pool("worker", paused=pauses.get("worker", False)),
    )
    marked = tuple(
        pool(each.name, paused=each.paused, paused_by=ROLLOUT.uid if each.paused else "")
        for each in pools
    )
    paused = pauses.get("checks", False)
    checks = HealthCheckView(name=CHECK, paused=paused, paused_by=ROLLOUT.uid if paused else "")
    return with_pauses(pools=(pool(), *marked), health_checks=(checks,))


def with_pauses(pools: Any = (), health_checks: Any = (), **changes: Any) -> Any:
    found = (*pools, *health_checks)
    told = tuple((each.name, each.paused_by) for each in found if each.paused and each.paused_by)
    return seen(pools=pools, health_checks=health_checks, pauses=told, **changes)


ALL = cluster(canary=True, worker=True, checks=True)
NONE = cluster()


def written(view: Any, action: str | None = None, *, resuming: bool = False) -> dict[str, Any]:
    """Returns the manifests that are written beside the ClusterVersion, by name."""
    given = run(action) if action else None
    found = CLUSTER_VERSION.companions(ROLLOUT, given, view, resuming=resuming)
    assert len({each.read.name + each.read.namespace for each in found}) == len(found)
    return {
        each.read.name + ("/" if each.read.namespace else ""): each.manifest
        for each in found
        if each.strategy is not None
    }


def marks(view: Any, action: str) -> dict[str, str]:
    found = json.decode(json.encode(CLUSTER_VERSION.manifests(ROLLOUT, run(action), 3, view)))
    (version,) = [each for each in found if each["kind"] == "ClusterVersion"]
    annotations: dict[str, str] = version["metadata"]["annotations"]
    assert ("spec" in version) is (annotations["ibgu.dev/stage"] == "Update")
    return annotations


def test_an_update_pauses_first_and_asks_for_nothing_meanwhile() -> None:
    assert marks(NONE, "Update") == {"ibgu.dev/run": "run-1", "ibgu.dev/stage": "Pause"}
    strategy = CLUSTER_VERSION.strategy(ROLLOUT, run("Update"), NONE)
    assert strategy["serverSideApply"]["fieldManager"] == "work-agent-ibgu-mark"
    found = written(NONE, "Update")
    assert found["worker"]["spec"] == {"paused": True}
    assert found["worker"]["metadata"]["annotations"] == {"ibgu.dev/paused-by": ROLLOUT.uid}
    assert found["worker/"]["metadata"] == {
        "name": "worker",
        "namespace": "openshift-machine-api",
        "annotations": {"ibgu.dev/paused-by": ROLLOUT.uid, "cluster.x-k8s.io/paused": ""},
    }
    assert set(found) == {"canary", "worker", "worker/"}
    assert marks(ALL, "Update")["ibgu.dev/stage"] == "Update"
    assert written(ALL, "Update") == {}


def test_nothing_is_written_that_the_cluster_does_not_report() -> None:
    """Where its agent may create anything, it would make the pool."""
    assert written(seen(), "Update").keys() == {"worker"}
    assert written(None, "Update") == {}
    assert marks(None, "Update")["ibgu.dev/stage"] == "Pause"


def test_acks_come_with_the_request_and_not_with_the_pauses() -> None:
    acked = with_update(acks=["ack-4.15-a"], pause=Pauses(pools=["worker"]))
    assert CLUSTER_VERSION.configs(acked, run("Update"), NONE) == ()
    assert len(CLUSTER_VERSION.configs(acked, run("Update"), cluster(worker=True))) == 1


@pytest.mark.parametrize(
    ("view", "names", "resumes"),
    [
        (ALL, {"canary"}, "canary"),
        (cluster(worker=True, checks=True), {"worker"}, "worker"),
        (cluster(checks=True), {"worker/"}, "MachineHealthChecks"),
        (NONE, set(), None),
    ],
)
def test_pools_resumes_one_after_the_other(view: Any, names: set[str], resumes: str | None) -> None:
    found = written(view, "Pools")
    assert set(found) == names
    assert marks(view, "Pools").get("ibgu.dev/resumes") == resumes
    for manifest in found.values():
        assert "annotations" not in manifest["metadata"]
        assert manifest.get("spec", {"paused": False}) == {"paused": False}


def test_all_that_is_paused_is_resumed_at_once_without_a_run() -> None:
    assert set(written(ALL, resuming=True)) == {"canary", "worker", "worker/"}
    assert written(cluster(worker=True), resuming=True).keys() == {"worker"}
    assert written(None, resuming=True) == {}
    assert written(ALL) == {}


def test_a_work_that_resumes_asks_for_no_action() -> None:
    view = WorkView(
        name="w",
        uid="u",
        resource_version="1",
        generation=1,
        applied=True,
        target_applied=True,
        target_available="True",
        feedback=ALL,
    )
    wanted = resuming_stage(done("site-1"), "", view, ("canary",), NOW)
    assert wanted is not None
    work = json.decode(stage_body(CLUSTER_VERSION, wanted, ROLLOUT, "site-1", watch=True))
    assert work["metadata"]["annotations"]["ibgu.dev/arming"] == "resuming"
    configs = work["spec"]["manifestConfigs"]
    (check,) = [each for each in configs if "namespace" in each["resourceIdentifier"]]
    assert check["resourceIdentifier"]["resource"] == "machinehealthchecks"
    with pytest.raises(ValueError, match="resumes nothing"):
        DesiredWork(armed=True, resuming=True, run=run("Update"))


def test_a_resuming_work_is_written_again_until_nothing_is_paused() -> None:
    view = WorkView(
        name="w",
        uid="u",
        resource_version="1",
        generation=1,
        applied=True,
        target_applied=True,
        target_available="True",
        feedback=ALL,
    )

    def wanted(shown: WorkView | None, *names: str, restore: str = "") -> DesiredWork | None:
        return resuming_stage(done("site-1"), restore, shown, names, NOW)

    first = wanted(view, "canary", "worker")
    assert first is not None
    assert first.probe is not None
    written = replace(view, resuming=True, probe=first.probe.id)
    assert wanted(written, "worker", "canary") is None
    fewer = wanted(written, "worker")
    assert fewer is not None
    assert fewer.probe != first.probe
    assert wanted(written) is None, "its feedback has still to answer"
    proves = wanted(view)
    assert proves is not None
    assert proves.resuming
    unread = replace(view, feedback=None)
    assert wanted(unread, "worker") is None
    for shown in (None, replace(unread, armed=True), replace(unread, edited=True)):
        assert wanted(shown) == DesiredWork(armed=False, run=done("site-1").run)
    again = wanted(view, restore="r")
    assert again is not None
    assert not again.resuming


def test_pauses_are_over_once_all_of_them_are_seen() -> None:
    pausing: Any = {"stage": "Update", "pausing": True}

    def verdict(view: Any) -> Any:
        mine = with_pauses(view.pools, view.health_checks, **pausing)
        return verdict_on_update(mine, UpdateAction.UPDATE, ROLLOUT)

    waits = verdict(cluster(canary=True))
    assert (waits.kind, waits.message) == (VerdictKind.RUNNING, f"pauses worker, {CHECK}")
    through = verdict(ALL)
    assert (through.kind, through.again) == (VerdictKind.SUCCEEDED, True)
    assert through.message == f"paused canary, worker, {CHECK}"


def resumed(name: str, **changes: Any) -> Any:
    view = with_pauses(resumes=name, **changes)
    return verdict_on_update(view, UpdateAction.POOLS, ROLLOUT)


def test_a_pool_is_resumed_once_its_nodes_have_the_release() -> None:
    paused = pool("worker", paused=True, **MINE)
    still = resumed("canary", pools=(pool("canary", paused=True, **MINE), paused))
    assert (still.kind, still.message) == (VerdictKind.RUNNING, "resumes canary")
    rolls = resumed("canary", pools=(pool("canary", current=False, machines=2), paused))
    assert rolls.message.startswith("waits for the MachineConfigPool canary")
    through = resumed("canary", pools=(pool("canary"), paused))
    assert (through.kind, through.again) == (VerdictKind.SUCCEEDED, True)
    last = resumed("worker", pools=(pool("canary"), pool("worker")))
    assert (last.kind, last.again, last.message) == (VerdictKind.SUCCEEDED, False, "resumed worker")


def test_a_pool_that_is_degraded_fails_after_a_grace() -> None:
    found = resumed("canary", pools=(pool("canary", degraded="no space"),))
    assert (found.kind, found.cause) == (VerdictKind.FAILED, Cause.POOLS_FAILED)
    assert found.grace


def test_health_checks_are_resumed_together() -> None:
    checks = HealthCheckView(name=CHECK, paused=True, paused_by=ROLLOUT.uid)
    assert resumed("MachineHealthChecks", health_checks=(checks,)).kind is VerdictKind.RUNNING
    none = HealthCheckView(name=CHECK)
    assert resumed("MachineHealthChecks", health_checks=(none,)).kind is VerdictKind.SUCCEEDED


def test_pools_may_start_once_the_update_is_over() -> None:
    def judged(view: Any) -> Any:
        found = judge_update(view, UpdateAction.POOLS, ROLLOUT)
        return str(found.kind), found.message or found.note

    wanted: Any = {"wanted_image": NEW, "desired_image": NEW, "history_image": NEW}
    busy = with_pauses(ALL.pools, **wanted, history_state="Partial")
    assert judged(busy)[0] == JudgementKind.BUSY
    assert judged(ALL)[0] == JudgementKind.STARTABLE
    assert judged(NONE) == ("reached", "had nothing paused any more")
    rolls = seen(**wanted, pools=(pool(current=False), *NONE.pools[1:]))
    assert judged(rolls)[0] == JudgementKind.BUSY


@pytest.mark.parametrize(
    ("pauses", "words"),
    [
        (Pauses(pools=["master"]), "the pool master can't be paused"),
        (Pauses(pools=["a b"]), "is not a name"),
        (Pauses(health_checks=["worker"]), "is not a namespace/name"),
    ],
)
def test_names_that_can_not_be_paused_are_a_problem(pauses: Pauses, words: str) -> None:
    assert words in (problem_of_update(update_of(with_update(pause=pauses))) or "")
    assert problem_of_update(update_of(ROLLOUT)) is None


def test_an_image_based_upgrade_pauses_nothing() -> None:
    assert not IBU.pauses(ROLLOUT)
    assert IBU_PROOFS.paused({}) == ()


def test_an_image_based_upgrade_has_no_jobs() -> None:
    assert IBU.job(ROLLOUT, run("Prep"), seen()) == ()
    work = WorkView(name="w", uid="u", resource_version="1", generation=1)
    assert IBU.job_verdict(work, seen(), "Prep", ROLLOUT).kind is VerdictKind.RUNNING


def test_the_cluster_is_watched_before_the_next_pool() -> None:
    soak = with_update(pause=Pauses(["canary", "worker"], [CHECK], soak_minutes=30))
    half = timedelta(minutes=30)
    paused = pool("worker", paused=True, paused_by=soak.uid)

    def verdict(action: UpdateAction, *pools: Any, **changes: Any) -> Any:
        view = with_pauses((pool(), *pools), resumes="canary", **changes)
        return verdict_on_update(view, action, soak)

    canary = verdict(UpdateAction.POOLS, pool("canary"), paused)
    assert (canary.kind, canary.again, canary.soak) == (VerdictKind.SUCCEEDED, True, half)
    assert canary.message == "resumed canary, soaks for 30 min before the next pool"
    last = verdict(UpdateAction.POOLS, pool("canary"), pool("worker"))
    assert (last.kind, last.soak) == (VerdictKind.SUCCEEDED, timedelta())
    fails = conditions(Failing="True X: etcd is not available")
    stalls = verdict(UpdateAction.POOLS, pool("canary"), paused, told=fails)
    assert (stalls.kind, stalls.message) == (
        VerdictKind.RUNNING,
        "stalled: the cluster-version operator fails: etcd is not available",
    )
    rolls = verdict(UpdateAction.POOLS, pool("canary"), pool("infra", current=False), paused)
    assert rolls.message.startswith("waits for the MachineConfigPool infra")
    through: Any = {"history_image": NEW, "desired_image": NEW, "wanted_image": NEW}
    update = verdict(UpdateAction.UPDATE, pool("canary"), paused, **through)
    assert (update.kind, update.soak) == (VerdictKind.SUCCEEDED, half)
    assert update.message == "runs 4.16.12, soaks for 30 min before the next pool"
    broken = verdict(UpdateAction.UPDATE, pool("canary", degraded="no drain"), paused, **through)
    assert (broken.kind, broken.message) == (
        VerdictKind.RUNNING,
        "stalled: the MachineConfigPool canary is degraded: no drain",
    )
    assert verdict(UpdateAction.CHECK, pool("canary"), paused).soak == timedelta()
    assert "soakMinutes -1 is below 0" in (
        problem_of_update(update_of(with_update(pause=Pauses(soak_minutes=-1)))) or ""
    )
