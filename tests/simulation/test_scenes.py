"""Scenes of the engine in memory catch the broken variants that matter in no seed."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from unittest.mock import AsyncMock, Mock

import pytest

from ibgu.controller.sources import questions
from ibgu.core.engine.state.health_observations import Asking, MetricQuestion
from ibgu.core.notify.health_source import HealthSource
from tests.core.drivers.canary_health.test_metrics import SITE
from tests.core.engine.gates.policies import test_limits, test_oldest_first
from tests.simulation.breaking import Patches
from tests.simulation.broken_health import short_breaks_missed
from tests.simulation.broken_policies import all_rollouts_selected, silent_go_first

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _the_time_since_a_good_answer_is_asked_about() -> None:
    """The seeds' health breaks for longer than the time between two questions."""

    async def asked_about(since: timedelta) -> int:
        asker = questions._Asker(HealthSource(name="noc"), Mock())
        client = AsyncMock()
        asked = questions._Asked(MetricQuestion("noc", "up"), SITE, "default")
        await asker._answer(client, asked, Asking(NOW, NOW - since))
        return int(client.metric.await_args.args[-1])

    assert asyncio.run(asked_about(timedelta(seconds=60))) == 4


SCENES: tuple[tuple[Patches, Callable[[], None]], ...] = (
    (
        silent_go_first,
        test_oldest_first.test_silent_clusters_cost_their_own_rollout_a_few_places_only,
    ),
    (
        all_rollouts_selected,
        test_limits.test_a_policy_holds_the_rollouts_that_it_selects_and_counts_all,
    ),
    (short_breaks_missed, _the_time_since_a_good_answer_is_asked_about),
)


def test_the_time_since_a_good_answer_is_asked_about() -> None:
    _the_time_since_a_good_answer_is_asked_about()


@pytest.mark.parametrize(
    ("patches", "scene"), SCENES, ids=[patches.__name__ for patches, _ in SCENES]
)
def test_a_broken_engine_fails_in_its_scene(patches: Patches, scene: Callable[[], None]) -> None:
    with ExitStack() as stack:
        patches(stack)
        with pytest.raises(AssertionError):
            scene()
