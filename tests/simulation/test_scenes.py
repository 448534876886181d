"""Scenes of the engine in memory catch the broken variants that matter in no seed."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.core.engine.gates.policies import test_limits, test_oldest_first
from tests.simulation.breaking import Patches
from tests.simulation.broken_policies import all_rollouts_selected, silent_go_first

SCENES: tuple[tuple[Patches, Callable[[], None]], ...] = (
    (
        silent_go_first,
        test_oldest_first.test_silent_clusters_cost_their_own_rollout_a_few_places_only,
    ),
    (
        all_rollouts_selected,
        test_limits.test_a_policy_holds_the_rollouts_that_it_selects_and_counts_all,
    ),
)


@pytest.mark.parametrize(
    ("patches", "scene"), SCENES, ids=[patches.__name__ for patches, _ in SCENES]
)
def test_a_broken_engine_fails_in_its_scene(patches: Patches, scene: Callable[[], None]) -> None:
    with ExitStack() as stack:
        patches(stack)
        with pytest.raises(AssertionError):
            scene()
