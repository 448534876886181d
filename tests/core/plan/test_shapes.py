import itertools

import pytest

from ibgu.core.drivers import allowed
from ibgu.core.drivers.ibu.actions import IBU_ACTIONS, Action

P, U, FU, R, FR, A, AOF = (
    Action.PREP,
    Action.UPGRADE,
    Action.FINALIZE_UPGRADE,
    Action.ROLLBACK,
    Action.FINALIZE_ROLLBACK,
    Action.ABORT,
    Action.ABORT_ON_FAILURE,
)

DOCUMENTED = {
    ((P,),),
    ((P,), (U,)),
    ((P, U),),
    ((P,), (U,), (FU,)),
    ((P,), (U, FU)),
    ((P, U), (FU,)),
    ((P, U, FU),),
    ((R,),),
    ((R,), (FR,)),
    ((R, FR),),
    ((U,),),
    ((U,), (FU,)),
    ((U, FU),),
    ((FU,),),
    ((FR,),),
    ((A,),),
    ((AOF,),),
    ((P,), (A,)),
    ((P,), (AOF,)),
    ((P,), (AOF,), (U,)),
    ((P,), (AOF,), (U,), (AOF,)),
    ((P,), (U,), (AOF,)),
    ((P, U), (AOF,)),
    ((P,), (AOF,), (U,), (AOF,), (FU,)),
    ((P,), (U,), (AOF,), (FU,)),
    ((P, U), (AOF,), (FU,)),
}


def test_the_shapes_are_the_documented_ones_once_each() -> None:
    assert set(IBU_ACTIONS.plans) == DOCUMENTED
    assert len(IBU_ACTIONS.plans) == len(DOCUMENTED) == 26


def test_every_shape_is_allowed_also_as_plain_lists() -> None:
    assert all(allowed([[str(a) for a in step] for step in shape]) for shape in IBU_ACTIONS.plans)


@pytest.mark.parametrize(
    "plan",
    [
        [],
        [[]],
        [["prep"]],
        [["Prep"], []],
        [["Upgrade", "Prep"]],
        [["Upgrade"], ["AbortOnFailure"]],
        [["Prep"], ["AbortOnFailure"], ["Upgrade"], ["FinalizeUpgrade"]],
        [["Prep"], ["Upgrade"], ["Abort"]],
        [["Rollback"], ["Abort"]],
        [["Nonsense"]],
    ],
)
def test_other_plans_are_not_allowed(plan: list[list[str]]) -> None:
    assert not allowed(plan)


def test_only_documented_plans_of_single_steps_are_allowed() -> None:
    every = itertools.chain.from_iterable(
        itertools.product([(a,) for a in Action], repeat=n) for n in (1, 2, 3)
    )
    assert {plan for plan in every if allowed(plan)} == {
        shape for shape in DOCUMENTED if len(shape) <= 3 and all(len(s) == 1 for s in shape)
    }
