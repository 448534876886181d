"""Only times and numbers that ibgu can store are accepted."""

from datetime import UTC, datetime

import pytest

from ibgu.core.model.bounds import MAX_INT32, int32, moment


@pytest.mark.parametrize(
    "told",
    [
        "2026-01-01T00:00:00Z",
        "2026-01-01T16:00:00+16:00",  # more than Postgres takes
        "2025-12-31T00:00:01-23:59:59",
    ],
)
def test_times_are_converted_to_utc(told: str) -> None:
    found = moment(told)
    assert found == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "told",
    [
        "",
        "soon",
        "2026-01-01T00:00:00",  # of which zone?
        "2026-01-01T00:00:00+99:99",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+10:00",  # before Python's calendar
        "9999-12-31T23:59:59-15:00",  # after it
        "1999-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
    ],
)
def test_invalid_times_are_refused(told: str) -> None:
    assert moment(told) is None


@pytest.mark.parametrize(
    ("told", "kept"), [(0, 0), (MAX_INT32, MAX_INT32), (2**62, MAX_INT32), (-(2**62), -MAX_INT32)]
)
def test_numbers_are_clamped_to_int32(told: int, kept: int) -> None:
    assert int32(told) == kept
