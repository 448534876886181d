"""The times that actions take, and how often they fail: as measured, or as the user says."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from ibgu.client import RestError
from ibgu.client.responses import DurationResponse
from ibgu.core.engine.timing.durations import DurationStats
from ibgu.core.model import ActionName
from ibgu.core.rehearsal.model import Odds, usual_odds

_MAX_MINUTES = 7 * 24 * 60.0


def measured(items: Iterable[DurationResponse]) -> dict[ActionName, DurationStats]:
    """Returns the durations of actions that succeeded."""
    return {
        each.action: DurationStats(each.count, each.p50, each.p95, ())
        for each in items
        if each.result == "succeeded"
    }


def odds_of(
    actions: Collection[ActionName],
    durations: Mapping[ActionName, DurationStats],
    taking: Sequence[str],
    failing: Sequence[str],
) -> dict[ActionName, Odds]:
    """Returns the odds of each action of the plan. `taking` has entries such as "Upgrade=40,70",
    minutes as p50 and p95; `failing` such as "Prep=5", percent. Raises RestError."""
    times = {name: _minutes(name, words) for name, words in _named("--taking", taking, actions)}
    rates = {name: _percent(name, words) for name, words in _named("--failing", failing, actions)}
    found = {}
    for action in actions:
        usual = usual_odds(action, durations, rates.get(action, 0.0))
        p50, p95 = times.get(action, (usual.p50, usual.p95))
        found[action] = Odds(p50, p95, usual.failing)
    return found


def _named(
    option: str, given: Sequence[str], actions: Collection[ActionName]
) -> Iterable[tuple[ActionName, str]]:
    for each in given:
        name, _, words = each.partition("=")
        if name not in actions:
            raise RestError(f"{option} {each}: the plan has no action {name}")
        yield name, words


def _minutes(name: str, words: str) -> tuple[float, float]:
    p50, _, p95 = words.partition(",")
    try:
        low, high = float(p50), float(p95 or p50)
    except ValueError:
        low = high = math.nan
    if not 0 < low <= high <= _MAX_MINUTES:
        raise RestError(
            f"--taking {name}={words}: expected minutes as p50,p95, such as {name}=40,70"
        )
    return low * 60, high * 60


def _percent(name: str, words: str) -> float:
    try:
        found = float(words.removesuffix("%"))
    except ValueError:
        found = math.nan
    if not 0 <= found <= 100:
        raise RestError(f"--failing {name}={words}: expected a share from 0 to 100 percent")
    return found / 100
