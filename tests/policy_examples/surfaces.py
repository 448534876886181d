"""The surfaces on which people see a rollout: kubectl, ibgu's commands in a terminal, the page."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct, field
from playwright.async_api import Browser, Page, async_playwright

from ibgu.api.context import Context, Probes
from ibgu.db import engine
from ibgu.hub import paths
from ibgu.hub.authorization.access import Access
from ibgu.hub.client import HubClient
from ibgu.hub.decode import ObjectIdentity
from tests.e2e.harness import SECONDS, Scene
from tests.web.conftest import QUIET, chromium, serving

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_RED = r"\x1b\[(?:\d+;)*31m(?:\x1b\[[0-9;]*m)*"
_CONDITIONS = """jsonpath={range .status.conditions[*]}{.type}={.status} {.reason}: {.message}
{end}"""
_COLUMNS = 120
_LOADING = 1000.0
"""Milliseconds in which a page shows the rest of what it asks for."""


Says = Callable[[], Awaitable[bool]]


class Screens(Struct):
    """Screens keeps what was seen, in order; without a folder it keeps nothing."""

    folder: Path | None
    kept: int = 0

    def text(self, moment: str, surface: str, text: str) -> None:
        if self.folder is not None:
            self._next(moment, surface, "txt").write_text(text)

    async def picture(self, moment: str, surface: str, page: Page) -> None:
        if self.folder is not None:
            await page.wait_for_timeout(_LOADING)
            await page.screenshot(path=self._next(moment, surface, "png"), full_page=True)

    def _next(self, moment: str, surface: str, kind: str) -> Path:
        assert self.folder is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        self.kept += 1
        return self.folder / f"{self.kept:02}-{moment}-{surface}.{kind}"


class Surfaces(Struct):
    scene: Scene
    server: str
    tab: Page
    screens: Screens = field(default_factory=lambda: Screens(None))

    # -- what each shows -----------------------------------------------------------------------

    async def by_kubectl(self, namespace: str, name: str) -> str:
        """Returns the row, the conditions and the Events of the rollout."""
        where = ("-n", namespace)
        parts = [
            await self.scene.kubectl("get", "ibgu", name, *where, "-o", "wide"),
            await self.scene.kubectl("get", "ibgu", name, *where, "-o", _CONDITIONS),
            await self.scene.kubectl("events", "--for", f"ibgu/{name}", *where),
        ]
        return "\n".join(parts)

    async def typed(self, user: str, *arguments: str) -> str:
        """Returns what an `ibgu` command prints on the user's terminal, colours included."""
        ours, theirs = os.openpty()
        reading = asyncio.create_task(asyncio.to_thread(_read, ours))
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "ibgu", *arguments,
                env=self._environment(user),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
            )  # fmt: skip
        finally:
            os.close(theirs)
        code, told = await process.wait(), await reading
        assert code == 0, (arguments, code, told)
        return told

    def _environment(self, user: str) -> dict[str, str]:
        hub = self.scene.hub
        given = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        return given | {
            "IBGU_SERVER": self.server,
            "IBGU_TOKEN": hub.token(user),
            "KUBECONFIG": str(hub.kubeconfig(user)),
            "COLUMNS": str(_COLUMNS),
            "TERM": "xterm-256color",
        }

    # -- what all of them say ------------------------------------------------------------------

    async def rollout(
        self, moment: str, namespace: str, name: str, *words: str, red: str = ""
    ) -> None:
        """Waits until everybody who looks at the rollout sees these words. `red`: words that
        terminal and page show in red."""
        where = (namespace, name)
        await self._kubectl_says(moment, where, words)
        status = ("status", name, "-n", namespace)
        await self._terminal_says(moment, "status", status, (*words, *filter(None, [red])), red)
        await self._page_says(moment, "rollout", f"#/r/{namespace}/{name}", words, red)

    async def cluster(
        self, moment: str, namespace: str, name: str, cluster: str, *words: str
    ) -> None:
        explain = ("explain", name, cluster, "-n", namespace)
        await self._terminal_says(moment, "explain", explain, words)
        await self._page_says(moment, "cluster", f"#/c/{cluster}", words)

    async def policy(self, moment: str, name: str, *words: str) -> None:
        await self._terminal_says(moment, "policy", ("policy", "explain", name), words)
        await self._page_says(moment, "policy", f"#/p/{name}", words)

    async def _kubectl_says(
        self, moment: str, where: tuple[str, str], words: tuple[str, ...]
    ) -> None:
        told = [""]

        async def says() -> bool:
            told[0] = await self.by_kubectl(*where)
            return _has(told[0], words)

        await self._until(says, "kubectl", words, told)
        self.screens.text(moment, "kubectl", told[0])

    async def _terminal_says(
        self,
        moment: str,
        surface: str,
        arguments: tuple[str, ...],
        words: tuple[str, ...],
        red: str = "",
    ) -> None:
        told = [""]

        async def says() -> bool:
            told[0] = await self.typed("alice", *arguments)
            return _has(told[0], words)

        await self._until(says, f"ibgu {' '.join(arguments)}", words, told)
        plain = _COLOURS.sub("", told[0])
        self.screens.text(moment, surface, f"$ ibgu {' '.join(arguments)}\n{plain}")
        if red:
            assert re.search(rf"{_RED}[^\x1b]*{re.escape(red)}", told[0]), told[0]

    async def _page_says(
        self, moment: str, surface: str, link: str, words: tuple[str, ...], red: str = ""
    ) -> None:
        told = [""]

        async def says() -> bool:
            told[0] = await self.tab.locator("main").inner_text()
            return _has(told[0], words)

        await self.tab.goto(f"{self.server}/{link}")
        await self._until(says, f"the page {link}", words, told)
        await self.screens.picture(moment, surface, self.tab)
        if red:
            alert = self.tab.get_by_role("alert").filter(has_text=red)
            assert "bad" in (await alert.get_attribute("class") or "").split()

    async def _until(
        self, says: Says, surface: str, words: tuple[str, ...], told: list[str]
    ) -> None:
        try:
            await self.scene.until(says, f"{surface} to say {words}", SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{surface} does not say {words}, but:\n{told[0]}") from error


def _has(told: str, words: tuple[str, ...]) -> bool:
    """Whether the words are there, wherever lines are broken."""
    flat = " ".join(_COLOURS.sub("", told).split())
    return all(each in flat for each in words)


def _read(terminal: int) -> str:
    """Reads what is written on a terminal, until nobody has it open."""
    with os.fdopen(terminal, "rb", buffering=0) as stream:
        parts = list[bytes]()
        while True:
            try:
                part = stream.read(65536)
            except OSError:  # EIO: the last one has closed it
                part = b""
            if not part:
                return b"".join(parts).decode().replace("\r\n", "\n")
            parts.append(part)


async def _fine() -> None:
    return None


@asynccontextmanager
async def surfaces(scene: Scene, screens: Screens) -> AsyncIterator[Surfaces]:
    """Serves REST and the page from the scene's journal, to a browser in which alice is signed
    in."""
    pool = engine(scene.database_url)
    try:
        async with (
            await HubClient.connect(str(scene.hub.kubeconfig("ibgu"))) as client,
            _browser() as browser,
        ):
            system = await client.get(paths.namespace("kube-system"), ObjectIdentity)
            context = Context(system.metadata.uid, pool, Access(client), Probes(_fine))
            async with serving(context) as server:
                tab = await browser.new_page(viewport={"width": 1280, "height": 900})
                token = scene.hub.token("alice")
                await tab.add_init_script(f"sessionStorage.setItem('ibgu.token', '{token}')")
                yield Surfaces(scene, server, tab, screens)
    finally:
        await pool.dispose()


@asynccontextmanager
async def _browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(), args=QUIET, chromium_sandbox=False
        )
        try:
            yield browser
        finally:
            await browser.close()
