"""The page in a real Chromium, served by the real API on a real hub and Postgres.

All of it is made once; tests that change something have a rollout of their own.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec import Struct
from playwright.async_api import Browser, ConsoleMessage, FloatRect, Page, async_playwright, expect
from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu import db
from ibgu.api.app import create_app
from ibgu.api.context import Context, Probes
from ibgu.api.http.server import bind, serve
from ibgu.cli.serve.schema import journal_problem
from ibgu.db import Journal
from ibgu.db.labels import LabelStore, SeenLabels
from ibgu.db.migrate import upgrade
from ibgu.db.schema import hubs, leaders, metadata
from ibgu.hub import paths
from ibgu.hub.authorization.access import Access
from ibgu.hub.client import HubClient
from ibgu.hub.decode import ObjectIdentity
from ibgu.sandbox.databases import create_database, drop_database
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from tests.api.reporting import put_works
from tests.web.fleet import FLEET, LABELLED, RolloutHistory, core_418, edge_416, name, ran_417

ARTIFACTS = Path(__file__).parents[2] / ".artifacts" / "page"
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
"""Chromium asks nobody but the page's own server."""
PATIENCE_MS = 90_000
"""The patience with everything that is waited for: what has gone wrong on a busy machine is only
slow."""
LEADER = "ibgu-controller-7d9c8b5f4-x2x4q"
SESSION = pytest.mark.asyncio(loop_scope="session")


class Site(Struct):
    url: str
    hub: SandboxHub
    engine: AsyncEngine
    journal: Journal
    uid: str
    """The uid of the hub in the journal."""

    def story(self) -> RolloutHistory:
        return RolloutHistory(self.journal, datetime.now(UTC))

    async def fill(self) -> None:
        """Writes the rollouts that all tests have."""
        for tell in (edge_416, core_418, ran_417):
            await tell(self.story())
        await self.label(*LABELLED)

    async def label(self, *found: SeenLabels) -> None:
        """Records the labels of clusters as the leader does."""
        async with self.engine.connect() as db:
            known = await db.execute(select(hubs.c.epoch).where(hubs.c.id == self.uid))
            epoch = known.scalar_one()
        await LabelStore(self.engine, self.uid).put(found, epoch)

    async def begin_again(self) -> None:
        """Removes what tests have written."""
        Kubectl(self.hub)("delete", "imagebasedgroupupgrades", "--all", "-n", "default")
        async with self.engine.begin() as db:
            # Without the triggers that keep events from being deleted.
            await db.execute(text("SET LOCAL session_replication_role = replica"))
            for table in reversed(metadata.sorted_tables):
                if table not in (hubs, leaders):
                    await db.execute(delete(table))
        await self.fill()


class Tab:
    """A tab, and what went wrong in it."""

    def __init__(self, page: Page, site: Site) -> None:
        self.page = page
        self.site = site
        self.errors: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    async def open(self, link: str = "", user: str = "alice") -> Page:
        """Signed in already."""
        token = self.site.hub.token(user)
        await self.page.add_init_script(f"sessionStorage.setItem('ibgu.token', '{token}')")
        await self.page.goto(f"{self.site.url}/{link}")
        return self.page

    async def keep(self, name: str, height: int) -> None:
        """A picture of what has been loaded, cut off at that height: `make pictures` puts them
        into docs/images."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        await expect(self.page.locator("main [aria-busy]")).to_have_count(0)
        await self.page.mouse.move(0, 0)
        size = self.page.viewport_size
        assert size
        clip = FloatRect(x=0, y=0, width=size["width"], height=height)
        path = ARTIFACTS / f"page-{name}.png"
        await self.page.screenshot(path=path, full_page=True, clip=clip)


def chromium() -> str:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not found:
        pytest.fail("Chromium is missing: apt-get install chromium, or name it in CHROMIUM")
    return found


@pytest.fixture(scope="session")
def web_database(postgres_url: str) -> Iterator[str]:
    name = f"ibgu_web_{os.getpid()}"
    yield create_database(postgres_url, name)
    drop_database(postgres_url, name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(sandbox_hub: SandboxHub, web_database: str) -> AsyncIterator[Site]:
    await upgrade(web_database)
    engine = db.engine(web_database)
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("ibgu"))) as client:
        system = await client.get(paths.namespace("kube-system"), ObjectIdentity)
        probes = Probes(partial(journal_problem, web_database))
        context = Context(system.metadata.uid, engine, Access(client), probes)
        async with serving(context) as url:
            journal = Journal(engine, context.hub)
            await journal.lead(LEADER)
            made = Site(url, sandbox_hub, engine, journal, context.hub)
            await made.fill()
            yield made
    await engine.dispose()


@asynccontextmanager
async def serving(context: Context) -> AsyncIterator[str]:
    listener = bind("127.0.0.1:0")
    task = asyncio.create_task(serve(create_app(context), listener))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def young(site: Site) -> None:
    """Begins again: clusters of a fleet that is minutes old are overdue, and then stalled."""
    await site.begin_again()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=QUIET, chromium_sandbox=False
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def look(browser: Browser, site: Site) -> AsyncIterator[Tab]:
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield Tab(await context.new_page(), site)
    await context.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def works(site: Site) -> None:
    """The ManifestWorks of one cluster, on the hub."""
    hub = site.hub
    async with await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file)) as admin:
        namespace = {"metadata": {"name": name(5)}}
        await admin.request("POST", "/api/v1/namespaces", body=namespace)
        await put_works(admin, name(5))


@pytest.fixture
def clusters(site: Site) -> Iterator[None]:
    """The clusters that the rollouts select: one has failed, one is not accepted."""
    kubectl = Kubectl(site.hub)
    for number in range(6100, 6105):
        outcome = "failed" if number == 6103 else "completed"
        labels = FLEET["matchLabels"] | {f"lcm.openshift.io/ibgu-prep-{outcome}": ""}
        kubectl.apply(
            {
                "apiVersion": "cluster.open-cluster-management.io/v1",
                "kind": "ManagedCluster",
                "metadata": {"name": name(number), "labels": labels},
                "spec": {"hubAcceptsClient": number != 6104},
            }
        )
    yield
    kubectl("delete", "managedclusters", "-l", "fleet=page")
