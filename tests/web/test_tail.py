"""The tail of a step: the page shows what is stuck and the limit that ends it, not an early end."""

import re
from datetime import datetime

from playwright.async_api import Page, expect

from ibgu.core.model import ReasonKind
from tests.web.conftest import SESSION, Tab
from tests.web.fleet import MINUTE, RolloutHistory, running, succeeded, waiting

pytestmark = SESSION

CLUSTERS = 100
CLOCK = """stamp => {
  const at = new Date(stamp);
  return [at.getHours(), at.getMinutes()].map((n) => String(n).padStart(2, "0")).join(":");
}"""


async def upgrading(
    story: RolloutHistory, name: str, first: int, *, stuck: int, to_come: int
) -> datetime:
    """Makes the rollout of CLUSTERS; returns when the time of its step is over."""
    of = await story.rollout(name, ["Upgrade"])
    step = await story.step(of, 0, CLUSTERS)
    began = story.now - 69 * MINUTE
    done = CLUSTERS - stuck - to_come
    dark = (ReasonKind.REBOOTING, "not reachable for 60 min")
    await story.put(
        *(succeeded(step, first + n, n, began, (17 + n % 3) * MINUTE) for n in range(done)),
        *(running(step, first + done + n, done + n, n + 1, began, *dark) for n in range(stuck)),
        *(waiting(step, first + n, n, story.now) for n in range(CLUSTERS - to_come, CLUSTERS)),
    )
    assert step.started_at is not None
    return step.started_at + step.timeout


async def clock(page: Page, at: datetime) -> str:
    """Returns the time of the day as the browser's clock shows it."""
    return str(await page.evaluate(CLOCK, at.isoformat()))


async def test_stalled_clusters_alone_show_the_limit_that_ends_the_step(look: Tab) -> None:
    """7 of 100: the step was to end in a moment, for minutes."""
    limit = await upgrading(look.site.story(), "ran-tail", 31_000, stuck=7, to_come=0)
    page = await look.open("#/r/default/ran-tail")
    words = f"7 clusters stalled, all others done; ends at {await clock(page, limit)} at the latest"
    told = page.locator(".facts .ends")
    await expect(told).to_have_text(words)
    await expect(told).to_have_class(re.compile("worry"))
    await page.goto(f"{look.site.url}/#/")
    row = page.locator(".rollout").filter(has_text="ran-tail")
    await expect(row.locator(".ends")).to_have_text(words)
    assert look.errors == []


async def test_stalled_clusters_among_others_show_the_end_and_their_limit(look: Tab) -> None:
    limit = await upgrading(look.site.story(), "ran-tail-2", 32_000, stuck=1, to_come=20)
    page = await look.open("#/r/default/ran-tail-2")
    told = page.locator(".facts .ends")
    until = await clock(page, limit)
    words = rf"ends ~\d\d:\d\d.*, but 1 cluster stalled: {until} at the latest$"
    await expect(told).to_have_text(re.compile(words))
    await expect(told).not_to_have_class(re.compile("worry"))
    assert look.errors == []
