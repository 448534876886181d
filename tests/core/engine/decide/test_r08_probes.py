"""R8: probe before the action."""

from datetime import timedelta

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state import UnreadableRollout
from ibgu.core.engine.timing.times import PROBE_RETRY, PROBE_TIMEOUT
from ibgu.core.model import ActingParty, Kind, MemberState, OnMember, Outcome, ReasonKind
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.decide.fleets import sites
from tests.core.engine.decide.invariants import Invariants


@pytest.mark.parametrize(("concurrency", "looked"), [(1, 11), (10, 20), (12, 24)])
def test_the_next_ones_are_probed_ahead_of_their_turn(concurrency: int, looked: int) -> None:
    """max(10, maxConcurrency) beyond those that have started."""
    twin = sites(30)
    uid = twin.apply(ibgu("a", "Prep", concurrency=concurrency))
    twin.wait(seconds=10)
    members = twin.tracked(uid).steps[0].members.values()
    assert sum(member.probe is not None for member in members) == looked
    assert len(twin.works) == looked
    ready = [m for m in members if m.reason.kind is ReasonKind.READY]
    assert len(ready) == looked - concurrency
    assert all(m.slot is None for m in ready)


def test_a_probe_is_a_disarmed_work_that_asks_a_question() -> None:
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.PROBED)
    twin.deliver()
    work = twin.works[uid, "site-1"]
    assert not work.wanted.armed
    assert work.wanted.probe is not None
    assert twin.spokes["site-1"].executed == []


def test_no_answer_is_the_reason_after_a_minute_and_it_is_asked_again_every_ten() -> None:
    twin = InMemoryEngine("site-1")
    twin.frozen.add("site-1")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.drive(PROBE_TIMEOUT + timedelta(seconds=1))
    member = twin.member(uid, 0, "site-1")
    assert member.reason.kind is ReasonKind.NO_ANSWER
    assert "reachable but does not answer: no feedback" in member.reason.message
    since = member.reason.since
    twin.drive(2 * PROBE_RETRY)
    member = twin.member(uid, 0, "site-1")
    assert member.probe is not None
    assert member.probe.asked_at == START + 2 * PROBE_RETRY
    assert (member.reason.kind, member.reason.since) == (ReasonKind.NO_ANSWER, since)
    twin.frozen.clear()
    twin.wait(minutes=5)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_probe_that_the_hub_refuses_is_reported_as_refused() -> None:
    twin = InMemoryEngine("site-1")
    twin.frozen.add("site-1")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.drive(PROBE_TIMEOUT + timedelta(seconds=1))
    [said] = twin.ask(uid, "site-1", refusal="denied by a policy")
    assert isinstance(said, OnMember)
    assert said.member.reason.kind is ReasonKind.NO_ANSWER
    assert said.member.reason.who is ActingParty.PERSON
    assert said.why == "the hub refused the stage work that asks the cluster: denied by a policy"


def test_members_without_an_answer_do_not_hold_up_the_others() -> None:
    twin = sites(13)
    for n in range(1, 13):
        twin.frozen.add(f"site-{n}")
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(minutes=3)
    assert twin.member(uid, 0, "site-13").outcome is Outcome.SUCCEEDED


def test_a_probe_is_worth_nothing_after_the_cluster_was_away() -> None:
    twin = sites(2)
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(seconds=10)
    first = twin.member(uid, 0, "site-2").probe
    twin.spokes["site-2"].dark = True
    twin.touch_cluster("site-2")
    twin.settle()
    assert twin.member(uid, 0, "site-2").probe is None
    assert twin.member(uid, 0, "site-2").reason.kind is ReasonKind.UNREACHABLE
    twin.spokes["site-2"].dark = False
    twin.touch_cluster("site-2")
    twin.settle()
    assert twin.member(uid, 0, "site-2").probe not in (None, first)


def test_a_probe_is_worth_nothing_after_another_rollouts_hold() -> None:
    twin = sites(2)
    twin.spokes["site-1"].faults[Stage.PREP] = "slow"
    uid = twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.wait(seconds=10)
    first = twin.member(uid, 0, "site-2").probe
    assert first is not None
    twin.apply(ibgu("b", "Prep", concurrency=2))
    twin.wait(seconds=10)
    assert twin.member(uid, 0, "site-2").probe is None
    twin.until(Kind.PROBED)
    twin.settle()
    (done,) = twin.member(uid, 0, "site-2").completed
    assert done.note.startswith("was already prepared")


def test_in_later_steps_the_works_own_feedback_is_the_probe() -> None:
    twin = InMemoryEngine("site-1")
    Invariants(twin)
    uid = twin.apply(ibgu("a", "Prep", "Upgrade"))
    twin.wait(hours=1)
    assert twin.member(uid, 1, "site-1").outcome is Outcome.SUCCEEDED
    assert twin.kinds("site-1").count(Kind.PROBED) == 1
    # probe, arm and disarm Prep, arm and disarm Upgrade
    assert twin.works[uid, "site-1"].generation == 5


def test_a_cluster_of_a_rollout_that_can_not_be_read_is_probed_in_each_step() -> None:
    twin = InMemoryEngine("site-1", "site-2")
    unreadable = UnreadableRollout(
        uid="uid-x",
        namespace="fleet",
        name="x",
        error="ValidationError",
        claims={},
        cancellers={},
        clusters=frozenset({"site-1"}),
    )
    twin.fleet.keep_claims([unreadable])
    uid = twin.apply(ibgu("a", "Prep", "Upgrade"))
    twin.wait(hours=1)
    for name, probes in (("site-1", 2), ("site-2", 1)):
        assert twin.member(uid, 1, name).outcome is Outcome.SUCCEEDED
        assert twin.kinds(name).count(Kind.PROBED) == probes


@pytest.mark.parametrize("who", ["another rollout", "a hand"])
def test_a_cluster_where_somebody_else_has_been_is_probed_again(who: str) -> None:
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    if who == "a hand":
        twin.spokes["site-1"].run = ""
        twin.settle()
        twin.agents()
    else:
        twin.apply(ibgu("b", "Prep"))
        twin.wait(hours=1)
    twin.append(uid, "Upgrade")
    twin.wait(hours=1)
    assert twin.member(uid, 1, "site-1").outcome is Outcome.SUCCEEDED
    assert twin.member(uid, 1, "site-1").probe is None
    probes = [d.member for d in twin.decisions(Kind.PROBED) if isinstance(d, OnMember)]
    assert [member.step for member in probes if member.rollout == uid] == [0, 1]


def test_an_old_work_that_is_being_deleted_is_waited_for() -> None:
    twin = InMemoryEngine("site-1")
    uid = twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.PROBED)
    twin.deliver()
    twin.frozen.add("site-1")
    twin.works[uid, "site-1"].terminating = True
    twin.touch(uid, "site-1")
    twin.settle()
    member = twin.member(uid, 0, "site-1")
    assert member.reason.kind is ReasonKind.TERMINATING
    assert twin.works[uid, "site-1"].generation == 1
    twin.frozen.clear()
    twin.wait(minutes=5)
    assert twin.member(uid, 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_cluster_that_is_being_deleted_is_not_probed() -> None:
    twin = sites(1)
    uid = twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.STEP_STARTED)
    twin.deleting.add("site-1")
    twin.wait(minutes=1)
    member = twin.member(uid, 0, "site-1")
    assert member.state is MemberState.WAITING
    assert member.reason.message == "the ManagedCluster is being deleted"
    assert not twin.works


def test_a_probe_that_the_hub_does_not_show_yet_is_not_judged() -> None:
    twin = InMemoryEngine("site-1")
    twin.spokes["site-1"].absent = True
    uid = twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.PROBED)
    twin.stalled = twin.now + timedelta(minutes=5)
    twin.touch(uid, "site-1")
    twin.wait(seconds=30)
    assert twin.member(uid, 0, "site-1").reason.kind is ReasonKind.PROBING
