"""Windows that close on clusters which wait for their start, as in the engine's own course."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ibgu.core.model.names import TIME_ZONE
from ibgu.core.rehearsal.outlook import outlook
from ibgu.core.rehearsal.run import Rehearsal, Run
from tests.core.engine.decide.fleet import START, InMemoryEngine
from tests.core.engine.gates.policies.policy import policy
from tests.core.rehearsal.pair import Case, engine_of, plan_of, rehearsed
from tests.core.rehearsal.test_against_the_engine import NAMES, NIGHT, ZONES, case

NIGHTS = policy(actions=["Upgrade"], **NIGHT)
THIRD_DAYS = policy(
    "third-days", actions=["Upgrade"], windows=[{"cron": "0 1 */3 * *", "durationMinutes": 120}]
)
CASES = {
    "a window for each step": case(
        "Prep", "Upgrade", labels=ZONES, concurrency=4, timeout=4000, policies=[NIGHTS], days=9
    ),
    "windows inside a chain": case(
        "Prep Upgrade",
        labels=ZONES,
        concurrency=20,
        timeout=9000,
        policies=[NIGHTS, THIRD_DAYS],
        days=9,
    ),
    "the step's time ends": case(
        "Prep", "Upgrade", labels=ZONES, concurrency=2, timeout=300, policies=[NIGHTS], days=9
    ),
}


def missed_in(engine: InMemoryEngine, found: Case) -> dict[str, int]:
    """Returns how many nights have passed each cluster that waited for its Upgrade."""
    counts: dict[str, int] = {}
    for tracked in engine.tracked("uid-a").steps:
        if "Upgrade" not in tracked.step.actions:
            continue
        for name, member in tracked.members.items():
            prep = [each.at for each in member.completed if each.action == "Prep"]
            since = prep[0] if prep else tracked.step.started_at
            begun = member.run.intended_at if member.run else member.ended_at
            assert since is not None
            assert begun is not None
            zone = ZoneInfo(found.labels[name][TIME_ZONE].replace(".", "/"))
            counts[name] = len([each for each in closings(zone) if since <= each < begun])
    return {name: count for name, count in counts.items() if count}


def closings(zone: ZoneInfo) -> list[datetime]:
    """Returns when the nights from the first day on end, at three."""
    first = START.astimezone(zone).replace(hour=3, minute=0)
    return [first + timedelta(days=day) for day in range(-1, 12)]


def missed_by(run: Run) -> tuple[int, set[str]]:
    return run.record.missed_windows[0], {NAMES[place] for place in run.record.missed[0]}


@pytest.mark.parametrize("name", CASES)
def test_the_engine_misses_as_many_windows(name: str) -> None:
    found = CASES[name]
    engine = engine_of(found)
    engine.drive(timedelta(days=found.days))
    theirs = missed_in(engine, found)
    assert theirs
    assert missed_by(rehearsed(found)) == (sum(theirs.values()), set(theirs))


def test_a_policy_without_windows_misses_none() -> None:
    frozen = {"from": "2026-01-01T00:10:00Z", "until": "2026-01-02T00:00:00Z"}
    found = case("Prep", policies=[policy(freezes=[frozen])])
    assert missed_by(rehearsed(found)) == (0, set())


def test_missed_windows_are_counted_by_policy() -> None:
    found = CASES["a window for each step"]
    rehearsal = Rehearsal(plan_of(found))
    (told,) = outlook(rehearsal, [rehearsal.run(found.draws)]).policies
    assert told.missed.p50 == len(rehearsed(found).record.missed[0])
    assert told.missed_windows.p50 >= told.missed.p50
