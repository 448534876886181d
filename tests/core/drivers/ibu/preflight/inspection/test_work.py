"""The ManifestWork of an inspection, as the simulated work agent answers it."""

from collections.abc import Iterator

from msgspec import json

from ibgu.core.drivers.ibu.preflight.inspection import (
    INSPECTION,
    SELECTOR,
    WORK,
    ReadResult,
    inspection_body,
    inspection_patch,
)
from ibgu.core.drivers.ibu.preflight.inspection.objects import OBJECTS, PARTITION
from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject
from tests.core.drivers.ibu.preflight.answers import NODE, facts, objects, spoke, work

READ_ONLY = {"type": "ReadOnly"}


def bodies() -> Iterator[JsonObject]:
    yield json.decode(inspection_body("7"))
    yield json.decode(inspection_patch("u", NODE.name))


def test_the_watch_on_works_of_rollouts_does_not_select_the_work() -> None:
    body = json.decode(inspection_body("7"))
    assert body["metadata"]["name"] == WORK
    labels = body["metadata"]["labels"]
    assert labels[INSPECTION] == "7"
    assert SELECTOR in labels
    assert f"{names.MANAGED_BY}={labels[names.MANAGED_BY]}" != names.SELECTOR
    assert names.ROLLOUT not in labels


def test_every_manifest_but_the_role_is_only_read_and_left_there() -> None:
    for body in bodies():
        spec = body["spec"]
        role, *others = spec["workload"]["manifests"]
        assert role["kind"] == "ClusterRole"
        assert all(set(each) == {"apiVersion", "kind", "metadata"} for each in others)
        assert len(others) == len(spec["manifestConfigs"])
        assert all(each["updateStrategy"] == READ_ONLY for each in spec["manifestConfigs"])
        assert spec["deleteOption"] == {"propagationPolicy": "Orphan"}


def test_the_role_allows_to_get_the_named_objects_and_nothing_else() -> None:
    rules = next(bodies())["spec"]["workload"]["manifests"][0]["rules"]
    assert all(rule["verbs"] == ["get"] for rule in rules)
    unnamed = [rule["resources"] for rule in rules if not rule.get("resourceNames")]
    assert unnamed == [["nodes"]]
    named = {
        (group, resource, name)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames", ())
    }
    assert named >= {(each.group, each.resource, each.name) for each in OBJECTS}


def test_the_agent_changes_nothing_on_the_cluster_but_the_role() -> None:
    found = spoke(objects())
    before = dict(found.objects)
    work(found)
    assert {key.kind for key in found.objects.keys() - before.keys()} == {"ClusterRole"}
    assert all(found.objects[key] is obj for key, obj in before.items())


def test_every_path_has_a_value_on_a_cluster_where_all_is_well() -> None:
    found = facts()
    assert {each.result for each in found.readings.values()} <= {
        ReadResult.FOUND,
        ReadResult.ABSENT,  # the Local Storage Operator
    }
    assert not any(each.message for each in found.readings.values())
    without = {"httpProxy", "httpsProxy", "message"}
    for each in OBJECTS[1:]:
        reading = found.of(each)
        assert not reading.found or reading.values.keys() == each.paths.keys() - without
    assert found.of(PARTITION).found
    assert found.node.values.keys() == NODE.paths.keys()


def test_a_patch_without_a_node_reads_the_same_objects_again() -> None:
    spec = json.decode(inspection_patch("u", ""))["spec"]
    assert spec == json.decode(inspection_body("7"))["spec"]
