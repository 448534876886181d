"""Pauses of an update are resumed, whatever becomes of the update."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.cluster_version.driver import CLUSTER_VERSION
from ibgu.core.model import Cause, Ended, Finished, Kind, Outcome, ReasonKind, RunResult, names
from ibgu.core.model.kinds import Pauses, RolloutObject, RolloutSpec
from tests.core.drivers.cluster_version.test_update_in_the_engine import fleet_update
from tests.core.drivers.cluster_version.version_node import MINUTE, VersionNode
from tests.core.engine.decide.fleet import InMemoryEngine
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.spoke import Spoke
from tests.core.engine.gates.policies.policy import policy, set_policies
from tests.oracle.logs import certify, log_of, told
from tests.oracle.update_proofs import UPDATE_PROOFS

UID = "uid-z"
CHECK = "openshift-machine-api/worker"
PAUSES = Pauses(pools=["canary", "worker"], health_checks=[CHECK])
HOUR = timedelta(hours=1)


@pytest.fixture
def engine() -> Iterator[InMemoryEngine]:
    engine = InMemoryEngine("site-1", driver=CLUSTER_VERSION, node=VersionNode)
    spoke(engine).pools = ["canary", "worker"]
    spoke(engine).checks = [CHECK]
    invariants = Invariants(engine)
    yield engine
    invariants.at_rest()
    proofs = {names.FLEET_UPDATE: UPDATE_PROOFS}
    assert told(certify(log_of(engine), proofs=proofs)) == []
    assert UID not in spoke(engine).paused.values()


def spoke(engine: InMemoryEngine) -> VersionNode:
    found: object = engine.spokes["site-1"]
    assert isinstance(found, VersionNode)
    return found


def pausing(*steps: str, pauses: Pauses = PAUSES, concurrency: int = 1) -> RolloutObject:
    found = fleet_update(*steps, concurrency=concurrency)
    assert found.spec.update is not None
    update = replace(found.spec.update, pause=pauses)
    spec: RolloutSpec = replace(found.spec, update=update)
    return replace(found, spec=spec)


def member(engine: InMemoryEngine, step: int = 0) -> Finished:
    found = engine.member(UID, step, "site-1")
    assert isinstance(found, Finished)
    return found


def test_pools_follow_one_after_the_other_and_health_checks_are_last(
    engine: InMemoryEngine,
) -> None:
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.STEP_FINISHED)
    assert set(spoke(engine).paused) == {"canary", "worker", CHECK}
    assert spoke(engine).behind == {"canary", "worker"}
    assert member(engine).outcome is Outcome.SUCCEEDED
    assert member(engine).paused_since is not None
    order = []
    while len(spoke(engine).paused) > 0:
        before = set(spoke(engine).paused)
        engine.until(Kind.RUN_ENDED)
        order.append(before - set(spoke(engine).paused))
        if "worker" in order[-1]:
            assert spoke(engine).behind == set()
    assert order == [{"canary"}, {"worker"}, {CHECK}]
    engine.drive()
    assert member(engine, 1).outcome is Outcome.SUCCEEDED
    assert member(engine).paused_since is None
    assert spoke(engine).done


def test_each_pool_soaks_before_the_next_one(engine: InMemoryEngine) -> None:
    engine.apply(pausing("Update", "Pools", pauses=replace(PAUSES, soak_minutes=60)))
    resumed: dict[str, datetime] = {}
    settled: dict[str, datetime] = {}
    while not spoke(engine).started:
        engine.wait(minutes=1)
    while len(resumed) < 3:
        engine.wait(minutes=1)
        for name in {"canary", "worker", CHECK} - set(spoke(engine).paused):
            resumed.setdefault(name, engine.now)
        if spoke(engine).completed:
            settled.setdefault("update", engine.now)
        if "canary" in resumed and "canary" not in spoke(engine).behind:
            settled.setdefault("canary", engine.now)
    early, late = HOUR - timedelta(minutes=2), HOUR + timedelta(minutes=5)
    assert early < resumed["canary"] - settled["update"] < late
    assert early < resumed["worker"] - settled["canary"] < late
    assert resumed[CHECK] - resumed["worker"] < timedelta(minutes=20)
    engine.drive()
    assert member(engine, 1).outcome is Outcome.SUCCEEDED


def test_the_update_begins_once_everything_is_paused(engine: InMemoryEngine) -> None:
    engine.apply(pausing("Update Pools"))
    engine.until(Kind.RUN_ENDED)
    run = engine.member(UID, 0, "site-1").run
    assert isinstance(run, Ended)
    assert (run.result, run.attempt) == (RunResult.CONTINUED, 1)
    assert set(spoke(engine).paused) == {"canary", "worker", CHECK}
    assert spoke(engine).wanted == ""
    engine.drive()
    assert spoke(engine).done
    assert [each.action for each in member(engine).completed] == ["Update", "Pools"]


def test_a_plan_that_resumes_nothing_resumes_after_its_update(engine: InMemoryEngine) -> None:
    engine.apply(pausing("Update"))
    engine.until(Kind.RESUME_DUE)
    assert spoke(engine).completed
    engine.until(Kind.RESUMED)
    assert spoke(engine).paused == {}
    assert (member(engine).paused_since, member(engine).resuming) == (None, False)
    engine.drive()
    assert engine.works == {} or not any(work.wanted.resuming for work in engine.works.values())


def test_a_cluster_that_the_last_step_does_not_take_resumes(engine: InMemoryEngine) -> None:
    """A label keeps it out of the step that would have resumed it."""
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.STEP_FINISHED)
    engine.labels["site-1"]["ibgu.dev/fleet-check-failed"] = ""
    engine.touch_cluster("site-1")
    engine.until(Kind.RESUMED)
    assert spoke(engine).paused == {}
    assert engine.tracked(UID).steps[1].members == {}
    engine.drive()


def test_a_cluster_that_a_person_skips_in_the_last_step_resumes(engine: InMemoryEngine) -> None:
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.STEP_FINISHED)
    spoke(engine).dark = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=5)
    engine.annotate(UID, skip="site-1")
    engine.wait(minutes=5)
    assert member(engine, 1).outcome is Outcome.SKIPPED
    spoke(engine).dark = False
    engine.touch_cluster("site-1")
    engine.until(Kind.RESUMED)
    engine.drive()


def test_a_refused_update_resumes_what_was_paused(engine: InMemoryEngine) -> None:
    spoke(engine).signed = False
    engine.apply(pausing("Update Pools"))
    engine.until(Kind.RESUMED)
    assert member(engine).outcome is Outcome.FAILED
    assert member(engine).cause is Cause.UPDATE_REFUSED
    assert spoke(engine).paused == {}
    engine.drive()


def test_a_deleted_rollout_resumes_once_the_cluster_is_through(engine: InMemoryEngine) -> None:
    """The update goes on in the cluster, and is not disturbed."""
    engine.apply(pausing("Update", "Pools"))
    while not spoke(engine).started:
        engine.wait(minutes=1)
    engine.delete(UID)
    engine.wait(minutes=10)
    assert set(spoke(engine).paused) == {"canary", "worker", CHECK}
    engine.until(Kind.RESUMED)
    assert spoke(engine).completed
    engine.drive()
    assert engine.works == {}


def test_a_rollout_deleted_between_its_steps_resumes(engine: InMemoryEngine) -> None:
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.STEP_FINISHED)
    engine.delete(UID)
    engine.until(Kind.RESUMED)
    engine.drive()
    assert spoke(engine).paused == {}
    assert engine.works == {}


def test_a_cluster_that_is_dark_resumes_when_it_is_back(engine: InMemoryEngine) -> None:
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.STEP_FINISHED)
    spoke(engine).dark = True
    engine.touch_cluster("site-1")
    engine.delete(UID)
    engine.wait(hours=30)
    assert set(spoke(engine).paused) == {"canary", "worker", CHECK}
    assert member(engine).resuming
    spoke(engine).dark = False
    engine.touch_cluster("site-1")
    engine.until(Kind.RESUMED)
    engine.drive()


def test_a_pool_that_a_person_has_paused_is_left_alone(engine: InMemoryEngine) -> None:
    spoke(engine).paused["worker"] = ""
    engine.apply(pausing("Update Pools"))
    engine.drive()
    assert member(engine).outcome is Outcome.FAILED
    assert member(engine).message.startswith("the MachineConfigPool worker is paused")
    assert spoke(engine).paused == {"worker": ""}


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
    engine: InMemoryEngine, pauses: Pauses, words: str
) -> None:
    engine.apply(pausing("Check", "Update Pools", pauses=pauses))
    engine.drive()
    assert (member(engine).outcome, member(engine).cause) == (Outcome.FAILED, Cause.CHECK_FAILED)
    assert member(engine).message.startswith(words)


def test_another_rollout_waits_until_everything_is_resumed(engine: InMemoryEngine) -> None:
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.STEP_FINISHED)
    spoke(engine).dark = True  # its agent alone is away: the cluster counts as reachable
    engine.delete(UID)
    engine.until(Kind.RESUME_DUE)
    other = fleet_update("Check", concurrency=1)
    other = replace(other, metadata=replace(other.metadata, name="y", uid="uid-y"))
    engine.apply(other)
    engine.wait(minutes=5)
    waits = engine.member("uid-y", 0, "site-1")
    assert waits.reason.kind is ReasonKind.CLAIM
    assert waits.reason.message.endswith(
        "works on the cluster: parts of it are paused for that rollout, which resumes them"
    )
    spoke(engine).dark = False
    engine.until(Kind.RESUMED)
    engine.drive()
    assert engine.member("uid-y", 0, "site-1").outcome is Outcome.SUCCEEDED


def detach(engine: InMemoryEngine) -> Spoke:
    """The hub forgets the cluster, which stays up."""
    gone = engine.spokes.pop("site-1")
    engine.works.clear()
    engine.touch_cluster("site-1")
    return gone


def attach(engine: InMemoryEngine, gone: Spoke, uid: str) -> None:
    """The hub imports the cluster again, as another ManagedCluster."""
    gone.uid = uid
    engine.spokes["site-1"] = gone
    engine.labels["site-1"] = {}
    engine.touch_cluster("site-1")


def test_a_pause_of_a_cluster_that_is_gone_ends_with_a_warning_after_a_day(
    engine: InMemoryEngine,
) -> None:
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.STEP_FINISHED)
    gone = detach(engine)
    engine.wait(hours=23)
    assert member(engine).paused_since is not None
    engine.until(Kind.RESUMED)
    assert member(engine).paused_since is None
    assert engine.warnings()[-1] == (
        "the ManagedCluster has been gone for a day: if the cluster is still there, what was "
        "paused still is; resume it on the cluster"
    )
    engine.drive()
    engine.spokes["site-1"] = gone
    spoke(engine).paused.clear()


def test_the_day_of_a_cluster_that_is_gone_begins_with_its_absence(
    engine: InMemoryEngine,
) -> None:
    """The cluster was dark for longer than a day before somebody detaches it to import it again."""
    found = pausing("Update Pools")
    (item,) = found.spec.plan
    assert item.rollout_strategy is not None
    long = replace(item, rollout_strategy=replace(item.rollout_strategy, timeout=60 * 60))
    engine.apply(replace(found, spec=replace(found.spec, plan=[long])))
    while "canary" in spoke(engine).paused or not spoke(engine).completed:
        engine.step()
    spoke(engine).dark = True
    engine.touch_cluster("site-1")
    engine.wait(hours=30)
    gone = detach(engine)
    engine.wait(hours=4)
    assert not engine.told(Kind.RESUMED)
    gone.dark = False
    attach(engine, gone, "uid-1")
    engine.until(Kind.RESUMED)
    assert spoke(engine).paused == {}


def test_a_cluster_that_was_only_dark_is_not_said_to_be_there_again(
    engine: InMemoryEngine,
) -> None:
    engine.apply(pausing("Update Pools"))
    while "canary" in spoke(engine).paused or not spoke(engine).completed:
        engine.step()
    spoke(engine).dark = True
    engine.touch_cluster("site-1")
    engine.wait(hours=6)
    spoke(engine).dark = False
    engine.touch_cluster("site-1")
    engine.until(Kind.RESUMED)
    assert "the ManagedCluster is there again" not in engine.told(Kind.WAITS)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("deleted", [False, True])
def test_a_cluster_that_is_detached_for_hours_is_resumed_when_it_is_back(
    engine: InMemoryEngine, times: int, deleted: bool
) -> None:
    """Each absence has a day of its own."""
    engine.apply(pausing("Update", "Pools"))
    while not spoke(engine).started:
        engine.step()
    engine.wait(minutes=5)
    for number in range(1, times + 1):
        gone = detach(engine)
        engine.wait(hours=20)
        if deleted and number == 1:
            engine.delete(UID)
        gone.dark = number < times
        attach(engine, gone, f"uid-{number}")
        engine.wait(minutes=10)
    engine.wait(hours=30)
    assert spoke(engine).paused == {}
    assert engine.told(Kind.RESUMED)


@pytest.mark.parametrize("turns", range(0, 60, 3))
def test_a_restart_forgets_no_pause(engine: InMemoryEngine, turns: int) -> None:
    """The rollout is deleted after the restart, wherever it was."""
    engine.apply(pausing("Update", "Pools"))
    for _ in range(turns):
        engine.step()
    engine.restart()
    for _ in range(3):
        engine.step()
    engine.delete(UID)
    engine.restart()
    engine.drive()
    assert UID not in engine.fleet.rollouts or not engine.works


def pools_under_way(engine: InMemoryEngine, *, until_resumed: str) -> VersionNode:
    """Returns the cluster once its Pools has resumed that pool."""
    engine.apply(pausing("Update", "Pools", pauses=Pauses(pools=["canary", "worker"])))
    engine.until(Kind.STEP_FINISHED)
    while until_resumed in spoke(engine).paused:
        engine.wait(minutes=1)
    return spoke(engine)


def test_a_pool_that_breaks_while_the_last_one_rolls_fails_pools(engine: InMemoryEngine) -> None:
    cluster = pools_under_way(engine, until_resumed="worker")
    cluster.breaks = {"canary"}
    engine.touch_cluster("site-1")
    engine.wait(hours=2)
    assert member(engine, 1).outcome is Outcome.FAILED
    assert member(engine, 1).message.startswith("the MachineConfigPool canary is degraded: ")


def test_a_pool_that_a_person_resumes_is_waited_for(engine: InMemoryEngine) -> None:
    cluster = pools_under_way(engine, until_resumed="canary")
    cluster.paused.pop("worker")
    cluster._script.append((50 * MINUTE, lambda: cluster.behind.discard("worker")))
    engine.touch_cluster("site-1")
    engine.wait(minutes=40)
    assert engine.member(UID, 1, "site-1").reason.message.startswith(
        "waits for the MachineConfigPool worker: 0 of "
    )
    engine.wait(hours=1)
    assert member(engine, 1).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("holds", ["a pause", "a policy"])
def test_no_new_hold_stops_an_update_that_has_paused_its_pools(
    engine: InMemoryEngine, holds: str
) -> None:
    """The pools would stay paused for as long as the hold lasts."""
    engine.apply(pausing("Update", "Pools"))
    engine.until(Kind.RUN_ACCEPTED)
    if holds == "a pause":
        engine.annotate(UID, pause="yes")
    else:
        set_policies(engine, policy(approval={"fourEyes": False}))
    engine.wait(hours=2)
    assert member(engine).outcome is Outcome.SUCCEEDED
    set_policies(engine)
    found = engine.ibgus[UID]
    engine.apply(replace(found, metadata=replace(found.metadata, annotations={})))
    engine.drive()
