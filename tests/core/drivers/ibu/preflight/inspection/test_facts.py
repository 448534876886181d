"""The reading of a cluster's answer."""

from typing import Any

import pytest
from msgspec import convert, json, to_builtins
from msgspec.structs import replace

from ibgu.core.drivers.ibu.preflight.inspection import (
    InspectedFacts,
    Reading,
    ReadResult,
    inspected,
    node_named,
)
from ibgu.core.drivers.ibu.preflight.inspection.facts import MAX_LENGTH
from ibgu.core.drivers.ibu.preflight.inspection.objects import (
    AGENT,
    AVAILABLE_REPLICAS,
    DPA,
    ETCD,
    IBU,
    NODE_NAME,
    PHASE,
    RESTIC,
)
from ibgu.core.model.kinds import (
    Condition,
    FeedbackValue,
    FieldValue,
    ManifestCondition,
    ManifestWork,
    ResourceStatus,
    StatusFeedback,
)
from tests.core.drivers.ibu.preflight.answers import AT, NODE, facts, objects, spoke, work


def test_absent_not_served_and_forbidden_are_three_results() -> None:
    found = facts({DPA: None}, frozenset({"BackupStorageLocation"}))
    assert found.of(DPA) == Reading(ReadResult.ABSENT)
    results = {name.partition(" ")[0]: each.result for name, each in found.readings.items()}
    assert results["BackupStorageLocation"] is ReadResult.NO_KIND
    early = facts(rights=False)
    assert early.of(IBU).result is ReadResult.FORBIDDEN
    assert "cannot get" in early.of(IBU).message
    assert early.forbidden
    assert not found.forbidden


def test_values_have_their_types() -> None:
    found = facts()
    agent = found.of(AGENT)
    assert (agent.number(AVAILABLE_REPLICAS), agent.string(AVAILABLE_REPLICAS)) == (1, "")
    assert (agent.number(PHASE), agent.string(PHASE), agent.true(PHASE)) == (0, "", False)
    assert found.of(DPA).values[RESTIC] is False
    assert found.ibu.next_stages == {"Prep"}
    assert found.ibu.generation == 1
    assert convert(json.decode(json.encode(found)), InspectedFacts) == found
    assert to_builtins(found)["read_at"] == AT.isoformat().replace("+00:00", "Z")


def changed(found: ManifestWork, index: int, **changes: Any) -> ManifestWork:
    manifests = list(found.status.resource_status.manifests)
    manifests[index] = replace(manifests[index], **changes)
    status = replace(found.status, resource_status=ResourceStatus(manifests))
    return replace(found, status=status)


def place(found: ManifestWork, kind: str) -> int:
    kinds = [each.resource_meta.kind for each in found.status.resource_status.manifests]
    return kinds.index(kind)


def test_an_answer_to_an_earlier_version_of_the_work_does_not_count() -> None:
    found = work(spoke(objects()))
    assert inspected(found, AT) is not None
    newer = replace(found, metadata=replace(found.metadata, generation=3))
    assert inspected(newer, AT) is None
    assert inspected(replace(found, status=type(found.status)()), AT) is None


@pytest.mark.parametrize("dropped", ["Available", "StatusFeedbackSynced"])
def test_an_object_that_is_not_read_yet_is_waited_for(dropped: str) -> None:
    found = work(spoke(objects()))
    at = place(found, "Node")
    entry = found.status.resource_status.manifests[at]
    left = [each for each in entry.conditions if each.type != dropped]
    assert inspected(changed(found, at, conditions=left), AT) is None


def test_a_manifest_that_the_agent_has_not_named_yet_is_waited_for() -> None:
    found = work(spoke(objects()))
    at = place(found, "Proxy")
    nobody = replace(found.status.resource_status.manifests[at].resource_meta, name="other")
    assert inspected(changed(found, at, resource_meta=nobody), AT) is None


def test_another_failure_keeps_the_words_of_the_agent() -> None:
    found = work(spoke(objects()))
    at = place(found, "Deployment")
    failed = [Condition("Available", "Unknown", "FetchingResourceFailed", "the server is away")]
    read = inspected(changed(found, at, conditions=failed), AT)
    assert read is not None
    assert read.of(AGENT) == Reading(ReadResult.FAILED, "the server is away")


def test_the_first_form_of_the_work_reads_no_node() -> None:
    found = facts(node_name="")
    assert node_named(found) == NODE.name
    assert found.node == Reading()
    assert (found.has_node, facts().has_node) == (False, True)


@pytest.mark.parametrize("name", ["", "a/b", "-a", "A", "x" * 254, "a\n", "../nodes"])
def test_a_name_that_no_node_can_have_is_none(name: str) -> None:
    values = {NODE_NAME: name}
    hostile = InspectedFacts(AT, {str(ETCD): Reading(ReadResult.FOUND, values=values)})
    assert node_named(hostile) == ""


def test_hostile_answers_are_cut_and_harmless() -> None:
    found = work(spoke(objects()))
    at = place(found, "Etcd")
    values = [
        FeedbackValue(NODE_NAME, FieldValue("String", string="x\x1b[1A\x00\ny" + "é" * 900_000)),
        *(FeedbackValue(f"more-{n}", FieldValue("String", string="z")) for n in range(1000)),
    ]
    hostile: dict[str, Any] = {"status_feedback": StatusFeedback(values)}
    read = inspected(changed(found, at, **hostile), AT)
    assert read is not None
    text = read.of(ETCD).string(NODE_NAME)
    assert len(text) == MAX_LENGTH
    assert text.isprintable()
    assert list(read.of(ETCD).values) == [NODE_NAME]
    for odd in (FieldValue("Integer", integer=2**60), FieldValue("JsonRaw")):
        odd_values = {"status_feedback": StatusFeedback([FeedbackValue(NODE_NAME, odd)])}
        again = inspected(changed(found, at, **odd_values), AT)
        assert again is not None
        assert again.of(ETCD).values == {}


def test_an_entry_of_nobody_changes_nothing() -> None:
    found = work(spoke(objects()))
    manifests = [*found.status.resource_status.manifests, ManifestCondition()]
    status = replace(found.status, resource_status=ResourceStatus(manifests))
    assert inspected(replace(found, status=status), AT) == inspected(found, AT)
