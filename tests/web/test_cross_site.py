"""The page behind an OAuth proxy, in a real Chromium: other pages make it send what they like, in
vain.

The hosts are siblings, as Routes of one apps domain: to a browser one site, so cookies go along.
"""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page, expect

from ibgu import db
from ibgu.api.context import Context, Probes
from ibgu.hub.authorization.access import Access
from ibgu.hub.client import HubClient
from tests.web.conftest import SESSION, Site, Tab, serving
from tests.web.signed_in import COOKIE, Proxy, served
from tests.web.test_actions import made, paused

pytestmark = SESSION

NAME = "ran-431"
PAUSE = f"/api/v1/rollouts/default/{NAME}/pause"
SEND = """([url, init]) => fetch(url, { method: "POST", credentials: "include", ...init }).then(
    (answer) => `${answer.type} ${answer.status}`, (error) => error.name)"""


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(site: Site, web_database: str) -> AsyncIterator[Proxy]:
    """A proxy where olga, who may change rollouts, is signed in."""
    engine = db.engine(web_database)
    async with await HubClient.connect(str(site.hub.kubeconfig("ibgu"))) as client:
        context = Context(site.uid, engine, Access(client), Probes(_fine), behind_proxy=True)
        async with serving(context) as url:
            made = Proxy(url, "ibgu.apps.localhost", "olga", site.hub.token("olga"))
            async with made.listening() as proxy:
                yield proxy
    await engine.dispose()


async def _fine() -> None:
    return None


@pytest_asyncio.fixture(loop_scope="session")
async def page(look: Tab, proxy: Proxy) -> Page:
    """The page of a browser in which olga has signed in."""
    name, _, value = COOKIE.partition("=")
    await look.page.context.add_cookies(
        [{"name": name, "value": value, "url": proxy.url, "sameSite": "Lax"}]
    )
    return look.page


@pytest_asyncio.fixture(params=["evil.apps.localhost", "127.0.0.1"], loop_scope="session")
async def foreign(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A page with a form that any page may have; of a sibling host, and of another site."""

    async def form(_: web.Request) -> web.Response:
        html = '<title>x</title><form method="post" enctype="text/plain"><input name="a"></form>'
        return web.Response(text=html, content_type="text/html")

    async with served(form) as port:
        yield f"http://{request.param}:{port}/"


async def test_the_page_of_who_has_signed_in_shows_and_changes(
    look: Tab, page: Page, proxy: Proxy
) -> None:
    """The header that the proxy sends is enough: nobody is asked for a token."""
    await made(look, NAME, 6300)
    await page.goto(f"{proxy.url}/#/r/default/{NAME}")
    await expect(page.locator(".who")).to_contain_text("olga")
    sent = {"headers": {"Content-Type": "application/json"}, "body": '{"why": "mine"}'}
    assert await page.evaluate(SEND, [PAUSE, sent]) == "basic 202"
    assert paused(look, NAME)
    assert look.errors == []


async def test_a_page_that_stays_open_says_that_its_session_is_over(
    page: Page, proxy: Proxy
) -> None:
    await page.goto(f"{proxy.url}/")
    await expect(page.locator(".who")).to_contain_text("olga")
    await page.context.clear_cookies()
    await page.goto(f"{proxy.url}/#/r/default/edge-416")
    await expect(page.get_by_role("alert").first).to_contain_text("Reload the page to sign in")


async def test_a_form_of_another_page_changes_nothing(
    look: Tab, page: Page, proxy: Proxy, foreign: str
) -> None:
    await made(look, "ran-432", 6400)
    await page.goto(foreign)
    action = f"{proxy.url}/api/v1/rollouts/default/ran-432/pause"
    async with page.expect_response(action) as found:
        await page.evaluate(
            "(action) => Object.assign(document.forms[0], { action }).submit()", action
        )
    answer = await found.value
    if urlsplit(foreign).hostname == "127.0.0.1":
        assert answer.status == 302  # another site: without the cookie, to the sign-in
    else:
        assert (await answer.json())["type"].endswith("/cross-origin")
        assert [status for _, status in proxy.changes] == [403]
    assert not paused(look, "ran-432")


async def test_a_script_of_another_page_changes_nothing(
    look: Tab, page: Page, proxy: Proxy, foreign: str
) -> None:
    """Empty, as text, and as JSON, for which the browser asks first."""
    await made(look, "ran-433", 6500)
    await page.goto(foreign)
    url = f"{proxy.url}/api/v1/rollouts/default/ran-433/"
    json = {"headers": {"Content-Type": "application/json"}, "body": "{}"}
    for what in ("pause", "cancel"):
        for init in ({"mode": "no-cors"}, {"mode": "no-cors", "body": "{}"}, json):
            assert await page.evaluate(SEND, [url + what, init]) in ("opaque 0", "TypeError")
    came = [] if urlsplit(foreign).hostname == "127.0.0.1" else [403] * 4
    assert [status for _, status in proxy.changes] == came
    assert not paused(look, "ran-433")


async def test_an_empty_post_with_the_cookie_changes_nothing(look: Tab, proxy: Proxy) -> None:
    """A browser may leave out what it likes."""
    await made(look, "ran-464", 6600)
    url = f"{proxy.url}/api/v1/rollouts/default/ran-464/pause".replace(
        "ibgu.apps.localhost", "127.0.0.1"
    )
    host = urlsplit(proxy.url).netloc
    async with httpx.AsyncClient(timeout=60, headers={"Cookie": COOKIE, "Host": host}) as browser:
        old = await browser.post(url)
        assert (old.status_code, old.json()["type"].rpartition("/")[2]) == (415, "not-json")
        sibling = {"Origin": proxy.url.replace("ibgu", "evil")}
        told = await browser.post(url, headers=sibling, json={})
        assert (told.status_code, told.json()["type"].rpartition("/")[2]) == (403, "cross-origin")
        assert not paused(look, "ran-464")
        assert (await browser.post(url, json={})).status_code == 202
    assert paused(look, "ran-464")
