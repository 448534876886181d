"""Windows open and close in the time of a zone, over changes to summer time and back."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from ibgu.core.engine.timing.windows import (
    Opening,
    cron_problem,
    freeze_problem,
    frozen,
    local_time,
    opening,
    zone_of,
    zone_problem,
)
from ibgu.core.model.rollout_policy import Freeze, PolicyWindow

BERLIN = zone_of("Europe/Berlin")
NIGHT = PolicyWindow("0 1 * * *", 240)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


Found = tuple[bool, datetime]
"""Whether a window is open, and when that changes."""


def open_until(text: str) -> Found:
    return True, at(text)


def opens(text: str) -> Found:
    return False, at(text)


def of(windows: list[PolicyWindow], zone: ZoneInfo | None, now: str) -> Found:
    found = opening(windows, zone, at(now))
    assert found.opens is not None
    assert found.opens > at(now)
    return (True, found.until) if found.until is not None else (False, found.opens)


@pytest.mark.parametrize(
    ("now", "found"),
    [
        ("2026-01-10T00:59:59+01:00", opens("2026-01-10T01:00+01:00")),
        ("2026-01-10T01:00:00+01:00", open_until("2026-01-10T05:00+01:00")),
        ("2026-01-10T04:59:59.9+01:00", open_until("2026-01-10T05:00+01:00")),
        ("2026-01-10T05:00:00+01:00", opens("2026-01-11T01:00+01:00")),
        ("2026-07-10T01:00:00+02:00", open_until("2026-07-10T05:00+02:00")),
    ],
)
def test_a_night(now: str, found: Found) -> None:
    assert of([NIGHT], BERLIN, now) == found


def test_clocks_that_go_back_by_two_hours() -> None:
    """Those of Troll, a station in Antarctica, at 03:00 on 25 October."""
    troll = zone_of("Antarctica/Troll")
    window = [PolicyWindow("30 2 * * *", 30)]
    assert of(window, troll, "2026-10-25T02:29:59+02:00") == opens("2026-10-25T02:30+02:00")
    assert of(window, troll, "2026-10-25T02:30+02:00") == open_until("2026-10-25T01:00+00:00")
    assert of(window, troll, "2026-10-25T01:00+00:00") == opens("2026-10-26T02:30+00:00")


@pytest.mark.parametrize(
    ("cron", "now", "found"),
    [
        # Clocks go from 02:00 to 03:00 on 29 March, and from 03:00 back to 02:00 on 25 October.
        ("0 1 * * *", "2026-03-29T01:30+01:00", open_until("2026-03-29T06:00+02:00")),
        ("0 1 * * *", "2026-03-29T05:59:59+02:00", open_until("2026-03-29T06:00+02:00")),
        ("30 2 * * *", "2026-03-29T01:59:59+01:00", opens("2026-03-29T03:00+02:00")),
        ("30 2 * * *", "2026-03-29T03:00:00+02:00", open_until("2026-03-29T07:00+02:00")),
        ("0 1 * * *", "2026-10-25T01:30+02:00", open_until("2026-10-25T04:00+01:00")),
        ("0 4 * * *", "2026-10-25T03:59:59+01:00", opens("2026-10-25T04:00+01:00")),
        ("30 2 * * *", "2026-10-25T02:30+02:00", open_until("2026-10-25T05:30+01:00")),
        ("30 2 * * *", "2026-10-25T02:30+01:00", open_until("2026-10-25T05:30+01:00")),
        ("30 2 * * *", "2026-10-25T02:10+01:00", open_until("2026-10-25T05:30+01:00")),
        ("30 2 * * *", "2026-10-25T02:29:59+02:00", opens("2026-10-25T02:30+02:00")),
    ],
)
def test_a_change_of_the_clocks(cron: str, now: str, found: Found) -> None:
    assert of([PolicyWindow(cron, 240)], BERLIN, now) == found


@pytest.mark.parametrize(
    ("zone", "cron", "now", "found"),
    [
        # At 02:00 to 02:30 on 3 October, and back from 02:00 to 01:30 on 4 April.
        ("Australia/Lord_Howe", "0 */6 * * *", "2026-10-03T14:00Z", opens("2026-10-03T19:00Z")),
        ("Australia/Lord_Howe", "0 */6 * * *", "2026-04-04T13:30Z", opens("2026-04-04T19:30Z")),
        (
            "Australia/Lord_Howe",
            "*/9 0 * * *",
            "2026-10-03T14:25Z",
            open_until("2026-10-03T14:54Z"),
        ),
        # At 02:45 to 03:45 on 27 September.
        ("Pacific/Chatham", "0 */2 * * *", "2026-09-26T13:15Z", open_until("2026-09-26T13:45Z")),
        # Whatever hour the clocks skip or repeat.
        ("Europe/Berlin", "0 */2 * * *", "2026-03-29T01:00Z", opens("2026-03-29T02:00Z")),
        ("Europe/Berlin", "30 * * * *", "2026-10-25T00:59Z", open_until("2026-10-25T01:00Z")),
        ("Europe/Berlin", "30 * * * *", "2026-10-25T01:00Z", opens("2026-10-25T01:30Z")),
    ],
)
def test_windows_with_a_star_open_as_often_as_the_clock_shows_their_times(
    zone: str, cron: str, now: str, found: Found
) -> None:
    assert of([PolicyWindow(cron, 30)], zone_of(zone), now) == found


@pytest.mark.parametrize("cron", ["*/30 23 * * SAT", "0 */6 * * *", "*/15 3 * * *"])
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("Australia/Lord_Howe", "2027-10-02T15:30Z"),
        ("Australia/Lord_Howe", "2027-04-03T15:00Z"),
        ("America/Santiago", "2027-04-04T03:00Z"),
        ("Pacific/Chatham", "2027-09-25T14:00Z"),
        ("Europe/Berlin", "2027-10-31T01:00Z"),
    ],
)
def test_windows_agree_with_a_look_at_the_clock_in_each_minute(
    name: str, change: str, cron: str
) -> None:
    begin, zone = at(change) - timedelta(hours=30), ZoneInfo(name)
    minutes = [begin + timedelta(minutes=number) for number in range(70 * 60)]
    walls = [each.astimezone(zone).replace(tzinfo=None, fold=0) for each in minutes]
    openings = [
        each
        for each, wall in zip(minutes, walls, strict=True)
        if next(CronSim(cron, wall - timedelta(seconds=1))) == wall
    ]
    for now in minutes[24 * 60 : -10 * 60 : 15]:
        closes = [each + timedelta(minutes=50) for each in openings if each <= now]
        later = [each for each in openings if each > now]
        found = opening([PolicyWindow(cron, 50)], zone, now)
        assert found.until == max((each for each in closes if each > now), default=None)
        assert found.opens in later[:1] or not later


def test_a_window_in_a_zone_of_its_own() -> None:
    tokyo = PolicyWindow("0 1 * * *", 60, "Asia/Tokyo")
    assert of([tokyo], BERLIN, "2026-01-10T01:30+09:00") == open_until("2026-01-10T02:00+09:00")
    assert of([tokyo], None, "2026-01-10T03:00+09:00") == opens("2026-01-11T01:00+09:00")


def test_one_of_several_windows_is_enough_and_the_last_counts() -> None:
    long = PolicyWindow("0 2 * * *", 600)
    assert of([NIGHT, long], BERLIN, "2026-01-10T03:00+01:00") == open_until(
        "2026-01-10T12:00+01:00"
    )
    assert of([NIGHT, long], BERLIN, "2026-01-10T13:00+01:00") == opens("2026-01-11T01:00+01:00")


def test_a_window_that_opens_again_before_it_closes_stays_open() -> None:
    hourly = PolicyWindow("0 * * * *", 90)
    assert of([hourly], BERLIN, "2026-01-10T03:10+01:00") == open_until("2026-01-10T04:30+01:00")


def test_a_window_without_a_zone_stays_closed_where_none_is_known() -> None:
    assert opening([NIGHT], None, at("2026-01-10T03:00+01:00")) == Opening()


def test_a_window_on_a_day_that_never_comes() -> None:
    never = PolicyWindow("0 0 29 2 MON#5", 60)
    assert opening([never], BERLIN, at("2026-01-10T03:00+01:00")).until is None


@pytest.mark.parametrize(
    "name", ["Europe/Nowhere", "../../etc/passwd", "/etc/passwd", "Europe", "", "x" * 300, "a\0b"]
)
def test_names_that_are_no_time_zone(name: str) -> None:
    assert zone_of(name) is None
    shown = name[:64].replace("\0", "\N{REPLACEMENT CHARACTER}")
    assert zone_problem(name) == f'"{shown}" is not a time zone, such as Europe/Berlin'


def test_a_zone_has_no_problem() -> None:
    assert zone_problem("Europe/Berlin") == ""


@pytest.mark.parametrize(
    ("cron", "problem"),
    [
        ("0 1 * * *", ""),
        ("0 1 * * MON-FRI", ""),
        ("0 1 * *", "does not have the five fields of cron"),
        ("0 0 1 * * *", "does not have the five fields of cron"),
        ("0 25 * * *", "is not a time of cron: Bad hour"),
        ("0 0 31 2 *", "is not a time of cron: Bad day-of-month"),
        ("9" * 5_000 + " * * * *", "is not a time of cron"),
    ],
)
def test_times_of_cron(cron: str, problem: str) -> None:
    assert problem in cron_problem(cron)
    assert bool(problem) == bool(cron_problem(cron))


HOLIDAYS = Freeze("2026-12-20T00:00:00Z", "2027-01-04T00:00:00Z", "holidays")
FINAL = Freeze("2026-12-30T00:00:00+01:00", "2027-01-01T00:00:00+01:00")


@pytest.mark.parametrize(
    ("now", "found"),
    [
        ("2026-12-19T23:59:59Z", None),
        ("2026-12-20T00:00:00Z", HOLIDAYS),
        ("2026-12-31T00:00:00Z", HOLIDAYS),
        ("2027-01-04T00:00:00Z", None),
    ],
)
def test_a_freeze_lasts_until_its_end(now: str, found: Freeze | None) -> None:
    known = frozen([FINAL, HOLIDAYS], at(now))
    assert (known and known[0]) == found
    assert known is None or known[1] == at("2027-01-04T00:00:00Z")


@pytest.mark.parametrize(
    ("begin", "end", "problem"),
    [
        ("2026-12-20T00:00:00Z", "2026-12-21T00:00:00Z", ""),
        ("2026-12-20", "2026-12-21T00:00:00Z", "times that can't be read"),
        ("tomorrow", "2026-12-21T00:00:00Z", "times that can't be read"),
        ("2026-12-21T00:00:00Z", "2026-12-21T00:00:00Z", "ends before it begins"),
    ],
)
def test_the_times_of_a_freeze(begin: str, end: str, problem: str) -> None:
    assert problem in freeze_problem(Freeze(begin, end))
    assert bool(problem) == bool(freeze_problem(Freeze(begin, end)))


def test_times_as_people_say_them() -> None:
    assert local_time(at("2026-07-01T00:30Z"), BERLIN) == "02:30 CEST on 1 July 2026"
    assert local_time(at("2026-07-01T00:30Z"), None) == "00:30 UTC on 1 July 2026"
