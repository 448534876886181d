"""The headline of a status: news of the rollout as a whole, which does not wait."""

from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model import ReasonKind, RolloutState, StepState
from ibgu.core.views.status import Headline, headline_of
from tests.core.engine.state.records import (
    NOW,
    book_of,
    done,
    failed,
    in_flight,
    member,
    reason,
    rollout,
    step,
)


def headline(found: Any, steps: list[Any], members: list[Any]) -> Headline:
    tracked = book_of(found, steps, members)
    return headline_of(tracked, PayloadState(), {}, NOW)


BEFORE = headline(rollout(), [step()], [in_flight("site-1", words="pulls"), member("site-2")])


@pytest.mark.parametrize(
    "members",
    [
        [in_flight("site-1", words="has pulled"), member("site-2")],
        [in_flight("site-1"), in_flight("site-2", slot=2)],
        [done("site-1", Action.PREP), member("site-2")],
    ],
    ids=["words", "a start", "a success"],
)
def test_clusters_that_go_on_change_no_headline(members: list[Any]) -> None:
    assert headline(rollout(), [step()], members) == BEFORE


@pytest.mark.parametrize(
    ("found", "steps", "members"),
    [
        (rollout(), [step()], [failed("site-1"), member("site-2")]),
        (rollout(hold=reason(ReasonKind.TALM)), [step()], [member("site-1"), member("site-2")]),
        (rollout(generation=9), [step()], [member("site-1"), member("site-2")]),
        (rollout(), [step(), step(index=1)], [done("site-1", Action.PREP), member("site-2")]),
        (
            rollout(state=RolloutState.COMPLETE, completed_at=NOW),
            [step(state=StepState.FINISHED)],
            [done("site-1", Action.PREP), done("site-2", Action.PREP)],
        ),
    ],
    ids=["a failure", "a hold", "a changed spec", "a step", "the end"],
)
def test_news_of_the_rollout_changes_the_headline(
    found: Any, steps: list[Any], members: list[Any]
) -> None:
    assert headline(found, steps, members) != BEFORE


def test_another_reason_of_a_condition_changes_the_headline() -> None:
    for_talm = headline(rollout(hold=reason(ReasonKind.TALM)), [step()], [])
    for_plan = headline(rollout(hold=reason(ReasonKind.ADOPTION)), [step()], [])
    assert for_talm.phase == for_plan.phase
    assert for_talm != for_plan
