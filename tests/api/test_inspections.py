"""Preflight with what was read on the clusters, on a real API server and a real Postgres."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI
from msgspec.structs import replace
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu import db
from ibgu.api.app import create_app
from ibgu.api.context import Context, InspectionLimits
from ibgu.api.preview import inspections
from ibgu.api.preview.inspections import DENIED, NOT_ASKED, OFF
from ibgu.core.drivers.ibu.preflight.inspection import InspectedFacts
from ibgu.core.drivers.ibu.preflight.inspection.objects import AGENT, DPA
from ibgu.db import Journal, dsn
from ibgu.db.inspections import FinishedInspection, Inspections
from ibgu.resources import shipped
from tests.api.test_preflight import Asked, clusters, preflight
from tests.core.drivers.ibu.preflight.answers import facts

__all__ = ["clusters", "preflight"]
SELECTED = {"selector": "fleet=pf", "target": "4.17.3"}
WELL = facts()
WITHOUT_AGENT = facts({AGENT: None, DPA: None})


@pytest.fixture
def app(context: Context) -> FastAPI:
    limits = InspectionLimits(enabled=True, ttl=timedelta(hours=1))
    return create_app(replace(context, inspections=limits))


@pytest.fixture
def store(context: Context, journal: Journal) -> Inspections:
    return Inspections(context.engine, context.hub)


async def answer(store: Inspections, **found: InspectedFacts) -> None:
    """Answers the open requests like a controller; a cluster that is not named does not answer."""
    while not (requested := await store.open(100)):  # noqa: ASYNC110 - of a database
        await asyncio.sleep(0.05)
    done = [
        FinishedInspection(each.cluster, each.id, facts, "" if facts else "it is off")
        for each in requested
        for facts in [found.get(each.cluster.replace("-", "_"))]
    ]
    await store.finish(done, 1)


def of_rule(body: dict[str, Any], rule: str) -> list[tuple[str, str, list[str]]]:
    return [
        (each["severity"], each["message"], each["clusters"])
        for each in body["findings"]
        if each["rule"] == rule
    ]


async def test_clusters_are_judged_by_what_was_read_on_them(
    preflight: Asked, store: Inspections
) -> None:
    both = {"pf_1": WELL, "pf_10": WITHOUT_AGENT}
    body, _ = await asyncio.gather(
        preflight("olga", **SELECTED, inspect=True), answer(store, **both)
    )
    assert of_rule(body, "P6") == [
        ("error", "have no Lifecycle Agent", ["pf-10"]),
        ("unknown", "were not read: it is off", ["pf-2"]),
    ]
    assert "pf-10" in body["blockedClusters"]
    assert (body["inspected"], body["inspecting"]) == (2, 0)
    assert re.fullmatch(r"\d{4}-.*Z", body["inspectedAt"])
    again = await preflight("olga", **SELECTED)
    assert of_rule(again, "P6") == of_rule(body, "P6")
    assert again["inspectedAt"] == body["inspectedAt"]


async def test_a_second_caller_waits_for_the_same_request(
    preflight: Asked, store: Inspections
) -> None:
    first, second, _ = await asyncio.gather(
        preflight("olga", **SELECTED, inspect=True),
        preflight("olga", **SELECTED, inspect=True),
        answer(store, pf_1=WELL, pf_2=WELL, pf_10=WELL),
    )
    assert first["inspected"] == second["inspected"] == 3
    assert await store.open(10) == []


async def test_the_answer_comes_while_clusters_are_still_being_inspected(
    preflight: Asked, store: Inspections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspections, "_WAIT", 0.5)
    body = await preflight("olga", **SELECTED, inspect=True)
    assert (body["inspected"], body["inspecting"], body["inspectedAt"]) == (0, 3, None)
    (found,) = of_rule(body, "P6")
    words = "was not read: the inspection is not finished yet; beside a live TALM it waits"
    assert found == ("unknown", words, [])


async def test_nothing_is_inspected_that_nobody_asks_for(
    preflight: Asked, store: Inspections
) -> None:
    body = await preflight("olga", **SELECTED)
    assert of_rule(body, "P6") == [("unknown", f"was not read: {NOT_ASKED}", [])]
    assert await store.open(10) == []


async def test_a_caller_who_may_not_list_clusters_has_none_inspected(
    preflight: Asked, store: Inspections
) -> None:
    await preflight("bob", 403, **SELECTED, inspect=True)
    assert await store.open(10) == []


async def test_more_clusters_than_a_request_may_inspect_are_refused(
    preflight: Asked, store: Inspections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspections, "MAX_CLUSTERS", 2)
    body = await preflight("olga", 422, **SELECTED, inspect=True)
    assert "3 clusters are more than the 2" in str(body)
    assert await store.open(10) == []


class TestOff:
    @pytest.fixture
    def app(self, context: Context) -> FastAPI:
        return create_app(context)

    async def test_rules_say_how_to_turn_inspections_on(
        self, preflight: Asked, store: Inspections
    ) -> None:
        body = await preflight("olga", **SELECTED, inspect=True)
        assert of_rule(body, "P6") == [("unknown", f"was not read: {OFF}", [])]
        assert await store.open(10) == []


class TestReadingUser:
    """The API's database user of the installation guide, which only reads."""

    @pytest.fixture
    async def reader(self, database_url: str, journal: Journal) -> Any:
        owner = await asyncpg.connect(dsn(database_url))
        await owner.execute("CREATE ROLE ibgu_api LOGIN PASSWORD 'another'")
        await owner.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO ibgu_api")
        url = make_url(database_url).set(username="ibgu_api", password="another")
        engine = db.engine(url.render_as_string(hide_password=False))
        yield engine, owner
        await engine.dispose()
        await owner.execute("DROP OWNED BY ibgu_api")
        await owner.execute("DROP ROLE ibgu_api")
        await owner.close()

    @pytest.fixture
    def app(self, context: Context, reader: tuple[AsyncEngine, Any]) -> FastAPI:
        limits = InspectionLimits(enabled=True)
        return create_app(replace(context, engine=reader[0], inspections=limits))

    async def test_requests_need_the_grant_of_the_guide(
        self, preflight: Asked, store: Inspections, reader: tuple[AsyncEngine, Any]
    ) -> None:
        denied = await preflight("olga", **SELECTED, inspect=True)
        assert of_rule(denied, "P6") == [("unknown", f"was not read: {DENIED}", [])]
        guide = shipped("docs/guides/preflight.md").read_text()
        [lines] = re.findall(r"```sql\n(.*?)```", guide, re.DOTALL)
        await reader[1].execute(lines)
        body, _ = await asyncio.gather(
            preflight("olga", **SELECTED, inspect=True),
            answer(store, pf_1=WELL, pf_2=WELL, pf_10=WELL),
        )
        assert body["inspected"] == 3
