"""No page breaks a rule of axe-core, in light or dark; every module loads."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import expect

from tests.web.conftest import SESSION, Tab

pytestmark = SESSION

WEB = Path(__file__).parents[2] / "ibgu" / "web"
LOAD = """async (paths) => {
  const found = await Promise.all(paths.map((path) => import(new URL(path, document.baseURI))));
  return found.length;
}"""
LINKS = {
    "list": "",
    "rollout": "#/r/default/ran-417?state=failed",
    "planned": "#/r/default/ran-417?step=3",
    "held": "#/r/edge/core-418",
    "cluster": "#/c/site-0006",
    "seeds": "#/s",
}


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_has_nothing_to_say(look: Tab, theme: Any) -> None:
    await look.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    await look.open()
    assert {name: await violations(look, link) for name, link in LINKS.items()} == {
        name: [] for name in LINKS
    }


async def test_axe_has_nothing_to_say_of_the_sign_in(look: Tab) -> None:
    await look.page.goto(look.site.url)
    await look.page.get_by_label("Token for the hub").wait_for()
    assert told((await Axe().run(look.page)).response) == []


async def violations(look: Tab, link: str) -> list[str]:
    await look.page.goto(f"{look.site.url}/{link}")
    await look.page.locator("h1").first.wait_for()
    await expect(look.page.locator("[aria-busy]")).to_have_count(0)
    return told((await Axe().run(look.page)).response)


def told(response: dict[str, Any]) -> list[str]:
    return [
        f"{each['id']}: {node['html'][:120]} {node.get('failureSummary', '')}"
        for each in response["violations"]
        for node in each["nodes"]
    ]


async def test_every_module_loads(look: Tab) -> None:
    page = await look.open()
    source = await page.locator("script[type=module]").get_attribute("src") or ""
    root = source.removesuffix("app/main.js")
    modules = [str(path.relative_to(WEB)) for path in (WEB / "app").rglob("*.js")]
    paths = [f"{root}{path}" for path in modules if not path.endswith("main.js")]
    assert await page.evaluate(LOAD, paths) == len(paths)
    assert look.errors == []
