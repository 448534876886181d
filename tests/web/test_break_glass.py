"""Broken glass is red wherever its rollout is shown."""

from datetime import timedelta

import pytest_asyncio
from playwright.async_api import expect

from ibgu.core.model.grants import BrokenGlass, Grants
from tests.web.conftest import SESSION, Site, Tab
from tests.web.fleet import RolloutHistory

pytestmark = SESSION

HOSTILE = "<img src=x onerror=alert(1)> INC-7"


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def broken(site: Site) -> None:
    """Two rollouts: one passes gates for another hour, the other did so until an hour ago."""
    await _rollouts(site.story())


async def _rollouts(story: RolloutHistory) -> None:
    for name, hours in (("ran-passes", 1), ("ran-passed", -1)):
        until = story.now + timedelta(hours=hours)
        gates = ("RolloutPolicy/holidays", "ClusterHold")
        glass = BrokenGlass("u", "g", "nora", gates, HOSTILE, until)
        of = await story.rollout(name, ["Prep"], grants=Grants(broken_glass=(glass,)))
        await story.step(of, 0, 0)


async def test_a_rollout_that_passes_gates_is_marked_in_the_list(look: Tab) -> None:
    page = await look.open()
    row = page.get_by_role("listitem").filter(has_text="ran-passes")
    await expect(row.locator(".bad")).to_have_text("Break glass")
    other = page.get_by_role("listitem").filter(has_text="ran-passed")
    await expect(other.get_by_text("Break glass")).to_have_count(0)


async def test_a_rollout_says_in_red_who_lets_it_pass_and_until_when(look: Tab) -> None:
    page = await look.open("#/r/default/ran-passes")
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("nora lets this rollout pass RolloutPolicy/holidays")
    await expect(alert).to_contain_text(HOSTILE)
    assert look.errors == []


async def test_glass_that_is_whole_again_is_not_shown(look: Tab) -> None:
    page = await look.open("#/r/default/ran-passed")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("ran-passed")
    await expect(page.get_by_role("alert")).to_have_count(0)
    assert look.errors == []
