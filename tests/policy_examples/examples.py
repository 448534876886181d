"""The five examples of the guide "Safe by policy"."""

from collections.abc import Awaitable, Callable

from msgspec import Struct

from tests.policy_examples.approvals import approve
from tests.policy_examples.budgets import spend
from tests.policy_examples.glass import break_glass
from tests.policy_examples.hub_wide import share
from tests.policy_examples.nights import night
from tests.policy_examples.stage import Stage


class Example(Struct, frozen=True):
    """Example is a part of the guide, as people go through it."""

    name: str
    play: Callable[[Stage], Awaitable[None]]
    few: int = 8
    """The clusters that show it all: as many as a test has."""


EXAMPLES = (
    Example("night window, neighbours", night),
    Example("canaries, soak, approval", approve),
    Example("failure budget", spend),
    Example("30 at once on the hub", share, few=40),
    Example("break glass", break_glass),
)
