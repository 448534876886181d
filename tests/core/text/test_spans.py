"""A span of time is shown in a unit and the next smaller one."""

from datetime import timedelta

import pytest

from ibgu.core.text.spans import duration

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0.9, "0 s"),
        (59.9, "59 s"),
        (MINUTE, "1 min"),
        (10 * MINUTE - 1, "9 min 59 s"),
        (10 * MINUTE + 59, "10 min"),
        (HOUR - 1, "59 min"),
        (HOUR + 12, "1 h"),
        (3 * HOUR + 20 * MINUTE, "3 h 20 min"),
        (DAY - 1, "23 h 59 min"),
        (2 * DAY + 43 * MINUTE, "2 d"),
        (2 * DAY + 4 * HOUR + MINUTE, "2 d 4 h"),
    ],
)
def test_a_unit_and_the_next_smaller_one(seconds: float, words: str) -> None:
    assert duration(timedelta(seconds=seconds)) == words
