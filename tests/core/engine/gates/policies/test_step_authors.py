"""R50.13: the author of a step stands for what they have written, and for nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import Kind, MemberState, Outcome
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.grants import STEP_1, approve
from tests.core.engine.gates.policies.policy import policy, reason, set_policies

ONE, TWO = PayloadState(digest="one"), PayloadState(digest="two")
CHANGED = (
    "; the step has become another one since alice has written it, so one person more must approve "
    "it, who may be its author"
)
TOLD = "step 1 is another one than alice has written: one person more must approve it"


def fleet(**approval: Any) -> InMemoryEngine:
    """A fleet whose policy asks for approval by somebody else than the author."""
    engine = InMemoryEngine("site-1")
    Invariants(engine)
    set_policies(engine, policy(approval=approval))
    engine.payload = ONE
    return engine


def annotate(engine: InMemoryEngine, **marks: str | None) -> None:
    """Sets annotations, and takes those away that are None."""
    found = engine.ibgus["uid-a"]
    keys = {f"ibgu.dev/{key.replace('_', '-')}": value for key, value in marks.items()}
    every = {**found.metadata.annotations, **keys}
    kept = {key: value for key, value in every.items() if value is not None}
    engine.apply(replace(found, metadata=replace(found.metadata, annotations=kept)))
    engine.wait(minutes=1)


def name(engine: InMemoryEngine, user: str | None) -> None:
    """Has the user say that they have written the first step."""
    annotate(engine, step_1_author=user)


def begin(engine: InMemoryEngine) -> None:
    annotate(engine, pause=None)
    engine.wait(minutes=5)


def show(engine: InMemoryEngine, payload: PayloadState) -> None:
    engine.payload = payload
    engine.touch("uid-a")
    engine.wait(minutes=1)


def paused(*steps: str, **approval: Any) -> InMemoryEngine:
    engine = fleet(**approval)
    engine.apply(ibgu("a", *steps))
    annotate(engine, pause="yes")
    return engine


def written(**approval: Any) -> InMemoryEngine:
    """A paused rollout of one step, whose author is known: nothing of it has begun."""
    engine = paused("Prep", **approval)
    name(engine, "alice")
    return engine


def exchange_payload(engine: InMemoryEngine) -> None:
    show(engine, TWO)


def exchange_annotation(engine: InMemoryEngine) -> None:
    found = engine.ibgus["uid-a"]
    marks = {**found.metadata.annotations, "extra.lca.openshift.io/x": "yes"}
    engine.apply(replace(found, metadata=replace(found.metadata, annotations=marks)))
    engine.wait(minutes=1)


def message(engine: InMemoryEngine) -> str:
    return reason(engine, "uid-a", "site-1").message


def prepared(engine: InMemoryEngine) -> bool:
    engine.wait(hours=1)
    return engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("exchange", [exchange_payload, exchange_annotation])
def test_one_person_can_not_exchange_a_step_and_approve_it(
    exchange: Callable[[InMemoryEngine], None],
) -> None:
    engine = written()
    exchange(engine)
    approve(engine, "bob")
    begin(engine)
    assert message(engine) == f"2 people must approve {STEP_1}, and bob has{CHANGED}"
    assert TOLD in engine.told(Kind.APPROVAL)
    assert engine.member("uid-a", 0, "site-1").state is MemberState.WAITING
    approve(engine, "alice")
    assert prepared(engine)


def test_a_step_that_stays_needs_the_approval_of_one_other() -> None:
    engine = written()
    assert engine.told(Kind.APPROVAL) == ["alice is the author of step 1"]
    approve(engine, "bob")
    begin(engine)
    assert prepared(engine)
    assert engine.told(Kind.APPROVAL) == ["alice is the author of step 1", "bob approves step 1"]


def test_an_exchange_is_not_undone_by_putting_the_content_back() -> None:
    engine = written()
    show(engine, TWO)
    show(engine, ONE)
    approve(engine, "bob")
    begin(engine)
    assert message(engine) == f"2 people must approve {STEP_1}, and bob has{CHANGED}"


def test_clusters_that_wait_for_approval_say_so_once_the_step_is_another_one() -> None:
    engine = written()
    begin(engine)
    assert message(engine) == (
        f"1 person must approve {STEP_1}; alice, who is the step's author, does not count"
    )
    exchange_annotation(engine)
    assert message(engine) == f"2 people must approve {STEP_1}{CHANGED}"


def test_authors_who_name_themselves_again_stand_for_the_step_as_it_is() -> None:
    engine = written()
    show(engine, TWO)
    name(engine, None)
    assert engine.told(Kind.APPROVAL)[-1] == "alice is no longer named as the author of step 1"
    name(engine, "alice")
    approve(engine, "bob")
    begin(engine)
    assert prepared(engine)


def test_someone_who_exchanges_a_step_may_be_its_new_author() -> None:
    engine = written()
    show(engine, TWO)
    name(engine, "bob")
    approve(engine, "bob")
    begin(engine)
    assert message(engine) == (
        f"1 person must approve {STEP_1}; bob, who is the step's author, does not count"
    )
    approve(engine, "alice")
    assert prepared(engine)


def test_an_author_is_noted_once_the_step_was_read_since_they_were_named() -> None:
    engine = paused("Prep")
    engine.reads_payload = False
    name(engine, "alice")
    show(engine, TWO)
    assert engine.told(Kind.APPROVAL) == []
    engine.reads_payload = True
    show(engine, TWO)
    assert engine.told(Kind.APPROVAL) == ["alice is the author of step 1"]


@pytest.mark.parametrize(
    "payload", [PayloadState(read=False), PayloadState(problem="ibgu may not read it")]
)
def test_nobody_is_noted_as_the_author_of_what_is_not_known(payload: PayloadState) -> None:
    engine = paused("Prep")
    engine.payload = payload
    name(engine, "alice")
    assert engine.told(Kind.APPROVAL) == []
    show(engine, ONE)
    assert engine.told(Kind.APPROVAL) == ["alice is the author of step 1"]


def test_an_author_stays_while_the_content_can_not_be_read() -> None:
    engine = written()
    show(engine, PayloadState(problem="ibgu may not read it"))
    show(engine, ONE)
    approve(engine, "bob")
    begin(engine)
    assert prepared(engine)


def test_nobody_is_noted_as_the_author_of_an_unknown_action() -> None:
    engine = paused("Sideways")
    name(engine, "alice")
    assert engine.told(Kind.APPROVAL) == []


def test_authors_are_noted_where_a_policy_asks_for_approval() -> None:
    engine = paused("Prep")
    set_policies(engine, policy(inFlight=1))
    name(engine, "alice")
    assert engine.tracked("uid-a").rollout.grants.authors == ()


def test_authors_stay_noted_while_nothing_proves_who_they_are() -> None:
    engine = written()
    before, engine.proven_since = engine.proven_since, None
    name(engine, "bob")
    [known] = engine.tracked("uid-a").rollout.grants.authors
    assert known.user == "alice"
    engine.proven_since = before
    name(engine, "alice")
    assert engine.told(Kind.APPROVAL) == ["alice is the author of step 1"]
