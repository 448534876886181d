"""Few messages, in order, the same ones whenever the same events are read again."""

from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Kind, Outcome
from ibgu.core.model.topics import Topic
from ibgu.core.notify import NotificationState, advance, overdue
from ibgu.core.notify.failures import MAX_MESSAGE, counted, milestone, without
from ibgu.core.notify.message import message_id
from ibgu.core.notify.messages import failed
from ibgu.core.notify.rollout_event import RolloutEvent
from ibgu.core.notify.state import NAMED, FailureGroup, Hold
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.gates.policies.grants import approve, break_glass
from tests.core.engine.gates.policies.policy import policy, set_policies
from tests.core.engine.gates.policies.test_canary_rollback import breaks, upgraded
from tests.core.notify.messages import UID, facts_of, folded, prepared, told

HOUR = timedelta(hours=1)


def test_a_rollout_without_trouble_sends_four_messages() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.apply(ibgu("a", "Prep"))
    engine.drive()
    memory, messages = folded(facts_of(engine))
    assert told(messages) == [
        (Topic.ROLLOUT_STARTED, "the rollout starts"),
        (Topic.STEP_STARTED, "step 1 starts with 2 clusters"),
        (Topic.STEP_FINISHED, "step 1 is finished: 2 succeeded"),
        (Topic.ROLLOUT_COMPLETED, "all plan steps are completed"),
    ]
    assert messages[2].track.outcomes == {"succeeded": 2}
    assert memory == NotificationState()


def test_a_circuit_breaker_is_reported_and_earlier_failures_are_grouped() -> None:
    engine = prepared(range(1, 13))
    engine.wait(hours=5)
    memory, messages = folded(facts_of(engine))
    first, fifth, breaker = messages[2:]
    assert [first.topic, fifth.topic, breaker.topic] == [
        Topic.CLUSTERS_FAILED,
        Topic.CLUSTERS_FAILED,
        Topic.STEP_CIRCUIT_BREAKER,
    ]
    assert first.text.startswith("step 1: 1 cluster failed in Upgrade")
    assert fifth.text.startswith("step 1: 5 clusters failed in Upgrade")
    assert fifth.groups[0].clusters == tuple(f"site-{n}" for n in range(1, 6))
    assert breaker.hold is not None
    assert (breaker.hold.reason, breaker.hold.who) == ("CircuitBreaker", "person")
    assert breaker.text.startswith(
        "the circuit breaker holds step 1 (Upgrade): the first 5 clusters"
    )
    assert memory.tracks[UID].step_hold == breaker.hold


def test_broken_glass_is_reported_with_its_user_and_its_end() -> None:
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=1)
    break_glass(engine, "ClusterHold", hours=1)
    engine.wait(hours=2)
    _, messages = folded(facts_of(engine))
    found = [each for each in messages if each.topic is Topic.ROLLOUT_BREAK_GLASS]
    assert [each.actor for each in found] == ["nora", ""]
    assert found[0].text.startswith("nora lets the rollout pass ClusterHold until ")
    assert found[1].text.startswith("ClusterHold keeps the rollout again")


def waiting_for_two() -> InMemoryEngine:
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, 41)))
    set_policies(engine, policy(approval={"fourEyes": False, "approvers": 2}))
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=5)
    return engine


def test_a_missing_approval_is_reported_once_and_its_end_too() -> None:
    engine = waiting_for_two()
    memory, messages = folded(facts_of(engine))
    needed = messages[-1]
    assert told(messages[1:]) == [
        (Topic.STEP_STARTED, "step 1 starts with 40 clusters"),
        (
            Topic.STEP_APPROVAL_NEEDED,
            "clusters of step 1 wait for approval by RolloutPolicy/network: 2 people must approve "
            "step 1 (`ibgu approve a -n fleet --step 1 --before Step`)",
        ),
    ]
    [kept] = memory.tracks[UID].approvals
    assert (kept.gate, kept.before, kept.since) == ("RolloutPolicy/network", "Step", needed.at)
    approve(engine, "alice")
    engine.wait(minutes=5)
    memory, same = folded(facts_of(engine))
    assert told(same) == told(messages), "one of two is no news"
    [kept] = memory.tracks[UID].approvals
    assert (kept.message.endswith("and alice has"), kept.since) == (True, needed.at)
    approve(engine, "bob")
    engine.wait(hours=9)
    memory, messages = folded(facts_of(engine))
    assert [message.topic for message in messages[3:]] == [
        Topic.STEP_APPROVAL_SETTLED,
        Topic.STEP_FINISHED,
        Topic.ROLLOUT_COMPLETED,
    ]
    assert memory == NotificationState()


def test_messages_about_approvals_are_the_same_wherever_one_goes_on() -> None:
    engine = waiting_for_two()
    for user in ("alice", "bob"):
        approve(engine, user)
        engine.wait(hours=9)
    facts = facts_of(engine)
    whole = folded(facts)[1]
    for cut in range(len(facts)):
        memory, before = folded(facts[:cut])
        read = msgspec.json.decode(msgspec.json.encode(memory), type=NotificationState)
        assert before + folded(facts[cut:], read)[1] == whole


def test_a_deleted_rollout_needs_no_approval() -> None:
    engine = waiting_for_two()
    engine.delete(UID)
    engine.turn()
    memory, _ = folded(fact for fact in facts_of(engine) if fact.kind != Kind.STEP_FINISHED)
    assert memory.tracks[UID].approvals == ()


def test_a_rollback_by_a_policy_is_reported() -> None:
    engine = upgraded()
    breaks(engine, "site-1")
    _, messages = folded(facts_of(engine))
    [found] = [each for each in messages if each.topic is Topic.STEP_FOLLOW_UP]
    words = "Rollback of site-1 for RolloutPolicy first, by the new rollout a-rollback-"
    assert found.text.startswith(words)


def test_a_further_attempt_of_an_older_step_leaves_the_running_one_as_it_is() -> None:
    facts = facts_of(prepared_and_opened())
    memory, _ = folded(facts)
    before = memory.tracks[UID]
    again = replace(facts[-1], kind=Kind.FOLLOW_UP, cluster=None, step=0, data={"state": "x"})
    after, [told] = advance(IBU, memory, again)
    assert told.topic is Topic.STEP_FOLLOW_UP
    assert replace(after.tracks[UID], moved=before.moved, moved_seq=before.moved_seq) == before
    after, [told] = advance(IBU, NotificationState(), again)
    assert told.topic is Topic.STEP_FOLLOW_UP
    assert after == NotificationState(), "the rollout is over"


def test_a_resumed_rollout_reports_its_release_and_all_outcomes() -> None:
    engine = prepared([*range(1, 6), 8])
    engine.wait(hours=5)
    engine.annotate(UID, resume="1")
    engine.wait(hours=20)
    memory, messages = folded(facts_of(engine))
    topics = [message.topic for message in messages]
    assert topics[topics.index(Topic.STEP_CIRCUIT_BREAKER) + 1] is Topic.STEP_RELEASED
    finished, completed = messages[-2:]
    assert finished.text == "step 1 is finished: 6 succeeded, 6 failed"
    assert finished.track.outcomes == {"succeeded": 6, "failed": 6}
    assert completed.text == "all plan steps are completed, 6 of 12 clusters failed"
    assert [group.count for group in completed.groups] == [6]
    assert memory.tracks[UID].state == "complete"


def test_after_a_step_that_cleans_up_its_failures_are_history() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-2"].faults[Stage.PREP] = "fail"
    engine.apply(ibgu("a", "Prep", "AbortOnFailure"))
    engine.drive()
    memory, messages = folded(facts_of(engine))
    assert [message.topic for message in messages].count(Topic.CLUSTERS_FAILED) == 1
    assert messages[-1].text == "all plan steps are completed, 1 of 2 clusters failed"
    assert memory == NotificationState()


def test_a_plan_that_grows_starts_again() -> None:
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep"))
    engine.drive()
    engine.append(UID, "Upgrade")
    engine.drive()
    _, messages = folded(facts_of(engine))
    assert (Topic.ROLLOUT_STARTED, "the plan goes on") in told(messages)
    assert messages[-1].topic is Topic.ROLLOUT_COMPLETED
    assert messages[-2].track.actions == ("Upgrade",)


def test_a_plan_that_becomes_invalid_is_a_hold_until_it_is_mended() -> None:
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Upgrade"))
    engine.drive()
    mended = engine.ibgus[UID]
    engine.append(UID, "Prep")
    engine.settle()
    meta = replace(mended.metadata, generation=3)
    engine.apply(replace(mended, metadata=meta))
    engine.drive()
    _, messages = folded(facts_of(engine))
    held, released = [m for m in messages if m.topic.startswith("rollout.")][-2:]
    assert held.topic is Topic.ROLLOUT_HELD
    assert held.text.startswith("nothing new starts: ")
    assert held.hold is not None
    assert held.hold.reason == "InvalidPlan"
    assert released.topic is Topic.ROLLOUT_RELEASED


def test_a_step_that_waits_for_its_payload_is_a_hold() -> None:
    fact = next(f for f in facts_of(prepared_and_opened()) if f.kind == Kind.STEP_OPENED)
    blocked = replace(
        fact, kind=Kind.STEP_HELD, why="no", data={**fact.data, "hold": "PayloadBlocked"}
    )
    _, messages = folded([fact, blocked])
    assert told(messages) == [(Topic.STEP_HELD, "nothing new starts in step 1 (Upgrade): no")]


def prepared_and_opened() -> InMemoryEngine:
    engine = prepared(count=1)
    engine.until(Kind.STEP_STARTED)
    return engine


def test_a_deleted_rollout_is_reported_and_forgotten() -> None:
    engine = prepared_and_opened()
    engine.delete(UID)
    engine.drive()
    memory, messages = folded(facts_of(engine))
    assert [message.text for message in messages[-2:]] == [
        "the ImageBasedGroupUpgrade was deleted",
        "step 1 is finished: 1 cancelled",
    ]
    assert memory == NotificationState()


def test_late_truth_about_a_rollout_that_is_over_leaves_no_trace() -> None:
    engine = prepared([2], 3)
    engine.wait(hours=20)
    ended = [fact for fact in facts_of(engine) if fact.cluster]
    assert folded(ended) == (NotificationState(), [])


def test_kinds_of_other_versions_are_passed_over() -> None:
    fact = replace(facts_of(prepared_and_opened())[0], kind="SomethingNew")
    assert advance(IBU, NotificationState(), fact) == (NotificationState(), ())


def test_other_kinds_of_a_step_or_a_rollout_change_nothing() -> None:
    """Such as a run's, if one were ever told without its cluster."""
    facts = facts_of(prepared_and_opened())
    memory, _ = folded(facts)
    for step in (0, None):
        odd = replace(facts[-1], kind=Kind.FINISHED, step=step, cluster=None)
        after, messages = advance(IBU, memory, odd)
        assert messages == ()
        assert after.tracks[UID].moved == odd.at


def test_members_of_an_earlier_step_are_not_counted() -> None:
    facts = facts_of(prepared_and_opened())
    memory, _ = folded(facts)
    late = replace(
        facts[-1],
        kind=Kind.IMPORTED,
        cluster="site-9",
        step=4,
        data={"outcome": "failed", "failed_action": "Prep"},
    )
    after, messages = advance(IBU, memory, late)
    assert messages == ()
    assert after.tracks[UID].outcomes == {}


def test_imported_members_are_counted_and_not_reported() -> None:
    facts = facts_of(prepared_and_opened())
    memory, _ = folded(facts)
    failed = {"outcome": Outcome.FAILED, "failed_action": "Upgrade", "message": "no"}
    found = replace(facts[-1], kind=Kind.IMPORTED, cluster="site-1", step=0, data=failed)
    after, messages = advance(IBU, memory, found)
    assert messages == ()
    assert after.tracks[UID].outcomes == {"failed": 1}
    assert [group.count for group in after.tracks[UID].groups] == [1]


@pytest.mark.parametrize(
    ("count", "told"), [(1, True), (2, False), (5, True), (10, True), (15, False), (500, True)]
)
def test_ever_fewer_messages_about_the_same_failure(count: int, told: bool) -> None:
    assert milestone(count) is told


def test_a_group_names_few_clusters_and_few_words() -> None:
    fact = next(f for f in facts_of(prepared_and_opened()))
    failed = replace(
        fact, step=0, cause="Odd", data={"failed_action": "Nap", "message": "x" * 1000}
    )
    groups = counted(IBU, (), replace(failed, cluster="other", cause=None))
    for n in range(20):
        groups = counted(IBU, groups, replace(failed, cluster=f"site-{n}"))
    unknown, odd = groups
    assert (unknown.failure, unknown.count) == ("unknown", 1)
    assert (odd.failure, odd.count, len(odd.clusters)) == ("Odd", 20, NAMED)
    assert len(odd.words) == MAX_MESSAGE + 1


def test_words_of_one_cluster_name_it_where_others_say_something_else() -> None:
    fact = replace(next(f for f in facts_of(prepared_and_opened())), step=0, cause="Odd")
    groups: tuple[FailureGroup, ...] = ()
    texts = []
    for cluster, words in (("s1", "no seed"), ("s2", "no seed"), ("s3", "no disk")):
        data = {"failed_action": "Nap", "message": words}
        groups = counted(IBU, groups, replace(fact, cluster=cluster, data=data))
        texts.append(failed(groups[0]))
    assert failed(replace(groups[0], words="")) == "step 1: 3 clusters failed in Nap: Odd"
    assert texts[1:] == [
        "step 1: 2 clusters failed in Nap (Odd): no seed",
        "step 1: 3 clusters failed in Nap (Odd): for example s1: no seed",
    ]


def test_a_remedy_for_one_cluster_names_it_and_for_several_does_not() -> None:
    fact = replace(next(f for f in facts_of(prepared_and_opened())), step=0, cause="PrepFailed")
    words = (
        "precache job failed to complete. job-name: lca-prep-precache, job-namespace: "
        "openshift-lifecycle-agent"
    )
    data = {"failed_action": "Prep", "message": words}
    groups: tuple[FailureGroup, ...] = ()
    for cluster, shown in (("s1", "s1"), ("s2", "CLUSTER")):
        groups = counted(IBU, groups, replace(fact, cluster=cluster, data=data))
        assert f"`ibgu gather {shown} --image IMAGE`" in groups[0].remedy
        assert "`ibgu retry a -n fleet --abort-first`" in groups[0].remedy


def test_the_same_events_make_the_same_messages_wherever_one_goes_on() -> None:
    engine = prepared([*range(1, 6), 8])
    engine.wait(hours=5)
    engine.annotate(UID, resume="1")
    engine.wait(hours=20)
    facts = facts_of(engine)
    whole = folded(facts)[1]
    ids = [message.id for message in whole]
    assert len(set(ids)) == len(ids)
    for cut in range(0, len(facts), 7):
        memory, before = folded(facts[:cut])
        assert before + folded(facts[cut:], memory)[1] == whole


# -- stalled -------------------------------------------------------------------------------------


def test_nothing_has_moved_for_long() -> None:
    engine = prepared_and_opened()
    engine.turn()
    facts = facts_of(engine)
    memory, _ = folded(facts)
    moved = memory.tracks[UID].moved
    assert moved is not None
    assert overdue(memory, moved + HOUR, 2 * HOUR) == (memory, ())
    after, (message,) = overdue(memory, moved + 2 * HOUR, 2 * HOUR)
    assert message.topic is Topic.ROLLOUT_STALLED
    assert message.text == (
        "step 1 (Upgrade) has not moved for 120 min: 0 of 1 cluster finished; see `ibgu status`"
    )
    assert overdue(after, moved + 3 * HOUR, 2 * HOUR) == (after, ())
    again = overdue(memory, moved + 5 * HOUR, 2 * HOUR)[1][0]
    assert again.id == message.id


def test_a_number_that_is_given_again_makes_another_id() -> None:
    """After a restore the journal counts from an earlier number."""
    topic = Topic.CLUSTERS_FAILED
    assert message_id(7, topic, START) != message_id(7, topic, START + HOUR)


def test_a_stalled_rollout_that_continues_is_reported_once() -> None:
    engine = prepared_and_opened()
    known = len(facts_of(engine))
    memory, _ = folded(facts_of(engine))
    memory, _ = overdue(memory, START + 9 * HOUR, HOUR)
    engine.drive()
    after, messages = folded(facts_of(engine)[known:], memory)
    assert told(messages[:1]) == [(Topic.ROLLOUT_MOVING, "step 1 (Upgrade) moves again")]
    assert [message.topic for message in messages].count(Topic.ROLLOUT_MOVING) == 1
    assert after == NotificationState()


def test_a_held_rollout_has_not_stalled() -> None:
    engine = prepared(range(1, 13))
    engine.wait(hours=5)
    memory, _ = folded(facts_of(engine))
    assert overdue(memory, START + 99 * HOUR, HOUR) == (memory, ())


def test_the_time_counts_from_the_release() -> None:
    engine = prepared(range(1, 13))
    engine.wait(hours=5)
    memory, _ = folded(facts_of(engine))
    known = len(facts_of(engine))
    engine.wait(hours=9)
    engine.annotate(UID, resume="1")
    engine.turn()
    released = [f for f in facts_of(engine)[known:] if f.kind == Kind.STEP_RELEASED]
    memory, _ = folded(released, memory)
    assert memory.tracks[UID].moved == released[0].at


def test_failures_of_a_rollout_that_is_over_are_forgotten_after_a_day() -> None:
    engine = prepared([2], 3)
    engine.wait(hours=20)
    memory, _ = folded(facts_of(engine))
    ended = memory.tracks[UID].groups[0].last
    assert overdue(memory, ended + 23 * HOUR, HOUR) == (memory, ())
    assert overdue(memory, ended + 24 * HOUR, HOUR) == (NotificationState(), ())


def test_a_deleted_rollout_does_not_stall_while_its_last_clusters_end() -> None:
    engine = prepared_and_opened()
    known = facts_of(engine)
    engine.delete(UID)
    engine.turn()
    deleted = next(f for f in facts_of(engine) if f.kind == Kind.ROLLOUT_DELETED)
    memory, _ = folded([*known, deleted])
    assert UID in memory.tracks
    assert overdue(memory, START + 99 * HOUR, HOUR) == (memory, ())


def test_failures_of_a_plan_that_may_grow_are_forgotten_too_but_not_its_hold() -> None:
    engine = prepared([2], 3)
    engine.wait(hours=20)
    memory, _ = folded(facts_of(engine))
    held = replace(memory.tracks[UID], hold=Hold("InvalidPlan", "", "person", START))
    after, _ = overdue(memory.tracking(UID, held), START + 99 * HOUR, HOUR)
    assert after.tracks[UID].groups == ()


def test_a_cluster_that_soaks_has_not_stalled() -> None:
    """The cluster shows nothing new until its time is over."""
    engine = prepared_and_opened()
    facts = facts_of(engine)
    before, _ = folded(facts)
    moved = before.tracks[UID].moved
    assert moved is not None
    until = moved + 5 * HOUR
    running = next(fact for fact in reversed(facts) if fact.cluster is not None)
    soaks = replace(
        running,
        seq=facts[-1].seq + 1,
        kind=str(Kind.RUN_PROGRESS),
        data={"until": until.isoformat()},
    )
    other = replace(soaks, seq=soaks.seq + 1, data={})
    memory, _ = folded([soaks, other], before)
    assert overdue(memory, until + HOUR, 2 * HOUR)[1] == ()
    (message,) = overdue(memory, until + 2 * HOUR, 2 * HOUR)[1]
    assert message.topic is Topic.ROLLOUT_STALLED


def test_a_step_whose_clock_policies_stop_has_not_stalled_for_a_day() -> None:
    """The time counts from when it goes on. Nobody else says that an approval is missing."""
    engine = prepared_and_opened()
    facts = facts_of(engine)
    before, _ = folded(facts)
    moved = before.tracks[UID].moved
    assert moved is not None
    opened = next(fact for fact in facts if fact.kind == Kind.STEP_STARTED)
    opened = replace(opened, step=before.tracks[UID].step)
    stopped = replace(opened, seq=900, at=moved + HOUR, kind=str(Kind.CLOCK_STOPPED))
    held, _ = folded([stopped], before)
    assert overdue(held, moved + 23 * HOUR, 2 * HOUR) == (held, ())
    (kept,) = overdue(held, moved + 24 * HOUR, 2 * HOUR)[1]
    assert kept.topic is Topic.ROLLOUT_STALLED
    goes_on = replace(stopped, seq=901, at=moved + 99 * HOUR, kind=str(Kind.CLOCK_STARTED))
    memory, _ = folded([goes_on], held)
    assert overdue(memory, moved + 100 * HOUR, 2 * HOUR) == (memory, ())
    (message,) = overdue(memory, moved + 101 * HOUR, 2 * HOUR)[1]
    assert message.topic is Topic.ROLLOUT_STALLED


def late(fact: RolloutEvent, **data: str) -> RolloutEvent:
    """The cluster of the failure completes its action late."""
    given = {"state": "finished", "outcome": "failed", "late": "completed late", **data}
    return replace(fact, seq=fact.seq + 1, kind=str(Kind.COMPLETED_LATE), cause=None, data=given)


def test_a_late_completion_takes_its_cluster_from_the_failures() -> None:
    engine = prepared([2, 3], 4)
    engine.wait(hours=5)
    facts = facts_of(engine)
    failures = [fact for fact in facts if fact.data.get("outcome") == "failed"]
    until = facts[: facts.index(failures[-1]) + 1]
    memory, _ = folded(until)
    (group,) = memory.tracks[UID].groups
    assert (group.count, memory.tracks[UID].outcomes["failed"]) == (2, 2)
    stays, _ = advance(IBU, memory, late(failures[0], late=""))
    assert stays.tracks[UID].groups == (group,)
    earlier, _ = advance(IBU, memory, replace(late(failures[0]), step=9))
    assert earlier.tracks[UID].outcomes == memory.tracks[UID].outcomes
    once, messages = advance(IBU, memory, late(failures[0]))
    assert messages == ()
    (left,) = once.tracks[UID].groups
    assert (left.count, left.clusters) == (1, (failures[1].cluster,))
    assert once.tracks[UID].outcomes["failed"] == 1
    twice, _ = advance(IBU, once, late(failures[1]))
    assert twice.tracks[UID].groups == ()
    assert "failed" not in twice.tracks[UID].outcomes
    assert twice.tracks[UID].outcomes["succeeded"] == 2 + memory.tracks[UID].outcomes.get(
        "succeeded", 0
    )


def test_a_cluster_that_no_group_names_is_taken_from_the_only_one_of_its_step() -> None:
    engine = prepared([2, 3], 4)
    engine.wait(hours=5)
    failures = [fact for fact in facts_of(engine) if fact.data.get("outcome") == "failed"]
    one = counted(IBU, (), failures[0])
    assert without(one, replace(failures[0], cluster="site-9")) == ()
    other = replace(one[0], action="Prep")
    both = (*one, other)
    assert without(both, replace(failures[0], cluster="site-9")) == both
    assert without(one, replace(failures[0], step=7)) == one
