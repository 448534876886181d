"""The page inspects the clusters of a rollout's next step."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from msgspec.structs import replace
from playwright.async_api import expect

from ibgu import db
from ibgu.api.context import Context, InspectionLimits, Probes
from ibgu.api.preview import inspections
from ibgu.db.inspections import FinishedInspection, Inspections
from ibgu.hub.authorization.access import Access
from ibgu.hub.client import HubClient
from tests.core.drivers.ibu.preflight.answers import facts
from tests.core.drivers.ibu.preflight.test_inspected import WITHOUT_SPACE
from tests.web.conftest import SESSION, Site, Tab, serving
from tests.web.test_preflight import card, planned, reporting

__all__ = ["reporting"]
pytestmark = SESSION
FULL = "go-03"


async def _fine() -> None:
    return None


@pytest_asyncio.fixture(loop_scope="session")
async def inspecting(
    site: Site, web_database: str, look: Tab
) -> AsyncIterator[tuple[Tab, Inspections]]:
    """A tab on an API that inspects clusters."""
    engine = db.engine(web_database)
    async with await HubClient.connect(str(site.hub.kubeconfig("ibgu"))) as client:
        limits = InspectionLimits(enabled=True)
        context = Context(site.uid, engine, Access(client), Probes(_fine), inspections=limits)
        async with serving(context) as url:
            yield Tab(look.page, replace(site, url=url)), Inspections(engine, site.uid)
    await engine.dispose()


async def answer(store: Inspections) -> None:
    while not (requested := await store.open(100)):  # noqa: ASYNC110 - of a database
        await asyncio.sleep(0.05)
    full, well = facts(WITHOUT_SPACE), facts()
    done = [
        FinishedInspection(each.cluster, each.id, full if each.cluster == FULL else well)
        for each in requested
    ]
    await store.finish(done, 1)


async def test_clusters_are_inspected_on_demand(
    inspecting: tuple[Tab, Inspections], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspections, "_WAIT", 0.5)
    tab, store = inspecting
    await planned(tab, "go-inspected", age="new")
    page = await tab.open("#/r/default/go-inspected")
    found = card(page)
    status = found.get_by_role("status")
    await expect(status).to_have_text(re.compile("^Go for all 12 clusters, "))
    await found.get_by_role("button", name="Inspect clusters").click()
    await expect(found).to_contain_text("12 of 12 clusters being inspected.")
    await answer(store)
    await expect(status).to_contain_text("No-go for 1 of 12 clusters")
    await expect(found).to_contain_text("12 of 12 clusters inspected, the first at ")
    await expect(found).to_contain_text("have a full disk")
    assert tab.errors == []


async def test_without_inspections_there_is_no_button(look: Tab) -> None:
    await planned(look, "go-uninspected", age="new")
    page = await look.open("#/r/default/go-uninspected")
    found = card(page)
    await expect(found.get_by_role("status")).to_have_text(re.compile("^Go for all 12 clusters, "))
    await expect(found.get_by_role("button", name="Inspect clusters")).to_have_count(0)
