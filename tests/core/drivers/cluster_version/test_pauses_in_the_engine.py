"""Pauses of an update are resumed, whatever becomes of the update."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.drivers.cluster_version.proofs import UPDATE_PROOFS
from ibgu.core.model import Cause, Ended, Finished, Kind, Outcome, ReasonKind, RunResult, names
from ibgu.core.model.kinds import Pauses, RolloutObject, RolloutSpec
from tests.core.assurance.certify.logs import certify, log_of, told
from tests.core.drivers.cluster_version.test_update_in_the_engine import fleet_update
from tests.core.drivers.cluster_version.version_node import VersionNode
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants

UID = "uid-z"
CHECK = "openshift-machine-api/worker"
PAUSES = Pauses(pools=["canary", "worker"], health_checks=[CHECK])
HOUR = timedelta(hours=1)


@pytest.fixture
def twin() -> Iterator[InMemoryEngine]:
    twin = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    spoke(twin).pools = ["canary", "worker"]
    spoke(twin).checks = [CHECK]
    invariants = Invariants(twin)
    yield twin
    invariants.at_rest()
    proofs = {names.FLEET_UPDATE: UPDATE_PROOFS}
    assert told(certify(log_of(twin), proofs=proofs)) == []
    assert UID not in spoke(twin).paused.values()


def spoke(twin: InMemoryEngine) -> VersionNode:
    found: object = twin.spokes["site-1"]
    assert isinstance(found, VersionNode)
    return found


def pausing(*steps: str, pauses: Pauses = PAUSES) -> RolloutObject:
    found = fleet_update(*steps, concurrency=1)
    assert found.spec.update is not None
    update = replace(found.spec.update, pause=pauses)
    spec: RolloutSpec = replace(found.spec, update=update)
    return replace(found, spec=spec)


def member(twin: InMemoryEngine, step: int = 0) -> Finished:
    found = twin.member(UID, step, "site-1")
    assert isinstance(found, Finished)
    return found


def test_pools_follow_one_after_the_other_and_health_checks_are_last(
    twin: InMemoryEngine,
) -> None:
    twin.apply(pausing("Update", "Pools"))
    twin.until(Kind.STEP_FINISHED)
    assert set(spoke(twin).paused) == {"canary", "worker", CHECK}
    assert spoke(twin).behind == {"canary", "worker"}
    assert member(twin).outcome is Outcome.SUCCEEDED
    assert member(twin).paused_since is not None
    order = []
    while len(spoke(twin).paused) > 0:
        before = set(spoke(twin).paused)
        twin.until(Kind.RUN_ENDED)
        order.append(before - set(spoke(twin).paused))
        if "worker" in order[-1]:
            assert spoke(twin).behind == set()
    assert order == [{"canary"}, {"worker"}, {CHECK}]
    twin.drive()
    assert member(twin, 1).outcome is Outcome.SUCCEEDED
    assert member(twin).paused_since is None
    assert spoke(twin).done


def test_each_pool_soaks_before_the_next_one(twin: InMemoryEngine) -> None:
    twin.apply(pausing("Update", "Pools", pauses=replace(PAUSES, soak_minutes=60)))
    resumed: dict[str, datetime] = {}
    settled: dict[str, datetime] = {}
    while not spoke(twin).started:
        twin.wait(minutes=1)
    while len(resumed) < 3:
        twin.wait(minutes=1)
        for name in {"canary", "worker", CHECK} - set(spoke(twin).paused):
            resumed.setdefault(name, twin.now)
        if spoke(twin).completed:
            settled.setdefault("update", twin.now)
        if "canary" in resumed and "canary" not in spoke(twin).behind:
            settled.setdefault("canary", twin.now)
    early, late = HOUR - timedelta(minutes=2), HOUR + timedelta(minutes=5)
    assert early < resumed["canary"] - settled["update"] < late
    assert early < resumed["worker"] - settled["canary"] < late
    assert resumed[CHECK] - resumed["worker"] < timedelta(minutes=20)
    twin.drive()
    assert member(twin, 1).outcome is Outcome.SUCCEEDED


def test_the_update_begins_once_everything_is_paused(twin: InMemoryEngine) -> None:
    twin.apply(pausing("Update Pools"))
    twin.until(Kind.RUN_ENDED)
    run = twin.member(UID, 0, "site-1").run
    assert isinstance(run, Ended)
    assert (run.result, run.attempt) == (RunResult.CONTINUED, 1)
    assert set(spoke(twin).paused) == {"canary", "worker", CHECK}
    assert spoke(twin).wanted == ""
    twin.drive()
    assert spoke(twin).done
    assert [each.action for each in member(twin).completed] == ["Update", "Pools"]


def test_a_plan_that_resumes_nothing_resumes_after_its_update(twin: InMemoryEngine) -> None:
    twin.apply(pausing("Update"))
    twin.until(Kind.RESUME_DUE)
    assert spoke(twin).completed
    twin.until(Kind.RESUMED)
    assert spoke(twin).paused == {}
    assert (member(twin).paused_since, member(twin).resuming) == (None, False)
    twin.drive()
    assert twin.works == {} or not any(work.wanted.resuming for work in twin.works.values())


def test_a_cluster_that_the_last_step_does_not_take_resumes(twin: InMemoryEngine) -> None:
    """A label keeps it out of the step that would have resumed it."""
    twin.apply(pausing("Update", "Pools"))
    twin.until(Kind.STEP_FINISHED)
    twin.labels["site-1"]["ibgu.dev/fleet-check-failed"] = ""
    twin.touch_cluster("site-1")
    twin.until(Kind.RESUMED)
    assert spoke(twin).paused == {}
    assert twin.tracked(UID).steps[1].members == {}
    twin.drive()


def test_a_cluster_that_a_person_skips_in_the_last_step_resumes(twin: InMemoryEngine) -> None:
    twin.apply(pausing("Update", "Pools"))
    twin.until(Kind.STEP_FINISHED)
    spoke(twin).dark = True
    twin.touch_cluster("site-1")
    twin.wait(minutes=5)
    twin.annotate(UID, skip="site-1")
    twin.wait(minutes=5)
    assert member(twin, 1).outcome is Outcome.SKIPPED
    spoke(twin).dark = False
    twin.touch_cluster("site-1")
    twin.until(Kind.RESUMED)
    twin.drive()


def test_a_refused_update_resumes_what_was_paused(twin: InMemoryEngine) -> None:
    spoke(twin).signed = False
    twin.apply(pausing("Update Pools"))
    twin.until(Kind.RESUMED)
    assert member(twin).outcome is Outcome.FAILED
    assert member(twin).cause is Cause.UPDATE_REFUSED
    assert spoke(twin).paused == {}
    twin.drive()


def test_a_deleted_rollout_resumes_once_the_cluster_is_through(twin: InMemoryEngine) -> None:
    """The update goes on in the cluster, and is not disturbed."""
    twin.apply(pausing("Update", "Pools"))
    while not spoke(twin).started:
        twin.wait(minutes=1)
    twin.delete(UID)
    twin.wait(minutes=10)
    assert set(spoke(twin).paused) == {"canary", "worker", CHECK}
    twin.until(Kind.RESUMED)
    assert spoke(twin).completed
    twin.drive()
    assert twin.works == {}


def test_a_rollout_deleted_between_its_steps_resumes(twin: InMemoryEngine) -> None:
    twin.apply(pausing("Update", "Pools"))
    twin.until(Kind.STEP_FINISHED)
    twin.delete(UID)
    twin.until(Kind.RESUMED)
    twin.drive()
    assert spoke(twin).paused == {}
    assert twin.works == {}


def test_a_cluster_that_is_dark_resumes_when_it_is_back(twin: InMemoryEngine) -> None:
    twin.apply(pausing("Update", "Pools"))
    twin.until(Kind.STEP_FINISHED)
    spoke(twin).dark = True
    twin.touch_cluster("site-1")
    twin.delete(UID)
    twin.wait(hours=30)
    assert set(spoke(twin).paused) == {"canary", "worker", CHECK}
    assert member(twin).resuming
    spoke(twin).dark = False
    twin.touch_cluster("site-1")
    twin.until(Kind.RESUMED)
    twin.drive()


def test_a_pool_that_a_person_has_paused_is_left_alone(twin: InMemoryEngine) -> None:
    spoke(twin).paused["worker"] = ""
    twin.apply(pausing("Update Pools"))
    twin.drive()
    assert member(twin).outcome is Outcome.FAILED
    assert member(twin).message.startswith("the MachineConfigPool worker is paused")
    assert spoke(twin).paused == {"worker": ""}


@pytest.mark.parametrize(
    ("pauses", "words"),
    [
        (Pauses(pools=["infra"]), "the cluster has no MachineConfigPool infra"),
        (
            Pauses(health_checks=["openshift-machine-api/infra"]),
            "the cluster has no MachineHealthCheck openshift-machine-api/infra",
        ),
    ],
)
def test_pools_that_the_cluster_does_not_have_can_not_be_paused(
    twin: InMemoryEngine, pauses: Pauses, words: str
) -> None:
    twin.apply(pausing("Check", "Update Pools", pauses=pauses))
    twin.drive()
    assert (member(twin).outcome, member(twin).cause) == (Outcome.FAILED, Cause.CHECK_FAILED)
    assert member(twin).message.startswith(words)


def test_another_rollout_waits_until_everything_is_resumed(twin: InMemoryEngine) -> None:
    twin.apply(pausing("Update", "Pools"))
    twin.until(Kind.STEP_FINISHED)
    spoke(twin).dark = True  # its agent alone is away: the cluster counts as reachable
    twin.delete(UID)
    twin.until(Kind.RESUME_DUE)
    other = fleet_update("Check", concurrency=1)
    other = replace(other, metadata=replace(other.metadata, name="y", uid="uid-y"))
    twin.apply(other)
    twin.wait(minutes=5)
    waits = twin.member("uid-y", 0, "site-1")
    assert waits.reason.kind is ReasonKind.CLAIM
    assert waits.reason.message.endswith(
        "works on the cluster: parts of it are paused for that rollout, which resumes them"
    )
    spoke(twin).dark = False
    twin.until(Kind.RESUMED)
    twin.drive()
    assert twin.member("uid-y", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_nothing_is_left_of_a_cluster_that_is_gone(twin: InMemoryEngine) -> None:
    twin.apply(pausing("Update", "Pools"))
    twin.until(Kind.STEP_FINISHED)
    gone = twin.spokes.pop("site-1")
    twin.touch_cluster("site-1")
    twin.until(Kind.RESUMED)
    assert member(twin).paused_since is None
    twin.drive()
    twin.spokes["site-1"] = gone
    spoke(twin).paused.clear()


@pytest.mark.parametrize("turns", range(0, 60, 3))
def test_a_restart_forgets_no_pause(twin: InMemoryEngine, turns: int) -> None:
    """The rollout is deleted after the restart, wherever it was."""
    twin.apply(pausing("Update", "Pools"))
    for _ in range(turns):
        twin.step()
    twin.restart()
    for _ in range(3):
        twin.step()
    twin.delete(UID)
    twin.restart()
    twin.drive()
    assert UID not in twin.fleet.rollouts or not twin.works
