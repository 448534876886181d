"""Rehearsals on the page: a plan that is pasted, two plans side by side, a rollout to come."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from ibgu.core.drivers import DRIVERS, every_action, table_of
from ibgu.core.model import RolloutState
from ibgu.sandbox.kubectl import Kubectl
from tests.web.conftest import SESSION, Site, Tab
from tests.web.fleet import name
from tests.web.test_accessible import told
from tests.web.test_actions import made, of_hub

pytestmark = [pytest.mark.hub, SESSION]

WORDS = Path(__file__).parents[2] / "ibgu/web/app/words/actions.js"
FLEET = {"matchLabels": {"fleet": "rehearsed"}}
BEGIN = "2026-12-01T22:00"
NIGHTS: dict[str, Any] = {
    "apiVersion": "ibgu.dev/v1alpha1",
    "kind": "RolloutPolicy",
    "metadata": {"name": "ran-careful"},
    "spec": {
        "clusters": {"selector": FLEET},
        "actions": ["Upgrade"],
        "windows": [{"cron": "0 1 * * *", "durationMinutes": 240, "timeZone": "Europe/Berlin"}],
        "canaries": {"count": 3, "soakMinutes": 60},
        "failureBudget": {"maximum": "5%"},
        "approval": {"before": "Rest"},
    },
}


@pytest.fixture(scope="module", autouse=True)
def on_hub(sandbox_hub: Any) -> Iterator[None]:
    """Sixty clusters in three regions, and a policy for them."""
    kubectl = Kubectl(sandbox_hub)
    kubectl.apply({"apiVersion": "v1", "kind": "List", "items": [*map(_cluster, range(60))]})
    kubectl.apply(NIGHTS)
    yield
    kubectl("delete", "rolloutpolicy", "ran-careful")
    kubectl("delete", "managedclusters", "-l", "fleet=rehearsed")


def _cluster(number: int) -> dict[str, Any]:
    region = ("north", "south", "west")[number % 3]
    return {
        "apiVersion": "cluster.open-cluster-management.io/v1",
        "kind": "ManagedCluster",
        "metadata": {
            "name": name(9100 + number),
            "labels": FLEET["matchLabels"] | {"region": region},
        },
        "spec": {"hubAcceptsClient": True},
    }


def plan(called: str, slots: int = 20) -> str:
    steps = [
        {"actions": [each], "rolloutStrategy": {"maxConcurrency": slots, "timeout": 6000}}
        for each in ("Prep", "Upgrade")
    ]
    return yaml.safe_dump(
        {
            "apiVersion": "lcm.openshift.io/v1alpha1",
            "kind": "ImageBasedGroupUpgrade",
            "metadata": {"name": called, "namespace": "default"},
            "spec": {
                "ibuSpec": {
                    "seedImageRef": {"image": "quay.example/seed:4.17.2", "version": "4.17.2"}
                },
                "clusterLabelSelectors": [FLEET],
                "plan": steps,
            },
        }
    )


async def form(look: Tab, user: str = "alice") -> Page:
    page = await look.open("#/rehearse", user=user)
    await page.get_by_label("Plan: the manifest").fill(plan("ran-500"))
    await page.get_by_label("Begins").fill(BEGIN)
    await page.get_by_label("Ends by label").fill("region")
    await page.get_by_label("Runs").fill("50")
    return page


async def rehearsed(page: Page) -> None:
    await page.get_by_role("button", name="Rehearse").click()
    await expect(page.get_by_role("region", name="Outcome")).to_be_visible()


def card(page: Page, heading: str) -> Any:
    return page.locator("section.card").filter(has=page.get_by_role("heading", name=heading))


async def test_a_plan_that_is_pasted_is_rehearsed(look: Tab) -> None:
    page = await look.open()
    await page.get_by_role("link", name="Rehearse").click()
    await page.get_by_label("Plan: the manifest").fill(plan("ran-500"))
    await page.get_by_label("Begins").fill(BEGIN)
    await page.get_by_label("Ends by label").fill("region")
    await page.get_by_label("Image, in GiB").fill("12")
    # What other tests left in the journal does not count.
    prep = page.get_by_role("group", name="Prep", exact=True)
    await prep.get_by_label("takes, minutes").fill("20")
    await prep.get_by_label("at most, minutes").fill("30")
    upgrade = page.get_by_role("group", name="Upgrade", exact=True)
    await upgrade.get_by_label("fails, percent").fill("4")
    await upgrade.get_by_label("takes, minutes").fill("45")
    await upgrade.get_by_label("at most, minutes").fill("80")
    await rehearsed(page)
    await expect(page.get_by_role("status").filter(has_text="Rehearsed 100 times")).to_be_visible()
    await expect(page.get_by_role("heading", name="Plan ran-500")).to_contain_text("60 clusters")
    holds = card(page, "What stops it")
    await expect(holds).to_contain_text("a failed canary of RolloutPolicy ran-careful stops step 2")
    await expect(holds).to_contain_text("the failure budget of RolloutPolicy ran-careful stops")
    approval = "RolloutPolicy ran-careful wants the rest of step 2 behind its canaries approved"
    await expect(holds).to_contain_text(approval)
    steps = card(page, "Steps").get_by_role("row")
    await expect(steps.nth(1)).to_contain_text("60 succeed, 0 fail, 0 never start")
    await expect(steps.nth(2)).to_contain_text("2 Upgrade")
    await expect(steps.nth(2)).to_contain_text(re.compile(r"\d\.\d succeed, \d+\.\d fail"))
    for region in ("north", "south", "west"):
        await expect(card(page, "By region").get_by_role("row", name=region)).to_be_visible()
    await expect(
        card(page, "What policies keep waiting").get_by_role("row", name="ran-careful")
    ).to_be_visible()
    await expect(page.get_by_role("img", name=re.compile("Clusters in flight"))).to_be_visible()
    await expect(page.get_by_role("heading", name="Registry: 20 pulls")).to_contain_text("240 GiB")
    await look.keep("rehearsal", 2050)
    assert look.errors == []


async def test_two_plans_are_side_by_side(look: Tab) -> None:
    page = await form(look)
    await page.get_by_text("Compare with a second plan").click()
    await page.get_by_label("Second plan: its manifest").fill(plan("ran-500-wider", slots=60))
    upgrade = page.get_by_role("group", name="Upgrade", exact=True)
    await upgrade.get_by_label("fails, percent").fill("3")
    await rehearsed(page)
    compared = page.get_by_role("group", name="Both plans")
    row = compared.get_by_role("row", name="In flight at most")
    await expect(row.get_by_role("cell")).to_have_text(["20 clusters", "60 clusters"])
    articles = page.get_by_role("article")
    await expect(articles).to_have_count(2)
    boxes = [await each.bounding_box() for each in await articles.all()]
    assert len({round(box["y"]) for box in boxes if box}) == 1
    await page.locator("form.rehearse").evaluate("each => each.remove()")
    await look.keep("rehearsals", 1150)
    assert look.errors == []


async def test_a_plan_comes_from_a_file(look: Tab, tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(plan("ran-501"))
    page = await look.open("#/rehearse")
    await page.get_by_label("or a file").first.set_input_files(file)
    await expect(page.get_by_label("Plan: the manifest")).to_have_value(plan("ran-501"))
    await rehearsed(page)
    await expect(page.get_by_role("heading", name="Plan ran-501")).to_be_visible()


async def test_a_rollout_that_has_not_begun_leads_to_its_rehearsal(look: Tab) -> None:
    Kubectl(look.site.hub).apply(yaml.safe_load(plan("ran-502")))
    uid = of_hub(look, "ran-502")["metadata"]["uid"]
    pending = {"state": RolloutState.PENDING, "started_at": None}
    await look.site.story().rollout(
        uid, ["Prep", "Upgrade"], name="ran-502", fleet=FLEET, **pending
    )
    page = await look.open("#/r/default/ran-502")
    await page.locator(".facts").get_by_role("link", name="Rehearse").click()
    await expect(page.get_by_role("group", name="Upgrade", exact=True)).to_be_visible()
    await rehearsed(page)
    await expect(page.get_by_role("heading", name="Plan ran-502")).to_contain_text("60 clusters")
    await page.get_by_role("link", name="default/ran-502").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("ran-502")
    assert look.errors == []


async def test_a_rollout_whose_step_runs_says_why_it_is_not_rehearsed(look: Tab) -> None:
    await made(look, "ran-503", 9300)
    page = await look.open("#/rehearse/default/ran-503")
    await page.get_by_role("button", name="Rehearse").click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("There is nothing to rehearse now.")
    await expect(alert).to_contain_text("step 1 of ran-503 is under way")


@pytest.mark.parametrize(
    ("user", "text", "said"),
    [
        ("alice", "plan: {", "This can't be rehearsed. yaml: line "),
        ("alice", "kind: Pod", "contains 0 objects of kind ImageBasedGroupUpgrade"),
        ("bob", plan("ran-500"), "You don't have access. bob may not list managedclusters"),
    ],
)
async def test_a_problem_says_what_to_do(look: Tab, user: str, text: str, said: str) -> None:
    page = await look.open("#/rehearse", user=user)
    await page.get_by_label("Plan: the manifest").fill(text)
    await page.get_by_role("button", name="Rehearse").click()
    await expect(page.get_by_role("alert")).to_contain_text(said)
    await expect(page.locator("[aria-busy]")).to_have_count(0)


async def test_a_rehearsal_is_stopped_and_begun_again(look: Tab) -> None:
    page = await form(look)
    await page.get_by_label("Runs").fill("1000")
    await page.get_by_role("button", name="Rehearse").click()
    await expect(page.locator("main [aria-busy]")).to_contain_text("in virtual time")
    await page.get_by_role("button", name="Stop").click()
    await expect(page.locator("main [aria-busy]")).to_have_count(0)
    await expect(page.get_by_role("alert")).to_have_count(0)
    await expect(page.get_by_role("button", name="Rehearse", exact=True)).to_be_visible()


async def test_a_process_that_is_busy_asks_for_patience(look: Tab) -> None:
    page = await form(look)
    words = "this process has 2 rehearsals already; try again"
    body = json.dumps({"status": 503, "detail": words})
    await page.route("**/rehearsal", lambda route: route.fulfill(status=503, body=body))
    await page.get_by_role("button", name="Rehearse").click()
    await expect(page.get_by_role("alert")).to_have_text(re.compile(f"ibgu can't.*{words}"))


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_has_nothing_to_say_of_rehearsals(look: Tab, theme: Any) -> None:
    await look.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page = await form(look)
    await page.get_by_text("Compare with a second plan").click()
    await page.get_by_label("Second plan: its manifest").fill(plan("ran-500", slots=5))
    assert told((await Axe().run(page)).response) == []
    await rehearsed(page)
    assert told((await Axe().run(page)).response) == []


@pytest.mark.parametrize("width", [390, 800, 1280])
async def test_a_rehearsal_has_room(look: Tab, width: int) -> None:
    await look.page.set_viewport_size({"width": width, "height": 900})
    page = await form(look)
    await page.get_by_text("Compare with a second plan").click()
    await page.get_by_label("Second plan: its manifest").fill(plan("ran-500" + "x" * 50, slots=5))
    await rehearsed(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_the_page_knows_the_actions_of_every_kind() -> None:
    (listed,) = re.findall(r"ACTIONS = \[(.*?)\n\];", WORDS.read_text(), flags=re.DOTALL)
    shipped = [driver.actions for driver in DRIVERS.values()]
    # Other tests of the process may have declared actions of a kind of their own.
    known = [each for each in every_action() if table_of(each) in shipped]
    assert re.findall(r'"(\w+)"', listed) == known


async def test_markup_in_a_plan_is_shown_as_text(look: Tab, site: Site) -> None:
    page = await look.open("#/rehearse")
    hostile = plan("ran-500").replace("name: ran-500", 'name: "<img src=x onerror=alert(1)>"')
    await page.get_by_label("Plan: the manifest").fill(hostile)
    await rehearsed(page)
    await expect(page.get_by_role("heading", level=2).first).to_contain_text("<img src=x")
    assert await page.locator("img").count() == 0
    assert look.errors == []
