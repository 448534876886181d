"""R31: what policies have counted and refused is not forgotten with the journal."""

from datetime import timedelta

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import ClusterView, Kind, MemberState, OnRollout, Outcome, Rollout
from ibgu.core.model.grants import StepAuthor
from ibgu.core.model.rollout_policy import PolicyState
from ibgu.core.recover import find, rebuild
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.restores import lose_journal, write_status
from tests.core.engine.gates.policies.grants import approve
from tests.core.engine.gates.policies.policy import policy, set_policies
from tests.core.engine.gates.policies.test_approvals import fleet
from tests.core.engine.gates.policies.test_retry import asked, failing


def lose(engine: InMemoryEngine) -> None:
    write_status(engine, "uid-a")
    lose_journal(engine)
    engine.settle()


def restored(engine: InMemoryEngine) -> Rollout:
    """Returns the rollout as it is rebuilt by the journal that there is, and by the hub."""
    rollout = engine.tracked("uid-a").rollout
    found = find(engine.ibgus["uid-a"], [], dict[str, ClusterView]().get)
    first = next(rebuild(engine.driver, rollout, found, engine.fleet, "why", engine.now))
    assert isinstance(first, OnRollout)
    return first.rollout


def resume(engine: InMemoryEngine) -> None:
    engine.annotate("uid-a", resume="now-1")
    engine.wait(minutes=5)


@pytest.mark.parametrize("lost", [False, True])
def test_an_approval_that_was_refused_stays_refused(*, lost: bool) -> None:
    engine = fleet(actions=["Upgrade"], approval={"fourEyes": False})
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=1)
    approve(engine, "mallory", step=2)  # before anybody knows what it will be
    engine.wait(hours=1)
    assert engine.tracked("uid-a").rollout.grants.approvals[0].refused
    engine.append("uid-a", "Upgrade")
    engine.wait(minutes=5)
    assert engine.member("uid-a", 1, "site-1").state is MemberState.WAITING
    if lost:
        lose(engine)
        resume(engine)
    engine.wait(hours=2)
    assert engine.member("uid-a", 1, "site-1").outcome is None
    if lost:
        assert "the journal was lost" in engine.tracked("uid-a").rollout.grants.approvals[0].refused
    approve(engine, "alice", step=2)
    engine.wait(hours=2)
    assert engine.member("uid-a", 1, "site-1").outcome is not None


def test_an_author_is_no_longer_proven_once_the_journal_was_lost() -> None:
    """Somebody else may have exchanged it meanwhile."""
    engine = fleet(approval={})
    engine.apply(ibgu("a", "Prep"))
    engine.annotate("uid-a", step_1_author="alice", step_2_author="alice")
    engine.wait(minutes=5)
    lose(engine)
    [known] = engine.tracked("uid-a").rollout.grants.authors
    assert known == StepAuthor(0, "alice", changed=True)
    engine.wait(minutes=5)
    approve(engine, "bob")
    resume(engine)
    assert engine.member("uid-a", 0, "site-1").state is MemberState.WAITING
    approve(engine, "alice")
    engine.wait(hours=2)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_an_author_in_an_older_journal_stands_for_what_it_knows() -> None:
    engine = fleet(approval={})
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.annotate("uid-a", step_1_author="alice")
    engine.wait(minutes=5)
    [before] = engine.tracked("uid-a").rollout.grants.authors
    engine.annotate("uid-a", step_2_author="bob")
    rebuilt = restored(engine)
    assert rebuilt.grants.authors == (before, StepAuthor(1, "bob", changed=True))
    engine.annotate("uid-a", step_1_author="carol")
    assert restored(engine).grants.authors[0] == StepAuthor(0, "carol", changed=True)


def test_a_cluster_that_was_skipped_by_name_is_not_started_by_a_resume() -> None:
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-1"].faults[Stage.PREP] = "hang"
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(minutes=1)
    engine.annotate("uid-a", skip="site-2")
    engine.wait(minutes=1)
    assert engine.member("uid-a", 0, "site-2").outcome is Outcome.SKIPPED
    lose(engine)
    resume(engine)
    engine.wait(hours=9)
    assert engine.spokes["site-2"].executed == []


@pytest.mark.parametrize("lost", [False, True])
def test_failures_still_count_for_a_budget(*, lost: bool) -> None:
    engine = InMemoryEngine("site-1", "site-2", "site-3", "site-4")
    set_policies(engine, policy(failureBudget={"maximum": 1}))
    engine.spokes["site-1"].faults[Stage.PREP] = "fail"
    engine.spokes["site-2"].faults[Stage.UPGRADE] = "fail"
    engine.apply(ibgu("a", "Prep", "AbortOnFailure", "Upgrade", concurrency=1))
    for _ in range(2):
        engine.until(Kind.STEP_FINISHED)
    engine.wait(minutes=1)
    assert len(engine.tracked("uid-a").steps) == 3
    if lost:
        lose(engine)
        engine.wait(minutes=2)
        resume(engine)
    engine.wait(hours=8)
    assert engine.member("uid-a", 2, "site-4").outcome is None


@pytest.mark.parametrize("read_late", [False, True])
def test_old_failures_are_not_tried_again(*, read_late: bool) -> None:
    """A rebuilt journal does not know when their steps ended."""
    engine = failing("site-1")
    frozen = [{"from": "2026-01-01T00:00:00Z", "until": "2026-01-03T00:00:00Z"}]
    freeze = policy("freeze", actions=["Upgrade"], freezes=frozen)
    again = policy("again", retry={"attempts": 1, "backoffMinutes": 10})
    set_policies(engine, freeze)
    engine.apply(ibgu("a", "Prep", "AbortOnFailure", "Upgrade"))
    engine.wait(hours=5)
    set_policies(engine, freeze, again)
    engine.wait(minutes=10)
    assert asked(engine) == ()
    if read_late:
        engine.rollout_policies = PolicyState(problem="not read yet")
    write_status(engine, "uid-a")
    lose_journal(engine)
    engine.now += timedelta(seconds=2)
    engine.settle()
    engine.wait(minutes=1)
    set_policies(engine, freeze, again)
    engine.wait(minutes=1)
    resume(engine)
    engine.wait(days=3)
    assert asked(engine) == ()
