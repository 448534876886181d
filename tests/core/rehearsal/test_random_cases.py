"""A rehearsal tells what the engine does on random fleets under several random policies."""

from collections.abc import Sequence

import pytest

from ibgu.core.model.rollout_policy import RolloutPolicy
from ibgu.core.rehearsal.model import Attempts
from tests.core.engine.gates.policies.policy import policy
from tests.core.rehearsal.pair import Case, agree, drawn
from tests.core.rehearsal.random_cases import random_case

MENDED = {
    "a member that was ready waits for its place once another has it": 8,
    "a member that is ready when its window closes waits for the window": 125,
    "a place goes to nobody for whom a freeze has begun": 38,
    "the limit of the last wave is the deadline": 101,
    "what completes late is no success for the circuit breaker": 118,
    "a member in the way of the next one is noticed": 76,
    "a window keeps who is in a chain though the step is held": 172,
    "a hold is noted even while policies keep all who wait": 182,
    "a canary that is well at once frees others after those who are ready": 199,
}
"""Cases in which a rehearsal once told something else, by what it missed."""


def prepared(
    seconds: Sequence[float], failing: int, *policies: RolloutPolicy, timeout: int
) -> Case:
    """Returns clusters that take so long for their Prep, two at a time."""
    names = [f"site-{number:02}" for number in range(len(seconds))]
    fails = [number == failing for number in range(len(seconds))]
    draws = {**drawn(names), "Prep": Attempts(seconds, fails)}
    return Case(names=names, steps=["Prep"], draws=draws, concurrency=2, timeout=timeout,
                policies=policies)  # fmt: skip


LEFT = prepared(
    [376, 472, 1069, 643, 513, 527, 784, 703],
    -1,
    policy(neverTogether=[{"clusters": ["site-06", "site-04", "site-00"]}]),
    timeout=3000,
)
"""The place of three neighbours is offered to the second one, which has to wait for a slot. Then
another cluster ends, and the place is offered to the third one."""
TOGETHER = prepared(
    [605, 752, 339, 1167, 844, 1180, 396, 924, 822, 346, 443, 1088],
    10,
    policy(inFlight=3),
    policy("few", failureBudget={"maximum": 1, "withinMinutes": 30}),
    timeout=60,
)
"""Two that are late have slots, two are ready, and only one place is left."""


@pytest.mark.slow("every-point")
@pytest.mark.parametrize("seed", MENDED.values(), ids=MENDED.keys())
def test_a_case_goes_as_in_the_engine(seed: int) -> None:
    agree(random_case(seed))


@pytest.mark.parametrize("case", [LEFT, TOGETHER], ids=["left", "together"])
def test_the_next_ones_start_in_places_as_in_the_engine(case: Case) -> None:
    agree(case)
