from hypothesis import given
from hypothesis import strategies as st

from ibgu.core.drivers.ibu.actions import IBU_ACTIONS, Action
from ibgu.core.model.actions import PlanActions
from ibgu.core.model.kinds import PlanItem, RolloutStrategy
from ibgu.core.plan import problem

Started = tuple[tuple[Action, ...], int, int]


def item(*actions: str, at_once: int = 10, minutes: int = 60) -> PlanItem:
    return PlanItem(list(actions), RolloutStrategy(at_once, minutes))


def started(item: PlanItem) -> Started:
    strategy = item.rollout_strategy
    actions = tuple(Action(a) for a in item.actions)
    return (actions, strategy.max_concurrency, strategy.timeout)


def test_a_good_plan_has_no_problem() -> None:
    assert problem([item("Prep"), item("Upgrade")], []) is None


def test_wrong_combination_has_the_words_of_the_crd_and_shows_the_plan() -> None:
    assert problem([item("Upgrade", "Prep"), item("Abort")], []) == (
        "spec.plan: invalid combinations of actions in the plan: [Upgrade, Prep][Abort]; "
        "see the list of supported combinations in the documentation"
    )


def test_an_empty_plan_is_a_problem() -> None:
    text = problem([], [])
    assert text is not None
    assert "invalid combinations of actions in the plan: no steps" in text


def test_bad_numbers_name_the_field() -> None:
    assert problem([item("Prep"), item("Upgrade", at_once=0)], []) == (
        "spec.plan[1].rolloutStrategy.maxConcurrency: Invalid value: 0: "
        "should be greater than or equal to 1"
    )
    assert problem([item("Prep", minutes=-5)], []) == (
        "spec.plan[0].rolloutStrategy.timeout: Invalid value: -5: "
        "should be greater than or equal to 1"
    )


def test_numbers_that_nothing_can_hold_are_refused() -> None:
    """TALM's CRD lets them through; neither the journal nor the calendar has room for them."""
    assert problem([item("Prep", at_once=2**31 - 1, minutes=2**31 - 1)], []) is None
    assert problem([item("Prep", at_once=2**31)], []) == (
        "spec.plan[0].rolloutStrategy.maxConcurrency: Invalid value: 2147483648: "
        "should be less than or equal to 2147483647"
    )
    assert problem([item("Prep", minutes=10**18)], []) == (
        "spec.plan[0].rolloutStrategy.timeout: Invalid value: 1000000000000000000: "
        "should be less than or equal to 2147483647"
    )


def test_a_started_step_may_not_change() -> None:
    before = [started(item("Prep"))]
    assert problem([item("Prep"), item("Abort")], before) is None
    assert problem([item("Prep", at_once=11)], before) == (
        "spec.plan: plan is append only: step 0 has started as [Prep] (maxConcurrency 10, "
        "timeout 60) and was changed to [Prep] (maxConcurrency 11, timeout 60); put it back, "
        "and add new steps at the end"
    )


def test_a_step_put_in_front_is_seen() -> None:
    text = problem([item("Prep"), item("Upgrade")], [started(item("Upgrade"))])
    assert text is not None
    assert "plan is append only: step 0 has started as [Upgrade]" in text


def test_a_removed_step_is_seen() -> None:
    before = [started(item("Prep")), started(item("Upgrade"))]
    text = problem([item("Prep")], before)
    assert text is not None
    assert "step 1 has started as [Upgrade] (maxConcurrency 10, timeout 60) and was removed" in text


def test_a_step_that_has_not_started_may_change() -> None:
    before = [started(item("Prep"))]
    assert problem([item("Prep"), item("Upgrade", at_once=3)], before) is None


@given(
    shape=st.sampled_from(IBU_ACTIONS.plans),
    numbers=st.lists(st.tuples(st.integers(1, 500), st.integers(1, 500)), min_size=6, max_size=6),
    data=st.data(),
)
def test_a_prefix_is_kept_or_the_plan_is_refused(
    shape: PlanActions, numbers: list[tuple[int, int]], data: st.DataObject
) -> None:
    plan = [item(*step, at_once=n, minutes=m) for step, (n, m) in zip(shape, numbers, strict=False)]
    before = [started(i) for i in plan[: data.draw(st.integers(0, len(plan)))]]
    assert problem(plan, before) is None
    if before:
        index = data.draw(st.integers(0, len(before) - 1))
        actions, at_once, minutes = before[index]
        before[index] = (actions, at_once, minutes + 1)
        text = problem(plan, before)
        assert text is not None
        assert f"plan is append only: step {index}" in text
