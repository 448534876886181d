"""R50.18: sources are asked by bounded requests, and none waits for another."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace
from prometheus_client import REGISTRY

from ibgu.controller.lookups.canary_health import CanaryHealth
from ibgu.controller.sources import HealthSources, questions, sources_of
from ibgu.core.drivers.canary_health import metrics
from ibgu.core.engine.state.health_observations import Canary, MetricQuestion
from ibgu.core.notify import parse_sources
from ibgu.settings import SettingsError, read_settings
from tests.controller.notify.receiving import Site, site
from tests.controller.sources.conftest import ROLLOUT, Asking
from tests.core.drivers.canary_health.test_metrics import SITE, body, sample

UP = MetricQuestion("thanos", 'up{cluster="$cluster"}')
NOC = MetricQuestion("noc", 'cells_up{cluster="$cluster"}')
WELL = body(sample("1"))


def noc(found: Site, **more: Any) -> dict[str, Any]:
    return {"name": "noc", "url": found.url, **more}


def thanos(found: Site, **more: Any) -> dict[str, Any]:
    return {"name": "thanos", "url": f"{found.url}/thanos/", **more}


def result(content: bytes, status: int = 200) -> web.Response:
    return web.Response(body=content, status=status, content_type="application/json")


def counted(result: str) -> float:
    """Questions to the source noc with that result."""
    labels = {"source": "noc", "result": result}
    return REGISTRY.get_sample_value("ibgu_health_source_questions_total", labels) or 0.0


async def test_a_source_is_asked_until_the_canary_is_well(there: Site, asking: Asking) -> None:
    there.answers = [result(body(sample("0"))), *(result(WELL) for _ in range(99))]
    async with asking([noc(there)], NOC) as observed:
        assert observed.finding(NOC).problem == "ibgu has not asked the source noc yet"
        before = counted("unwell"), counted("well")
        await observed.until(NOC, "of the source noc returns 0 for {}")
        await observed.until(NOC, "")
    assert counted("unwell") == before[0] + 1
    assert counted("well") > before[1]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (500, "the source noc answered 500"),
        (web.Response(status=302, headers={"Location": "/healthy"}), "the source noc answered 302"),
        (web.Response(status=204), "the source noc answered 204"),
        (200, "the source noc answered what is no answer of Prometheus"),
    ],
)
async def test_any_other_answer_proves_nothing(
    there: Site, asking: Asking, answer: Any, words: str
) -> None:
    there.answers = [answer] * 99
    async with asking([noc(there)], NOC) as observed:
        await observed.until(NOC, words)


async def test_a_source_that_hangs_does_not_slow_another(there: Site, asking: Asking) -> None:
    async with site() as hanging:
        hanging.hangs = True
        there.answers = [result(WELL) for _ in range(999)]
        sources = [noc(hanging, timeoutSeconds=3), thanos(there)]
        async with asking(sources, NOC, UP) as observed:
            await observed.until(UP, "")
            assert observed.finding(NOC).problem == "ibgu has not asked the source noc yet"
            await observed.until(NOC, "the source noc did not answer within 3 s")


async def test_a_source_that_is_away_is_asked_until_it_is_back(there: Site, asking: Asking) -> None:
    await there.close()
    there.answers = [result(WELL) for _ in range(99)]
    async with asking([noc(there)], NOC) as observed:
        await observed.until(NOC, "the source noc can't be reached: ")
        assert counted("failed")
        await there.open()
        await observed.until(NOC, "")


async def test_a_query_goes_to_the_api_below_the_address_with_the_token(
    there: Site, asking: Asking, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("secret-token\n")
    there.answers = [result(WELL) for _ in range(99)]
    async with asking([thanos(there, tokenFile=str(token))], UP) as observed:
        await observed.until(UP, "")
    assert there.taken[0].path == "/thanos/api/v1/query"
    assert there.taken[0].headers["Authorization"] == "Bearer secret-token"


async def test_a_refused_query_quotes_the_error_without_the_token(
    there: Site, asking: Asking, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("secret-token")
    error = json.dumps({"status": "error", "error": "parse error near secret-token"}).encode()
    there.answers = [result(error, 400)]
    async with asking([thanos(there, tokenFile=str(token))], UP) as observed:
        await observed.until(UP, "the source thanos answered 400: parse error near ***")


async def test_an_answer_of_too_many_bytes_is_not_read(
    there: Site, asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "MAX_BYTES", 1000)
    there.answers = [result(b" " * 1001)]
    async with asking([thanos(there)], UP) as observed:
        await observed.until(UP, "the source thanos answered more than 1000 bytes")


async def test_a_canary_without_a_label_of_the_query_is_not_asked_about(
    there: Site, asking: Asking
) -> None:
    question = MetricQuestion("thanos", 'up{tier="$label(tier)"}')
    async with asking([thanos(there)], question) as observed:
        await observed.until(question, "the ManagedCluster has no label tier")
    assert there.taken == []


async def test_after_a_good_answer_the_time_since_then_is_asked_about(
    there: Site, asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "RESOLUTION", 0.04)
    there.answers = [result(WELL) for _ in range(99)]
    async with asking([thanos(there)], UP) as observed:
        await observed.until(UP, "")
        await observed.until(UP, "answered a vector, and the query must return an instant vector")


async def test_a_new_term_asks_about_the_time_since_the_answer_of_the_last_one(
    there: Site, asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.answers = [result(WELL) for _ in range(99)]
    async with asking([thanos(there)], UP) as observed:
        await observed.until(UP, "")
    monkeypatch.setattr(metrics, "RESOLUTION", 1e-6)
    async with asking([thanos(there)], UP, known=observed):
        await observed.until(UP, "answered a vector, and the query must return an instant vector")


async def test_a_source_that_is_not_known_says_what_to_do(there: Site, asking: Asking) -> None:
    unknown = MetricQuestion("other", "up")
    async with asking([noc(there)], unknown) as observed:
        await observed.until(unknown, "ibgu knows no source other: have its administrator")
    assert there.taken == []


@pytest.mark.parametrize("field", ["tokenFile", "caFile", "urlFile"])
async def test_a_file_that_is_not_there_is_named(there: Site, asking: Asking, field: str) -> None:
    source = {"name": "thanos", field: "/nowhere"}
    if field != "urlFile":
        source["url"] = "https://thanos.example"
    async with asking([source], UP) as observed:
        await observed.until(UP, f"the source thanos can't be asked: {field}: /nowhere")


async def test_questions_beyond_those_that_are_put_say_so(
    there: Site, asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "MAX_QUESTIONS", 1)
    other = MetricQuestion("thanos", "other")
    there.answers = [result(WELL) for _ in range(99)]
    async with asking([thanos(there)], UP, other) as observed:
        await observed.until(UP, "")
        await observed.until(other, "have fewer canaries")


async def test_slow_answers_for_one_namespace_keep_no_other_waiting(
    there: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "_AT_A_TIME", 1)
    monkeypatch.setattr(questions, "INTERVAL", 600.0)
    rollouts = {"uid-a": ROLLOUT, "uid-b": replace(ROLLOUT, uid="uid-b", namespace="other")}

    def canary(number: int, rollout: str) -> Canary:
        cluster = replace(SITE, name=f"site-{number}", uid=f"uid-{number}")
        return Canary(rollout, cluster, frozenset(), (NOC,))

    found = [*(canary(number, "uid-a") for number in range(20)), canary(20, "uid-b")]
    health = CanaryHealth()
    health.begin(lambda: datetime.now(UTC), lambda now: found, lambda uid: None)
    there.answers = [result(WELL) for _ in range(99)]
    sources = parse_sources({"sources": [noc(there)]})
    task = asyncio.create_task(HealthSources(sources, health, rollouts.get).run())
    async with asyncio.timeout(60):
        await there.until(lambda: len(there.taken) == 21)
    task.cancel()
    await asyncio.wait({task})
    order = [request.query["query"] for request in there.taken]
    assert order.index('cells_up{cluster="site-20"}') <= 2


def test_a_mistake_in_the_file_of_sources_names_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text("sources: 1")
    with pytest.raises(SettingsError, match="IBGU_HEALTH_SOURCES_FILE: sources: Expected `array`"):
        sources_of(read_settings(health_sources_file=str(path)))
    with pytest.raises(SettingsError, match="can't be read: No such file"):
        sources_of(read_settings(health_sources_file=str(tmp_path / "other")))
    assert sources_of(read_settings()) == ()
