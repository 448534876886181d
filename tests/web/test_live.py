"""The page shows what happens, and what it shows is what REST says."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, Route, expect

from ibgu.core.model import Step
from tests.web.conftest import SESSION, Site, Tab
from tests.web.fleet import RolloutHistory, succeeded, waiting

pytestmark = [SESSION, pytest.mark.usefixtures("young")]

NOT_REACHED = "net::ERR_FAILED"
VIEW = re.compile(r"/api/v1/.*/view")


async def small(story: RolloutHistory, uid: str, first: int, count: int = 20) -> Step:
    found = await story.rollout(uid, ["Prep"])
    step = await story.step(found, 0, count)
    await story.put(*(waiting(step, first + n, n, story.now) for n in range(count)))
    return step


async def rest(site: Site, path: str) -> Any:
    headers = {"Authorization": f"Bearer {site.hub.token('alice')}"}
    async with httpx.AsyncClient(base_url=f"{site.url}/api/v1/", timeout=60) as client:
        return (await client.get(path, headers=headers)).json()


async def test_finished_clusters_appear_without_a_reload(look: Tab) -> None:
    story = look.site.story()
    step = await small(story, "ran-live", 5000)
    page = await look.open("#/r/default/ran-live")
    await expect(page.locator(".freshness")).to_have_text("live")
    await expect(page.get_by_role("button", name="waiting 20", exact=True)).to_be_visible()
    over = [succeeded(step, 5000 + n, n, story.now, timedelta(minutes=1)) for n in range(7)]
    await story.put(*over)
    await expect(page.get_by_role("button", name="succeeded 7", exact=True)).to_be_visible()
    await expect(page.locator(".facts")).to_contain_text("7 of 20 clusters done")
    assert look.errors == []


async def test_without_a_stream_it_is_polled_until_the_stream_is_back(look: Tab) -> None:
    """Where it goes on is where it broke off."""
    story = look.site.story()
    step = await small(story, "ran-poll", 5100)
    await look.page.route("**/stream", lambda route: route.abort())
    page = await look.open("#/r/default/ran-poll")
    await expect(page.locator(".freshness")).to_have_text("polling")
    await story.put(succeeded(step, 5100, 0, story.now, timedelta(minutes=1)))
    await expect(page.get_by_role("button", name="succeeded 1", exact=True)).to_be_visible()
    await page.unroute("**/stream")
    await expect(page.locator(".freshness")).to_have_text("live")
    assert [each for each in look.errors if NOT_REACHED not in each] == []


async def test_old_facts_are_marked_as_old_and_come_back(look: Tab) -> None:
    page = await look.open("#/r/default/ran-417")
    await page.get_by_role("application").wait_for()
    await page.route("**/api/v1/**", lambda route: route.abort())
    alert = page.get_by_role("alert").first
    await expect(alert).to_contain_text("ibgu's API does not respond. Showing the state at")
    await expect(page.get_by_role("alert").filter(has_text="Showing the state at")).to_have_count(1)
    await look.keep("away", 900)
    await page.unroute("**/api/v1/**")
    await expect(page.get_by_role("alert")).to_have_count(0)
    assert [each for each in look.errors if NOT_REACHED not in each] == []


async def test_a_server_that_hangs_is_named_before_the_page_gives_up(look: Tab) -> None:
    """The stream may be open still, and says nothing of it."""
    page = await look.open("#/r/default/ran-417")
    await page.get_by_role("application").wait_for()
    free = asyncio.Event()

    async def hang(route: Route) -> None:
        await free.wait()
        await route.continue_()

    await page.route(VIEW, hang)
    notice = page.get_by_role("status").filter(has_text="ibgu has not answered since")
    await expect(notice).to_contain_text("Showing the state at")
    other = await page.context.new_page()
    await other.route(VIEW, hang)
    token = look.site.hub.token("alice")
    await other.add_init_script(f"sessionStorage.setItem('ibgu.token', '{token}')")
    await other.goto(f"{look.site.url}/#/r/default/ran-417")
    await expect(other.locator("main")).to_contain_text("ibgu has not answered since")
    free.set()
    await expect(notice).to_have_count(0)


async def test_every_number_is_that_of_rest(look: Tab) -> None:
    page = await look.open("#/r/default/ran-417")
    await page.get_by_role("application").wait_for()
    steps = (await rest(look.site, "rollouts/default/ran-417/steps"))["items"]
    shown = page.locator(".step")
    for index, step in enumerate(steps[:2]):
        for name in ("succeeded", "failed", "running", "waiting"):
            if number := step["counts"][name]:
                await expect(shown.nth(index)).to_contain_text(f"{number} {name}")
    grid = await rest(look.site, "rollouts/default/ran-417/grid?step=2")
    assert await legend(page) == {
        word: grid["states"].count(name)
        for name, word in {name: spaced(name) for name in set(grid["states"])}.items()
    } | {mark: sum(grid[mark]) for mark in ("stalled", "overdue")}
    counts = steps[1]["counts"]
    rollout = await rest(look.site, "rollouts/default/ran-417")
    facts = page.locator(".facts")
    failed = f"{rollout['counts']['failed']} failed ({counts['failed']} in this step)"
    await expect(facts).to_contain_text(failed)
    await expect(facts).to_contain_text(f"{rollout['stalled']} stalled")
    overdue = sum(each["overdue"] for each in steps[1]["reasons"])
    assert overdue == sum(grid["overdue"])
    await expect(facts).to_contain_text(f"{overdue} overdue")
    await expect(facts).to_contain_text(f"{counts['running']} of 60 slots used")


async def legend(page: Page) -> dict[str, int]:
    texts = (
        await page.get_by_role("group", name="Show only").get_by_role("button").all_inner_texts()
    )
    return {words.strip(): int(count) for words, count in (each.rsplit(" ", 1) for each in texts)}


def spaced(name: str) -> str:
    return re.sub("([A-Z])", r" \1", name).lower()
