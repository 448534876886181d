"""The timeout of a step for which nobody has said one."""

import pytest

from ibgu.core.model.kinds import JsonObject
from ibgu.core.plan.timeouts import StepTimeout, timeout_like, timeouts_of

PREP, UPGRADE = StepTimeout(["Prep"], 60), StepTimeout(["Upgrade"], 90)
ABORT = StepTimeout(["AbortOnFailure"], 10)


@pytest.mark.parametrize(
    ("plan", "actions", "minutes"),
    [
        ([], ["Prep"], 240),
        ([PREP], ["Upgrade"], 60),
        ([PREP, ABORT], ["Upgrade"], 60),
        ([PREP, UPGRADE, ABORT], ["Rollback"], 90),
        ([StepTimeout(["Abort"], 10)], ["Rollback"], 240),
        ([PREP, ABORT], ["Abort"], 10),
        ([PREP, StepTimeout(["Upgrade", "FinalizeUpgrade"], 120)], ["Rollback"], 120),
        ([StepTimeout(["Prep"], None)], ["Upgrade"], 240),
        ([StepTimeout(["Check"], 5)], ["Update"], 240),
        ([StepTimeout(["Nothing known"], 7)], ["Upgrade"], 7),
    ],
    ids=str,
)
def test_a_long_action_takes_no_timeout_of_a_short_one(
    plan: list[StepTimeout], actions: list[str], minutes: int
) -> None:
    assert timeout_like(plan, actions) == minutes


def test_an_item_without_a_strategy_has_no_timeout() -> None:
    items: list[JsonObject] = [
        {"actions": ["Prep"]},
        {"actions": ["Upgrade"], "rolloutStrategy": {"timeout": 5}},
    ]
    assert [each.minutes for each in timeouts_of(items)] == [None, 5]
