"""The leader stands at the top of every view; a warning that it changes too often, above all."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect
from sqlalchemy import text

from ibgu.db import engine
from tests.web.conftest import LEADER, SESSION, Site, Tab

pytestmark = SESSION

RAN = "#/r/default/ran-417"


@pytest_asyncio.fixture(loop_scope="session")
async def long_ago(site: Site, web_database: str) -> AsyncIterator[Any]:
    """Changes of the leader are as of an hour ago: before the test, and for those after it."""
    pool = engine(web_database)

    async def age() -> None:
        async with pool.begin() as db:
            await db.execute(text("UPDATE leaders SET since = since - interval '1 hour'"))

    await age()
    yield
    await age()
    await pool.dispose()


@pytest.mark.usefixtures("long_ago")
async def test_every_view_says_who_leads(look: Tab) -> None:
    for link in ("", RAN, "#/c/site-0006"):
        page = await look.open(link)
        leader = page.locator(".leader")
        await expect(leader).to_contain_text(f"leader {LEADER} ")
        await expect(leader).to_have_attribute("title", f"{await _words(look)}.")
        await expect(page.get_by_role("status", name="Changes of the leader")).to_have_count(0)
    assert look.errors == []


@pytest.mark.usefixtures("long_ago")
async def test_leader_changes_are_shown_and_frequent_ones_warned_about(look: Tab) -> None:
    page = await look.open(RAN)
    await expect(page.locator(".leader")).to_contain_text("leader")
    await look.site.journal.lead(LEADER)
    await expect(page.locator(".leader .worry")).to_contain_text("changed ")
    notice = page.get_by_role("status", name="Changes of the leader")
    await expect(notice).to_have_count(0)
    for _ in range(5):
        await look.site.journal.lead(LEADER)
    await expect(notice).to_contain_text("The leader changes too often.")
    await expect(notice).to_contain_text("has changed 6 times in the last 10 minutes")
    await expect(notice).to_contain_text("runbook IbguLeaderFlaps")
    assert look.errors == []


@pytest.mark.parametrize("width", [820, 1280, 1440])
async def test_the_top_is_no_wider_than_the_window(look: Tab, width: int) -> None:
    await look.page.set_viewport_size({"width": width, "height": 900})
    page = await look.open(RAN)
    await expect(page.locator(".leader")).to_contain_text("leader")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await page.locator(".leader").evaluate("e => e.scrollWidth <= e.clientWidth")


async def _words(look: Tab) -> str:
    answer = await look.page.request.get(
        f"{look.site.url}/api/v1/leadership",
        headers={"Authorization": f"Bearer {look.site.hub.token('alice')}"},
    )
    return str((await answer.json())["words"])
