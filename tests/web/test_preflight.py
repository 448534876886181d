"""Go or no-go: what would fail in a rollout's next step, for whom, and what to do."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, Route, expect

from ibgu.core.model.kinds import (
    IbuSpec,
    LabelSelector,
    ObjectRef,
    PlanItem,
    RolloutSpec,
    RolloutStrategy,
    SeedImageRef,
)
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.sandbox.kubectl import Kubectl
from tests.core.drivers.ibu.preflight.content import LVMS, SAMPLES
from tests.web.conftest import SESSION, Site, Tab
from tests.web.fleet import waiting
from tests.web.test_accessible import told

pytestmark = SESSION

IMAGE = "quay.example/seed@sha256:" + "1" * 64
TAGGED = "quay.example/seed:4.17.3"
CLAIMS = {
    "product.open-cluster-management.io": "OpenShift",
    "controlplanetopology.openshift.io": "SingleReplica",
}
AVAILABLE = {
    "type": "ManagedClusterConditionAvailable",
    "status": "True",
    "reason": "ManagedClusterAvailable",
    "message": "Managed cluster is available",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
NODES = "document.querySelectorAll('.preflight *').length"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def reporting(site: Site) -> AsyncIterator[None]:
    """Twelve clusters that can be upgraded to 4.17.3, and eight that are too old for it."""
    releases = {f"go-{n:02}": ("new", "4.16.3") for n in range(12)}
    releases |= {f"go-{n:02}": ("old", "4.14.20") for n in range(12, 20)}
    async with await HubClient.connect(str(site.hub.kubeconfig("admin"))) as admin:
        for name, (age, release) in releases.items():
            body: dict[str, Any] = {
                "apiVersion": "cluster.open-cluster-management.io/v1",
                "kind": "ManagedCluster",
                "metadata": {"name": name, "labels": {"preflight": "web", "age": age}},
                "spec": {"hubAcceptsClient": True},
            }
            await admin.request("POST", paths.MANAGED_CLUSTERS, body=body)
            claims = CLAIMS | {"version.openshift.io": release}
            status = {
                "clusterClaims": [{"name": k, "value": v} for k, v in claims.items()],
                "conditions": [AVAILABLE],
            }
            await admin.request(
                "PATCH",
                f"{paths.managed_cluster(name)}/status",
                body={"status": status},
                content_type=paths.MERGE_PATCH,
            )
        yield
        for name in releases:
            await admin.request("DELETE", paths.managed_cluster(name))


@pytest.fixture
def content(site: Site) -> Iterator[str]:
    """A ConfigMap whose apply-wave is no number, but markup."""
    kubectl = Kubectl(site.hub)
    data = {name: (SAMPLES / name).read_text() for name in LVMS}
    data[LVMS[0]] = data[LVMS[0]].replace('apply-wave: "1"', f'apply-wave: "{HOSTILE}"')
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "web-oadp", "namespace": "default"},
            "data": data,
        }
    )
    yield "web-oadp"
    kubectl("delete", "cm", "web-oadp", "-n", "default")


async def planned(
    look: Tab, name: str, image: str = IMAGE, content: str = "", **labels: str
) -> Any:
    """Nothing of the rollout has begun."""
    strategy = RolloutStrategy(max_concurrency=10, timeout=600)
    seed = SeedImageRef(image=image, version="4.17.3")
    oadp = [ObjectRef(content, "default")] if content else []
    spec = RolloutSpec(
        ibu_spec=IbuSpec(seed_image_ref=seed, oadp_content=oadp),
        plan=[PlanItem([each], strategy) for each in ("Prep", "Upgrade")],
        cluster_label_selectors=[LabelSelector({"preflight": "web"} | labels)],
    )
    return await look.site.story().rollout(name, [], spec=spec, started_at=None)


def card(page: Page) -> Locator:
    return page.get_by_role("region", name="Preflight")


async def test_a_preflight_without_findings_is_go(look: Tab) -> None:
    await planned(look, "go-clean", age="new")
    page = await look.open("#/r/default/go-clean")
    found = card(page)
    await expect(found.get_by_role("status")).to_have_text(
        re.compile(r"^Go for all 12 clusters, \d+ rules could not be checked$")
    )
    await expect(found.get_by_role("listitem")).to_have_count(0)
    why = found.locator("summary", has_text="could not be checked")
    await why.press("Enter")
    await expect(found).to_contain_text("was not read: only the cluster knows")
    await expect(found).to_contain_text(
        "P6: The Lifecycle Agent 4.16 or later runs on the clusters"
    )
    assert look.errors == []


async def test_go_with_warnings(look: Tab) -> None:
    await planned(look, "go-tagged", TAGGED, age="new")
    page = await look.open("#/r/default/go-tagged")
    found = card(page)
    await expect(found.get_by_role("status")).to_contain_text(
        "Go with warnings for all 12 clusters"
    )
    (warning,) = await found.locator(".finding").all()
    for words in (
        "Warning",
        "spec.ibuSpec.seedImageRef.image",
        "named by a tag",
        "All 12 clusters: ImageBasedGroupUpgrade",
    ):
        await expect(warning).to_contain_text(words)
    await expect(warning).to_contain_text("Do: Name image and version as the seed's author")
    await expect(warning).to_contain_text("Rule P11: The seed has an image, named by its digest")
    assert look.errors == []


async def test_no_go_for_some(look: Tab) -> None:
    """Errors come first; who is blocked stands there, unfolded by keyboard."""
    await planned(look, "go-mixed", TAGGED)
    page = await look.open("#/r/default/go-mixed")
    found = card(page)
    await expect(found.get_by_role("status")).to_contain_text("No-go for 8 of 20 clusters")
    error, warning = await found.locator(".finding").all()
    await expect(error).to_contain_text("8 clusters: are more than 2 minor releases behind 4.17.3")
    await expect(error).to_contain_text("Do: Upgrade to a release between them first.")
    await expect(error).to_contain_text("OpenShift's manual, chapter 15.1.")
    await expect(warning).to_contain_text("Warning")
    names = error.locator("summary")
    await expect(names).to_have_text("go-12, go-13, go-14, go-15, go-16 and 3 more")
    await names.press("Enter")
    unfolded = error.get_by_role("group", name="Clusters")
    await expect(unfolded).to_contain_text("go-18, go-19")
    await page.keyboard.press("Tab")
    await expect(unfolded).to_be_focused()
    await unfolded.blur()
    await look.keep("preflight", 900)
    assert look.errors == []


async def test_text_of_a_tenant_is_escaped(look: Tab, content: str) -> None:
    await planned(look, "go-hostile", content=content, age="new")
    page = await look.open("#/r/default/go-hostile", user="admin")
    found = card(page)
    await expect(found.get_by_role("status")).to_contain_text("No-go for all 12 clusters")
    await expect(found).to_contain_text(HOSTILE)
    await expect(found).to_contain_text(re.compile(rf"ConfigMap default/web-oadp {LVMS[0]}:\d+"))
    assert await found.locator("img").count() == 0
    assert look.errors == []


async def test_a_user_without_rights_on_clusters_sees_an_alert(look: Tab) -> None:
    await planned(look, "go-forbidden", age="new")
    page = await look.open("#/r/default/go-forbidden", user="bob")
    await expect(card(page).get_by_role("alert")).to_contain_text(
        re.compile("You may not run this check. .*managedclusters.* Ask an administrator")
    )


async def test_nobody_is_selected(look: Tab) -> None:
    await planned(look, "go-nobody", age="none")
    page = await look.open("#/r/default/go-nobody")
    await expect(card(page).get_by_role("status")).to_have_text(
        "Nothing to start no cluster is selected"
    )
    finding = card(page).locator(".finding")
    await expect(finding).to_contain_text("no ManagedCluster matches spec.clusterLabelSelectors")
    await expect(finding).not_to_contain_text("0 clusters")


async def test_findings_stay_until_a_check_is_answered(look: Tab) -> None:
    """The findings stay until there is another answer, and if there is none."""
    await planned(look, "go-again", TAGGED, age="new")
    page = await look.open("#/r/default/go-again")
    found = card(page)
    await expect(found.locator(".finding")).to_have_count(1)
    await expect(page.get_by_role("group", name="Actions")).to_be_visible()
    before = await boxes(found)
    answered = asyncio.Event()

    async def away(route: Route) -> None:
        await answered.wait()
        body = {"title": "Not ready", "status": 503, "detail": "the journal is away"}
        await route.fulfill(status=503, json=body)

    await page.route("**/preflight", away)
    button = found.get_by_role("button", name="Check again")
    await button.press("Enter")
    await expect(found.get_by_role("button", name="Checking…")).to_be_focused()
    assert await boxes(found) == before
    answered.set()
    await expect(found.get_by_role("alert")).to_contain_text(
        "The check failed. the journal is away. The previous result is below."
    )
    await expect(found.locator(".finding")).to_have_count(1)
    await page.unroute("**/preflight")
    await expect(button).to_be_focused()
    await button.press("Enter")
    await expect(found.get_by_role("alert")).to_have_count(0)
    assert await boxes(found) == before


async def boxes(found: Locator) -> list[Any]:
    parts = [found, found.get_by_role("button"), found.locator(".finding")]
    return [await each.bounding_box() for each in parts]


async def test_only_the_next_step_is_checked(look: Tab) -> None:
    of = await planned(look, "go-later", age="new")
    page = await look.open("#/r/default/go-later?step=2")
    await expect(page.get_by_text("This step has not started")).to_be_visible()
    await expect(card(page)).to_have_count(0)
    await page.get_by_role("link", name="its preflight").click()
    await expect(card(page).get_by_role("status")).to_contain_text("Go for all 12 clusters")
    story = look.site.story()
    step = await story.step(of, 0, 1)
    await story.put(waiting(step, 70_000, 0, story.now))
    await expect(card(page)).to_have_count(0)
    await page.get_by_role("link", name="preflight of step 2").click()
    await expect(card(page).get_by_role("status")).to_contain_text("clusters")
    assert look.errors == []


async def test_a_rollout_with_all_steps_begun_has_no_preflight(look: Tab) -> None:
    page = await look.open("#/r/edge/core-418")
    await expect(page.get_by_role("region", name="Reasons")).to_be_visible()
    await expect(page.get_by_text("preflight", exact=False)).to_have_count(0)


async def test_thousands_of_names_and_findings_stay_folded(look: Tab) -> None:
    """The API's answer, as it would be of 3,000 clusters and a bad ConfigMap."""
    await planned(look, "go-large", TAGGED)
    names = [f"site-{n:04}" for n in range(3000)]

    async def large(route: Route) -> None:
        answer = await route.fetch()
        body = await answer.json()
        (old, tag) = (each for each in body["findings"] if each["severity"] != "unknown")
        old |= {"count": 2500, "clusters": names[:1000]}
        tags = [tag | {"field": f"spec.{n}", "count": 3000} for n in range(1000)]
        unknown = [each for each in body["findings"] if each["severity"] == "unknown"]
        body |= {"clusters": 3000, "blocked": 2500, "findings": [old, *tags, *unknown]}
        await route.fulfill(response=answer, body=json.dumps(body))

    await look.page.route("**/preflight", large)
    page = await look.open("#/r/default/go-large")
    found = card(page)
    await expect(found.get_by_role("status")).to_contain_text("No-go for 2,500 of 3,000 clusters")
    assert await page.evaluate(NODES) < 200
    await found.locator("summary", has_text="and 2,495 more").click()
    await expect(found.get_by_role("group", name="Clusters")).to_contain_text(
        "site-0999 and 1,500 more"
    )
    await found.locator("summary", has_text="997 more findings").click()
    await expect(found).to_contain_text("900 more: ibgu preflight go-large -n default lists them.")
    assert await page.evaluate(NODES) < 1000


async def test_clusters_that_are_named_have_no_other_place(look: Tab) -> None:
    """The API's answer, as it is of clusters that another rollout works on."""
    await planned(look, "go-held", TAGGED, age="new")

    async def held(route: Route) -> None:
        answer = await route.fetch()
        body = await answer.json()
        [tag] = (each for each in body["findings"] if each["severity"] != "unknown")
        other = tag | {"rule": "P34", "object": "ManagedCluster", "field": ""}
        body["findings"] = [other | {"count": 2, "clusters": ["go-00", "go-01"]}]
        await route.fulfill(response=answer, body=json.dumps(body))

    await look.page.route("**/preflight", held)
    page = await look.open("#/r/default/go-held")
    finding = card(page).locator(".finding")
    await expect(finding).to_contain_text("go-00, go-01")
    await expect(finding.locator(".place")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 800])
async def test_the_preflight_is_accessible_and_fits_the_window(
    look: Tab, theme: Any, width: int
) -> None:
    """All unfolded: axe has nothing to say, and nothing is wider than the window."""
    await planned(look, f"go-{theme}-{width}", TAGGED)
    await look.page.set_viewport_size({"width": width, "height": 900})
    await look.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page = await look.open(f"#/r/default/go-{theme}-{width}")
    found = card(page)
    await expect(found.locator(".finding")).to_have_count(2)
    for fold in await found.locator("summary").all():
        await fold.click()
    assert told((await Axe().run(page)).response) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    folder = Path(__file__).parents[2] / ".artifacts" / "page"
    await found.screenshot(path=folder / f"preflight-{theme}-{width}.png")
