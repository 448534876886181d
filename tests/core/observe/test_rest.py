"""Which news of a cluster may free a slot."""

import pytest

from ibgu.core.model import IbuCondition, IbuView
from ibgu.core.observe import comes_to_rest

TRUE, FALSE = IbuCondition("True", "x", ""), IbuCondition("False", "x", "")
IDLE = IbuView(idle=TRUE)
PREPARING = IbuView(idle=FALSE, prep_in_progress=TRUE)
PREPARED = IbuView(idle=FALSE, prep_in_progress=FALSE, prep_completed=TRUE)
UPGRADING = IbuView(idle=FALSE, prep_completed=TRUE, upgrade_in_progress=TRUE)
FAILED = IbuView(idle=FALSE, upgrade_in_progress=TRUE, upgrade_completed=FALSE)


@pytest.mark.parametrize(
    ("before", "after", "rests"),
    [
        (PREPARING, PREPARED, True),
        (UPGRADING, FAILED, True),
        (FAILED, IDLE, True),
        (PREPARED, PREPARED, False),
        (IDLE, PREPARING, False),
        (PREPARED, UPGRADING, False),
        (PREPARING, IbuView(), False),
        (None, PREPARED, False),
        (PREPARING, None, False),
    ],
)
def test_a_cluster_rests(before: IbuView | None, after: IbuView | None, *, rests: bool) -> None:
    assert comes_to_rest(before, after) is rests
