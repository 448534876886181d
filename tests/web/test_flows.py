"""An operator's tasks at 3 a.m., in a real browser."""

import re
from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.async_api import Route, expect

from ibgu.core.model import ActingParty, Reason, ReasonKind, RolloutState, StepState
from ibgu.core.text.spans import duration
from tests.web.conftest import SESSION, Tab
from tests.web.fleet import MINUTE, MONITOR, PULL, SLOTS, failed, running, succeeded

pytestmark = [SESSION, pytest.mark.usefixtures("young")]

RAN = "#/r/default/ran-417"
REFUSED = "401 (Unauthorized)"


async def test_a_token_opens_the_page_and_is_forgotten_with_the_tab(look: Tab) -> None:
    page = look.page
    await page.goto(f"{look.site.url}/{RAN}")
    await page.get_by_label("Token for the hub").fill(look.site.hub.token("alice"))
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="ran-417")).to_be_visible()
    assert await page.evaluate("Object.keys(localStorage)") == []
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Token for the hub")).to_be_visible()
    assert await page.evaluate("sessionStorage.length") == 0
    assert [each for each in look.errors if REFUSED not in each] == []


async def test_the_top_says_who_one_is_and_on_which_hub(look: Tab) -> None:
    page = await look.open(user="bob")
    who = page.locator(".who")
    await expect(who).to_have_text(f"bob on hub {look.site.uid[:8]}")
    await expect(who).to_have_attribute("title", re.compile(f"{look.site.uid}$"))


async def test_a_wrong_token_shows_an_alert(look: Tab) -> None:
    page = look.page
    await page.goto(look.site.url)
    await page.get_by_label("Token for the hub").fill("wrong")
    await page.get_by_label("Token for the hub").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("wrong, expired or revoked")
    await look.keep("sign-in", 700)
    assert await page.evaluate("sessionStorage.length") == 0


async def test_a_kept_token_that_has_expired_shows_why_after_a_reload(look: Tab) -> None:
    await look.page.add_init_script("sessionStorage.setItem('ibgu.token', 'expired')")
    await look.page.goto(look.site.url)
    await expect(look.page.get_by_role("alert")).to_contain_text("wrong, expired or revoked")


async def test_a_proxy_that_brings_the_token_needs_no_sign_in(look: Tab) -> None:
    token = look.site.hub.token("alice")
    await look.page.context.set_extra_http_headers({"Authorization": f"Bearer {token}"})
    await look.page.goto(look.site.url)
    await expect(look.page.get_by_role("heading", name="Rollouts")).to_be_visible()
    await expect(look.page.get_by_role("button", name="Sign out")).to_have_count(0)
    assert look.errors == []


async def test_a_token_that_is_revoked_leads_back_to_the_sign_in(look: Tab) -> None:
    page = await look.open(RAN)
    await expect(page.get_by_role("heading", name="ran-417")).to_be_visible()
    answer = {"status": 401, "json": {"detail": "expired"}}
    await page.route("**/api/v1/**", lambda route: route.fulfill(**answer))
    await expect(page.get_by_role("alert")).to_contain_text("expired or was revoked")
    await expect(page).to_have_url(re.compile(f"{RAN}$"))


async def test_the_list_says_what_needs_a_person(look: Tab) -> None:
    page = await look.open()
    await expect(page.get_by_role("region", name="Needs action")).to_contain_text("circuit breaker")
    rows = page.locator(".rollout")
    await expect(rows.filter(has_text="ran-417")).to_contain_text("step 2 of 3")
    await expect(rows.filter(has_text="ran-417")).to_contain_text("via the hub (kubectl-create)")
    await expect(rows.filter(has_text="core-418")).to_contain_text("Held")
    await look.keep("rollouts", 720)
    await rows.filter(has_text="core-418").click()
    hold = page.get_by_role("status").filter(has_text="Nothing new has started: circuit breaker")
    await expect(hold).to_be_visible()
    await look.keep("held", 1000)
    assert look.errors == []


async def test_the_cause_of_a_failed_cluster_is_three_clicks_away(look: Tab) -> None:
    page = await look.open()
    await page.locator(".rollout", has_text="ran-417").click()
    failures = page.get_by_role("region", name=re.compile("failures in this step"))
    await expect(failures).to_contain_text("11 of 15 have the same cause")
    await expect(failures).to_contain_text("a larger autoRollbackOnFailure")
    await failures.get_by_role("link").first.click()
    card = page.get_by_role("region", name="State", exact=True)
    await expect(card).to_contain_text(MONITOR)
    await expect(card).to_contain_text("a larger autoRollbackOnFailure")
    await expect(page.get_by_role("region", name="History").locator("tbody tr")).to_have_count(2)
    await look.keep("cluster", 830)
    await page.get_by_text("Events in the journal").click()
    told = page.get_by_role("list", name="Events").get_by_role("listitem")
    await expect(told.first).to_contain_text("Member finished: Upgrade failed")
    await expect(told.first.get_by_role("link", name="ran-417")).to_be_visible()
    assert "{" not in await page.get_by_role("list", name="Events").inner_text()
    await page.get_by_text("The cluster in the REST API").click()
    await expect(page.locator(".raws pre")).to_contain_text('"site-0006"')
    assert look.errors == []


@pytest.mark.usefixtures("works")
async def test_works_of_a_cluster_are_read_when_unfolded(look: Tab) -> None:
    asked: list[str] = []
    look.page.on("request", lambda request: asked.append(request.url))
    page = await look.open("#/c/site-0005")
    # Until the history is there nothing is busy either, and what is unfolded is drawn again.
    await expect(page.get_by_role("columnheader", name="Rollout")).to_be_visible()
    await expect(page.locator("main [aria-busy]")).to_have_count(0)
    assert not any(each.endswith("/works") for each in asked)
    await page.get_by_text("Feedback: what the hub requests").press("Enter")
    stage = page.locator(".work").filter(has_text="Precache job in progress")
    await expect(stage).to_contain_text("Prep, attempt 2 (armed)")
    await expect(stage).to_contain_text("preparing: stage Prep, seed 4.17.2; may follow: Idle")
    await expect(page.locator(".work")).to_have_count(2)
    await page.get_by_text("Its labels").click()
    await expect(page.locator(".labels-of")).to_contain_text("site=site-0005")
    await look.keep("feedback", 1250)
    assert len([each for each in asked if each.endswith("/works")]) == 1
    async with page.expect_response("**/works"):
        await page.get_by_role("button", name="Reload").click()
    assert look.errors == []


async def test_the_whole_history_of_a_cluster_can_be_read(look: Tab) -> None:
    story = look.site.story()
    for number in range(23):
        began = story.now - timedelta(days=number + 1)
        over = {"state": RolloutState.COMPLETE, "completed_at": began + timedelta(minutes=7)}
        of = await story.rollout(f"yearly-{number:02}", ["Prep"], created_at=began, **over)
        step = await story.step(of, 0, 1, state=StepState.FINISHED, started_at=began)
        await story.put(succeeded(step, 9990, 0, began, timedelta(minutes=7)))
    page = await look.open("#/c/site-9990")
    rows = page.get_by_role("region", name="History").locator("tbody tr")
    await expect(rows).to_have_count(20)
    # A request that fails is named, and can be repeated.
    await page.route("**/history?*cursor=*", lambda route: route.abort())
    await page.get_by_role("button", name="Older steps").click()
    await expect(page.get_by_role("region", name="History").get_by_role("alert")).to_be_visible()
    await page.unroute("**/history?*cursor=*")
    look.errors.clear()
    await page.get_by_role("button", name="Older steps").click()
    await expect(rows).to_have_count(23)
    await expect(rows.last).to_contain_text("yearly-22")
    await expect(page.get_by_role("button", name="Older steps")).to_have_count(0)
    assert look.errors == []


async def test_a_name_is_completed_and_opened(look: Tab) -> None:
    page = await look.open()
    field = page.get_by_label("Open a cluster by name")
    await field.press_sequentially("Site-039")
    offered = page.locator("#names option")
    await expect(offered).to_have_count(10)
    await expect(offered.last).to_have_attribute("value", "site-0399")
    await field.fill("site-0006")
    await expect(offered).to_have_count(1)
    await field.press("Enter")
    await expect(page.get_by_role("heading", name="site-0006")).to_be_visible()
    await expect(field).to_have_value("")
    assert look.errors == []


async def test_a_row_of_the_box_filters_grid_and_table(look: Tab) -> None:
    page = await look.open(RAN)
    await (
        page.get_by_role("region", name="Reasons")
        .get_by_role("button", name="init monitor timeout")
        .click()
    )
    await expect(page.get_by_role("heading", name="11 of 399 clusters")).to_be_visible()
    table = page.get_by_role("region", name="Members").locator("tbody tr")
    await expect(table).to_have_count(11)
    await expect(table.first).to_contain_text(MONITOR)
    await look.keep("failures", 1450)
    await page.go_back()
    await expect(page.get_by_role("heading", name="399 clusters", exact=True)).to_be_visible()


async def test_running_clusters_are_not_listed_as_a_reason(look: Tab) -> None:
    page = await look.open(RAN)
    why = page.get_by_role("region", name="Reasons")
    await expect(why).to_contain_text(re.compile("5\\d clusters working as usual"))
    rows = await why.get_by_role("button").all_inner_texts()
    assert not {"running", "rebooting"} & {row.split("\n")[0] for row in rows}
    await why.get_by_role("button", name="stalled 2").click()
    await expect(page.get_by_role("heading", name="2 of 399 clusters")).to_be_visible()


async def test_the_number_of_overdue_clusters_leads_to_them(look: Tab) -> None:
    """No sentence denies another: who is overdue is not at work as usual, and has a mark."""
    page = await look.open(RAN)
    link = page.locator(".facts").get_by_role("link", name=re.compile("overdue"))
    number = int((await link.inner_text()).split()[0])
    why = page.get_by_role("region", name="Reasons")
    await expect(why.get_by_role("button", name=f"overdue {number}", exact=True)).to_be_visible()
    await expect(why).to_contain_text(f"{SLOTS - 4 - 2 - 1} clusters working as usual")
    await link.click()
    await expect(page.get_by_role("heading", name=f"{number} of 399 clusters")).to_be_visible()
    legend = page.get_by_role("group", name="Show only")
    await expect(
        legend.get_by_role("button", name=f"overdue {number}", exact=True)
    ).to_have_attribute("aria-pressed", "true")
    rows = page.get_by_role("region", name="Members").locator("tbody tr")
    await expect(rows).to_have_count(number)
    for row in await rows.all():
        await expect(row.locator(".state").last).to_have_text("overdue")
        await expect(row).to_contain_text("longer than usual (at most ")
    await expect(rows.filter(has_text="no lease since").first).to_contain_text(
        "waits longer than usual (at most 15 min)"
    )
    assert look.errors == []


async def test_labels_count_above_and_in_the_chart_too(look: Tab) -> None:
    page = await look.open(f"{RAN}?label=ring+in+(0,1)")
    await expect(page.get_by_role("heading", name="194 of 399 clusters")).to_be_visible()
    legend = await page.locator(".legend button").all_inner_texts()
    counts = {word: int(number) for word, number in (each.split() for each in legend)}
    chart = page.locator(".chart")
    await expect(chart).to_have_attribute(
        "aria-label", re.compile(f"{counts['succeeded']} succeeded, {counts['failed']} failed")
    )
    facts = page.locator(".facts")
    await expect(facts).to_contain_text("only clusters matching ring in (0,1)")
    await expect(facts).to_contain_text(f"({counts['failed']} in this step)")
    here = facts.get_by_role("link", name=f"{counts['failed']} in this step")
    await expect(here).to_have_attribute("href", re.compile("label=ring"))
    card = page.get_by_role("navigation", name="Steps").locator("[aria-current=step]")
    await expect(card).to_contain_text(f"{counts['succeeded']} succeeded")
    await expect(card).to_contain_text(f"{counts['failed']} failed")
    await page.get_by_role("button", name="Clear filter").click()
    await expect(chart).to_have_attribute("aria-label", re.compile(" 15 failed"))
    await expect(facts).not_to_contain_text("only clusters matching")
    await expect(card).to_contain_text("15 failed")
    assert look.errors == []


async def test_failures_stand_above_the_chart(look: Tab) -> None:
    page = await look.open(RAN)
    failures = page.get_by_role("region", name=re.compile("failures in this step"))
    chart = page.get_by_role("region", name="Done over time")
    above, below = await failures.bounding_box(), await chart.bounding_box()
    assert above
    assert below
    assert above["y"] + above["height"] <= below["y"]


async def test_a_state_is_not_said_twice(look: Tab) -> None:
    story = look.site.story()
    of = await story.rollout("ran-dark", ["Upgrade"])
    step = await story.step(of, 0, 1)
    words = "the cluster is not reachable while it reboots"
    await story.put(running(step, 9970, 0, 1, story.now, ReasonKind.REBOOTING, words))
    page = await look.open("#/r/default/ran-dark")
    row = page.get_by_role("region", name="Members").locator("tbody tr")
    await expect(row).to_contain_text("the cluster is not reachable")
    assert (await row.inner_text()).lower().count("rebooting") == 1


async def test_commands_are_shown_as_code_without_backticks(look: Tab) -> None:
    story = look.site.story()
    of = await story.rollout("ran-typed", ["Upgrade"])
    step = await story.step(of, 0, 1)
    words = "Rollback due to restore failure: Failed restore CRs: acm-klusterlet"
    took = timedelta(minutes=1)
    await story.put(failed(step, 9971, 0, story.now - took, took, words))
    page = await look.open("#/r/default/ran-typed")
    failures = page.get_by_role("region", name="1 failure in this step")
    retry = "ibgu retry ran-typed -n default --abort-first"
    commands = ["velero describe restore", "ibgu gather site-9971 --image IMAGE", retry]
    await expect(failures.locator(".remedy code")).to_have_text(commands)
    assert "`" not in await page.locator("main").inner_text()
    await failures.get_by_role("link", name="site-9971").click()
    card = page.get_by_role("region", name="State", exact=True)
    await expect(card.locator("dd.do code")).to_have_text(commands)
    assert "`" not in await page.locator("main").inner_text()


async def test_a_failed_cluster_that_was_aborted_since_needs_nothing_more(look: Tab) -> None:
    story = look.site.story()
    of = await story.rollout("ran-taken-back", ["Upgrade"])
    step = await story.step(of, 0, 2)
    words, took = "Rollback due to restore failure: Failed restore CRs: acm", timedelta(minutes=1)
    for place, number in enumerate((9981, 9982)):
        await story.put(failed(step, number, place, story.now - 2 * took, took, words))
    page = await look.open("#/r/default/ran-taken-back")
    card = page.get_by_role("region", name="2 failures in this step")
    await expect(card.locator(".remedy")).to_be_visible()
    for aborted, told in ((9981, "aborted afterwards: site-9981"), (9982, "aborted afterwards")):
        later = await story.rollout(f"ran-abort-{aborted}", ["Abort"], created_at=story.now)
        await story.put(succeeded(await story.step(later, 0, 1), aborted, 0, story.now, took))
        await page.reload()
        await expect(card.get_by_text(told, exact=True)).to_be_visible()
    await expect(card.locator(".remedy")).to_have_count(0)
    assert look.errors == []


async def test_words_of_an_earlier_moment_stand_beside_no_later_state(look: Tab) -> None:
    """The members' own words come in an answer of their own, which may be late."""
    story = look.site.story()
    of = await story.rollout("ran-stale", ["Upgrade"])
    step = await story.step(of, 0, 1)
    words = "the cluster is not reachable"
    await story.put(running(step, 9973, 0, 1, story.now, ReasonKind.REBOOTING, words))
    answers: list[bytes] = []

    async def first_again(route: Route) -> None:
        if not answers:
            answers.append(await (await route.fetch()).body())
        await route.fulfill(body=answers[0], content_type="application/json")

    await look.page.route("**/members?*", first_again)
    page = await look.open("#/r/default/ran-stale")
    row = page.get_by_role("region", name="Members").locator("tbody tr")
    await expect(row).to_contain_text(words)
    took = timedelta(minutes=1)
    await story.end(failed(step, 9973, 0, story.now - took, took, MONITOR))
    await expect(row).to_contain_text("failed")
    await expect(row).not_to_contain_text(words)


async def test_a_step_that_cleans_up_hides_no_failure(look: Tab) -> None:
    story = look.site.story()
    of = await story.rollout("ran-cleaned", ["Prep", "AbortOnFailure"])
    prep = await story.step(of, 0, 1, state=StepState.FINISHED, finished_at=story.now)
    took = timedelta(minutes=1)
    await story.put(failed(prep, 9972, 0, story.now - took, took, PULL))
    abort = await story.step(of, 1, 1)
    await story.put(succeeded(abort, 9972, 0, story.now - took, took))
    page = await look.open("#/r/default/ran-cleaned")
    await page.get_by_role("link", name="1 cluster failed in step 1, Prep").click()
    await expect(page.get_by_role("region", name="1 failure in this step")).to_be_visible()
    await page.goto(f"{look.site.url}/#/c/site-9972?rollout=default/ran-cleaned")
    await expect(page.get_by_text("Prep failed, then aborted.")).to_be_visible()
    actions = page.get_by_role("group", name="Actions")
    await expect(actions.get_by_role("button", name="Retry this cluster…")).to_be_visible()


async def test_failures_of_different_causes_claim_no_common_one(look: Tab) -> None:
    story = look.site.story()
    of = await story.rollout("ran-each-its-own", ["Upgrade"])
    hold = Reason(ReasonKind.PAUSED, story.now, "paused by olga", who=ActingParty.PERSON)
    step = await story.step(of, 0, 2, hold=hold)
    words = (MONITOR, "Rollback due to restore failure: Failed restore CRs: acm")
    took = timedelta(minutes=1)
    for place, each in enumerate(words):
        await story.put(failed(step, 9976 + place, place, story.now - took, took, each))
    page = await look.open("#/r/default/ran-each-its-own")
    card = page.get_by_role("region", name="2 failures in this step")
    await expect(card.get_by_role("heading", level=2)).to_have_text("2 failures in this step")
    notice = page.get_by_role("status").filter(has_text="Nothing new has started")
    await expect(notice).to_contain_text(". Paused by olga.")


async def test_an_invalid_name_of_a_cluster_is_reported_once(look: Tab) -> None:
    page = await look.open()
    field = page.get_by_label("Open a cluster by name")
    await field.fill("site_0006!")
    await field.press("Enter")
    await expect(page.get_by_role("heading", name="Invalid address")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(1)
    await expect(page.get_by_text("retries every few seconds")).to_have_count(0)
    await expect(page.locator("main .empty")).to_have_count(0)


async def test_a_link_that_leads_nowhere_says_so(look: Tab) -> None:
    page = await look.open("#/nonsense")
    await expect(page.get_by_role("alert")).to_contain_text("This link leads nowhere")
    await page.get_by_role("link", name="All rollouts").click()
    await expect(page.get_by_role("heading", name="Rollouts")).to_be_visible()
    assert look.errors == []


async def test_a_link_holds_step_and_filter(look: Tab) -> None:
    page = await look.open(f"{RAN}?step=1&state=failed&find=site-00")
    await expect(page.get_by_role("heading", name="3 of 412 clusters")).to_be_visible()
    await expect(page.get_by_label("Show clusters whose name contains")).to_have_value("site-00")
    await expect(page.get_by_role("button", name="failed 13", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    await page.get_by_role("button", name="Clear filter").click()
    await expect(page).to_have_url(re.compile(r"\?step=1$"))


async def test_labels_filter_grid_and_table(look: Tab) -> None:
    page = await look.open(RAN)
    field = page.get_by_label("Show clusters whose labels match this selector")
    await field.fill("ring in (0,1),site!=site-0006")
    await field.press("Enter")
    await expect(page.get_by_role("heading", name="193 of 399 clusters")).to_be_visible()
    await expect(page.get_by_role("heading", name="14 failures in this step")).to_be_visible()
    why = page.get_by_role("region", name="Reasons").get_by_role("button")
    await expect(why.filter(has_text="init monitor timeout")).to_contain_text("10")
    await page.get_by_role("button", name="failed 14", exact=True).click()
    rows = page.get_by_role("region", name="Members").locator("tbody tr")
    await expect(rows).to_have_count(14)
    await page.reload()
    await expect(rows).to_have_count(14)
    await expect(field).to_have_value("ring in (0,1),site!=site-0006")
    assert look.errors == []


async def test_an_invalid_selector_shows_an_alert(look: Tab) -> None:
    page = await look.open(f"{RAN}?label=ring+north")
    problem = page.get_by_role("alert")
    await expect(problem).to_contain_text("Labels ring north:")
    await expect(problem).to_contain_text("write it like a=b")
    await page.locator(".u-legend").wait_for()
    await page.get_by_role("button", name="Clear filter").click()
    await expect(problem).to_have_count(0)
    await expect(page.get_by_role("heading", name="399 clusters", exact=True)).to_be_visible()


async def test_a_wrong_selector_is_asked_once(look: Tab) -> None:
    asked: list[str] = []
    look.page.on("request", lambda request: asked.append(request.url))
    await look.page.clock.install()
    page = await look.open(f"{RAN}?label=ring+north")
    await expect(page.get_by_role("alert")).to_contain_text("write it like a=b")
    before = len(asked)
    await page.clock.run_for(20_000)
    await expect(page.locator(".freshness")).to_have_text("live")
    assert len(asked) > before
    assert len([each for each in asked if "label=ring" in each]) == 1
    field = page.get_by_label("Show clusters whose labels match this selector")
    await field.fill("ring")
    await page.clock.run_for(3000)
    await expect(field).to_have_value("ring")
    await field.press("Enter")
    await expect(page.get_by_role("alert")).to_have_count(0)
    await expect(page.get_by_role("heading", name="399 of 399 clusters")).to_be_visible()


async def test_a_user_without_rights_on_clusters_sees_an_alert(look: Tab) -> None:
    page = await look.open(f"{RAN}?label=ring", user="bob")
    await expect(page.get_by_role("alert")).to_contain_text("bob may not list managedclusters")


async def test_failed_stalled_and_overdue_members_come_first(look: Tab) -> None:
    page = await look.open(RAN)
    rows = page.get_by_role("region", name="Members").locator("tbody tr")
    await expect(rows.nth(14)).to_contain_text("failed")
    for stalled in (15, 16):
        await expect(rows.nth(stalled)).to_contain_text("takes longer than usual (at most")
    await expect(rows.nth(17)).to_contain_text("waits longer than usual (at most")


async def test_members_are_ordered_by_a_column_and_the_link_keeps_it(look: Tab) -> None:
    page = await look.open(RAN)
    members = page.get_by_role("region", name="Members")
    first = members.locator("tbody tr").first
    await members.get_by_role("button", name="Cluster").click()
    await expect(first).to_contain_text("site-0000")
    await members.get_by_role("button", name="Next").click()
    await expect(members).to_contain_text(re.compile("26.50 of 399"))
    await members.get_by_role("button", name="Cluster").click()
    await expect(first).to_contain_text("site-0410")
    await expect(members).to_contain_text(re.compile("1.25 of 399"))
    await page.reload()
    await expect(first).to_contain_text("site-0410")
    heads = members.get_by_role("columnheader")
    await expect(heads.nth(1)).to_have_attribute("aria-sort", "descending")
    await members.get_by_role("button", name="For").click()
    await expect(first).to_contain_text(re.compile(r"waiting[12] h( \d+ min)?"))
    await members.get_by_role("button", name="No.").click()
    await expect(first).to_contain_text("site-0000")
    await members.get_by_role("button", name="State").click()
    await expect(page).not_to_have_url(re.compile("sort="))
    assert look.errors == []


async def test_the_number_of_stalled_clusters_leads_to_them(look: Tab) -> None:
    page = await look.open()
    await page.locator(".rollout", has_text="ran-417").get_by_role("link", name="2 stalled").click()
    members = page.get_by_role("region", name="Members")
    await expect(members.locator("tbody tr")).to_have_count(2)
    await expect(members.locator("tbody")).to_be_in_viewport()
    legend = page.get_by_role("group", name="Show only")
    await expect(legend.get_by_role("button", name="stalled 2")).to_have_attribute(
        "aria-pressed", "true"
    )
    await look.keep("stalled", 1900)
    await page.get_by_role("button", name="failed 15", exact=True).click()
    await expect(members.locator("tbody tr")).to_have_count(17)
    facts = page.locator(".facts")
    await expect(facts).to_contain_text("28 failed (15 in this step)")
    await facts.get_by_role("link", name="15 in this step").click()
    await expect(members.locator("tbody tr")).to_have_count(15)
    assert look.errors == []


async def test_the_chart_ends_at_the_total_and_names_the_newest_numbers(look: Tab) -> None:
    page = await look.open(RAN)
    legend = page.locator(".u-legend .u-value")
    await expect(legend.nth(1)).to_have_text(re.compile(r"^\d+$"))
    await expect(legend.nth(4)).to_have_text("60")
    assert all(re.fullmatch(r"\d+", each) for each in (await legend.all_inner_texts())[1:])
    assert look.errors == []


SPY = """
    const { clearRect, fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.clearRect = function (...box) {
      this.canvas.texts = [];
      return clearRect.apply(this, box);
    };
    CanvasRenderingContext2D.prototype.fillText = function (text, ...where) {
      const box = this.measureText(text);
      const { e, f } = this.getTransform();
      const [x, y] = where;
      this.canvas.texts?.push({
        text,
        left: x + e - box.actualBoundingBoxLeft,
        right: x + e + box.actualBoundingBoxRight,
        top: y + f - box.actualBoundingBoxAscent,
        bottom: y + f + box.actualBoundingBoxDescent,
      });
      return fillText.call(this, text, ...where);
    };
"""
BOXES = "document.querySelector('.chart canvas').texts.filter(({ text }) => text)"


async def test_no_two_marks_of_the_chart_have_one_time(look: Tab) -> None:
    """The step lasted three seconds, as in the demo."""
    story = look.site.story()
    began = story.now - timedelta(seconds=3)
    of = await story.rollout("ran-short", ["Prep"], started_at=began)
    times = {"started_at": began, "finished_at": story.now}
    step = await story.step(of, 0, 3, state=StepState.FINISHED, **times)
    took = [timedelta(seconds=1 + n) for n in range(3)]
    await story.put(*(succeeded(step, 9980 + n, n, began, each) for n, each in enumerate(took)))
    await look.page.add_init_script(SPY)
    page = await look.open("#/r/default/ran-short")
    await expect(page.locator(".u-legend .u-value").nth(1)).to_have_text("3")
    drawn = await page.evaluate("document.querySelector('.chart canvas').texts")
    marks = [each["text"] for each in drawn if re.fullmatch(r"[\d:]{5,8}", each["text"])]
    assert marks
    assert len(set(marks)) == len(marks)
    assert look.errors == []


@pytest.mark.parametrize("minutes", [1, 90, 60 * 20, 60 * 24 * 3, 60 * 24 * 40])
async def test_the_labels_of_the_chart_never_collide(look: Tab, minutes: int) -> None:
    """The steps lasted from a minute to forty days, of 5,000 clusters, in windows of any width."""
    story = look.site.story()
    began = story.now - timedelta(minutes=minutes)
    uid = f"ran-{minutes}"
    of = await story.rollout(uid, ["Prep"], started_at=began)
    step = await story.step(of, 0, 5000, started_at=began, max_concurrency=1000)
    took = timedelta(minutes=minutes) / 2
    await story.put(*(succeeded(step, 20_000 + n, n, began, took) for n in range(12)))
    await look.page.add_init_script(SPY)
    page = await look.open(f"#/r/default/{uid}")
    await page.locator(".u-legend").wait_for()
    for width in (820, 900, 1000, 1060, 1280, 1440, 1900):
        await page.set_viewport_size({"width": width, "height": 900})
        await page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        boxes = await page.evaluate(BOXES)
        assert len(boxes) > 6, (width, boxes)
        space = await page.evaluate("document.querySelector('.chart canvas').width")
        outside = [each for each in boxes if each["left"] < 0 or each["right"] > space]
        assert [*outside, *(pair for pair in combinations(boxes, 2) if overlap(*pair))] == [], width
    assert look.errors == []


def overlap(one: Any, other: Any) -> bool:
    return bool(
        one["left"] < other["right"]
        and other["left"] < one["right"]
        and one["top"] < other["bottom"]
        and other["top"] < one["bottom"]
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (50.9, "50 s"),
        (599.9, "9 min 59 s"),
        (659, "10 min"),
        (3612, "1 h"),
        (2 * 86_400 + 43 * 60, "2 d"),
    ],
)
async def test_spans_are_cut_as_in_the_cli(look: Tab, seconds: float, words: str) -> None:
    assert duration(timedelta(seconds=seconds)) == words
    page = await look.open()
    module = await page.evaluate(
        """() => performance.getEntriesByType("resource").map(({ name }) => name)
             .find((name) => name.endsWith("/words/format.js"))"""
    )
    script = "([module, seconds]) => import(module).then(({ span }) => span(seconds))"
    assert await page.evaluate(script, [module, seconds]) == words


async def test_the_grid_is_walked_by_keys(look: Tab) -> None:
    page = await look.open(RAN)
    grid = page.get_by_role("application")
    await grid.focus()
    for key in ("Home", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowUp"):
        await grid.press(key)
    await expect(page.locator(".grid [aria-live]")).to_contain_text("site-0002, succeeded")
    await grid.press("Enter")
    await expect(page.get_by_role("heading", name="site-0002")).to_be_visible()
    await expect(page).to_have_url(re.compile("rollout=default%2Fran-417"))


async def test_pointing_says_why_and_a_click_opens_the_cluster(look: Tab) -> None:
    page = await look.open(f"{RAN}?failure=InitMonitorTimeout")
    grid = page.get_by_role("application")
    await grid.hover(position={"x": 5 * 28 + 9, "y": 9})
    await expect(page.locator(".tooltip")).to_contain_text("init monitor timeout")
    await grid.click(position={"x": 5 * 28 + 9, "y": 9})
    await expect(page.get_by_role("heading", name="site-0006")).to_be_visible()


async def test_a_forbidden_rollout_shows_an_alert(look: Tab) -> None:
    page = await look.open("#/r/edge/core-418", user="bob")
    await expect(page.get_by_role("alert")).to_contain_text(
        "bob may not get imagebasedgroupupgrades.lcm.openshift.io in namespace edge"
    )
    await page.get_by_role("link", name="All rollouts").click()
    await expect(page.locator(".rollout", has_text="ran-417")).to_be_visible()
    await expect(page.locator(".rollout", has_text="core-418")).to_have_count(0)


async def test_a_rollout_that_selected_nobody_is_no_success(look: Tab) -> None:
    story = look.site.story()
    ended = {"state": RolloutState.COMPLETE, "completed_at": story.now}
    of = await story.rollout("ran-nobody", ["Prep"], **ended)
    await story.step(of, 0, 0, state=StepState.FINISHED, finished_at=story.now)
    page = await look.open("#/r/default/ran-nobody")
    await expect(page.locator("h1 .phase")).to_have_text("Completed: no clusters")
    for name in ("Reasons", "Members"):
        region = page.get_by_role("region", name=name, exact=True)
        await expect(region).to_contain_text("This step has no clusters.")
    row = (await look.open()).locator(".rollout", has_text="ran-nobody")
    await expect(row.locator(".phase")).to_have_text("Completed: no clusters")
    assert look.errors == []


@pytest.mark.parametrize("link", ["#/r/default/none", "#/r/default/ran-417?step=9", "#/c/none"])
async def test_a_link_to_a_missing_object_says_so(look: Tab, link: str) -> None:
    page = await look.open(link)
    words = re.compile("no such|has not been in any rollout|there is no rollout")
    await expect(page.locator("main")).to_contain_text(words)


async def test_the_rollout_is_shown_where_the_link_names_a_step_that_it_lacks(look: Tab) -> None:
    page = await look.open("#/r/default/ran-417?step=9")
    await expect(page.locator("main")).to_contain_text("The plan has no such step.")
    await expect(page.locator("h1")).to_contain_text("ran-417")
    await page.locator(".step").nth(1).click()
    await expect(page.get_by_role("application")).to_be_visible()


async def test_the_theme_is_kept_and_repaints_the_grid(look: Tab) -> None:
    page = await look.open(RAN)
    await page.get_by_role("application").wait_for()
    await look.keep("light", 1250)
    await page.get_by_label("Theme").select_option("dark")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await look.keep("dark", 1250)
    await page.reload()
    await expect(page.get_by_label("Theme")).to_have_value("dark")


@pytest.mark.parametrize("width", [820, 1280, 1440])
async def test_a_phase_of_the_list_has_room_on_one_line(look: Tab, width: int) -> None:
    """The longest one, too, and all of them end at the same edge."""
    story = look.site.story()
    of = await story.rollout(f"ran-w{width}", ["Upgrade"], state=RolloutState.COMPLETE)
    step = await story.step(of, 0, 1, state=StepState.FINISHED, finished_at=story.now)
    await story.put(failed(step, 40_000 + width, 0, story.now, MINUTE, MONITOR))
    await look.page.set_viewport_size({"width": width, "height": 900})
    page = await look.open()
    row = page.locator(".rollout", has_text=f"ran-w{width}")
    await expect(row.locator(".phase")).to_have_text("Completed with failures")
    boxes = [await each.bounding_box() for each in await page.locator(".rollout .phase").all()]
    assert all(box and box["height"] < 30 for box in boxes)
    assert len({round(box["x"] + box["width"]) for box in boxes if box}) == 1
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [820, 1280, 1440])
async def test_long_names_and_words_push_nothing_away(look: Tab, width: int) -> None:
    story = look.site.story()
    long = f"ran-{width}-with-a-name-that-is-as-long-as-the-longest-that-is-in-use"
    of = await story.rollout(
        f"long-{width}", ["Prep"], name=long, who="via the hub (" + "x" * 60 + ")"
    )
    step = await story.step(of, 0, 2)
    names = [f"du-cell-site-in-{width}-frankfurt-am-main-north-rack-417-sector-{n}" for n in (1, 2)]
    begun = story.now - 40 * MINUTE
    bad = failed(step, 0, 0, begun, 8 * MINUTE, "the cluster says a lot " * 15)
    slow = running(step, 1, 1, 1, begun, ReasonKind.RUNNING, "z" * 90)
    both = zip((bad, slow), names, strict=True)
    await story.put(*(replace(each, cluster=cluster, uid=cluster) for each, cluster in both))
    await look.page.set_viewport_size({"width": width, "height": 900})
    for link in ("", f"#/r/default/{long}", f"#/c/{names[0]}?rollout=default/{long}"):
        page = await look.open(link)
        await expect(page.locator("main")).to_contain_text(long)
        await expect(page.locator("[aria-busy]")).to_have_count(0)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        wide = "[...document.querySelectorAll('.scroll')].map((e) => e.scrollWidth - e.clientWidth)"
        assert not any(await page.evaluate(wide))
    assert look.errors == []


async def test_a_tablet_has_room_for_it(look: Tab) -> None:
    await look.page.set_viewport_size({"width": 820, "height": 1180})
    page = await look.open(RAN)
    await page.get_by_role("application").wait_for()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 820
    tops = "['.brand', '.top button'].map(e => document.querySelector(e).offsetTop)"
    brand, sign_out = await page.evaluate(tops)
    assert abs(brand - sign_out) < 20
    await look.keep("tablet", 1640)


@pytest.mark.parametrize("width", [820, 1000, 1100, 1199, 1280])
async def test_the_field_for_a_cluster_has_room_for_a_name(look: Tab, width: int) -> None:
    await look.page.set_viewport_size({"width": width, "height": 900})
    page = await look.open()
    await expect(page.locator(".top .who")).to_be_visible()
    await expect(page.locator(".top .leader")).to_be_visible()
    field = await page.get_by_label("Open a cluster by name").bounding_box()
    assert field
    assert field["width"] >= 150


async def test_warnings_and_the_rollback_deadline_are_on_the_page(look: Tab) -> None:
    story = look.site.story()
    of = await story.rollout("ran-upgraded", ["Prep", "Upgrade"], state=RolloutState.COMPLETE)
    over = {"state": StepState.FINISHED, "finished_at": story.now}
    since, until = story.now - 60 * MINUTE, story.now + timedelta(days=2, hours=5)
    prep, upgrade = [await story.step(of, index, 1, **over) for index in (0, 1)]
    warned = succeeded(prep, 41_000, 0, since, MINUTE)
    await story.put(replace(warned, warning="Thing[1] - CRD not deployed on cluster"))
    await story.put(replace(succeeded(upgrade, 41_000, 0, since, MINUTE), rollback_until=until))
    page = await look.open("#/r/default/ran-upgraded")
    facts = page.locator(".facts")
    await expect(facts).to_contain_text("1 with a warning")
    await expect(facts).to_contain_text(
        re.compile(r"1 cluster: finalize or roll back by .*\(in 2 d")
    )
    await page.goto(f"{look.site.url}/#/r/default/ran-upgraded?step=1&show=members")
    await expect(page.get_by_text("warned: Thing[1] - CRD not deployed on cluster")).to_be_visible()
    await page.goto(f"{look.site.url}/#/c/site-41000")
    way_back = page.locator(".explained").get_by_text("finalize or roll back by")
    await expect(way_back).to_have_class(re.compile("worry"))
    assert look.errors == []


async def test_counts_of_warnings_and_of_ways_back_lead_to_their_clusters(look: Tab) -> None:
    """They are about all steps, and a link shows those of one."""
    story = look.site.story()
    of = await story.rollout("ran-ways", ["Prep", "Upgrade"], state=RolloutState.COMPLETE)
    over = {"state": StepState.FINISHED, "finished_at": story.now}
    since, until = story.now - 60 * MINUTE, story.now + timedelta(days=2, hours=5)
    prep, upgrade = [await story.step(of, index, 4, **over) for index in (0, 1)]
    done = [succeeded(prep, 41_100 + n, n, since, MINUTE) for n in range(4)]
    await story.put(*(replace(each, warning="old") for each in done[:2]), *done[2:])
    up = [succeeded(upgrade, 41_100 + n, n, since, MINUTE) for n in range(4)]
    await story.put(replace(up[0], warning="new"), *up[1:3])
    await story.put(replace(up[3], rollback_until=until))
    page = await look.open("#/r/default/ran-ways")
    facts, rows = page.locator(".facts"), page.locator(".members tbody tr")
    await expect(facts).to_contain_text("2 with a warning (2 in step 1, 1 in step 2)")
    await facts.get_by_role("link", name="2 in step 1").click()
    await expect(rows).to_have_text([re.compile("site-41100.*old"), re.compile("site-41101.*old")])
    await facts.get_by_role("link", name="1 in step 2").click()
    await expect(rows).to_have_text([re.compile("site-41100.*warned: new")])
    await facts.get_by_role("link", name="1 cluster", exact=True).click()
    back = re.compile(r"site-41103.*finalize or roll back by .*\(in 2 d")
    await expect(rows).to_have_text([back])
    shown = page.get_by_role("group", name="Show only")
    one = shown.get_by_role("button", name="can be rolled back 1")
    await expect(one).to_have_attribute("aria-pressed", "true")
    await shown.get_by_role("button", name="with a warning 1").click()
    await expect(rows).to_have_count(2)
    assert look.errors == []


@pytest.mark.parametrize(
    "link", ["", RAN, f"{RAN}?step=1", f"{RAN}?show=members", "#/c/site-0005", "#/p", "#/s"]
)
async def test_a_phone_scrolls_up_and_down_only(look: Tab, link: str) -> None:
    """Wide tables and long commands scroll in a box of their own."""
    await look.page.set_viewport_size({"width": 390, "height": 844})
    page = await look.open(link)
    await expect(page.locator("main h1, main h2").first).to_be_visible()
    await expect(page.locator("[aria-busy]")).to_have_count(0)
    wide = """[...document.querySelectorAll('body *')]
      .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll'))
      .map((e) => `${e.tagName}.${e.className} ${e.textContent.slice(0, 40)}`)"""
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, await page.evaluate(wide)
    assert look.errors == []
