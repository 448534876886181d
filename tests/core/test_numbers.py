"""Only numbers that the journal can store are accepted."""

import pytest

from ibgu.core.numbers import LARGEST, int32


@pytest.mark.parametrize(
    ("told", "kept"), [(0, 0), (LARGEST, LARGEST), (2**62, LARGEST), (-(2**62), -LARGEST)]
)
def test_int32(told: int, kept: int) -> None:
    assert int32(told) == kept
