"""The CRD's rules on plans: what is allowed, what may be appended, what never changes."""

import itertools
import random
from collections.abc import Callable, Iterator

import pytest

from tests.charts.ibgus import Ibgus, ibgu, step

Plan = tuple[tuple[str, ...], ...]

NAMES = {
    "P": "Prep",
    "U": "Upgrade",
    "FU": "FinalizeUpgrade",
    "R": "Rollback",
    "FR": "FinalizeRollback",
    "A": "Abort",
    "AoF": "AbortOnFailure",
}
ALLOWED_SHORT = """
    P | P, U | P U | P, U, FU | P, U FU | P U, FU | P U FU
    R | R, FR | R FR
    U | U, FU | U FU
    FU | FR | A | AoF
    P, A | P, AoF | P, AoF, U | P, AoF, U, AoF | P, U, AoF | P U, AoF
    P, AoF, U, AoF, FU | P, U, AoF, FU | P U, AoF, FU
"""
WRONG_PLAN = ("spec.plan", "invalid combinations of actions in the plan")
NOT_APPENDED = ("spec.plan", "plan is append only")


def plan_of(short: str) -> Plan:
    """`P U, AoF` is a step of Prep and Upgrade, then one of AbortOnFailure."""
    return tuple(tuple(NAMES[action] for action in part.split()) for part in short.split(","))


ALLOWED = [
    plan_of(short) for line in ALLOWED_SHORT.strip().splitlines() for short in line.split("|")
]


def short_form(plan: Plan) -> str:
    return " / ".join("+".join(actions) for actions in plan)


@pytest.mark.parametrize("plan", ALLOWED, ids=short_form)
def test_an_allowed_plan_is_accepted_whole(ibgus: Ibgus, plan: Plan) -> None:
    answer = ibgus.create(ibgu("whole", *(step(*actions) for actions in plan)), dry_run=True)
    assert answer.code == 201, answer.body


@pytest.mark.parametrize("plan", [plan for plan in ALLOWED if len(plan) > 1], ids=short_form)
def test_an_allowed_plan_is_reached_step_by_step(
    ibgus: Ibgus, stored: Callable[..., str], plan: Plan
) -> None:
    first, *later = plan
    name = stored(step(*first))
    for actions in later:
        answer = ibgus.append(name, step(*actions))
        assert answer.code == 200, answer.body


def other_plans() -> Iterator[Plan]:
    """Every plan of up to 3 single actions, every single step of up to 3, a sample of the rest."""
    actions = list(NAMES.values())
    steps = [*itertools.product(actions), *itertools.product(actions, actions)]
    for length in (1, 2, 3):
        yield from itertools.product(itertools.product(actions), repeat=length)
        yield from ((step,) for step in itertools.product(actions, repeat=length))
    chooser = random.Random(7)  # the same sample in every run
    for length in (2, 3, 4, 5):
        yield from (tuple(chooser.choices(steps, k=length)) for _ in range(60))
    yield from ((), ((),), (("Prep",), ()), (("prep",),), (("Prep,Upgrade",),), (("",),))
    yield from ((*plan, ("Abort",)) for plan in ALLOWED if plan != (("Prep",),))


def test_every_other_plan_is_refused_with_the_one_message(ibgus: Ibgus) -> None:
    refused = dict.fromkeys(plan for plan in other_plans() if plan not in ALLOWED)
    assert len(refused) > 900
    for plan in refused:
        body = ibgu("refused", *(step(*actions) for actions in plan))
        answer = ibgus.create(body, dry_run=True)
        assert (answer.code, answer.causes) == (422, [WRONG_PLAN]), short_form(plan)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("U", "P, U"),  # put in front
        ("P, U", "P, AoF, U"),  # put in between
        ("P, U, FU", "P, U"),  # taken from the end
        ("P, U, FU", "U, FU"),  # taken from the front
        ("P", "P U"),  # put into a step
        ("P U", "P, U"),  # taken apart
        ("P, U", "P U"),  # put together
        ("R, FR", "R FR"),
        ("P", "R"),  # replaced
        ("P, AoF", "P, A"),
    ],
)
def test_a_plan_grows_only_at_its_end(
    ibgus: Ibgus, stored: Callable[..., str], before: str, after: str
) -> None:
    name = stored(*(step(*actions) for actions in plan_of(before)))
    new = [step(*actions) for actions in plan_of(after)]
    answer = ibgus.patch(name, [{"op": "replace", "path": "/spec/plan", "value": new}])
    assert (answer.code, answer.causes) == (422, [NOT_APPENDED])


def test_a_reordered_plan_is_refused(ibgus: Ibgus, stored: Callable[..., str]) -> None:
    """With one that is no allowed plan either, both reasons are given."""
    name = stored(step("Prep"), step("Upgrade"))
    operations = [{"op": "move", "from": "/spec/plan/0", "path": "/spec/plan/1"}]
    answer = ibgus.patch(name, operations)
    assert answer.code == 422
    assert set(answer.causes) == {NOT_APPENDED, WRONG_PLAN}


@pytest.mark.parametrize(("field", "value"), [("maxConcurrency", 3), ("timeout", 30)])
def test_an_old_steps_strategy_stays(
    ibgus: Ibgus, stored: Callable[..., str], field: str, value: int
) -> None:
    name = stored(step("Prep"), step("Upgrade"))
    path = f"/spec/plan/0/rolloutStrategy/{field}"
    answer = ibgus.patch(name, [{"op": "replace", "path": path, "value": value}])
    assert (answer.code, answer.causes) == (422, [NOT_APPENDED])


def test_two_steps_may_be_appended_at_once(ibgus: Ibgus, stored: Callable[..., str]) -> None:
    name = stored(step("Prep"))
    operations = [
        {"op": "add", "path": "/spec/plan/-", "value": step("Upgrade")},
        {"op": "add", "path": "/spec/plan/-", "value": step("FinalizeUpgrade", most=9)},
    ]
    assert ibgus.patch(name, operations).code == 200


def test_a_default_timeout_is_no_change(ibgus: Ibgus, stored: Callable[..., str]) -> None:
    """The same plan sent again without the timeout that the API server filled in."""
    name = stored(step("Prep"))
    new = [step("Prep"), step("Upgrade")]
    answer = ibgus.patch(name, [{"op": "replace", "path": "/spec/plan", "value": new}])
    assert answer.code == 200, answer.body
