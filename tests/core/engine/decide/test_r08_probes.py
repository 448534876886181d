"""R8: probe before the action."""

from datetime import timedelta

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.timing.times import PROBE_RETRY, PROBE_TIMEOUT
from ibgu.core.model import ActingParty, Kind, MemberState, OnMember, Outcome, ReasonKind
from tests.core.engine.decide.builders import unreadable_rollout
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import sites
from tests.core.engine.decide.invariants import Invariants


@pytest.mark.parametrize(("concurrency", "looked"), [(1, 11), (10, 20), (12, 24)])
def test_the_next_ones_are_probed_ahead_of_their_turn(concurrency: int, looked: int) -> None:
    """max(10, maxConcurrency) beyond those that have started."""
    engine = sites(30)
    uid = engine.apply(ibgu("a", "Prep", concurrency=concurrency))
    engine.wait(seconds=10)
    members = engine.tracked(uid).steps[0].members.values()
    assert sum(member.probe is not None for member in members) == looked
    assert len(engine.works) == looked
    ready = [m for m in members if m.reason.kind is ReasonKind.READY]
    assert len(ready) == looked - concurrency
    assert all(m.slot is None for m in ready)


def test_a_probe_is_a_disarmed_work_that_asks_a_question() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.PROBED)
    engine.deliver()
    work = engine.works[uid, "site-1"]
    assert not work.wanted.armed
    assert work.wanted.probe is not None
    assert engine.spokes["site-1"].executed == []


def test_no_answer_is_the_reason_after_a_minute_and_it_is_asked_again_every_ten() -> None:
    engine = InMemoryEngine("site-1")
    engine.frozen.add("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.drive(PROBE_TIMEOUT + timedelta(seconds=1))
    member = engine.member(uid, 0, "site-1")
    assert member.reason.kind is ReasonKind.NO_ANSWER
    assert "reachable but does not answer: no feedback" in member.reason.message
    since = member.reason.since
    engine.drive(2 * PROBE_RETRY)
    member = engine.member(uid, 0, "site-1")
    assert member.probe is not None
    assert member.probe.asked_at == START + 2 * PROBE_RETRY
    assert (member.reason.kind, member.reason.since) == (ReasonKind.NO_ANSWER, since)
    engine.frozen.clear()
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_probe_that_the_hub_refuses_is_reported_as_refused() -> None:
    engine = InMemoryEngine("site-1")
    engine.frozen.add("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.drive(PROBE_TIMEOUT + timedelta(seconds=1))
    [said] = engine.ask(uid, "site-1", refusal="denied by a policy")
    assert isinstance(said, OnMember)
    assert said.member.reason.kind is ReasonKind.NO_ANSWER
    assert said.member.reason.who is ActingParty.PERSON
    assert said.why == "the hub refused the stage work that asks the cluster: denied by a policy"


def test_members_without_an_answer_do_not_hold_up_the_others() -> None:
    engine = sites(13)
    for n in range(1, 13):
        engine.frozen.add(f"site-{n}")
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(minutes=3)
    assert engine.member(uid, 0, "site-13").outcome is Outcome.SUCCEEDED


def test_a_probe_is_worth_nothing_after_the_cluster_was_away() -> None:
    engine = sites(2)
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=10)
    first = engine.member(uid, 0, "site-2").probe
    engine.spokes["site-2"].dark = True
    engine.touch_cluster("site-2")
    engine.settle()
    assert engine.member(uid, 0, "site-2").probe is None
    assert engine.member(uid, 0, "site-2").reason.kind is ReasonKind.UNREACHABLE
    engine.spokes["site-2"].dark = False
    engine.touch_cluster("site-2")
    engine.settle()
    assert engine.member(uid, 0, "site-2").probe not in (None, first)


def test_a_probe_is_worth_nothing_after_another_rollouts_hold() -> None:
    engine = sites(2)
    engine.spokes["site-1"].faults[Stage.PREP] = "slow"
    uid = engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(seconds=10)
    first = engine.member(uid, 0, "site-2").probe
    assert first is not None
    engine.apply(ibgu("b", "Prep", concurrency=2))
    engine.wait(seconds=10)
    assert engine.member(uid, 0, "site-2").probe is None
    engine.until(Kind.PROBED)
    engine.settle()
    (done,) = engine.member(uid, 0, "site-2").completed
    assert done.note.startswith("was already prepared")


def test_in_later_steps_the_works_own_feedback_is_the_probe() -> None:
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    uid = engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(hours=1)
    assert engine.member(uid, 1, "site-1").outcome is Outcome.SUCCEEDED
    assert engine.kinds("site-1").count(Kind.PROBED) == 1
    # probe, arm and disarm Prep, arm and disarm Upgrade
    assert engine.works[uid, "site-1"].generation == 5


def test_the_feedback_of_a_former_cluster_of_the_name_is_no_probe() -> None:
    """The cluster is another one before Upgrade, and its ManifestWork is still on the hub."""
    engine = InMemoryEngine("site-1", "site-2")
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=1))
    engine.until(Kind.FINISHED)
    engine.settle()
    engine.frozen.add("site-1")
    engine.spokes["site-1"].uid = "another"
    engine.touch_cluster("site-1")
    engine.wait(minutes=5)
    assert Kind.PROBED in engine.kinds("site-1")[engine.kinds("site-1").index(Kind.FINISHED) :]
    assert engine.member("uid-a", 1, "site-1").run is None
    assert not engine.works["uid-a", "site-1"].wanted.armed


def test_a_cluster_of_a_rollout_that_can_not_be_read_is_probed_in_each_step() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.fleet.keep_claims([unreadable_rollout("site-1")])
    uid = engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(hours=1)
    for name, probes in (("site-1", 2), ("site-2", 1)):
        assert engine.member(uid, 1, name).outcome is Outcome.SUCCEEDED
        assert engine.kinds(name).count(Kind.PROBED) == probes


@pytest.mark.parametrize("who", ["another rollout", "a hand"])
def test_a_cluster_where_somebody_else_has_been_is_probed_again(who: str) -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=1)
    if who == "a hand":
        engine.spokes["site-1"].run = ""
        engine.settle()
        engine.agents()
    else:
        engine.apply(ibgu("b", "Prep"))
        engine.wait(hours=1)
    engine.append(uid, "Upgrade")
    engine.wait(hours=1)
    assert engine.member(uid, 1, "site-1").outcome is Outcome.SUCCEEDED
    assert engine.member(uid, 1, "site-1").probe is None
    probes = [d.member for d in engine.decisions(Kind.PROBED) if isinstance(d, OnMember)]
    assert [member.step for member in probes if member.rollout == uid] == [0, 1]


def test_an_old_work_that_is_being_deleted_is_waited_for() -> None:
    engine = InMemoryEngine("site-1")
    uid = engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.PROBED)
    engine.deliver()
    engine.frozen.add("site-1")
    engine.works[uid, "site-1"].terminating = True
    engine.touch(uid, "site-1")
    engine.settle()
    member = engine.member(uid, 0, "site-1")
    assert member.reason.kind is ReasonKind.TERMINATING
    assert engine.works[uid, "site-1"].generation == 1
    engine.frozen.clear()
    engine.wait(minutes=5)
    assert engine.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_cluster_that_is_being_deleted_is_not_probed() -> None:
    engine = sites(1)
    uid = engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.STEP_STARTED)
    engine.deleting.add("site-1")
    engine.wait(minutes=1)
    member = engine.member(uid, 0, "site-1")
    assert member.state is MemberState.WAITING
    assert member.reason.message == "the ManagedCluster is being deleted"
    assert not engine.works


def test_a_probe_that_the_hub_does_not_show_yet_is_not_judged() -> None:
    engine = InMemoryEngine("site-1")
    engine.spokes["site-1"].absent = True
    uid = engine.apply(ibgu("a", "Prep"))
    engine.until(Kind.PROBED)
    engine.stalled = engine.now + timedelta(minutes=5)
    engine.touch(uid, "site-1")
    engine.wait(seconds=30)
    assert engine.member(uid, 0, "site-1").reason.kind is ReasonKind.PROBING
