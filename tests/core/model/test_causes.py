"""Causes of failures, by how much they say."""

import pytest

from ibgu.core.model import Cause


@pytest.mark.parametrize("cause", [Cause.PREP_FAILED, Cause.FINALIZE_FAILED, Cause.CANCELLED])
def test_a_cause_that_repeats_action_and_outcome_is_not_specific(cause: Cause) -> None:
    assert not cause.is_specific


@pytest.mark.parametrize("cause", [Cause.TIMED_OUT, Cause.UPGRADE_FAILED_AFTER_PIVOT])
def test_a_cause_that_says_more_is_specific(cause: Cause) -> None:
    assert cause.is_specific
