"""Judges three clocks: this machine's, the database's (limits count by it), the hub's.

The controller decides by the database's clock whether TALM, whose Lease is stamped by the hub's
side, is alive: these two must not be far apart.
"""

from collections.abc import Iterator
from datetime import timedelta

from ibgu.cli.doctor.facts import ClockReading, HubFacts, JournalFacts
from ibgu.cli.doctor.findings import Finding, error, ok, skipped, warning
from ibgu.controller.lookups.talm import ALIVE
from ibgu.db.health import Health

WARN_SKEW = timedelta(seconds=5)
ERROR_SKEW = ALIVE / 2
"""Between database and hub: a live TALM would soon look dead."""
_SYNC = "synchronize the clock there with NTP (chrony)"


def judge_clocks(hub: HubFacts, journal: JournalFacts) -> Iterator[Finding]:
    hubs = hub.clock if isinstance(hub.clock, ClockReading) else None
    theirs = ClockReading(journal.now, journal.here) if isinstance(journal, Health) else None
    if hubs is None and theirs is None:
        yield skipped("clocks", "neither the hub nor the database reported its time")
        return
    found = [
        *(_against_here("hub", clock) for clock in (hubs,) if clock),
        *(_against_here("database", clock) for clock in (theirs,) if clock),
    ]
    if hubs and theirs:
        found.insert(0, _between(theirs, hubs))
    wrong = [finding for finding in found if finding is not None]
    yield from wrong
    if not wrong:
        names = " and ".join(name for name, clock in (("hub", hubs), ("database", theirs)) if clock)
        yield ok("clocks", f"{names}: within {WARN_SKEW.seconds} s of this machine's")


def _between(database: ClockReading, hub: ClockReading) -> Finding | None:
    apart = _apart(database.ahead - hub.ahead, hub.exact)
    if apart <= ERROR_SKEW:
        return None
    words = (
        f"database and hub are {_seconds(apart)} apart: ibgu may take a live TALM for a stopped one"
    )
    return error("clocks", words, f"{_SYNC}, before you start a rollout")


def _against_here(name: str, clock: ClockReading) -> Finding | None:
    apart = _apart(clock.ahead, clock.exact)
    if apart <= WARN_SKEW:
        return None
    way = "ahead of" if clock.ahead > timedelta(0) else "behind"
    words = f"the {name}'s clock is {_seconds(apart)} {way} this machine's"
    return warning("clocks", words, f"{_SYNC}, or here: times in logs will not agree")


def _apart(difference: timedelta, exact: timedelta) -> timedelta:
    """Returns the certain part of the difference."""
    return max(timedelta(0), abs(difference) - exact)


def _seconds(apart: timedelta) -> str:
    return f"{apart.total_seconds():.0f} s"
