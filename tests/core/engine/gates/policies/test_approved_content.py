"""R50.13: an approval counts for what the step was when ibgu saw it."""

from collections.abc import Callable

import pytest

from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Kind, MemberState, Outcome
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.grants import approve
from tests.core.engine.gates.policies.policy import policy, reason, set_policies

PAYLOAD = "the ConfigMaps and Secrets that the step carries have"
ANNOTATIONS = "annotations of the rollout that decide what happens on its clusters have"
IMAGE = f"quay.example/mine@sha256:{'0' * 64}"
PLAN = "the plan or the selectors of the rollout have"


def fleet() -> InMemoryEngine:
    """A fleet whose policy asks for one approval of each step."""
    engine = InMemoryEngine("site-1", "site-2")
    Invariants(engine)
    set_policies(engine, policy(approval={"fourEyes": False}))
    return engine


def approved(*steps: str) -> InMemoryEngine:
    """A rollout whose first step is approved and in flight on the first of two clusters."""
    engine = fleet()
    engine.payload = PayloadState(digest="one")
    engine.apply(ibgu("a", *steps, concurrency=1))
    engine.wait(minutes=5)
    approve(engine, "alice")
    engine.until(Kind.RUN_ACCEPTED)
    return engine


def exchange_config_map(engine: InMemoryEngine) -> None:
    """Has the author change what the step carries, and go on with it."""
    engine.payload = PayloadState(digest="two")
    engine.touch("uid-a")
    engine.wait(minutes=1)
    engine.annotate("uid-a", resume="1")


def exchange_backup(engine: InMemoryEngine) -> None:
    engine.annotate("uid-a", backup="Etcd", backup_image=IMAGE)


def exchange_annotation(engine: InMemoryEngine) -> None:
    engine.carry("uid-a", extra="yes")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (exchange_config_map, PAYLOAD),
        (exchange_annotation, ANNOTATIONS),
    ],
)
def test_an_approval_counts_no_longer_once_its_step_is_another_one(
    change: Callable[[InMemoryEngine], None], said: str
) -> None:
    engine = approved("Prep Upgrade")
    change(engine)
    engine.wait(hours=5)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED
    assert engine.member("uid-a", 0, "site-2").state is MemberState.WAITING
    assert reason(engine, "uid-a", "site-2").message == "1 person must approve step 1"
    assert engine.told(Kind.APPROVAL)[-1] == (
        f"the approval of step 1 by alice does not count: {said} changed since: approve it again"
    )
    approve(engine, "alice")
    engine.wait(minutes=1)
    engine.annotate("uid-a", resume="2")
    engine.wait(hours=5)
    assert engine.member("uid-a", 0, "site-2").outcome is Outcome.SUCCEEDED


def test_an_approval_that_a_change_has_ended_counts_no_more_once_it_is_undone() -> None:
    engine = approved("Prep")
    exchange_config_map(engine)
    engine.wait(minutes=1)
    engine.payload = PayloadState(digest="one")
    engine.annotate("uid-a", resume="2")
    engine.wait(hours=5)
    assert reason(engine, "uid-a", "site-2").message == "1 person must approve step 1"


def test_an_exchanged_backup_ends_an_approval() -> None:
    engine = approved("Prep Upgrade")
    exchange_backup(engine)
    engine.wait(minutes=1)
    assert engine.told(Kind.APPROVAL)[-1].endswith(f"{ANNOTATIONS} changed since: approve it again")


def test_backup_annotations_end_no_approval_of_a_step_without_upgrade() -> None:
    engine = approved("Prep")
    exchange_backup(engine)
    engine.wait(hours=5)
    assert engine.member("uid-a", 0, "site-2").outcome is Outcome.SUCCEEDED


def test_a_step_that_is_added_behind_ends_no_approval() -> None:
    engine = approved("Prep")
    engine.append("uid-a", "Upgrade")
    engine.wait(hours=5)
    assert engine.member("uid-a", 0, "site-2").outcome is Outcome.SUCCEEDED


def test_selectors_that_are_added_end_an_approval() -> None:
    engine = fleet()
    engine.apply(ibgu("a", "Prep", selectors=[]))
    engine.wait(minutes=1)
    approve(engine, "alice", before="Prep")
    engine.wait(minutes=1)
    engine.apply(ibgu("a", "Prep", generation=2))
    engine.wait(minutes=1)
    assert engine.told(Kind.APPROVAL)[-1].endswith(f"{PLAN} changed since: approve it again")


def test_an_approval_counts_once_it_is_known_what_it_approves() -> None:
    engine = fleet()
    engine.payload = PayloadState(read=False)
    engine.apply(ibgu("a", "Prep"))
    approve(engine, "alice")
    engine.wait(minutes=5)
    assert engine.told(Kind.APPROVAL) == []
    engine.payload = PayloadState(digest="one")
    engine.touch("uid-a")
    engine.wait(hours=1)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_an_approval_stays_while_the_content_can_not_be_read() -> None:
    engine = approved("Prep")
    engine.payload = PayloadState(read=False)
    engine.touch("uid-a")
    engine.wait(minutes=5)
    engine.payload = PayloadState(digest="one")
    engine.touch("uid-a")
    engine.wait(hours=5)
    assert engine.member("uid-a", 0, "site-2").outcome is Outcome.SUCCEEDED


def test_an_approval_of_a_step_with_unknown_actions_waits_for_a_valid_plan() -> None:
    engine = fleet()
    engine.apply(ibgu("a", "Reboot"))
    engine.wait(minutes=1)
    approve(engine, "alice")
    engine.wait(minutes=5)
    assert engine.told(Kind.APPROVAL) == []
