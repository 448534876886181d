"""A rehearsal and the engine agree, step by step, on the same fleets with the same draws."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from ibgu.core.model.names import RAMP_UP, STARTS_PER_MINUTE, TIME_ZONE
from ibgu.core.rehearsal.model import Attempts
from ibgu.core.rehearsal.step_end import Held
from tests.core.engine.gates.policies.policy import SITE, policy
from tests.core.rehearsal.pair import Case, agree, drawn, of_engine, of_rehearsal, rehearsed

NAMES = [f"site-{number:02}" for number in range(40)]
SITES = {name: {SITE: ("east", "west", "north")[i % 3]} for i, name in enumerate(NAMES)}
ZONES = {
    name: {TIME_ZONE: ("Europe.London", "America.New_York")[i % 2], **SITES[name]}
    for i, name in enumerate(NAMES)
}
NIGHT: dict[str, Any] = {"windows": [{"cron": "0 1 * * *", "durationMinutes": 120}]}
FREEZE = {"from": "2026-01-01T00:02:00Z", "until": "2026-01-02T00:00:00Z"}
LONG = 2000


def case(*steps: str, failing: Mapping[str, float] | None = None, **more: Any) -> Case:
    return Case(names=NAMES, steps=steps, draws=drawn(NAMES, failing=failing), **more)


PLANS: dict[str, Case] = {
    "plain": case("Prep", "Upgrade"),
    "chain": case("Prep Upgrade"),
    "failures": case("Prep", "Upgrade", "FinalizeUpgrade", failing={"Prep": 0.1, "Upgrade": 0.1}),
    "one slot": case("Prep", concurrency=1, timeout=LONG),
    "more slots than clusters": case("Prep Upgrade", concurrency=100),
    "timeout": case("Prep", "Upgrade", timeout=50, concurrency=7),
    "timeout of a chain": case("Prep Upgrade", timeout=100, concurrency=7),
    "too little time left": case("Prep", "Upgrade", timeout=90, concurrency=8),
    "circuit breaker": case("Prep", "Upgrade", failing={"Upgrade": 0.7}),
    "circuit breaker in a chain": case("Prep Upgrade", failing={"Upgrade": 0.8}),
    "Prep never opens the circuit": case("Prep", failing={"Prep": 0.9}),
    "start rate": case(
        "Prep", "Upgrade", annotations={STARTS_PER_MINUTE: "3"}, concurrency=30, timeout=600
    ),
    "ramp-up": case(
        "Prep", "Upgrade", failing={"Prep": 0.1}, annotations={RAMP_UP: "true"}, timeout=600
    ),
    "start rate at the deadline": case(
        "Prep", annotations={STARTS_PER_MINUTE: "1"}, timeout=1, concurrency=40
    ),
    "clusters that still reboot": Case(
        names=NAMES[:4],
        steps=["Prep", "Upgrade", "AbortOnFailure"],
        draws=drawn(NAMES[:4], failing={"Upgrade": 1.0}, minutes={"Upgrade": (60, 70)}),
        timeout=55,
    ),
    "ramp-up and timeout": case("Prep", "Upgrade", annotations={RAMP_UP: "true"}, timeout=60),
}
POLICIES: dict[str, Case] = {
    "number in flight": case("Prep", "Upgrade", timeout=LONG, policies=[policy(inFlight=4)]),
    "share of some clusters": case(
        "Prep",
        "Upgrade",
        timeout=LONG,
        labels=SITES,
        policies=[policy(inFlight="10%", clusters={"selector": {"matchLabels": {SITE: "east"}}})],
    ),
    "topology": case(
        "Prep Upgrade",
        timeout=LONG,
        labels=SITES,
        policies=[policy(perTopology=[{"label": SITE, "maximum": 2}])],
    ),
    "neighbours": case(
        "Prep",
        "Upgrade",
        timeout=LONG,
        policies=[policy(neverTogether=[{"clusters": NAMES[:5]}, {"clusters": NAMES[3:9]}])],
    ),
    "night window": case(
        "Prep", "Upgrade", labels=ZONES, policies=[policy(actions=["Upgrade"], **NIGHT)], days=8
    ),
    "window that must fit": case(
        "Prep",
        "Upgrade",
        labels=ZONES,
        policies=[policy(actions=["Upgrade"], fit=True, **NIGHT)],
        days=8,
    ),
    "window inside a chain": case(
        "Prep Upgrade",
        labels=ZONES,
        concurrency=6,
        policies=[policy(actions=["Upgrade"], fit=True, **NIGHT)],
        days=8,
    ),
    "window and topology": case(
        "Prep",
        "Upgrade",
        labels=ZONES,
        policies=[
            policy(actions=["Upgrade"], perTopology=[{"label": SITE, "maximum": 2}], **NIGHT)
        ],
        days=12,
    ),
    "freeze": case(
        "Prep",
        "Upgrade",
        policies=[policy(freezes=[FREEZE | {"from": "2026-01-01T00:30:00Z"}])],
    ),
    "zone that is not known": case(
        "Prep",
        "Upgrade",
        labels={name: found for name, found in ZONES.items() if name != "site-03"},
        policies=[policy(actions=["Upgrade"], **NIGHT)],
        days=8,
    ),
    "zone that is not known, inside a chain": case(
        "Prep Upgrade", policies=[policy(actions=["Upgrade"], **NIGHT)]
    ),
    "two windows inside a chain": case(
        "Prep Upgrade",
        labels=ZONES,
        concurrency=40,
        policies=[
            policy("night", actions=["Upgrade"], **NIGHT),
            policy(
                "south",
                actions=["Upgrade"],
                clusters={"selector": {"matchLabels": {SITE: "east"}}},
                windows=[{"cron": "0 2 * * *", "durationMinutes": 120}],
            ),
        ],
    ),
    "deadline beside one on its way": Case(
        names=NAMES[:2],
        steps=["Prep Upgrade"],
        draws={**drawn(NAMES[:2]), "Prep": Attempts([300.0, 5400.0], [False, False])},
        concurrency=2,
        timeout=60,
        policies=[policy(actions=["Upgrade"], freezes=[FREEZE])],
    ),
    "hung cluster in a freeze": Case(
        names=NAMES[:6],
        steps=["Prep"],
        draws={
            **drawn(NAMES[:6]),
            "Prep": Attempts([300.0, 9000.0, *[300.0] * 4], [False] * 6),
        },
        concurrency=2,
        timeout=60,
        policies=[policy(freezes=[FREEZE])],
    ),
    "hung cluster in a place": Case(
        names=NAMES[:6],
        steps=["Prep"],
        draws={
            **drawn(NAMES[:6]),
            "Prep": Attempts([9000.0, *[300.0] * 5], [False] * 6),
        },
        concurrency=2,
        timeout=240,
        policies=[policy(inFlight=1)],
    ),
    "late clusters in places": Case(
        names=NAMES[:20],
        steps=["Prep", "Upgrade"],
        draws={
            **drawn(NAMES[:20]),
            "Prep": Attempts([9000.0 if n % 4 == 0 else 300.0 for n in range(20)], [False] * 20),
        },
        labels=SITES,
        concurrency=9,
        timeout=200,
        policies=[policy("site", perTopology=[{"label": SITE, "maximum": 2}])],
    ),
    "late Upgrades keep their places": case(
        "Prep", "Upgrade", timeout=60, concurrency=10, policies=[policy(inFlight=5)]
    ),
    "no way back is held": case("Prep", "Abort", policies=[policy(inFlight=3)], timeout=LONG),
}


NORTH = {"selector": {"matchLabels": {SITE: "north"}}}
WEST = {"selector": {"matchLabels": {SITE: "west"}}}
CAREFUL: dict[str, Case] = {
    "canaries": case(
        "Prep", "Upgrade", policies=[policy(canaries={"count": 3, "soakMinutes": 90})]
    ),
    "canaries of one action": case(
        "Prep",
        "Upgrade",
        "FinalizeUpgrade",
        failing={"Prep": 0.1},
        policies=[policy(actions=["Upgrade"], canaries={"count": 2, "soakMinutes": 30})],
    ),
    "canaries of a chain": case(
        "Prep Upgrade",
        labels=SITES,
        concurrency=20,
        policies=[policy(actions=["Upgrade"], canaries=NORTH)],
    ),
    "canaries by label": case(
        "Prep",
        labels=SITES,
        policies=[policy(clusters=WEST, canaries={**WEST, "soakMinutes": 20})],
    ),
    "canaries of some clusters": case(
        "Prep",
        labels=SITES,
        policies=[policy(clusters=WEST, canaries={"count": 2, "soakMinutes": 45})],
    ),
    "canary that fails": case(
        "Prep",
        "Upgrade",
        failing={"Upgrade": 0.35},
        policies=[policy(actions=["Upgrade"], canaries={"count": 20, "soakMinutes": 30})],
    ),
    "all canaries fail": case(
        "Prep", failing={"Prep": 1.0}, policies=[policy(canaries={"count": 3})]
    ),
    "canaries of two policies": case(
        "Prep",
        labels=SITES,
        policies=[
            policy("a", canaries={**NORTH, "soakMinutes": 20}),
            policy("b", canaries={"count": 2, "soakMinutes": 5}, clusters=WEST),
        ],
    ),
    "canary past its limit": case(
        "Prep",
        "Upgrade",
        timeout=50,
        concurrency=10,
        policies=[policy(canaries={"count": 6, "soakMinutes": 10})],
    ),
    "canaries at night": case(
        "Prep",
        "Upgrade",
        labels=ZONES,
        policies=[policy(actions=["Upgrade"], canaries={"count": 2, "soakMinutes": 1200}, **NIGHT)],
        days=8,
    ),
    "budget of a rollout": case(
        "Prep",
        "Upgrade",
        failing={"Prep": 0.1, "Upgrade": 0.2},
        policies=[policy(failureBudget={"maximum": 3})],
    ),
    "budget of a step": case(
        "Prep",
        "Upgrade",
        failing={"Prep": 0.1, "Upgrade": 0.1},
        policies=[policy(failureBudget={"maximum": 1, "per": "Step"})],
    ),
    "budget that is a share": case(
        "Prep",
        "Upgrade",
        failing={"Prep": 0.6},
        labels=SITES,
        policies=[policy(failureBudget={"maximum": "10%"}, clusters=WEST)],
    ),
    "budget of an action": case(
        "Prep",
        "Upgrade",
        failing={"Prep": 0.3, "Upgrade": 0.15},
        policies=[policy(actions=["Upgrade"], failureBudget={"maximum": 1})],
    ),
    "budget within a time": case(
        "Prep",
        concurrency=3,
        timeout=LONG,
        failing={"Prep": 0.25},
        policies=[policy(failureBudget={"maximum": 1, "withinMinutes": 60})],
    ),
    "budget of a chain": case(
        "Prep Upgrade",
        failing={"Prep": 0.2},
        concurrency=20,
        policies=[policy(failureBudget={"maximum": 2})],
    ),
    "budget of the hub": case(
        "Prep",
        failing={"Prep": 0.2},
        policies=[policy(failureBudget={"maximum": 2, "per": "Hub", "withinMinutes": 600})],
    ),
    "budget that late successes raise": case(
        "Prep", timeout=100, concurrency=7, policies=[policy(failureBudget={"maximum": 1})]
    ),
    "budget of some clusters that late successes raise": case(
        "Prep",
        timeout=60,
        concurrency=4,
        labels=SITES,
        policies=[
            policy(
                clusters={"selector": {"matchLabels": {SITE: "north"}}},
                failureBudget={"maximum": 0},
            )
        ],
    ),
    "budget of a chain that late successes raise": case(
        "Prep Upgrade",
        timeout=280,
        concurrency=7,
        policies=[policy(failureBudget={"maximum": 1})],
    ),
    "way back behind a spent budget": case(
        "Prep",
        "Abort",
        failing={"Prep": 0.2},
        policies=[policy(failureBudget={"maximum": 30})],
    ),
    "breaker by cause": case(
        "Prep",
        "Upgrade",
        failing={"Upgrade": 0.2},
        policies=[policy(breaker={"sameCause": 3})],
    ),
    "breaker by share": case(
        "Prep",
        "Upgrade",
        failing={"Upgrade": 0.3},
        policies=[policy(breaker={"percent": 15, "minimumUpgrades": 15})],
    ),
    "breaker of a chain": case(
        "Prep Upgrade",
        failing={"Upgrade": 0.3},
        labels=SITES,
        policies=[policy(breaker={"sameCause": 2}, clusters=WEST)],
    ),
    "budget of one after the other": case(
        "Prep", timeout=600, concurrency=1, policies=[policy(failureBudget={})]
    ),
    "budget that holds inside a chain for a while": Case(
        names=NAMES,
        steps=["Prep Upgrade"],
        draws=drawn(NAMES, minutes={"Upgrade": (10, 90)}),
        concurrency=7,
        timeout=280,
        policies=[policy(failureBudget={})],
    ),
    "canaries that nobody awaits": case(
        "Prep",
        timeout=20,
        concurrency=30,
        labels=ZONES,
        policies=[
            policy("a", clusters=WEST, **NIGHT),
            policy("b", clusters=NORTH, canaries=NORTH),
        ],
    ),
    "breaker that late successes keep from engaging": case(
        "Prep", "Upgrade", timeout=150, policies=[policy(breaker={"sameCause": 4})]
    ),
    "breaker of members past their limit": case(
        "Prep", "Upgrade", timeout=150, policies=[policy(breaker={"sameCause": 3})]
    ),
}


TRIPPED = {
    "canary that fails": Held.CANARIES,
    "all canaries fail": Held.CANARIES,
    "canary past its limit": Held.CANARIES,
    "budget of a rollout": Held.BUDGET,
    "budget of a step": Held.BUDGET,
    "budget that is a share": Held.BUDGET,
    "budget within a time": Held.BUDGET,
    "budget of a chain": Held.BUDGET,
    "breaker by cause": Held.UPGRADE_BREAKER,
    "breaker by share": Held.UPGRADE_BREAKER,
    "breaker of a chain": Held.UPGRADE_BREAKER,
    "breaker of members past their limit": Held.UPGRADE_BREAKER,
    "budget that late successes raise": Held.NOT,
    "budget that holds inside a chain for a while": Held.NOT,
}


ALONE = {
    "breaker that late successes keep from engaging",
    "budget of an action",
    "canaries that nobody awaits",
    "clusters that still reboot",
    "deadline beside one on its way",
    "hung cluster in a freeze",
    "share of some clusters",
    "start rate at the deadline",
}
"""The cases that cover what nothing else does."""


def cases(named: Iterable[str]) -> list[object]:
    """Returns the cases, of which the others are too long to measure what they cover."""
    long = pytest.mark.slow("every-point")
    return [pytest.param(name, marks=() if name in ALONE else long) for name in named]


@pytest.mark.parametrize("name", cases(PLANS))
def test_plans_go_as_in_the_engine(name: str) -> None:
    agree(PLANS[name])


@pytest.mark.parametrize("name", cases(POLICIES))
def test_policies_hold_as_in_the_engine(name: str) -> None:
    agree(POLICIES[name])


@pytest.mark.parametrize("name", cases(CAREFUL))
def test_canaries_budgets_and_breakers_hold_as_in_the_engine(name: str) -> None:
    agree(CAREFUL[name])


@pytest.mark.slow("every-point")
@pytest.mark.parametrize("seed", range(3))
def test_random_fleets_go_as_in_the_engine(seed: int) -> None:
    names = NAMES[: 20 + 7 * seed]
    agree(
        Case(
            names=names,
            steps=["Prep", "Upgrade", "FinalizeUpgrade"],
            draws=drawn(names, seed=seed + 10, failing={"Prep": 0.15, "Upgrade": 0.15}),
            concurrency=3 + 2 * seed,
            timeout=150 + 60 * seed,
        )
    )


@pytest.mark.slow("every-point")
@pytest.mark.parametrize("seed", range(3))
def test_fleets_short_of_slots_and_places_end_nearly_as_in_the_engine(seed: int) -> None:
    """The order of starts differs there: the engine looks at single members again at times that
    follow from their probes. Counts are the same, ends differ by up to 7% of a step's time."""
    names = NAMES[: 20 + 7 * seed]
    found = Case(
        names=names,
        steps=["Prep", "Upgrade", "FinalizeUpgrade"],
        draws=drawn(names, seed=seed + 10, failing={"Prep": 0.15, "Upgrade": 0.15}),
        concurrency=3 + 2 * seed,
        timeout=150 + 60 * seed,
        labels=SITES,
        policies=[policy(perTopology=[{"label": SITE, "maximum": 1 + seed}])],
    )
    agree(found, within=0.1)


@pytest.mark.slow("every-point")
def test_several_limits_on_one_cluster_end_at_nearly_the_same_time() -> None:
    """Another member may take a place that becomes free: the engine offers it policy by
    policy."""
    found = case(
        "Prep",
        "Upgrade",
        timeout=LONG,
        labels=SITES,
        policies=[
            policy(inFlight=5, perTopology=[{"label": SITE, "maximum": 2}]),
            policy("z", neverTogether=[{"clusters": NAMES[:5]}, {"clusters": NAMES[3:9]}]),
        ],
    )
    ours, theirs = of_rehearsal(found)[-1], of_engine(found)[-1]
    assert ours.succeeded == theirs.succeeded == len(NAMES)
    assert ours.ends == pytest.approx(theirs.ends, rel=0.05)


def test_the_cases_reach_what_they_are_about() -> None:
    """A case that never meets its rule would prove nothing."""
    for name, held in TRIPPED.items():
        assert rehearsed(CAREFUL[name]).held is held, name
    assert of_rehearsal(PLANS["circuit breaker"])[-1].held
    assert of_rehearsal(PLANS["circuit breaker in a chain"])[-1].held
    late = [each for each in of_rehearsal(PLANS["too little time left"]) if each.failed]
    assert late
    assert of_rehearsal(POLICIES["zone that is not known"])[-1].ends is None
    plain = of_rehearsal(PLANS["plain"])[-1].ends
    for name in ("number in flight", "topology", "neighbours", "night window", "freeze"):
        ends = of_rehearsal(POLICIES[name])[-1].ends
        assert plain is not None
        assert ends is not None
        assert ends > 1.05 * plain, name
