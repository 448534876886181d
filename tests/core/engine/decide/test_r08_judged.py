"""R8: what a probe's answer means for the member."""

from datetime import timedelta

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.timing.times import PROBE_RETRY
from ibgu.core.model import Cause, Outcome, ReasonKind
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.decide.spoke import told


def test_a_busy_cluster_waits_with_its_own_words_and_starts_when_it_is_through() -> None:
    engine = InMemoryEngine("site-1")
    spoke = engine.spokes["site-1"]
    spoke.to("Prep")
    spoke.ask(Stage.IDLE, "", spoke.seed)
    spoke.tick(START + timedelta(seconds=1))
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(seconds=30)
    member = engine.member(uid, 0, "site-1")
    assert (member.reason.kind, member.reason.message) == (ReasonKind.BUSY, "Aborting")
    engine.wait(minutes=3)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_long_busy_cluster_is_probed_again() -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].conditions["Idle"] = told("False", "Blocked", "IPC is not idle")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.drive(PROBE_RETRY + timedelta(minutes=1))
    member = engine.member(uid, 0, "site-1")
    assert (member.reason.kind, member.reason.message) == (ReasonKind.BUSY, "IPC is not idle")
    assert member.reason.since == START
    assert engine.works[uid, "site-1"].generation == 2


@pytest.mark.parametrize(
    ("plan", "stages", "actions"),
    [
        ("Prep", ["Prep"], ["Prep"]),
        ("Prep Upgrade", ["Prep", "Upgrade"], ["Prep", "Upgrade"]),
        ("Abort", [], ["Abort"]),
    ],
)
def test_an_aim_that_is_reached_already_is_a_success(
    plan: str, stages: list[str], actions: list[str]
) -> None:
    engine = InMemoryEngine("site-1")
    for stage in stages:
        engine.spokes["site-1"].to(stage)
    uid = engine.apply(ibgu("a", plan))
    engine.settle()
    member = engine.member(uid, 0, "site-1")
    assert member.outcome is Outcome.SUCCEEDED
    assert [done.action for done in member.completed] == actions
    assert all(done.note.startswith("was already") for done in member.completed)
    assert member.run is None
    assert engine.spokes["site-1"].executed == []


def test_a_chain_goes_on_from_where_the_cluster_is() -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].to("Prep")
    uid = engine.apply(ibgu("a", "Prep Upgrade"))
    engine.wait(hours=1)
    first, second = engine.member(uid, 0, "site-1").completed
    assert first.note.startswith("was already")
    assert second.note == ""


def test_another_settled_state_fails_and_names_what_was_seen() -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].to("Prep", ("quay.io/other", "4.16"))
    uid = engine.apply(ibgu("a", "Prep"))
    engine.settle()
    member = engine.member(uid, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.WRONG_STATE)
    assert "quay.io/other" in member.message
    assert member.failed_action == "Prep"
    assert engine.labels["site-1"] == {}


def test_a_failed_abort_is_a_failure_of_its_own() -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].conditions["Idle"] = told("False", "AbortFailed", "clean up by hand")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.settle()
    member = engine.member(uid, 0, "site-1")
    assert (member.cause, member.message) == (Cause.ABORT_FAILED, "clean up by hand")


def test_a_cluster_without_the_lifecycle_agent_fails_after_two_minutes() -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].absent = True
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(seconds=119)
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.ABSENT
    engine.wait(seconds=2)
    member = engine.member(uid, 0, "site-1")
    assert (member.outcome, member.cause) == (Outcome.FAILED, Cause.AGENT_ABSENT)
    assert "Lifecycle Agent is not installed" in member.message


def test_an_agent_that_comes_in_time_fails_nobody() -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].absent = True
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(seconds=100)
    engine.spokes["site-1"].absent = False
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED
