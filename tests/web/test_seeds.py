"""The catalogue of seed images on the page: what became of the clusters of each."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from ibgu.core.model.kinds import IbuSpec, PlanItem, RolloutSpec, RolloutStrategy, SeedImageRef
from ibgu.sandbox.kubectl import Kubectl
from tests.web.conftest import SESSION, Site, Tab
from tests.web.fleet import MINUTE, RolloutHistory, failed, succeeded
from tests.web.test_accessible import told

pytestmark = SESSION

NAME = "du-r750-4.17.3"
DIGEST = "sha256:" + "5eed" * 16
IMAGE = f"registry.example.com/seeds/du-r750@{DIGEST}"
MIRROR = f"mirror.example.com/seeds/du-r750@{DIGEST}"
WORDS = "failed to pull images: registry.site:5000 is unreachable"
OTHER, HOSTILE = "du-xr8620-4.17.3", "<img src=x onerror=alert(1)>"


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def catalogue(site: Site) -> AsyncIterator[None]:
    """An entry, with which five clusters were upgraded, and three failed in Prep; another one that
    nobody has used, whose origin is markup."""
    kubectl = Kubectl(site.hub)
    kubectl.apply(
        {
            "apiVersion": "ibgu.dev/v1alpha1",
            "kind": "SeedImage",
            "metadata": {"name": NAME},
            "spec": {
                "image": IMAGE,
                "release": "4.17.3",
                "profile": {"hardware": "r750"},
                "clusterLabels": {"hardware": "site.example.com/server"},
                "generatedFrom": {"cluster": "seed-r750", "lifecycleAgent": "4.17.1"},
            },
        }
    )
    other = {"image": IMAGE.replace("5eed", "cafe"), "release": "4.17.3"}
    kubectl.apply(
        {
            "apiVersion": "ibgu.dev/v1alpha1",
            "kind": "SeedImage",
            "metadata": {"name": OTHER},
            "spec": other
            | {"profile": {"hardware": "xr8620"}, "generatedFrom": {"cluster": HOSTILE}},
        }
    )
    await _rollout(site.story())
    yield
    kubectl("delete", "seedimage", NAME, OTHER)


async def _rollout(story: RolloutHistory) -> None:
    plan = [PlanItem([each], RolloutStrategy(20, 600)) for each in ("Prep", "Upgrade")]
    spec = RolloutSpec(IbuSpec(SeedImageRef(MIRROR, "4.17.3")), plan=plan)
    of = await story.rollout("seeded", ["Prep", "Upgrade"], spec=spec)
    begun = story.now - 60 * MINUTE
    prep = await story.step(of, 0, 8)
    await story.put(*(failed(prep, 7000 + n, n, begun, MINUTE, WORDS) for n in range(3)))
    upgrade = await story.step(of, 1, 5)
    await story.put(*(succeeded(upgrade, 7003 + n, n, begun, MINUTE) for n in range(5)))


async def settled(page: Page) -> None:
    await expect(page.locator("h1").first).to_be_visible()
    await expect(page.locator("[aria-busy]")).to_have_count(0)


async def test_the_catalogue_is_listed_with_results(look: Tab) -> None:
    page = await look.open()
    await page.get_by_role("link", name="Seed images").click()
    row = page.get_by_role("row", name=NAME)
    await expect(row.get_by_role("cell")).to_have_text(
        ["4.17.3", "hardware=r750", "5", "0", "3", "3 Prep failed"]
    )
    # Rollouts name another image, which nobody has described.
    other = page.get_by_role("row", name="quay.example/seed:4.17.2 not in the catalogue")
    await expect(other).to_have_count(1)
    await expect(page.get_by_text(re.compile("images? without an entry"))).to_be_visible()
    await look.keep("seeds", 460)
    assert look.errors == []


async def test_an_entry_shows_what_failed_and_what_it_is_for(look: Tab) -> None:
    page = await look.open("#/s")
    await page.get_by_role("link", name=NAME).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"{NAME} release 4.17.3")
    results = page.get_by_role("region", name="Results")
    await expect(results).to_contain_text(
        "5 clusters upgraded, 3 failed, 0 rolled back, in 1 rollout"
    )
    await expect(results.get_by_role("listitem")).to_contain_text(WORDS)
    entry = page.get_by_role("region", name="Entry")
    await expect(entry).to_contain_text(IMAGE)
    await expect(entry).to_contain_text("hardware=r750 (label site.example.com/server)")
    await expect(entry).to_contain_text("cluster seed-r750, Lifecycle Agent 4.17.1")
    await expect(entry).to_contain_text(MIRROR)
    await look.keep("seed", 560)
    await page.get_by_role("link", name="All seed images").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Seed images")
    assert look.errors == []


async def test_markup_in_an_entry_is_shown_as_text(look: Tab) -> None:
    page = await look.open(f"#/s/{OTHER}")
    entry = page.get_by_role("region", name="Entry")
    await expect(entry).to_contain_text(f"cluster {HOSTILE}")
    assert await page.locator("img").count() == 0
    assert look.errors == []


async def test_an_entry_that_is_not_there_says_so(look: Tab) -> None:
    page = await look.open("#/s/du-none")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    await expect(page.get_by_role("alert")).to_contain_text("no SeedImage du-none")


async def test_a_user_without_the_right_is_refused(look: Tab) -> None:
    page = await look.open("#/s", user="bob")
    await expect(page.get_by_role("heading", level=1)).to_have_text("You don't have access")
    await expect(page.get_by_role("alert")).to_contain_text("seedimages")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_has_nothing_to_say_of_seeds(look: Tab, theme: str) -> None:
    await look.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    await look.open()
    for link in ("#/s", f"#/s/{NAME}"):
        await look.page.goto(f"{look.site.url}/{link}")
        await settled(look.page)
        assert told((await Axe().run(look.page)).response) == []
