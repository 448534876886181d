"""Words that are meant to be typed are shown as such: no view shows a backtick."""

from datetime import timedelta

import pytest
import pytest_asyncio
from msgspec.structs import replace
from playwright.async_api import Page, expect

from ibgu.core.model import ActingParty, Member, Reason, ReasonKind, Step
from tests.web.conftest import SESSION, Site, Tab
from tests.web.fleet import MINUTE, RolloutHistory, failed, running, succeeded, waiting
from tests.web.test_actions import made

pytestmark = SESSION

TYPED = "see `velero describe restore`, and what was cut: `oc get"
"""A cluster's words, of which one backtick has no other."""
FIRST = 60_000
VISIBLE = """() => {
  const shown = (node) => node.parentElement.checkVisibility()
    && !node.parentElement.closest("pre, .command code");
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walk.nextNode()) if (shown(walk.currentNode)) texts.push(walk.currentNode.data);
  const names = ["title", "placeholder", "aria-label", "aria-description"];
  for (const name of names)
    for (const each of document.querySelectorAll(`[${name}]`)) texts.push(each.getAttribute(name));
  return texts.filter((text) => text.includes("`"));
}"""
"""But for what is to be copied, and for JSON as REST has it."""


UNFOLD = "document.querySelectorAll('details').forEach((each) => (each.open = true))"


async def opened(look: Tab, link: str) -> None:
    """Loads the page again, so that nothing of another view is left."""
    await look.page.goto("about:blank")
    await look.page.goto(f"{look.site.url}/#/{link}")
    await expect(look.page.locator("main h1").first).to_be_visible()


async def backticks(page: Page) -> list[str]:
    await expect(page.locator("main h1").first).to_be_visible()
    await expect(page.locator("[aria-busy]")).to_have_count(0)
    found: list[str] = await page.evaluate(VISIBLE)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def typed(site: Site) -> None:
    """A rollout in which every place that shows someone's words has backticks in them."""
    story = site.story()
    hold = Reason(ReasonKind.CIRCUIT_BREAKER, story.now - MINUTE, TYPED, None, ActingParty.PERSON)
    of = await story.rollout("ran-backticks", ["Prep", "Upgrade"])
    step = await story.step(of, 0, 8, hold=hold)
    await story.put(*_members(step, story))


def _members(step: Step, story: RolloutHistory) -> list[Member]:
    begun = story.now - timedelta(hours=1)

    def words(member: Member) -> Member:
        return replace(member, reason=replace(member.reason, message=TYPED))

    return [
        failed(step, FIRST, 0, begun, 8 * MINUTE, TYPED),
        failed(step, FIRST + 1, 1, begun, 8 * MINUTE, f"Failed restore CRs: {TYPED}"),
        succeeded(step, FIRST + 2, 2, begun, 8 * MINUTE),
        running(step, FIRST + 3, 3, 1, begun, ReasonKind.RUNNING, TYPED),
        running(step, FIRST + 4, 4, 2, begun, ReasonKind.APPLY_ERROR, TYPED),
        words(waiting(step, FIRST + 5, 5, begun, ReasonKind.UNREACHABLE)),
        words(waiting(step, FIRST + 6, 6, begun, ReasonKind.FORBIDDEN, who=ActingParty.PERSON)),
        words(waiting(step, FIRST + 7, 7, begun)),
    ]


@pytest.mark.usefixtures("typed")
async def test_no_view_shows_a_backtick(look: Tab) -> None:
    page = await look.open()
    await expect(page.locator(".notice.warn code").first).to_have_text("velero describe restore")
    assert await backticks(page) == []
    links = ["r/default/ran-backticks", "r/default/ran-417", "r/edge/core-418", "r/default/none"]
    links.append("r/default/ran-backticks?step=2")
    members = [f"c/site-{FIRST + n}?rollout=default/ran-backticks" for n in range(8)]
    for link in [*links, *members, "c/none", "r/default/ran-417?label=ring+north"]:
        await opened(look, link)
        await page.evaluate(UNFOLD)
        assert (link, await backticks(page)) == (link, [])


@pytest.mark.usefixtures("typed")
async def test_no_dialog_shows_a_backtick(look: Tab, clusters: None) -> None:
    """The dialogs of a rollout that runs and of one that is over, and of one cluster's own."""
    await made(look, "ran-461", 6100, over=True)
    await made(look, "ran-462", 6700)
    page = await look.open("#/r/default/ran-461", user="olga")
    seen = 0
    links = ["r/default/ran-461", "r/default/ran-462", "r/default/ran-backticks"]
    for link in [*links, "c/site-6103?rollout=default/ran-461", "c/site-6701"]:
        await opened(look, link)
        group = page.get_by_role("group", name="Actions")
        await group.get_by_role("button").first.wait_for()
        for button in await group.get_by_role("button").all():
            await button.press("Enter")
            seen += await dialogs(page, link)
    assert seen > 8
    known = ("Failed to load resource", "Failed to read the 'sessionStorage'")
    assert [each for each in look.errors if not each.startswith(known)] == []


async def dialogs(page: Page, link: str) -> int:
    """The number of dialogs that were checked: one, or one for each step that may be added."""
    dialog = page.get_by_role("dialog")
    if not await dialog.count():
        assert (link, await backticks(page)) == (link, [])
        return 0
    radios = await dialog.get_by_role("radio").all()
    for radio in radios:
        await radio.check()
        await settled(page)
    if not radios:
        await settled(page)
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_have_count(0)
    return max(1, len(radios))


async def settled(page: Page) -> None:
    """Waits for the answer of the hub, and for what the step would do."""
    dialog = page.get_by_role("dialog")
    await expect(dialog.locator(".command:visible, summary, [role=alert]").first).to_be_visible()
    await page.evaluate(UNFOLD)
    assert await backticks(page) == []


async def test_the_answer_to_a_change_is_shown_without_backticks(look: Tab) -> None:
    """The hub's answer to a change, which may name commands."""
    await made(look, "ran-463", 6800)
    page = await look.open("#/r/default/ran-463", user="olga")
    answer = {"done": TYPED, "kubectl": "", "danger": "reversible", "lost": ""}
    await page.route("**/ran-463/pause*", lambda route: route.fulfill(status=202, json=answer))
    await page.get_by_role("button", name="Pause").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Pause ran-463").click()
    await expect(dialog.get_by_role("status").locator("code")).to_have_text(
        "velero describe restore"
    )
    assert await backticks(page) == []
    assert look.errors == []
