"""R7: feedback counts for a run only if every clause holds; each one is removed alone."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.observe.ibu_view import IbuCondition
from ibgu.core.model import Kind, OnMember, ReasonKind, WorkView
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu

DONE = IbuCondition("True", "Completed", "Prep completed")


def running() -> tuple[InMemoryEngine, str, WorkView]:
    """An engine whose Prep runs, and its work as it will be when Prep is done."""
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(seconds=30)
    work = engine.works[uid, "site-1"].view()
    assert work.feedback is not None
    return engine, uid, replace(work, feedback=replace(work.feedback, prep_completed=DONE))


def ended(engine: InMemoryEngine, uid: str, work: WorkView) -> bool:
    said = engine.ask(uid, "site-1", stage=work)
    return Kind.RUN_ENDED in [d.kind for d in said if isinstance(d, OnMember)]


def test_with_every_clause_it_is_evidence() -> None:
    engine, uid, work = running()
    assert ended(engine, uid, work)


@pytest.mark.parametrize(
    "changes",
    [
        {"terminating": True},
        {"edited": True},
        {"applied": False},
        {"target_applied": False},
        {"target_available": "False"},
        {"target_available": "Unknown"},
    ],
    ids=str,
)
def test_without_a_clause_of_the_work_it_is_none(changes: dict[str, Any]) -> None:
    engine, uid, work = running()
    assert not ended(engine, uid, replace(work, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"run": "another"},
        {"run": ""},
        {"stage": "Idle"},
        {"observed_generation": 1},
        {"generation": 0, "observed_generation": 0},
    ],
    ids=str,
)
def test_without_a_clause_of_the_object_it_is_none(changes: dict[str, Any]) -> None:
    engine, uid, work = running()
    assert work.feedback is not None
    assert not ended(engine, uid, replace(work, feedback=replace(work.feedback, **changes)))


def test_without_feedback_it_is_none() -> None:
    engine, uid, work = running()
    assert not ended(engine, uid, replace(work, feedback=None))


def test_frozen_feedback_of_an_unreachable_cluster_is_none() -> None:
    engine, uid, work = running()
    cluster = engine.cluster("site-1")
    assert cluster is not None
    said = engine.ask(uid, "site-1", stage=work, cluster=replace(cluster, reachable=False))
    assert [d.kind for d in said if isinstance(d, OnMember)] == [Kind.RUN_PROGRESS]


def test_the_object_that_was_recreated_after_the_pivot_is_evidence() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep Upgrade"))
    engine.wait(hours=1)
    assert engine.spokes["site-1"].generation == 1
    assert [done.action for done in engine.member(uid, 0, "site-1").completed] == [
        "Prep",
        "Upgrade",
    ]


def test_a_requested_rollback_is_no_upgrade_failure() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep Upgrade"))
    engine.wait(minutes=1, seconds=30)
    work = engine.works[uid, "site-1"].view()
    assert work.feedback is not None
    requested = IbuCondition("False", "Failed", "Rollback requested")
    assert not ended(
        engine, uid, replace(work, feedback=replace(work.feedback, upgrade_completed=requested))
    )


def test_frozen_values_leave_the_last_words() -> None:
    engine, uid, work = running()
    before = engine.member(uid, 0, "site-1").reason
    assert before.message == "In progress"
    assert engine.ask(uid, "site-1", stage=replace(work, applied=False)) == []
    gone = replace(work, target_available="False", target_message="not found")
    (said,) = engine.ask(uid, "site-1", stage=gone)
    assert isinstance(said, OnMember)
    assert (said.member.reason.kind, said.member.reason.message) == (
        ReasonKind.RUNNING,
        "not found",
    )
    (said,) = engine.ask(uid, "site-1", stage=replace(gone, target_message=""))
    assert isinstance(said, OnMember)
    assert said.member.reason.message == "the cluster shows no ImageBasedUpgrade"
