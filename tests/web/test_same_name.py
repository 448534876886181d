"""A rollout that was deleted, and a later one of the same name: each link leads to its own."""

from datetime import timedelta

from playwright.async_api import expect

from ibgu.core.model import RolloutState
from tests.web.conftest import SESSION, Tab
from tests.web.fleet import PULL, failed, name, succeeded

pytestmark = SESSION

NUMBER = 31_000
USUAL = timedelta(minutes=5)


async def test_the_history_of_a_cluster_leads_to_the_rollout_that_was_deleted(look: Tab) -> None:
    story = look.site.story()
    made = story.now - timedelta(hours=5)
    gone = {"state": RolloutState.DELETED, "deleted_at": story.now - USUAL}
    old = await story.rollout("twice-old", ["Prep"], name="ran-twice", created_at=made, **gone)
    step = await story.step(old, 0, 1)
    await story.put(failed(step, NUMBER, 0, made + USUAL, USUAL, PULL))
    made, over = story.now - timedelta(hours=1), RolloutState.COMPLETE
    new = await story.rollout("twice-new", ["Prep"], name="ran-twice", created_at=made, state=over)
    step = await story.step(new, 0, 1)
    await story.put(succeeded(step, NUMBER, 0, made + USUAL, USUAL))
    page = await look.open(f"#/c/{name(NUMBER)}")
    runs = page.locator(".runs tbody tr")
    await expect(runs).to_have_count(2)
    await runs.filter(has_text="failed").get_by_role("link").click()
    await expect(page.locator("h1")).to_contain_text("ran-twice Deleted")
    await expect(page.locator("#failures")).to_contain_text("1 failure in this step")
    await page.locator(".step").first.click()
    await expect(page.locator("h1")).to_contain_text("Deleted")
    await page.go_back()
    await page.goto(f"{look.site.url}/#/r/default/ran-twice")
    await expect(page.locator("h1")).not_to_contain_text("Deleted")
    await expect(page.locator(".facts")).to_contain_text("1 of 1 cluster done")
    assert look.errors == []
