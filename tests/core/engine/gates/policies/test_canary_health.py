"""R50.15: canaries must be well, by what the hub and the clusters say, while they soak."""

from datetime import datetime, timedelta

import pytest

from ibgu.core.model import ClusterConditionView, Kind
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.gates.policies.test_canaries import (
    canaries,
    fleet,
    started,
    succeeded,
    words,
)

POWER = "example.com/Power"


def condition(twin: InMemoryEngine, name: str, status: str, since: datetime | None = None) -> None:
    """The ManagedCluster gets the condition; `since`: now, if it is not given."""
    others = tuple(each for each in twin.conditions.get(name, ()) if each.type != POWER)
    found = ClusterConditionView(POWER, status, twin.now if since is None else since)
    twin.conditions[name] = (*others, found)
    twin.touch_cluster(name)


def soaking(twin: InMemoryEngine, count: int = 2) -> None:
    """The canaries have succeeded, and their condition is asked for."""
    health = {"conditions": [{"type": POWER}]}
    canaries(twin, count=count, soakMinutes=30, health=health)
    twin.apply(ibgu("a", "Prep"))
    twin.until(Kind.FINISHED)
    twin.settle()


def test_a_condition_must_be_true_of_every_canary_for_the_soak() -> None:
    twin = fleet(4)
    for name in ("site-1", "site-2"):
        condition(twin, name, "True")
    soaking(twin)
    assert words(twin, "site-3") == (
        "the canaries have succeeded, and must stay well until 2026-01-01T00:31:01Z"
    )
    twin.wait(minutes=29)
    assert started(twin) == {"site-1", "site-2"}
    twin.wait(hours=1)
    assert succeeded(twin) == 4


def test_the_soak_begins_again_after_a_break_of_a_condition() -> None:
    twin = fleet(4)
    for name in ("site-1", "site-2"):
        condition(twin, name, "True")
    soaking(twin)
    twin.wait(minutes=20)
    condition(twin, "site-2", "False")
    twin.wait(hours=3)
    assert words(twin, "site-3") == (
        "the canaries must stay well, and site-2 is not: condition example.com/Power of the "
        'ManagedCluster is "False", not "True"'
    )
    condition(twin, "site-2", "True")
    twin.wait(minutes=29)
    assert started(twin) == {"site-1", "site-2"}
    twin.wait(hours=1)
    assert succeeded(twin) == 4


def test_a_condition_that_no_canary_has_keeps_the_others() -> None:
    twin = fleet(4)
    soaking(twin)
    twin.wait(hours=3)
    assert words(twin, "site-3") == (
        "the canaries must stay well, and site-1 is not: the ManagedCluster has no condition "
        "example.com/Power; 1 more is not well"
    )


def test_more_canaries_that_are_not_well_are_counted() -> None:
    twin = fleet(4)
    soaking(twin, count=3)
    assert words(twin, "site-4").endswith("; 2 more are not well")


def test_a_status_is_shown_harmless_and_short() -> None:
    twin = fleet(2)
    condition(twin, "site-1", "\x1b" + "x" * 5000)
    soaking(twin, count=1)
    found = words(twin, "site-2")
    assert "\x1b" not in found
    assert len(found) < 400


def test_a_status_since_a_time_far_ahead_soaks_from_the_end_of_the_canary() -> None:
    twin = fleet(2)
    condition(twin, "site-1", "True", twin.now + timedelta(days=300))
    soaking(twin, count=1)
    twin.wait(minutes=29)
    assert started(twin) == {"site-1"}
    twin.wait(hours=1)
    assert succeeded(twin) == 2


@pytest.mark.parametrize("minutes", [0, 30])
def test_a_condition_that_must_be_false(minutes: int) -> None:
    twin = fleet(2)
    condition(twin, "site-1", "True")
    health = {"conditions": [{"type": POWER, "status": "False"}]}
    canaries(twin, count=1, soakMinutes=minutes, health=health)
    twin.apply(ibgu("a", "Prep"))
    twin.wait(hours=1)
    assert words(twin, "site-2").endswith('is "True", not "False"')
    condition(twin, "site-1", "False")
    twin.wait(hours=1)
    assert succeeded(twin) == 2
