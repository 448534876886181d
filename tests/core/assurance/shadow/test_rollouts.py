"""IBGU and ClusterGroupUpgrade as shadow mode keeps them."""

from typing import Any

from msgspec import Raw, json
from msgspec.structs import replace

from ibgu.core.assurance.shadow import rollout_of, status_of, step_of
from tests.core.assurance.shadow.scenes import START, at, group
from tests.core.engine.decide.builders import ibgu

STATUS = {
    "conditions": [{"type": "Progressing", "status": "False", "message": "All plan steps..."}],
    "clusters": [
        {"name": "s1", "failedActions": [{"action": "Prep", "message": "words"}]},
        {"name": "s2", "completedActions": [{"action": "Prep"}]},
    ],
}


def test_a_rollout_is_read_from_its_ibgu() -> None:
    obj = replace(ibgu("a", "Prep", "Upgrade FinalizeUpgrade"), status=Raw(json.encode(STATUS)))
    found = rollout_of(obj, None, at(1))
    assert found.full_name == "fleet/a"
    assert found.plan == (("Prep",), ("Upgrade", "FinalizeUpgrade"))
    assert (found.created_at, found.watched_since) == (START, at(1))
    assert (found.complete, found.progress) == (True, "All plan steps...")
    assert rollout_of(obj, found, at(9)) == found
    assert status_of(obj).failed() == {("s1", "Prep"): "words"}
    assert status_of(obj).ended() == {("s1", "Prep"), ("s2", "Prep")}


def test_a_rollout_that_has_just_been_made() -> None:
    obj = ibgu("a", "Prep")
    fresh = replace(obj, metadata=replace(obj.metadata, creation_timestamp=""))
    found = rollout_of(fresh, None, at(1))
    assert (found.created_at, found.complete, found.progress) == (at(1), False, "")


def test_a_status_that_is_not_talms() -> None:
    obj = replace(ibgu("a", "Prep"), status=Raw(b'{"clusters": 3}'))
    assert status_of(obj).failed() == {}


def test_batches_end_when_the_next_begins() -> None:
    first = step_of("uid", group(), None, at(1))
    assert first.key == ("uid", 0)
    assert (first.total, first.batch, first.group) == (3, 1, "fleet/a-prep-0")
    assert [batch.ended_at for batch in first.batches] == [None, None]
    second = step_of("uid", group(batch=2), first, at(5))
    assert [batch.ended_at for batch in second.batches] == [at(5), None]
    over = group(batch=2, succeeded="True")
    third = step_of("uid", over, second, at(9))
    assert [batch.ended_at for batch in third.batches] == [at(5), at(9)]
    assert third.finished_at == at(9)
    assert step_of("uid", over, third, at(10)) == third


def test_the_times_of_a_step_are_those_of_talm() -> None:
    times: dict[str, Any] = {"started": "2026-01-01T00:02:00Z", "completed": "2026-01-01T00:40:00Z"}
    found = step_of("uid", group(succeeded="True", **times), None, at(50))
    assert (found.started_at, found.finished_at) == (at(2), at(40))


def test_a_step_before_its_clusters_are_chosen() -> None:
    found = step_of("uid", group(batches=[], batch=0), None, at(1))
    assert (found.total, found.started_at, found.batches) == (0, None, ())
