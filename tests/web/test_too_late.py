"""The page shows in time what an operator must know to decide rightly."""

import asyncio
import re
from datetime import timedelta

from msgspec.structs import replace
from playwright.async_api import Route, expect

from ibgu.core.drivers.ibu.failures.guides import Guide
from ibgu.core.model import ActingParty, ReasonKind, RolloutState, StepState
from tests.web.conftest import SESSION, Tab
from tests.web.fleet import MINUTE, MONITOR, failed, name, running, succeeded, waiting
from tests.web.test_actions import made, opened

pytestmark = SESSION

DRY_RUN = re.compile("dryRun")
PREVIEW = re.compile("/api/v1/preview")


async def test_the_list_shows_the_nearest_rollback_deadline(look: Tab) -> None:
    story = look.site.story()
    over = {"state": StepState.FINISHED, "finished_at": story.now}
    for days, first in ((2, 42_000), (20, 42_100)):
        of = await story.rollout(f"ran-{days}-days", ["Upgrade"], state=RolloutState.COMPLETE)
        upgrade = await story.step(of, 0, 2, **over)
        done = [succeeded(upgrade, first + n, n, story.now, MINUTE) for n in range(2)]
        until = story.now + timedelta(days=days, hours=5)
        await story.put(*(replace(each, rollback_until=until) for each in done))
    page = await look.open()
    needs = page.get_by_role("region", name="Needs action")
    item = needs.get_by_role("listitem").filter(has_text="ran-2-days")
    await expect(item).to_contain_text(
        re.compile(r"rollback deadline \(2 clusters\): finalize or roll back by .* \(in 2 d")
    )
    await expect(needs).not_to_contain_text("ran-20-days")
    late, early = [page.locator(".rollout", has_text=f"ran-{days}-days") for days in (2, 20)]
    await expect(late.locator(".when .worry")).to_contain_text("finalize or roll back by")
    await expect(early.locator(".when")).to_contain_text(re.compile(r"roll back by .*\(in 20 d"))
    await expect(early.locator(".when .worry")).to_have_count(0)
    await item.get_by_role("link", name="ran-2-days").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("ran-2-days")
    assert look.errors == []


async def test_the_list_leads_to_overdue_clusters(look: Tab) -> None:
    story = look.site.story()
    step = await story.step(await story.rollout("ran-overdue", ["Prep"]), 0, 3)
    began = story.now - 60 * MINUTE
    away = waiting(step, 42_201, 1, began, ReasonKind.UNREACHABLE, "is not reachable")
    at_work = running(step, 42_200, 0, 1, story.now, ReasonKind.RUNNING, "precaching")
    await story.put(at_work, away, waiting(step, 42_202, 2, story.now))
    page = await look.open()
    row = page.locator(".rollout", has_text="ran-overdue")
    await row.get_by_role("link", name="1 overdue").click()
    rows = page.get_by_role("region", name="Members").locator("tbody tr")
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text(name(42_201))
    assert look.errors == []


async def test_a_rollout_names_the_newer_ones_on_its_clusters(look: Tab) -> None:
    story = look.site.story()
    over = {"state": StepState.FINISHED, "finished_at": story.now}
    complete = {"state": RolloutState.COMPLETE}
    of = await story.rollout("ran-older", ["Upgrade"], **complete)
    upgrade = await story.step(of, 0, 3, **over)
    began = story.now - 90 * MINUTE
    await story.put(*(succeeded(upgrade, 42_300 + n, n, began, MINUTE) for n in range(3)))
    page = await look.open("#/r/default/ran-older")
    await expect(page.locator(".facts")).to_contain_text("3 of 3 clusters done")
    notice = page.get_by_role("status").filter(has_text="Newer rollouts")
    await expect(notice).to_have_count(0)
    times = {"created_at": began + MINUTE, "namespace": "edge"}
    back = await story.rollout("ran-back", ["Rollback"], **complete, **times)
    rollback = await story.step(back, 0, 1, **over)
    await story.put(succeeded(rollback, 42_300, 0, began + 2 * MINUTE, MINUTE))
    await page.reload()
    await expect(notice).to_contain_text(
        "Newer rollouts act, or have acted, on 1 of 3 clusters: the numbers here do not count"
    )
    await expect(notice).to_have_class(re.compile("warn"))
    await expect(notice.get_by_role("listitem")).to_have_text("edge/ran-back (Rollback): 1 cluster")
    await page.goto(f"{look.site.url}/#/c/{name(42_300)}?rollout=default/ran-older")
    newer = page.get_by_text("edge/ran-back (Rollback) has acted on the cluster since")
    await expect(newer).to_be_visible()
    await page.goto(f"{look.site.url}/#/r/default/ran-older")
    await notice.get_by_role("link", name="edge/ran-back").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("ran-back")
    assert look.errors == []


async def test_a_failed_cluster_names_no_page_that_is_not_there(look: Tab) -> None:
    """Only the commands run where the documentation is at hand."""
    story = look.site.story()
    step = await story.step(await story.rollout("ran-guide", ["Upgrade"]), 0, 1)
    await story.put(failed(step, 42_400, 0, story.now - 50 * MINUTE, 40 * MINUTE, MONITOR))
    page = await look.open(f"#/c/{name(42_400)}?rollout=default/ran-guide")
    state = page.get_by_role("region", name="State")
    await expect(state.get_by_role("term").filter(has_text="means")).to_be_visible()
    words = await state.inner_text()
    assert not any(guide in words for guide in Guide)


async def test_a_dialog_says_that_a_dry_run_has_no_answer(look: Tab) -> None:
    await made(look, "ran-hangs", 42_700)
    page, free, asked = look.page, asyncio.Event(), 0

    async def hang(route: Route) -> None:
        nonlocal asked
        asked += 1
        await free.wait()
        await route.continue_()

    await page.route(DRY_RUN, hang)
    dialog = await opened(look, "ran-hangs", "Pause")
    notice = dialog.get_by_role("status").filter(has_text="ibgu has not answered since")
    await expect(notice).to_contain_text("Nothing has been changed.")
    send = dialog.get_by_role("button", name="Pause ran-hangs")
    await expect(send).to_have_attribute("aria-disabled", "true")
    before = asked
    await notice.get_by_role("button", name="Try again").click()
    await expect(dialog.locator("p[aria-busy]")).to_be_visible()
    await expect(notice).to_be_visible()
    assert asked == before + 1
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_have_count(0)
    free.set()
    await page.get_by_role("group", name="Actions").get_by_role("button", name="Pause").click()
    await expect(send).not_to_have_attribute("aria-disabled", "true")
    await expect(notice).to_have_count(0)


async def test_a_dialog_says_that_a_preview_has_no_answer(look: Tab, clusters: None) -> None:
    await made(look, "ran-hangs-too", 42_710)
    free = asyncio.Event()

    async def hang(route: Route) -> None:
        await free.wait()
        await route.continue_()

    await look.page.route(PREVIEW, hang)
    dialog = await opened(look, "ran-hangs-too", "Add step")
    await dialog.get_by_role("radio").first.check()
    notice = dialog.get_by_role("status").filter(has_text="ibgu has not answered since")
    await expect(notice).to_be_visible()
    await expect(dialog.get_by_text("ibgu has not answered yet.")).to_be_visible()
    free.set()
    await notice.get_by_role("button", name="Try again").click()
    await expect(dialog.get_by_role("region", name="Preview")).to_be_visible()
    await expect(notice).to_have_count(0)


async def test_a_dialog_retries_a_dry_run_that_the_hub_refuses_for_now(look: Tab) -> None:
    await made(look, "ran-unready", 42_720)
    away = {"status": 503, "json": {"title": "Unavailable", "detail": "the hub does not answer"}}
    await look.page.route(DRY_RUN, lambda route: route.fulfill(**away))
    dialog = await opened(look, "ran-unready", "Pause")
    await expect(dialog.get_by_role("alert")).to_have_text(
        "the hub does not answer. The dialog tries again every few seconds."
    )
    await look.page.unroute(DRY_RUN)
    send = dialog.get_by_role("button", name="Pause ran-unready")
    await expect(send).not_to_have_attribute("aria-disabled", "true")
    await expect(dialog.get_by_role("alert")).to_have_count(0)


async def test_the_reason_of_a_cluster_is_in_sight_on_a_phone(look: Tab) -> None:
    story = look.site.story()
    step = await story.step(await story.rollout("ran-phone", ["Prep"]), 0, 1)
    words = "this is what keeps the cluster, in some more words than a phone has room for"
    why = waiting(step, 42_500, 0, story.now, ReasonKind.FORBIDDEN, words, ActingParty.PERSON)
    await story.put(why)
    await look.page.set_viewport_size({"width": 400, "height": 800})
    page = await look.open("#/r/default/ran-phone?show=members")
    members = page.get_by_role("region", name="Members")
    await expect(members.get_by_text(words)).to_be_in_viewport(ratio=1)
    assert (
        await members.locator(".scroll").evaluate("(box) => box.scrollWidth - box.clientWidth") == 0
    )
    await expect(members.get_by_role("row")).to_have_count(2)


async def test_the_end_of_an_action_is_in_sight_on_a_phone(look: Tab) -> None:
    """The remedy has a long word that must not make the page wider."""
    story = look.site.story()
    step = await story.step(await story.rollout("ran-phone-failed", ["Upgrade"]), 0, 1)
    await story.put(failed(step, 42_600, 0, story.now - 50 * MINUTE, 40 * MINUTE, MONITOR))
    await look.page.set_viewport_size({"width": 400, "height": 800})
    page = await look.open(f"#/c/{name(42_600)}")
    await expect(page.get_by_text("initMonitorTimeoutSeconds")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 400
    history = page.get_by_role("region", name="History")
    end = history.get_by_text(MONITOR)
    await end.scroll_into_view_if_needed()
    await expect(end).to_be_in_viewport(ratio=1)
