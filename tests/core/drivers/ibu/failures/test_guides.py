"""Known failures lead to a recovery guide that exists."""

import pytest

from ibgu.core.drivers.ibu.failures import KNOWN, Failure
from ibgu.core.drivers.ibu.failures.guides import Guide
from tests.docs.headings import heading_of


@pytest.mark.parametrize("guide", Guide)
def test_the_guide_and_its_heading_exist(guide: Guide) -> None:
    assert heading_of(guide)


def test_each_guide_is_that_of_a_known_failure() -> None:
    assert {row.guide for row in KNOWN if row.guide} == set(Guide)


def test_only_states_that_end_by_waiting_or_by_another_stage_have_none() -> None:
    assert {row.name for row in KNOWN if not row.guide} == {
        Failure.CLUSTER_NOT_STABLE,
        Failure.IP_CONFIG_ACTIVE,
        Failure.INVALID_TRANSITION,
    }
