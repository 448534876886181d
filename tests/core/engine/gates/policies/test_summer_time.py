"""R50.4: a night window is kept to the second, in each cluster's own time zone and over changes to
and from summer time."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from ibgu.core.engine.state.snapshot import Facts
from ibgu.core.model import Kind, OnMember, Outcome
from ibgu.core.model.names import TIME_ZONE
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.policy import policy, set_policies

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
MINUTES = 45
OPEN = timedelta(minutes=MINUTES)
EACH = 7
"""The clusters in each of the zones."""
DAYS = 5
CHANGES = (date(2027, 3, 14), date(2027, 3, 28), date(2027, 10, 31), date(2027, 11, 7))
"""The nights in which New York and Berlin put their clocks on, and in which both put them back."""


def fleet(begin: datetime) -> InMemoryEngine:
    zones = {f"site-{n:02}": (BERLIN, NEW_YORK)[n % 2] for n in range(2 * EACH)}
    engine = InMemoryEngine(*zones)
    Invariants(engine)
    engine.now, engine.facts = begin, Facts(in_sync_since=begin)
    for name, zone in zones.items():
        engine.labels[name] = {TIME_ZONE: zone.replace("/", ".")}
        engine.spokes[name].now = begin
    return engine


def starts(engine: InMemoryEngine) -> dict[str, list[datetime]]:
    """Returns when Upgrades began in each zone."""
    found: dict[str, list[datetime]] = {BERLIN: [], NEW_YORK: []}
    for at, decision in ((said.at, said.decision) for said in engine.said):
        if not isinstance(decision, OnMember) or decision.kind is not Kind.RUN_INTENDED:
            continue
        run, labels = decision.member.run, engine.labels[decision.member.cluster]
        if run is not None and run.action == "Upgrade":
            found[labels[TIME_ZONE].replace(".", "/")].append(at)
    return found


def openings(zone: str, begin: datetime, opens: time) -> Iterator[datetime]:
    """Yields the first second of each later day at which a clock on the wall shows that time, or
    one after it: a clock that is put on may never show it, one that is put back does so twice."""
    wall = ZoneInfo(zone)
    passed = {begin.astimezone(wall).date()}
    for minute in range(DAYS * 24 * 60):
        at = begin + timedelta(minutes=minute)
        shown = at.astimezone(wall)
        if shown.time() >= opens and shown.date() not in passed:
            passed.add(shown.date())
            yield at


@pytest.mark.slow("every-point")
@pytest.mark.parametrize("most", [1, 2 * EACH])
@pytest.mark.parametrize("opens", [time(1, 0), time(1, 30), time(2, 30)])
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_every_start_lies_in_the_night_of_its_cluster(change: date, opens: time, most: int) -> None:
    """With one slot the nights of the change and the next one are needed, else the first one is
    enough."""
    begin = datetime.combine(change, time(12), UTC) - timedelta(days=1)
    engine = fleet(begin)
    window = {"cron": f"{opens.minute} {opens.hour} * * *", "durationMinutes": MINUTES}
    set_policies(engine, policy("nights", actions=["Upgrade"], windows=[window]))
    engine.apply(ibgu("a", "Prep", "Upgrade", concurrency=most, timeout=14_400))
    engine.wait(days=DAYS)
    for zone, found in starts(engine).items():
        nights = list(openings(zone, begin, opens))[: 2 if most == 1 else 1]
        by_night = [[at for at in found if each <= at < each + OPEN] for each in nights]
        assert sum(map(len, by_night)) == len(found) == EACH
        assert [each[0] for each in by_night] == nights
    assert engine.tracked("uid-a").steps[1].counts[Outcome.SUCCEEDED] == 2 * EACH
