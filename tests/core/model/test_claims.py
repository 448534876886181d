"""Messages that name another rollout, and who reads which name."""

import pytest
from msgspec.structs import replace

from ibgu.core.model import Cause, Member, MemberState, Reason, ReasonKind, Run, RunResult, RunState
from ibgu.core.model.claims import (
    ANOTHER_NAMESPACE,
    cancelled_by,
    name_within,
    takes_over_from,
    with_holder,
    without_names,
    works_on,
)
from tests.db.records import NOW, member, rollout, started, step
from tests.members import changed_member
from tests.runs import changed

WAITING = member(step(rollout()), "site-1")


def waits(kind: ReasonKind, words: str) -> Member:
    return replace(WAITING, reason=Reason(kind, NOW, words))


@pytest.mark.parametrize(
    ("name", "told"),
    [("ours/a", "ours/a"), ("theirs/a", ANOTHER_NAMESPACE), ("ours-too/a", ANOTHER_NAMESPACE)],
)
def test_a_record_names_rollouts_of_its_own_namespace(name: str, told: str) -> None:
    assert name_within("ours", name) == told


def test_the_reason_names_the_holder_of_the_cluster() -> None:
    claimed = waits(ReasonKind.CLAIM, works_on(ANOTHER_NAMESPACE))
    assert with_holder(claimed, "theirs/x").reason.message == "theirs/x works on the cluster"
    taking = waits(ReasonKind.PREEMPTING, takes_over_from(ANOTHER_NAMESPACE))
    assert with_holder(taking, "theirs/x").reason.message == "takes it over from theirs/x"
    slot = waits(ReasonKind.SLOT, "waits for a slot")
    assert with_holder(slot, "theirs/x") is slot


def _run(result: RunResult, words: str) -> Run:
    run = started(WAITING, slot=1).run
    assert run
    return changed(run, state=RunState.ENDED, result=result, message=words)


def test_names_of_foreign_rollouts_are_hidden() -> None:
    words = cancelled_by("theirs/x")
    run = _run(RunResult.PREEMPTED, words)
    taken = changed_member(
        WAITING, state=MemberState.FINISHED, cause=Cause.PREEMPTED, message=words, run=run
    )
    told = without_names(taken)
    assert told.run
    assert [told.message, told.run.message] == [f"cancelled by {ANOTHER_NAMESPACE}"] * 2
    waiting = replace(WAITING, reason=Reason(ReasonKind.CLAIM, NOW, works_on("theirs/x")))
    assert without_names(waiting).reason.message == f"{ANOTHER_NAMESPACE} works on the cluster"


def test_other_words_stay() -> None:
    run = _run(RunResult.FAILED, "the image can't be pulled")
    failed = changed_member(
        WAITING, state=MemberState.FINISHED, cause=Cause.PREP_FAILED, message="failed", run=run
    )
    assert without_names(failed) == failed
