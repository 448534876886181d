"""Decisions that are warnings: one definition for history, log and Events."""

import pytest

from ibgu.core.model import Kind, MemberState, OnMember, OnStep, Outcome, is_warning
from tests.db.records import member, rollout, step

STEP = step(rollout("u1"))


@pytest.mark.parametrize(
    ("kind", "outcome", "warns"),
    [
        (Kind.FINISHED, Outcome.FAILED, True),
        (Kind.FINISHED, Outcome.CANCELLED, True),
        (Kind.FINISHED, Outcome.SKIPPED, False),
        (Kind.FINISHED, Outcome.SUCCEEDED, False),
        (Kind.RUN_ENDED, None, False),
        (Kind.DETAILED, Outcome.FAILED, False),
    ],
)
def test_a_cluster_that_fails_or_is_cancelled_is_a_warning_once(
    kind: Kind, outcome: Outcome | None, warns: bool
) -> None:
    over = member(STEP, "s1", 0, state=MemberState.FINISHED, outcome=outcome)
    assert is_warning(OnMember(kind, over, "why")) is warns


def test_decisions_marked_as_warnings_are_warnings() -> None:
    assert is_warning(OnMember(Kind.AUTO_IMPORT_OFF, member(STEP, "s1", 0), "why", warning=True))
    assert is_warning(OnStep(Kind.STEP_HELD, STEP, "why", warning=True))
    assert not is_warning(OnStep(Kind.STEP_HELD, STEP, "why"))
