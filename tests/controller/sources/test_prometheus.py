"""R50.18 on a real Prometheus: what a query says, and breaks between two questions."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from ibgu.controller.sources.asking import SourceClient, source_client
from ibgu.core.drivers.canary_health import metrics
from ibgu.core.drivers.canary_health.metrics import UnusableAnswer
from ibgu.core.engine.state.health_observations import MetricQuestion
from ibgu.core.notify import HealthSource
from tests.core.drivers.canary_health.test_metrics import SITE
from tests.e2e.metrics import Metrics, prometheus, until

CELLS = MetricQuestion("thanos", 'cells_up{cluster=~"$cluster"} == 3 # all of them')
SERIES = 'cells_up{cluster="site-1"}'


@pytest.fixture
async def cells(tmp_path: Path) -> AsyncIterator[Metrics]:
    async with prometheus(tmp_path) as found:
        yield found


@pytest.fixture
async def client(cells: Metrics) -> AsyncIterator[SourceClient]:
    source = HealthSource(name="thanos", url=cells.url)
    async with source_client(source, 2) as found:
        yield found


async def said(client: SourceClient, points: int = 0) -> str:
    return (await client.metric(CELLS, SITE, points)).problem


async def until_well(client: SourceClient, points: int = 0) -> None:
    async def well() -> bool:
        return not await said(client, points)

    await until(well)


async def test_a_break_between_two_questions_shows(
    cells: Metrics, client: SourceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "RESOLUTION", 1)
    assert (await said(client)).endswith("returns no sample")
    cells.shown = {SERIES: 3}
    await until_well(client)
    await until_well(client, 4)
    cells.shown = {SERIES: 2}

    async def unwell() -> bool:
        return bool(await said(client))

    await until(unwell)
    cells.shown = {SERIES: 3}
    await until_well(client)
    found = await said(client, 200)
    assert found.endswith("of 200 times since the last answer")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("up{", "the source thanos answered 400: .*parse error"),
        ("1", "the source thanos answered a scalar, and the query must return"),
        ("up[1m]", "the source thanos answered a matrix, and the query must return"),
    ],
)
async def test_a_query_that_is_none_is_quoted(client: SourceClient, query: str, words: str) -> None:
    with pytest.raises(UnusableAnswer, match=words):
        await client.metric(MetricQuestion("thanos", query), SITE, 0)


async def test_a_label_can_not_change_the_query(cells: Metrics, client: SourceClient) -> None:
    """Prometheus reads the escaped value as the value itself."""
    value = 'a"} or vector(1) #\\'
    shown = value.replace("\\", "\\\\").replace('"', '\\"')
    cells.shown = {f'cells_up{{region="{shown}"}}': 1}
    site = replace(SITE, labels={"region": value})
    question = MetricQuestion("thanos", 'cells_up{region="$label(region)"}')
    other = replace(SITE, labels={"region": f"{value}x"})

    async def found_itself() -> bool:
        return not (await client.metric(question, site, 0)).problem

    await until(found_itself)
    found = await client.metric(question, other, 0)
    assert found.problem.endswith("returns no sample")
