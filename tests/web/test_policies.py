"""Policies on the page: what they allow, what they hold, and links from what they hold."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from msgspec.structs import replace
from playwright.async_api import expect

from ibgu.core.engine.timing.windows import local_time, opening
from ibgu.core.model import ActingParty, Member, Reason, ReasonKind, Step
from ibgu.core.model.kinds import ObjectMeta
from ibgu.core.model.rollout_policy import Freeze, PolicyWindow, RolloutPolicy, RolloutPolicySpec
from tests.web.conftest import SESSION, Site, Tab
from tests.web.fleet import RolloutHistory, running, waiting
from tests.web.test_accessible import told

pytestmark = SESSION

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime.now(UTC)
WINDOW = PolicyWindow(
    cron=f"0 {(NOW.astimezone(BERLIN).hour + 6) % 24} * * *",
    duration_minutes=240,
    time_zone="Europe/Berlin",
)
"""Closed for some hours, whenever the tests run."""
OPENS = opening([WINDOW], BERLIN, NOW).opens
assert OPENS is not None
NIGHT = f"the policy's window opens at {local_time(OPENS, BERLIN)}"
FULL = "the policy allows 30 clusters in flight at once, and as many are"
HUB_WIDE, NIGHTS = "RolloutPolicy/hub-wide", "RolloutPolicy/ran-nights"
FOUR_EYES = "RolloutPolicy/four-eyes"
PERSON = ActingParty.PERSON
HOSTILE = "<img src=x onerror=alert(1)>"


def policy(name: str, **spec: Any) -> RolloutPolicy:
    return RolloutPolicy(ObjectMeta(name=name, uid=name, generation=2), RolloutPolicySpec(**spec))


POLICIES = [
    policy("ran-nights", windows=[WINDOW], fit=True),
    policy(
        "hub-wide",
        in_flight=30,
        freezes=[Freeze("2035-12-19T00:00:00Z", "2036-01-07T00:00:00Z", "see CHG-4711")],
    ),
]


LONG = "every-upgrade-of-the-radio-sites-in-the-north-only-at-night-and-in-turns"


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def held(site: Site) -> AsyncIterator[None]:
    """Twelve clusters wait for the night, and one for others."""
    await site.journal.note_policies(POLICIES)
    await _rollout(site.story())
    yield
    await site.journal.note_policies([])


async def _rollout(story: RolloutHistory) -> None:
    of = await story.rollout("ran-held", ["Upgrade"])
    upgrade = await story.step(of, 0, 13)
    gate = ReasonKind.GATE
    night = Reason(gate, story.now, NIGHT, OPENS, ActingParty.IBGU, NIGHTS)
    full = replace(night, message=FULL, until=None, who=ActingParty.CLUSTER)
    wide = replace(full, gate=HUB_WIDE)
    whys = [night] * 12 + [wide]
    await story.put(*(kept(upgrade, 8000 + n, n, why) for n, why in enumerate(whys)))


def kept(of: Step, number: int, position: int, why: Reason) -> Member:
    found = waiting(of, number, position, why.since, why.kind, why.message, why.who)
    return replace(found, reason=why)


async def test_policies_are_listed_with_what_they_hold(look: Tab) -> None:
    page = await look.open()
    await page.get_by_role("link", name="Policies").click()
    row = page.get_by_role("row", name="ran-nights")
    await expect(row.get_by_role("cell").nth(0)).to_have_text("12")
    await expect(row).to_contain_text("every action but those that lead back")
    await expect(row).to_contain_text("in the time zone Europe/Berlin")
    wide = page.get_by_role("row", name="hub-wide")
    await expect(wide).to_contain_text("At most 30 clusters may be in flight at once")
    await expect(wide).to_contain_text("see CHG-4711")
    await look.keep("policies", 460)
    assert look.errors == []


@pytest.mark.parametrize("width", [820, 1280])
async def test_a_long_name_leaves_room_for_what_a_policy_allows(look: Tab, width: int) -> None:
    await look.site.journal.note_policies([*POLICIES, policy(LONG, windows=[WINDOW])])
    await look.page.set_viewport_size({"width": width, "height": 900})
    page = await look.open("#/p")
    allows = page.get_by_role("row", name=LONG).get_by_role("cell").last
    await expect(allows).to_contain_text("in the time zone Europe/Berlin")
    assert await allows.evaluate("(cell) => cell.clientWidth") >= 250
    wide = "[...document.querySelectorAll('.scroll')].map((e) => e.scrollWidth - e.clientWidth)"
    assert await page.evaluate(wide) == [0]
    await look.site.journal.note_policies(POLICIES)


async def test_a_notice_says_that_policies_keep_every_cluster(look: Tab) -> None:
    page = await look.open("#/r/default/ran-held")
    notice = page.get_by_role("status").filter(has_text="no waiting cluster can start")
    rows = notice.get_by_role("listitem")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_have_text(
        f"Held by policy ran-nights: {NIGHT}; 12 clusters wait for it. Continues automatically."
    )
    await expect(rows.last).to_contain_text("policy hub-wide")
    await expect(rows.last).to_contain_text("1 cluster waits for it. Waits for clusters.")
    await expect(page.locator("h1 .phase")).to_have_text("Waiting")
    await page.goto(f"{look.site.url}/#/")
    row = page.locator(".rollout", has_text="ran-held")
    await expect(row.locator(".phase")).to_have_text("Waiting")
    when = row.locator(".when .waits")
    await expect(when).to_have_count(2)
    await expect(when.first).to_have_text(
        re.compile(r"policy ran-nights \(12 clusters\) until .*, continues automatically")
    )
    await expect(when.last).to_contain_text("policy hub-wide")
    assert look.errors == []


async def test_no_notice_appears_while_a_cluster_can_start(look: Tab) -> None:
    story = look.site.story()
    step = await story.step(await story.rollout("ran-some-start", ["Upgrade"]), 0, 2)
    away = waiting(step, 8050, 0, story.now, ReasonKind.UNREACHABLE)
    await story.put(away, waiting(step, 8051, 1, story.now))
    page = await look.open("#/r/default/ran-some-start")
    await expect(page.get_by_role("region", name="Reasons")).to_contain_text("waiting for slot")
    await expect(page.locator("h1 .phase")).to_have_text("Running")
    await expect(page.get_by_text("no waiting cluster can start")).to_have_count(0)


async def test_clusters_kept_between_two_actions_are_not_said_to_run(look: Tab) -> None:
    story = look.site.story()
    step = await story.step(await story.rollout("ran-between", ["Upgrade"]), 0, 2)
    why = Reason(
        ReasonKind.GATE,
        story.now,
        "1 person must approve Upgrade",
        None,
        PERSON,
        FOUR_EYES,
        approval="Upgrade",
    )
    flight = running(step, 8070, 0, 1, story.now, ReasonKind.GATE, why.message)
    await story.put(replace(flight, reason=why), kept(step, 8071, 1, why))
    page = await look.open("#/r/default/ran-between")
    notice = page.get_by_role("status").filter(has_text="no waiting cluster can start")
    await expect(notice).to_contain_text("1 cluster in flight is kept between two actions")
    await expect(notice.get_by_role("listitem")).to_contain_text(
        "1 person must approve Upgrade; 2 clusters wait for it. Needs action."
    )
    await expect(page.locator("h1 .phase")).to_have_text("Waiting")
    await page.goto(f"{look.site.url}/#/")
    row = page.locator(".rollout", has_text="ran-between")
    await expect(row.locator(".when .worry")).to_have_text(
        "approval for policy four-eyes (2 clusters), needs action"
    )


async def test_a_policy_leads_to_what_it_holds(look: Tab) -> None:
    page = await look.open("#/p")
    await page.get_by_role("link", name="ran-nights").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("ran-nights generation 2")
    holds = page.get_by_role("region", name="What it holds now")
    await expect(holds.get_by_role("listitem")).to_contain_text(NIGHT)
    await expect(holds).to_contain_text("site-8009 and 2 more clusters")
    await look.keep("policy", 560)
    await holds.get_by_role("link", name="site-8000").click()
    state = page.get_by_role("region", name="State")
    await expect(state.get_by_role("link", name="ran-nights")).to_have_attribute(
        "href", "#/p/ran-nights"
    )
    await expect(page.get_by_text("held by policy ran-nights")).to_be_visible()
    await page.go_back()
    await holds.get_by_role("link", name="default/ran-held").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("ran-held")
    assert look.errors == []


async def test_a_view_says_once_what_a_policy_holds(look: Tab) -> None:
    page = await look.open("#/r/default/ran-held")
    reasons = page.get_by_role("region", name="Reasons")
    await expect(reasons.get_by_role("button", name=re.compile("^held"))).to_contain_text("13")
    row = page.get_by_role("row", name="site-8012")
    await expect(row.get_by_role("link", name="policy hub-wide")).to_be_visible()
    words = await page.locator("main").inner_text()
    assert (words.count(NIGHT), words.count(FULL)) == (1, 1)
    await row.get_by_role("link", name="policy hub-wide").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("hub-wide")
    assert look.errors == []


async def test_reasons_say_what_a_policy_holds_while_others_are_at_work(look: Tab) -> None:
    story = look.site.story()
    step = await story.step(await story.rollout("ran-part-held", ["Upgrade"]), 0, 3)
    why = Reason(ReasonKind.GATE, story.now, FULL, None, ActingParty.CLUSTER, HUB_WIDE)
    await story.put(
        running(step, 8060, 0, 1, story.now, ReasonKind.RUNNING, "in pre-pivot"),
        *(kept(step, 8060 + n, n, why) for n in (1, 2)),
    )
    page = await look.open("#/r/default/ran-part-held")
    reasons = page.get_by_role("region", name="Reasons")
    await expect(reasons).to_contain_text(
        f"Held by policy hub-wide: {FULL}; 2 clusters wait for it."
    )
    await expect(page.get_by_role("row", name="site-8061")).to_contain_text("policy hub-wide")
    assert (await page.locator("main").inner_text()).count(FULL) == 1
    await expect(page.locator("h1 .phase")).to_have_text("Running")
    await reasons.get_by_role("link", name="policy hub-wide").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("hub-wide")
    assert look.errors == []


async def test_markup_in_a_policy_is_shown_as_text(look: Tab) -> None:
    freeze = Freeze("2035-12-19T00:00:00Z", "2036-01-07T00:00:00Z", HOSTILE)
    await look.site.journal.note_policies([*POLICIES, policy("markup", freezes=[freeze])])
    page = await look.open("#/p/markup")
    allows = page.get_by_role("region", name="What it allows")
    await expect(allows).to_contain_text(HOSTILE)
    assert await page.locator("img").count() == 0
    await look.site.journal.note_policies(POLICIES)
    assert look.errors == []


async def test_a_policy_that_is_not_there_says_so(look: Tab) -> None:
    page = await look.open("#/p/moon")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    await expect(page.get_by_role("alert")).to_contain_text("no RolloutPolicy moon is in force")


async def test_a_user_without_the_right_is_refused(look: Tab) -> None:
    page = await look.open("#/p", user="bob")
    await expect(page.get_by_role("heading", level=1)).to_have_text("You don't have access")
    await expect(page.get_by_role("alert")).to_contain_text("rolloutpolicies")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_has_nothing_to_say_of_policies(look: Tab, theme: str) -> None:
    await look.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    await look.open()
    for link in ("#/p", "#/p/ran-nights", "#/r/default/ran-held"):
        await look.page.goto(f"{look.site.url}/{link}")
        await expect(look.page.locator("h1").first).to_be_visible()
        await expect(look.page.locator("[aria-busy]")).to_have_count(0)
        assert told((await Axe().run(look.page)).response) == []
