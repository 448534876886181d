"""Random small fleets under random policies, for a rehearsal beside the engine."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random
from typing import Any

from ibgu.core.model.names import RAMP_UP, STARTS_PER_MINUTE, TIME_ZONE
from ibgu.core.model.rollout_policy import RolloutPolicy
from tests.core.engine.decide.fleet import START
from tests.core.engine.gates.policies.policy import SITE, policy
from tests.core.rehearsal.pair import Case, drawn

_PLANS = (
    ["Prep"],
    ["Prep", "Upgrade"],
    ["Prep Upgrade"],
    ["Prep", "Upgrade", "FinalizeUpgrade"],
    ["Prep Upgrade FinalizeUpgrade"],
    ["Prep", "Upgrade FinalizeUpgrade"],
)
_SITES = ("east", "west", "north")
_ZONES = ("Europe.London", "America.New_York", "Asia.Tokyo")
Spec = dict[str, Any]


def random_case(seed: int, policies: int | None = None) -> Case:
    """Returns the case of the seed, with so many policies; None: none to three."""
    dice = Random(seed)
    names = [f"site-{number:02}" for number in range(dice.randrange(4, 15))]
    labels = {name: _labels(dice) for name in names}
    failing = {action: dice.choice([0, 0, 0.1, 0.3]) for action in ("Prep", "Upgrade")}
    drawn_count = dice.choice([0, 1, 1, 2, 2, 2, 3, 3])
    count = policies if policies is not None else drawn_count
    annotations = {}
    if dice.random() < 0.1:
        annotations[STARTS_PER_MINUTE] = str(dice.choice([1, 2]))
    if dice.random() < 0.1:
        annotations[RAMP_UP] = "true"
    return Case(
        names=names,
        steps=dice.choice(_PLANS),
        draws=drawn(names, seed=seed * 7 + 1, failing=failing),
        concurrency=dice.choice([1, 2, 3, 5, 20]),
        timeout=dice.choice([30, 60, 120, 240, 600, 3000]),
        labels=labels,
        policies=[_policy(dice, f"policy-{number}") for number in range(count)],
        annotations=annotations,
        days=12,
    )


def _labels(dice: Random) -> dict[str, str]:
    site, zoned = {SITE: dice.choice(_SITES)}, dice.random() < 0.93
    return site | {TIME_ZONE: dice.choice(_ZONES)} if zoned else site


def _policy(dice: Random, name: str) -> RolloutPolicy:
    spec: Spec = {}
    rules = dice.sample(sorted(_RULES), dice.choice([1, 1, 1, 2, 2, 3]))
    if dice.random() < 0.5:
        spec["actions"] = dice.choice([["Upgrade"], ["Prep"], ["Prep", "Upgrade"]])
    if dice.random() < 0.35:
        spec["clusters"] = _of_site(dice)
    for rule in rules:
        spec |= _RULES[rule](dice)
    return policy(name, **spec)


def _of_site(dice: Random) -> Spec:
    return {"selector": {"matchLabels": {SITE: dice.choice(_SITES)}}}


def _windows(dice: Random) -> Spec:
    window: Spec = {
        "cron": f"{dice.choice([0, 30])} {dice.randrange(24)} * * *",
        "durationMinutes": dice.choice([30, 60, 120, 240]),
    }
    if dice.random() < 0.6:
        window["timeZone"] = "UTC"
    return {"windows": [window], "fit": dice.random() < 0.4}


def _freeze(dice: Random) -> Spec:
    begin = START + timedelta(minutes=dice.randrange(300))
    end = begin + timedelta(minutes=dice.choice([20, 90, 600, 1500]))
    return {"freezes": [{"from": begin.isoformat(), "until": end.isoformat()}]}


def _in_flight(dice: Random) -> Spec:
    return {"inFlight": dice.choice([1, 2, 3, "20%", "50%"])}


def _topology(dice: Random) -> Spec:
    return {"perTopology": [{"label": SITE, "maximum": dice.choice([1, 1, 2])}]}


def _neighbours(dice: Random) -> Spec:
    names = [f"site-{number:02}" for number in range(10)]
    return {"neverTogether": [{"clusters": dice.sample(names, 3)}]}


def _canaries(dice: Random) -> Spec:
    chosen = {"count": dice.choice([1, 2, 3])} if dice.random() < 0.7 else _of_site(dice)
    return {"canaries": {**chosen, "soakMinutes": dice.choice([0, 10, 60, 300])}}


def _budget(dice: Random) -> Spec:
    few = dice.choice([0, 1, 2])
    budgets: list[Spec] = [
        {"maximum": few},
        {"maximum": few, "per": "Step"},
        {"maximum": "20%"},
        {"maximum": 1, "withinMinutes": 30},
    ]
    return {"failureBudget": dice.choice(budgets)}


def _breaker(dice: Random) -> Spec:
    breakers: list[Spec] = [{"sameCause": 2}, {"percent": 30, "minimumUpgrades": 4}]
    return {"breaker": dice.choice(breakers)}


_RULES: Mapping[str, Callable[[Random], Spec]] = {
    "breaker": _breaker,
    "budget": _budget,
    "canaries": _canaries,
    "freeze": _freeze,
    "inFlight": _in_flight,
    "neighbours": _neighbours,
    "topology": _topology,
    "windows": _windows,
}
