"""The page shows what preflight had found before a step, beside what came of it."""

from datetime import timedelta

from msgspec.structs import replace
from playwright.async_api import expect

from ibgu.core.model import Kind, OnStep
from ibgu.core.model.preflight import FindingSeverity, PreflightRecord, RecordedFinding
from tests.web.conftest import SESSION, Site, Tab
from tests.web.fleet import failed, name, succeeded

pytestmark = SESSION
STATEROOT = "stateroot setup job failed to complete. job-name: lca-prep-stateroot-setup"
HOSTILE = "have <img src=x onerror=alert(1)>"


async def test_findings_are_shown_when_they_are_opened(site: Site, look: Tab) -> None:
    story = site.story()
    found = await story.rollout("judged", ["Prep"])
    prep = await story.step(found, 0, 3)
    began, took = story.now - timedelta(minutes=50), timedelta(minutes=20)
    await story.put(
        succeeded(prep, 1, 0, began, took),
        failed(prep, 2, 1, began, took, STATEROOT),
        failed(prep, 3, 2, began, took, "no such thing was ever heard of"),
    )
    full = RecordedFinding("P31", FindingSeverity.ERROR, HOSTILE, (name(1), name(2)))
    record = PreflightRecord(story.now, (full,), ("P6", "P7"))
    await story.tell(OnStep(Kind.PREFLIGHT, replace(prep, preflight=record), "1 error"))
    page = await look.open("#/r/default/judged")
    card = page.get_by_label("Findings before the start")
    await expect(card).not_to_contain_text("P31")
    await card.get_by_text("Findings before this step").click()
    await expect(card).to_contain_text("2 rules could not be checked: P6, P7.")
    await expect(card).to_contain_text(f"2 clusters: {HOSTILE}")
    await expect(card).to_contain_text(
        "1 cluster failed in a way that rules look for: found before 1, not checked 0, missed 0."
    )
    await expect(card).to_contain_text("1 cluster failed in a way that no rule looks for.")
    await expect(card).to_contain_text("1 cluster with an error succeeded all the same.")
    await expect(card.locator("img")).to_have_count(0)
    assert look.errors == []
