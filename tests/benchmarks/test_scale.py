"""The benchmarks of size run, with few clusters: what they print is not judged here."""

import tomllib
from collections.abc import Iterable

import pytest
from sqlalchemy.engine import make_url

from tests.benchmarks import fairness, status_part
from tests.benchmarks.fleet import part as fleet
from tests.benchmarks.fleet.measure import measure as measure_fleet
from tests.benchmarks.fleet.size import Size
from tests.benchmarks.memory import freshness, step_part
from tests.benchmarks.memory import part as memory
from tests.benchmarks.report import THRESHOLDS


def _bounded(part: str, figures: Iterable[str]) -> bool:
    return set(figures) <= set(tomllib.loads(THRESHOLDS.read_text())[part])


def test_a_fleet_in_memory(postgres_url: str) -> None:
    url = make_url(postgres_url).render_as_string(hide_password=False)
    played = memory.measure(url, 6, 0.34, 1)

    assert (played.succeeded, played.clusters) == (6, 6)
    assert 0 < played.status_bytes < 10_000
    assert 0 < played.controller < 2**20
    assert _bounded("memory", memory.figures(played, played))


def test_a_part_of_a_step_in_memory(postgres_url: str) -> None:
    url = make_url(postgres_url).render_as_string(hide_password=False)
    played = step_part.measure(url, 12, 0.34, 3, 1)

    assert (played.clusters, played.actions) == (12, 3)
    assert 0 < played.opening.controller < played.opening.cpu
    assert 0 < played.cost.controller < played.cost.cpu
    assert _bounded("step", step_part.figures(played, played))


def test_refreshes_win_back_what_polling_loses(postgres_url: str) -> None:
    url = make_url(postgres_url).render_as_string(hide_password=False)
    found = {way: freshness.measure(url, way, 6, 3, 1) for way in freshness.WAYS}

    watched, refreshed, polled = found.values()
    assert watched.makespan < refreshed.makespan < polled.makespan
    assert max(watched.lags) < min(polled.lags)
    assert (watched.refreshes, polled.refreshes) == (0, 0)
    assert refreshed.refreshes > 0
    assert _bounded("freshness", freshness.figures(found))


def test_copies_on_the_real_hub_are_taken_for_clusters() -> None:
    few = Size(10, heads=8, slots=3)
    rest, alone, work = measure_fleet(few, Size(14, heads=8, slots=3, rest=1.0, settle=1.0))

    assert (rest.clusters, rest.works) == (14, 12)
    assert rest.bare > 0
    assert 0 < alone.actions <= 8
    assert 0 < work.actions <= 8
    assert min(alone.cpu, work.cpu) > 0
    assert work.rounds == [pytest.approx(work.each)]
    assert work.peak >= rest.peak
    assert _bounded("fleet", fleet.figures(alone, work, rest))


def test_reactions_of_two_tenants() -> None:
    found = fairness.measure(noisy=6, calm=2)

    assert (len(found.alone), len(found.beside), len(found.after), len(found.noisy)) == (2, 2, 2, 6)
    assert min(*found.alone, *found.beside, *found.after, *found.noisy) > 0
    assert _bounded("fairness", fairness.figures(found))


def test_a_status_is_written_when_something_changed() -> None:
    told = status_part.measure(200, 5)

    assert told.changes == 25
    assert 0 < told.writes <= 6
    assert told.idle_writes == 0
    assert _bounded("status", status_part.figures(told))
