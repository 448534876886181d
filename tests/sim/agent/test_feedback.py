"""Feedback: how values are read, when, and what their absence looks like."""

import pytest

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.agent import AgentTiming
from ibgu.sim.agent.feedback import read_feedback
from ibgu.sim.wire import FeedbackPath, FeedbackRule
from tests.sim.cluster_simulation import ClusterSimulation, stage_work


def rules(**paths: str) -> list[FeedbackRule]:
    listed = [FeedbackPath(name, path) for name, path in paths.items()]
    return [FeedbackRule("JSONPaths", listed)]


def settled(world: ClusterSimulation, **work: object) -> ClusterSimulation:
    world.put(stage_work("Idle", **work))  # type: ignore[arg-type]
    assert world.until(lambda: world.applied and bool(world.fed), 60)
    world.run(1)
    return world


def test_feedback_values_have_their_types() -> None:
    obj: JsonObject = {"s": "x", "i": 3, "b": True, "empty": ""}
    found = read_feedback(obj, rules(s=".s", i=".i", b=".b", e=".empty", missing=".m"))
    assert found.values == [
        {"name": "s", "fieldValue": {"type": "String", "string": "x"}},
        {"name": "i", "fieldValue": {"type": "Integer", "integer": 3}},
        {"name": "b", "fieldValue": {"type": "Boolean", "boolean": True}},
        {"name": "e", "fieldValue": {"type": "String", "string": ""}},
    ]
    assert found.message == ""


@pytest.mark.parametrize("path", [".f", ".l", ".m"])
def test_a_value_that_is_no_scalar_is_an_error_and_others_arrive(path: str) -> None:
    obj: JsonObject = {"f": 1.5, "l": [1], "m": {}, "s": "x"}
    found = read_feedback(obj, rules(bad=path, good=".s"))
    assert [value["name"] for value in found.values] == ["good"]
    assert found.message.startswith("Sync status feedback failed with error the type ")


def test_null_is_absent() -> None:
    assert read_feedback({"n": None}, rules(n=".n")).values == []


def test_only_the_first_match_counts() -> None:
    found = read_feedback({"l": ["a", "b"]}, rules(l=".l[*]"))
    assert found.values[0]["fieldValue"]["string"] == "a"


def test_several_errors_are_listed() -> None:
    message = read_feedback({"l": []}, rules(a=".l[0]", b="l")).message
    assert message == (
        "Sync status feedback failed with error [failed to find value for a with error: array "
        "index out of bounds: index 0, length 0, failed to find value for b with error: "
        "unrecognized identifier l]"
    )


def test_an_index_past_the_end_is_named_in_the_condition() -> None:
    paths = {"next1": ".status.validNextStages[1]", "stage": ".spec.stage"}
    world = settled(ClusterSimulation(), paths=paths)
    synced = world.of_manifest("StatusFeedbackSynced")
    assert (synced["status"], synced["reason"]) == ("False", "StatusFeedbackSyncFailed")
    assert (
        "failed to find value for next1 with error: array index out of bounds: index 1, length 1"
        in synced["message"]
    )
    assert world.fed == {"stage": "Idle"}


def test_works_without_rules_say_so() -> None:
    world = ClusterSimulation()
    world.put({"workload": {"manifests": [stage_work("Idle")["workload"]["manifests"][0]]}})
    world.run(5)
    synced = world.of_manifest("StatusFeedbackSynced", "ClusterRole")
    assert (synced["status"], synced["reason"]) == ("True", "NoStatusFeedbackSynced")


def test_feedback_by_watch_arrives_within_milliseconds() -> None:
    world = settled(ClusterSimulation())
    world.cluster.edit_ibu(world.now, annotations={"ibgu.dev/run": "hand"})
    changed = world.now
    assert world.until(lambda: world.fed.get("run") == "hand", 60)
    assert world.now - changed < 0.04


def test_feedback_by_polling_arrives_after_a_minute_or_two() -> None:
    world = settled(ClusterSimulation(), watch=False)
    world.run(200)
    changed = world.now
    world.cluster.edit_ibu(world.now, annotations={"ibgu.dev/run": "hand"})
    assert world.until(lambda: world.fed.get("run") == "hand", 300)
    assert 0.1 < world.now - changed <= 115


def test_an_agent_that_cannot_watch_polls() -> None:
    world = ClusterSimulation()
    world.cluster.agent.timing = AgentTiming(watches=False)
    settled(world)
    world.cluster.edit_ibu(world.now, annotations={"ibgu.dev/run": "hand"})
    world.run(0.5)
    assert "run" not in world.fed


def test_a_touch_of_the_work_makes_it_read() -> None:
    world = settled(ClusterSimulation(), watch=False)
    world.cluster.edit_ibu(world.now, annotations={"ibgu.dev/run": "hand"})
    world.run(0.2)
    assert "run" not in world.fed
    world.touch(**{"ibgu.dev/refresh-feedback": "1"})
    refreshed = world.now
    assert world.until(lambda: world.fed.get("run") == "hand", 5)
    assert world.now - refreshed < 0.04


def test_nothing_is_written_when_nothing_has_changed() -> None:
    world = settled(ClusterSimulation(), watch=False)
    world.run(10)
    before = len(world.patches)
    world.run(3600)
    assert len(world.patches) == before


def test_frozen_feedback_arrives_after_the_fault() -> None:
    world = ClusterSimulation("frozen-feedback/Prep:10m")
    world.put(stage_work("Prep", "r1"))
    world.run(300)
    assert world.applied
    assert world.fed.get("PrepCompletedStatus") is None
    world.run(400)
    assert world.fed["PrepCompletedStatus"] == "True"


def test_a_change_of_values_renews_the_condition() -> None:
    world = settled(ClusterSimulation())
    first = world.of_manifest("StatusFeedbackSynced")["lastTransitionTime"]
    world.run(100)
    world.cluster.edit_ibu(world.now, annotations={"ibgu.dev/run": "hand"})
    world.run(1)
    conditions = world.manifest()["conditions"]
    assert conditions[-1]["type"] == "StatusFeedbackSynced"
    assert conditions[-1]["lastTransitionTime"] > first


def test_talms_paths_with_a_stray_quote_give_nothing() -> None:
    paths = {
        "idleConditionReason": '.status.conditions[?(@.type=="Idle")].reason\'',
        "isIdle": '.status.conditions[?(@.type=="Idle")].status',
    }
    world = settled(ClusterSimulation(), paths=paths)
    assert world.fed == {"isIdle": "True"}
    assert world.of_manifest("StatusFeedbackSynced")["status"] == "True"
