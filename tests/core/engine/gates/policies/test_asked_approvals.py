"""R50.13: the history says once which approval clusters wait for, and when they no longer do."""

from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Kind
from ibgu.core.model.grants import AskedApproval
from ibgu.core.model.rollout_policy import PolicyState
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.grants import approve, break_glass, withdraw
from tests.core.engine.gates.policies.policy import policy, set_policies
from tests.core.engine.gates.policies.test_approvals import FINALIZE, fleet, start

GATE = "RolloutPolicy/network"
WAITS = f"clusters of step 1 wait for approval by {GATE}"
TWO = "2 people must approve step 1 (`ibgu approve a -n fleet --step 1 --before Step`)"
SETTLED = f"no cluster waits any more until people approve step 1 for {GATE}"
BY_TWO: dict[str, Any] = {"approval": {"fourEyes": False, "approvers": 2}}


def asked(engine: InMemoryEngine) -> tuple[AskedApproval, ...]:
    return engine.tracked("uid-a").rollout.grants.asked


def waiting(*clusters: str) -> InMemoryEngine:
    engine = fleet(*clusters, **BY_TWO)
    start(engine, "Prep")
    return engine


def test_many_clusters_that_wait_are_one_event_and_approvals_settle_it() -> None:
    engine = waiting(*(f"site-{n}" for n in range(1, 41)))
    assert engine.told(Kind.APPROVAL_ASKED) == [f"{WAITS}: {TWO}"]
    assert asked(engine) == (AskedApproval(0, GATE, "Step", TWO),)
    engine.wait(days=2)
    approve(engine, "alice")
    engine.wait(minutes=5)
    assert asked(engine) == (AskedApproval(0, GATE, "Step", f"{TWO}, and alice has"),)
    approve(engine, "bob")
    engine.wait(hours=3)
    assert asked(engine) == ()
    assert engine.told(Kind.APPROVAL_ASKED) == [
        f"{WAITS}: {TWO}",
        f"{WAITS}: {TWO}, and alice has",
        SETTLED,
    ]


def test_an_approval_inside_a_chain_is_asked_for_by_the_cluster_in_its_slot() -> None:
    engine = fleet("site-1", "site-2", **FINALIZE)
    engine.apply(ibgu("a", "Prep Upgrade FinalizeUpgrade", concurrency=1))
    engine.wait(hours=2)
    [found] = asked(engine)
    assert (found.gate, found.before) == (GATE, "FinalizeUpgrade")
    approve(engine, "alice", before="FinalizeUpgrade")
    engine.wait(hours=4)
    assert asked(engine) == ()
    assert len(engine.told(Kind.APPROVAL_ASKED)) == 2


def test_an_approval_that_is_deleted_is_asked_for_again() -> None:
    engine = fleet("site-1", "site-2", approval={"fourEyes": False})
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.wait(minutes=5)
    name = approve(engine, "alice")
    engine.until(Kind.RUN_ACCEPTED)
    withdraw(engine, name)
    engine.wait(hours=2)
    assert [each.before for each in asked(engine)] == ["Step"]
    assert [words == SETTLED for words in engine.told(Kind.APPROVAL_ASKED)] == [False, True, False]


@pytest.mark.parametrize("end", ["no policy", "another policy", "glass", "skipped", "deleted"])
def test_an_approval_that_is_no_longer_needed_is_no_longer_asked_for(end: str) -> None:
    engine = waiting("site-1")
    if end == "no policy":
        set_policies(engine)
    elif end == "another policy":
        set_policies(engine, policy(inFlight=1))
    elif end == "glass":
        break_glass(engine, GATE)
    elif end == "skipped":
        engine.annotate("uid-a", skip="site-1")
    else:
        engine.delete("uid-a")
    engine.wait(minutes=30)
    told = engine.told(Kind.APPROVAL_ASKED)[1:]
    assert told == ([] if end == "deleted" else [SETTLED])


def test_skipped_clusters_need_no_approval_while_others_go_on() -> None:
    """The policy is not about the other cluster, whose Prep takes hours."""
    about = {"selector": {"matchLabels": {"name": "site-1"}}}
    engine = fleet("site-1", "site-2", clusters=about, **BY_TWO)
    engine.labels["site-1"]["name"] = "site-1"
    engine.spokes["site-2"].faults[Stage.PREP] = "hang"
    start(engine, "Prep")
    assert [each.before for each in asked(engine)] == ["Step"]
    engine.annotate("uid-a", skip="site-1")
    engine.wait(minutes=5)
    assert asked(engine) == ()
    assert engine.told(Kind.APPROVAL_ASKED)[1:] == [SETTLED]


def test_a_cluster_that_is_out_of_reach_still_needs_the_approval() -> None:
    engine = waiting("site-1")
    engine.spokes["site-1"].dark = True
    engine.wait(hours=1)
    engine.spokes["site-1"].dark = False
    engine.wait(hours=1)
    assert [each.before for each in asked(engine)] == ["Step"]
    assert engine.told(Kind.APPROVAL_ASKED) == [f"{WAITS}: {TWO}"]


def test_unknown_policies_settle_no_approval() -> None:
    engine = waiting("site-1")
    engine.rollout_policies = PolicyState(problem="can't be read")
    engine.touch_everything()
    engine.wait(minutes=30)
    assert [each.before for each in asked(engine)] == ["Step"]


@pytest.mark.parametrize(
    "asking", [{"fourEyes": False, "approvers": 2}, {"fourEyes": True, "approvers": 1}]
)
def test_an_approval_by_too_few_people_settles_nothing(asking: dict[str, Any]) -> None:
    engine = fleet("site-1", "site-2", approval=asking)
    start(engine, "Prep")
    approve(engine, "alice")
    engine.wait(minutes=5)
    known = engine.told(Kind.APPROVAL_ASKED)
    engine.annotate("uid-a", pause="yes")
    engine.wait(minutes=5)
    engine.ibgus["uid-a"].metadata.annotations.pop("ibgu.dev/pause")
    engine.apply(engine.ibgus["uid-a"])
    engine.wait(minutes=5)
    assert engine.told(Kind.APPROVAL_ASKED) == known
    assert [each.before for each in asked(engine)] == ["Step"]
