"""The values that a cluster feeds back of its ClusterVersion, operators and pools."""

import pytest
from msgspec import json
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.cluster_version.feedback import TARGET, VersionView, view_version
from ibgu.core.engine.works import view_work
from ibgu.core.model import FeedbackView
from ibgu.core.model.kinds import (
    Condition,
    FeedbackValue,
    ManifestCondition,
    ManifestWork,
    ObjectMeta,
    Pauses,
    ResourceMeta,
    ResourceStatus,
    StatusFeedback,
    WorkStatus,
)
from tests.core.drivers.cluster_version.version_samples import (
    NEW,
    OLD,
    OTHER,
    ROLLOUT,
    conditions,
    of_pool,
    pool,
    seen,
    value,
    values,
    with_update,
)


def test_nothing_fed_back_is_an_empty_view() -> None:
    found = view_version([])
    assert (found.stage, found.generation, found.history_image) == ("", 0, "")
    assert not any(each.known for each in found.pools)
    assert not found.current


def test_the_values_fed_back_are_read() -> None:
    found = view_version(
        [
            *values(generation=4, run="run-1", stage="Update", askedImage=NEW, wantedImage=NEW),
            *values(desiredImage=OLD, desiredVersion="4.16.3", wantedArchitecture="Multi"),
            *values(historyState="Completed", historyImage=OLD, historyVersion="4.16.3"),
            *values(versionFailingStatus="True", versionFailingReason="R"),
            *values(versionFailingMessage="broken", etcdDegradedStatus="False"),
            *of_pool(
                "master",
                Generation=2,
                Observed=2,
                Wanted="r1",
                Paused=True,
            ),
            *of_pool(
                "master",
                Configuration="r1",
                Machines=3,
                Updated=3,
                Ready=2,
            ),
            *of_pool(
                "worker",
                Configuration="r2",
                Wanted="r3",
                DegradedStatus="True",
            ),
            *of_pool("worker", DegradedMessage="no space"),
            *values(**{"probe-p1": "id"}),
        ]
    )
    assert (found.stage, found.run, found.generation) == ("Update", "run-1", 4)
    assert found.current
    assert found.probes == {"p1"}
    assert (found.desired_image, found.history_state) == (OLD, "Completed")
    assert found.pending
    assert found.wanted_architecture == "Multi"
    assert found.condition("Failing").true
    assert found.condition("Failing").message == "broken"
    assert found.condition("Progressing").status == ""
    assert found.operators["etcd"].false
    master, worker = found.pools
    assert master == pool("master", paused=True, machines=3, updated=2)
    assert not master.settled
    assert (worker.current, worker.degraded) == (False, "no space")


@pytest.mark.parametrize(
    ("stage", "wanted", "shown"),
    [
        ("Update", NEW, "Update"),
        ("Update", OTHER, "Other"),
        ("Retract", OTHER, "Other"),
        ("Check", OTHER, "Check"),
        ("Mirror", OTHER, "Mirror"),
    ],
)
def test_a_release_that_somebody_else_asked_for_is_another_stage(
    stage: str, wanted: str, shown: str
) -> None:
    found = view_version(values(stage=stage, askedImage=NEW, wantedImage=wanted))
    assert found.stage == shown


def test_pools_and_health_checks_that_report_are_read() -> None:
    check = value("check.openshift-machine-api/worker.Generation", 3)
    by = value("check.openshift-machine-api/worker.PausedBy", "u-1")
    found = view_version(
        [*of_pool("canary", Generation=2, Configuration="r1", PausedBy="u-1"), check, by]
    )
    assert [each.name for each in found.pools] == ["master", "worker", "canary"]
    assert found.pool("canary").paused_by == "u-1"
    assert not found.pool("infra").known
    (one,) = found.health_checks
    assert (one.name, one.paused_by) == ("openshift-machine-api/worker", "u-1")
    assert found.pauses == ()
    long = view_version([value(f"pool.{'a' * 500}.Generation", 1)])
    assert [each.name for each in long.pools] == ["master", "worker"]


def test_the_pauses_before_an_update_are_a_part_of_it() -> None:
    found = view_version(values(stage="Pause", wantedImage=OTHER))
    assert (found.stage, found.pausing) == ("Update", True)


def test_a_degraded_pool_without_words_is_degraded() -> None:
    found = view_version(of_pool("master", DegradedStatus="True"))
    assert found.pools[0].degraded == "degraded"


def test_objects_beside_the_target_are_fed_back_with_it() -> None:
    entries = [
        _entry("config.openshift.io", "ClusterVersion", "version", *values(stage="Check")),
        _entry("", "Node", "master", *values(etcdDegradedStatus="True")),
        _entry(
            "config.openshift.io", "ClusterOperator", "etcd", *values(etcdDegradedStatus="True")
        ),
    ]
    work = ManifestWork(ObjectMeta(name="w"), WorkStatus(resource_status=ResourceStatus(entries)))
    found = view_work(CLUSTER_VERSION, work).feedback
    assert isinstance(found, VersionView)
    assert (found.stage, found.operators["etcd"].true) == ("Check", True)
    nothing = ManifestWork(
        ObjectMeta(name="w"), WorkStatus(resource_status=ResourceStatus(entries[1:]))
    )
    assert view_work(CLUSTER_VERSION, nothing).feedback is None


def test_an_object_that_is_only_read_and_absent_leaves_the_work_applied() -> None:
    """The cluster refuses to create it, for ever."""
    pool = _applied(
        _entry("machineconfiguration.openshift.io", "MachineConfigPool", "worker"), "False"
    )
    version = _entry("config.openshift.io", "ClusterVersion", "version")
    found = view_work(CLUSTER_VERSION, _work("False", _applied(version, "True"), pool))
    assert (found.applied, found.apply_error) == (True, "")
    refused = view_work(CLUSTER_VERSION, _work("False", _applied(version, "False"), pool))
    assert (refused.applied, refused.apply_error) == (False, "refused")
    assert not view_work(CLUSTER_VERSION, _work("False", _applied(version, "True"))).applied
    assert not view_work(CLUSTER_VERSION, _work("False", pool)).applied
    assert view_work(CLUSTER_VERSION, _work("True", _applied(version, "True"), pool)).applied


def test_values_of_an_object_that_is_gone_are_dropped_and_one_unread_is_noted() -> None:
    """The agent repeats the last values of an object that was deleted."""
    group, kind = "machineconfiguration.openshift.io", "MachineConfigPool"
    told = of_pool("canary", Generation=2, Configuration="r1", Paused=True, PausedBy="u-1")
    version = _entry("config.openshift.io", "ClusterVersion", "version", *values(stage="Check"))

    def view(available: str) -> VersionView:
        pool = replace(
            _entry(group, kind, "canary", *told), conditions=[Condition("Available", available)]
        )
        found = view_work(CLUSTER_VERSION, _work("True", version, pool)).feedback
        assert isinstance(found, VersionView)
        return found

    there, gone, unread = view("True"), view("False"), view("Unknown")
    assert (there.paused_for("u-1"), there.unread) == (("canary",), False)
    assert (gone.pauses, gone.unread) == ((), False)
    assert unread.unread


def test_an_object_beside_the_target_that_can_not_be_written_is_an_error() -> None:
    pool = _applied(_entry("machineconfiguration.openshift.io", "MachineConfigPool", "a"), "False")
    there = replace(pool, conditions=[*pool.conditions, Condition("Available", "True")])
    version = _applied(_entry("config.openshift.io", "ClusterVersion", "version"), "True")
    found = view_work(CLUSTER_VERSION, _work("False", version, there))
    assert (found.applied, found.apply_error) == (False, "refused")


def _work(applied: str, *entries: ManifestCondition) -> ManifestWork:
    told = [Condition("Applied", applied, observed_generation=1)]
    status = WorkStatus(told, ResourceStatus(list(entries)))
    return ManifestWork(ObjectMeta(name="w", generation=1), status)


def _applied(entry: ManifestCondition, status: str) -> ManifestCondition:
    told = Condition("Applied", status, message="refused", observed_generation=1)
    return replace(entry, conditions=[told])


def _entry(group: str, kind: str, name: str, *found: FeedbackValue) -> ManifestCondition:
    meta = ResourceMeta(group=group, kind=kind, name=name)
    return ManifestCondition(meta, status_feedback=StatusFeedback(list(found)))


def test_the_release_of_a_spec_is_that_of_its_kind() -> None:
    assert ROLLOUT.spec.release.image == NEW


def test_names_of_values_are_unique_over_all_objects() -> None:
    paused = with_update(pause=Pauses(["canary"], ["openshift-machine-api/worker"]))
    beside = CLUSTER_VERSION.companions(paused, None, None, resuming=False)
    rules = [*TARGET.paths, *(path for each in beside for path in each.read.paths)]
    names = [json.decode(rule)["name"] for rule in rules]
    assert len(names) == len(set(names))


def test_the_history_records_what_the_certifier_needs() -> None:
    recorded = seen(wanted_image=NEW, pools=(pool("worker", machines=2),)).recorded()
    assert recorded["wanted"] == NEW
    assert recorded["desired"] == OLD
    assert recorded["history"] == ["Completed", OLD]
    assert recorded["unsettled"] == ["worker"]
    assert recorded["conditions"]["Available"] == "True"


def test_a_cluster_is_unwell_by_its_operator_or_a_pool_in_use() -> None:
    assert (seen().unwell, FeedbackView().unwell) == ("", "")
    failing = seen(conditions(Failing="True : etcd is degraded"))
    assert failing.unwell == "the cluster-version operator fails: etcd is degraded"
    broken = pool("canary", degraded="a node can't drain")
    assert seen(pools=(pool(), broken)).unwell == "pool canary is degraded: a node can't drain"
    assert seen(pools=(pool(), replace(broken, paused=True))).unwell == ""
