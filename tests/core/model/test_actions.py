"""The table of a kind's actions."""

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import IBU_ACTIONS, Action
from ibgu.core.model import carry_payload
from ibgu.core.model.actions import ActionTable, every_action, traits


def test_an_action_belongs_to_one_kind() -> None:
    other = replace(traits(Action.PREP), label_prefix="example.com/")
    with pytest.raises(ValueError, match="two kinds of change declare an action Prep"):
        ActionTable(actions=(other,), plans=((("Prep",),),))
    assert traits(Action.PREP) in IBU_ACTIONS.actions


def test_a_step_with_prep_brings_the_payload() -> None:
    assert carry_payload([Action.PREP, Action.UPGRADE])
    assert not carry_payload([Action.UPGRADE])


def test_the_actions_with_a_trait() -> None:
    """Tests may have declared other kinds in this process."""
    rebooting = every_action(lambda action: action.reboots)
    own = [name for name in rebooting if name in IBU_ACTIONS.names]
    assert own == [Action.UPGRADE, Action.ROLLBACK]
    assert set(IBU_ACTIONS.names) <= set(every_action())
