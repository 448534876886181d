"""Troubles of an update that is under way."""

from ibgu.sim.cluster_version.objects import MACHINE_CONFIG
from tests.sim.cluster_version.updating import VERSION, Updating


def test_an_update_stalls_until_its_operator_is_available_again() -> None:
    cluster = Updating(troubles=("update-stalls",), flap=(0, 0))
    cluster.ask()
    assert cluster.until("Failing", "True")
    cluster.run(36000)
    assert cluster.history[0]["state"] == "Partial"
    assert cluster.condition("Failing")[1] == "ClusterOperatorNotAvailable"
    assert cluster.condition("Progressing")[0] == "True"
    cluster.operator.trouble("update-stalls", False, cluster.world.now)
    assert cluster.until("Failing", "False", seconds=60)
    assert cluster.until_state("Completed")


def test_a_slow_operator_makes_failing_unknown() -> None:
    cluster = Updating(troubles=("update-slow",), flap=(0, 0))
    cluster.ask()
    assert cluster.until("Failing", "Unknown")
    _, reason, message = cluster.condition("Failing")
    assert reason == "SlowClusterOperator"
    assert message == ("waiting on authentication over 30 minutes which is longer than expected")


def test_a_degraded_operator_fails_the_update_after_40_minutes() -> None:
    cluster = Updating(flap=(0, 0))
    cluster.ask()
    cluster.until_state("Partial")
    cluster.operator.trouble("operator-degraded", True, cluster.world.now)
    degraded = cluster.world.now
    assert cluster.until("Failing", "True")
    assert cluster.world.now - degraded == 2400
    assert cluster.condition("Failing") == (
        "True",
        "ClusterOperatorDegraded",
        f"Unable to apply {VERSION}: wait has exceeded 40 minutes for these operators: etcd",
    )
    cluster.run(3600)
    assert "waiting up to 40 minutes on etcd" in cluster.condition("Progressing")[2]
    cluster.operator.trouble("operator-degraded", False, cluster.world.now)
    assert cluster.until_state("Completed")


def test_a_paused_master_pool_holds_the_update_until_somebody_resumes_it() -> None:
    cluster = Updating(troubles=("pool-paused",), flap=(0, 0))
    cluster.ask()
    assert cluster.until("Failing", "True")
    assert "these operators: machine-config" in cluster.condition("Failing")[2]
    status, reason, message = cluster.condition("Degraded", MACHINE_CONFIG)
    assert (status, reason) == ("True", "RequiredPoolsFailed")
    assert message.startswith("required MachineConfigPool master is paused")
    cluster.operator.trouble("pool-paused", False, cluster.world.now)
    assert cluster.until_state("Completed")
    cluster.run(120)
    assert cluster.condition("Failing")[0] == "False"


def test_a_paused_worker_pool_does_not_hold_the_update() -> None:
    cluster = Updating(troubles=("pool-paused",), workers=2)
    cluster.ask()
    assert cluster.until_state("Completed")
    cluster.run(7200)
    status = cluster.pool("worker")["status"]
    assert status["updatedMachineCount"] == 0
    shown = {each["type"]: (each["status"], each["message"]) for each in status["conditions"]}
    waits = "Pool is paused; will not update to MachineConfig rendered-worker-2"
    assert shown["Updating"] == ("False", waits)


def test_a_drain_that_is_blocked_degrades_its_pool_after_an_hour() -> None:
    cluster = Updating(troubles=("drain-blocked",), workers=2, nodes=60.0)
    cluster.ask()
    assert cluster.until_state("Completed")
    completed = cluster.world.now
    assert cluster.world.until(lambda: cluster.condition("Degraded", MACHINE_CONFIG)[0] == "True")
    assert 3400 <= cluster.world.now - completed <= 3600
    degraded = next(
        each
        for each in cluster.pool("worker")["status"]["conditions"]
        if each["type"] == "NodeDegraded"
    )
    assert "failed to drain node: worker-0 after 1 hour" in degraded["message"]
    assert cluster.until("Failing", "True")
    assert cluster.condition("Failing")[2].startswith(f"Error while reconciling {VERSION}: ")
    cluster.operator.trouble("drain-blocked", False, cluster.world.now)
    cluster.run(600)
    assert cluster.pool("worker")["status"]["updatedMachineCount"] == 2
    assert cluster.condition("Failing")[0] == "False"
