"""Refusals of a cluster's API server, and how the work agent says so."""

from ibgu.sim.spoke.admission import NOT_PERMITTED
from tests.sim.agent.works import PREFIX, applied, disarmed, settled
from tests.sim.cluster_simulation import SEED, stage_work


def test_a_refused_stage_is_the_api_servers_text() -> None:
    world = settled(disarmed())
    world.put(stage_work("Upgrade"))
    assert world.until(lambda: world.of_manifest("Applied")["status"] == "False", 5)
    assert applied(world) == f"{PREFIX}<nil>: Invalid value: {NOT_PERMITTED}"
    assert world.of_manifest("Applied")["observedGeneration"] == 2
    assert world.of_manifest("Applied")["reason"] == "AppliedManifestFailed"
    world.run(1)
    assert world.of_manifest("Available")["status"] == "True"
    assert world.fed["stage"] == "Idle"


def test_refusals_are_retried_with_backoff_and_heal() -> None:
    world = settled(stage_work("Prep"))
    world.put(stage_work("Upgrade"))
    world.run(5)
    held = world.cluster.agent.works["work"]
    assert 8 <= held.retries <= 12
    assert world.until(lambda: world.finished("Upgrade"))
    assert world.condition("Applied")["status"] == "True"


def test_a_new_spec_resets_the_backoff() -> None:
    world = settled(stage_work("Prep"))
    world.put(stage_work("Rollback"))
    world.run(8)
    world.put(stage_work("Prep"))
    asked = world.now
    assert world.until(lambda: world.applied, 5)
    assert world.now - asked < 0.05


def test_a_refused_field_is_named() -> None:
    world = settled(stage_work("Prep"))
    world.run(1)
    world.put(stage_work("Prep", extraManifests=[{"name": "a", "namespace": "b"}]))
    world.run(1)
    assert "can not change spec.extraManifests while ibu is in progress" in applied(world)


def test_both_refusals_come_in_one_text() -> None:
    world = settled(stage_work("Prep"))
    world.run(1)
    world.put(stage_work("Rollback", seedImageRef={**SEED, "version": "4.17.0"}))
    world.run(1)
    assert applied(world).startswith(f"{PREFIX}[<nil>: Invalid value: can not change spec.seed")
