"""Windows and freezes of policies: when clusters may start, in the time of their own zones."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from operator import itemgetter
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from msgspec import Struct

from ibgu.core.model.rollout_policy import Freeze, PolicyWindow
from ibgu.core.text.harmless import one_line

_MINUTE = timedelta(minutes=1)
_REPEATED = timedelta(hours=3)
"""More than the time by which clocks go back."""
_MAX_CHARACTERS = 64
"""The most characters that the name of a time zone has."""
_DIFFERENT = 4096
"""The number of windows and zones of which the newest answer is kept."""


class Opening(Struct, frozen=True):
    """Opening says whether a window is open, and how long it stays so."""

    until: datetime | None = None
    """When it closes; None: it is closed."""
    opens: datetime | None = None
    """When it opens next, even if it is open; None: never in the next fifty years."""


def zone_of(name: str) -> ZoneInfo | None:
    """Returns the time zone of that name; None: there is none."""
    return _zone(name) if len(name) <= _MAX_CHARACTERS else None


@lru_cache(maxsize=_DIFFERENT)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def zone_problem(name: str) -> str:
    """Returns why there is no such time zone; empty: there is."""
    known = zone_of(name) is not None
    shown = one_line(name[:_MAX_CHARACTERS])
    return "" if known else f'"{shown}" is not a time zone, such as Europe/Berlin'


def local_time(moment: datetime, zone: ZoneInfo | None) -> str:
    """Returns the time as people say it in the zone: "01:00 CET on 27 November 2026"."""
    return f"{moment.astimezone(zone or UTC):%H:%M %Z on %-d %B %Y}"


def cron_problem(cron: str) -> str:
    """Returns why nothing is known of when a window opens; empty: it is."""
    if len(cron.split()) != len(("minute", "hour", "day", "month", "weekday")):
        return f'"{cron}" does not have the five fields of cron: minute hour day month weekday'
    try:
        CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC))
    except (CronSimError, ValueError) as error:
        return f'"{cron}" is not a time of cron: {error}'
    return ""


def opening(windows: Sequence[PolicyWindow], own: ZoneInfo | None, now: datetime) -> Opening:
    """Returns the state of the windows together: one that is open is enough. `own`: the cluster's
    time zone. A window that needs a zone which is not known stays closed."""
    minute = now.replace(second=0, microsecond=0)
    found = [
        _opening(each.cron, each.duration_minutes, zone, minute)
        for each in windows
        if (zone := zone_of(each.time_zone) if each.time_zone else own) is not None
    ]
    return Opening(
        max((each.until for each in found if each.until is not None), default=None),
        min((each.opens for each in found if each.opens is not None), default=None),
    )


@lru_cache(maxsize=_DIFFERENT)
def _opening(cron: str, minutes: int, zone: ZoneInfo, minute: datetime) -> Opening:
    """Returns the state of one window, which stays the same for a whole minute: windows open and
    close on minutes."""
    last, opens = _last(cron, zone, minute), _next(cron, zone, minute)
    closes = last + timedelta(minutes=minutes) if last is not None else None
    return Opening(closes if closes is not None and closes > minute else None, opens)


def _last(cron: str, zone: ZoneInfo, minute: datetime) -> datetime | None:
    """Returns when the window opened last, at that minute included; None: never."""
    found: list[datetime] = []
    # Times that a clock shows later may have come before, where it was put back.
    for wall in CronSim(cron, _wall(minute, zone) + _REPEATED, reverse=True):
        moments = _moments(cron, wall, zone)
        found += (each for each in moments if each <= minute)
        if moments and moments[-1] <= minute:
            break
    return max(found, default=None)


def _next(cron: str, zone: ZoneInfo, minute: datetime) -> datetime | None:
    """Returns when the window opens next, after that minute; None: never."""
    found: list[datetime] = []
    for wall in CronSim(cron, _wall(minute, zone) - _REPEATED):
        moments = _moments(cron, wall, zone)
        found += (each for each in moments if each > minute)
        if moments and moments[0] > minute:
            break
    return min(found, default=None)


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """Returns what a clock on the wall shows, without a zone."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def _moments(cron: str, wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """Returns when a window opens for a time of the clock on the wall, in order: as Debian's cron
    does, with a star as minute or hour as often as the clock shows that time, else once."""
    shown = _shown(wall, zone)
    if any(field.startswith("*") for field in cron.split()[:2]):
        return shown
    while not shown:
        wall += _MINUTE
        shown = _shown(wall, zone)
    return shown[:1]


def _shown(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """Returns when a clock on the wall shows that time, in order: twice where it is put back, never
    where it is put on."""
    named = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return sorted({each for each in named if _wall(each, zone) == wall})


def frozen(freezes: Iterable[Freeze], now: datetime) -> tuple[Freeze, datetime] | None:
    """Returns the freeze that ends last of those that have begun, with its end; None: nothing is
    frozen."""
    spans = ((each, *freeze_span(each)) for each in freezes)
    begun = [(each, end) for each, begin, end in spans if begin <= now < end]
    return max(begun, key=itemgetter(1), default=None)


def next_freeze(freezes: Iterable[Freeze], now: datetime) -> datetime | None:
    """Returns when the next freeze begins; None: none does."""
    return min((begin for begin, _ in map(freeze_span, freezes) if begin > now), default=None)


def freeze_problem(freeze: Freeze) -> str:
    """Returns why the times of a freeze can't be read; empty: they can."""
    try:
        begin, end = freeze_span(freeze)
    except ValueError:
        return f"a freeze from {freeze.from_} until {freeze.until} has times that can't be read"
    if end <= begin:
        return f"a freeze from {freeze.from_} ends before it begins, at {freeze.until}"
    return ""


def freeze_span(freeze: Freeze) -> tuple[datetime, datetime]:
    return _moment(freeze.from_), _moment(freeze.until)


@lru_cache(maxsize=_DIFFERENT)
def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    try:
        return found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error
