"""Injects errors of ibgu's own: whatever it does for one rollout may raise, half-way through."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from ibgu.controller.effects.effects import Effects
from ibgu.controller.loop.planner import Planner
from ibgu.controller.reports.statuses import Statuses
from ibgu.core.engine.state import TrackedRollout
from tests.simulation.network_faults import NetworkFaults

KIND = "own-error"
ERROR = ZeroDivisionError.__name__
_PLACES = ((Planner, "_run_cycle"), (Effects, "reconcile"), (Statuses, "_write"))


@contextmanager
def own_errors(weather: NetworkFaults) -> Iterator[None]:
    """Raises errors where the fault's `n` says, in the rollout that it names, as long as it
    lasts."""
    with ExitStack() as stack:
        for place, (owner, name) in enumerate(_PLACES):
            faulty = _faulty(weather, place, getattr(owner, name))
            stack.enter_context(patch.object(owner, name, faulty))
        yield


def _faulty(weather: NetworkFaults, place: int, act: Callable[..., Any]) -> Callable[..., Any]:
    def acting(*given: Any) -> Any:
        done = act(*given)
        [tracked] = [each for each in given if isinstance(each, TrackedRollout)]
        fault = weather.window(KIND)
        here = fault is not None and fault.n % len(_PLACES) == place
        if fault is not None and here and tracked.rollout.name == f"rollout-{fault.rollout}":
            weather.struck[KIND] += 1
            raise ZeroDivisionError(f"of {tracked.rollout.name}")
        return done

    return acting
