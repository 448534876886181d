"""News of a cluster: which may free a slot."""

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.observe.ibu_view import IbuCondition, IbuView
from ibgu.core.model import WorkView
from tests.benchmarks.agents import comes_to_rest

TRUE, FALSE = IbuCondition("True", "x", ""), IbuCondition("False", "x", "")
SEEN = IbuView(generation=2, observed_generation=2)
IDLE = replace(SEEN, idle=TRUE)
PREPARING = replace(SEEN, idle=FALSE, prep_in_progress=TRUE)
PREPARED = replace(SEEN, idle=FALSE, prep_in_progress=FALSE, prep_completed=TRUE)
UPGRADING = replace(SEEN, idle=FALSE, prep_completed=TRUE, upgrade_in_progress=TRUE)
FAILED = replace(SEEN, idle=FALSE, upgrade_in_progress=TRUE, upgrade_completed=FALSE)
UPGRADED = replace(SEEN, idle=FALSE, upgrade_in_progress=FALSE, upgrade_completed=TRUE)
STALE = replace(UPGRADED, observed_generation=1)


def told(ibu: IbuView | None) -> WorkView:
    """Returns the view of a work that the agent has dealt with."""
    return WorkView(
        name="stage",
        uid="1",
        resource_version="1",
        generation=1,
        applied=True,
        target_applied=True,
        target_available="True",
        feedback=ibu,
    )


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
        (None, UPGRADED, True),
        (PREPARING, None, False),
        (UPGRADING, STALE, False),
        (STALE, UPGRADED, True),
    ],
)
def test_a_cluster_rests(before: IbuView | None, after: IbuView | None, *, rests: bool) -> None:
    assert comes_to_rest(told(before), told(after)) is rests


def test_an_upgrade_ends_only_with_feedback_that_is_not_frozen() -> None:
    frozen = replace(told(UPGRADED), target_available="Unknown")
    assert not comes_to_rest(told(UPGRADING), frozen)
    assert comes_to_rest(frozen, told(UPGRADED))
