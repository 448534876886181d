"""`ibgu demo`: starts everything, applies the sample, shows it, and says what to try next."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
from msgspec.structs import replace
from rich.console import Console

from ibgu.core.model import names
from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.errors import HubError
from ibgu.sandbox.demo import sample
from ibgu.sandbox.demo.address import address
from ibgu.sandbox.demo.ending import MISUSED, UNEXPECTED, until_signalled
from ibgu.sandbox.demo.guide import guide
from ibgu.sandbox.demo.options import DemoOptions
from ibgu.sandbox.demo.serving import IBGU, start_ibgu
from ibgu.sandbox.demo.update_sample import of_update
from ibgu.sandbox.demo.verdict import verdict
from ibgu.sandbox.demo.view import DemoView
from ibgu.sandbox.errors import SandboxError
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.keeper import Keeper
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.postgres import EmbeddedPostgres
from ibgu.sim.player.simulate import simulate
from ibgu.sim.spec import FleetSpec


def main(options: DemoOptions) -> int:
    """0: ended by Ctrl-C, or, with `exit_when_done`, done, and just those clusters failed that were
    made to; 2: an invalid fault; 130: interrupted before it was done; 1: anything else."""
    console = Console()
    try:
        SAMPLES[options.kind](options)
    except ValueError as error:
        console.print(f"The demo can't run: {error}", style="red", highlight=False)
        return MISUSED
    try:
        address(options.listen)  # a taken one ends the demo before anything is started
        return asyncio.run(until_signalled(_play(options, console), options, console))
    except (SandboxError, ExceptionGroup) as error:
        console.print(f"The demo can't run: {_error_text(error)}", style="red", highlight=False)
        return UNEXPECTED


def _error_text(error: Exception) -> str:
    """Errors meant for a person as their words; anything else is a mistake of ours and raised."""
    if isinstance(error, SandboxError):
        return str(error)
    assert isinstance(error, ExceptionGroup)
    ours, others = error.split(SandboxError)
    if others is not None or ours is None:
        raise error
    return str(ours.exceptions[0])


async def _play(options: DemoOptions, console: Console) -> int:
    def say(words: str) -> None:
        console.print(words, highlight=False)

    say("Starting Postgres, etcd and kube-apiserver on this machine …")
    async with EmbeddedPostgres() as postgres, SandboxHub(namespaces=sample.NAMESPACES) as hub:
        admin = await HubClient.with_token(hub.url, hub.token("admin"), str(hub.ca_file))
        async with admin, asyncio.TaskGroup() as tasks:
            say(f"Creating {options.clusters} simulated clusters …")
            shown = SAMPLES[options.kind](options)
            playing = await _fleet(shown.fleet, admin, tasks)
            say("Starting ibgu …")
            keeper, listen = await start_ibgu(options.listen, hub, postgres.url)
            options = replace(options, listen=listen)
            try:
                lines = guide(options, shown, hub)
                return await Demo(options, shown, console, lines, admin, keeper, hub).run()
            finally:
                playing.cancel()
                await asyncio.to_thread(keeper.close)


SAMPLES: dict[str, Callable[[DemoOptions], sample.Sample]] = {
    names.IBGU: sample.of_upgrade,
    names.FLEET_UPDATE: of_update,
}


async def _fleet(spec: FleetSpec, admin: HubClient, tasks: asyncio.TaskGroup) -> asyncio.Task[None]:
    ready = asyncio.Event()
    playing = tasks.create_task(simulate(admin, spec, ready=lambda _: ready.set()))
    await ready.wait()
    return playing


class Demo:
    def __init__(
        self,
        options: DemoOptions,
        shown: sample.Sample,
        console: Console,
        lines: str,
        admin: HubClient,
        keeper: Keeper,
        hub: SandboxHub,
    ) -> None:
        """`lines`: what to try."""
        self._options = options
        self._sample = shown
        self._console = console
        self._lines = lines
        self._admin = admin
        self._keeper = keeper
        self._kubectl = Kubectl(hub)
        self._path = paths.rollout_object(shown.kind, sample.NAMESPACE, sample.NAME)

    async def run(self) -> int:
        for manifest in self._sample.manifests:
            await asyncio.to_thread(self._kubectl.apply, manifest)
        await self._until_begun()
        self._console.print(self._lines, highlight=False, soft_wrap=True)
        view = DemoView(self._console)
        view.start()
        try:
            return await (self._walk(view) if self._options.exit_when_done else self._stay(view))
        finally:
            view.stop()

    async def _until_begun(self) -> None:
        """Every line of the guide has an answer: ibgu serves, and has seen the rollout."""
        url = f"http://{self._options.listen}/readyz"
        while True:
            found = await self._found()
            if "phase" in found.get("status", {}) and await ready(url):
                return
            await asyncio.sleep(0.2)

    async def _stay(self, view: DemoView) -> int:
        """Shows the rollout until Ctrl-C, also one that takes the place of a deleted one."""
        shown = True
        while True:
            found = await self._shown()
            if found is not None:
                view.show(found, "Ctrl-C ends the demo and removes everything.")
            elif shown:
                gone = f"The {self._sample.kind} {sample.NAME} is deleted; the hub stays."
                self._console.print(f"{gone} Ctrl-C ends the demo.", highlight=False)
            shown = found is not None
            await asyncio.sleep(0.5)

    async def _walk(self, view: DemoView) -> int:
        """All steps of the documentation's example, each appended when the last one is done."""
        for item in (None, *self._sample.next_steps):
            if item is not None:
                view.stop()
                await self._append(item)
                view.start()
            found = await self._until_complete(view)
        return self._verdict(found)

    async def _append(self, item: dict[str, Any]) -> None:
        patch = json.dumps(sample.patch_of(item))
        line = f"kubectl patch ibgu {sample.NAME} --type=json -p '{patch}'"
        self._console.print(f"$ {line}", style="dim", highlight=False, soft_wrap=True)
        arguments = ("patch", "ibgu", sample.NAME, "--type=json", "-p", patch)
        await asyncio.to_thread(self._kubectl, *arguments)

    async def _until_complete(self, view: DemoView) -> dict[str, Any]:
        while True:
            found = await self._found()
            view.show(found, "")
            status = found.get("status", {})
            current = status.get("observedGeneration") == found["metadata"]["generation"]
            if current and status.get("completedAt"):
                return found
            await asyncio.sleep(0.5)

    async def _found(self) -> dict[str, Any]:
        found = await self._shown()
        if found is None:
            raise SandboxError(f"the {self._sample.kind} {sample.NAME} is gone")
        return found

    async def _shown(self) -> dict[str, Any] | None:
        """Returns the rollout; None: somebody has deleted it."""
        self._keeper.check(IBGU)
        try:
            return dict(json.loads(await self._admin.request("GET", self._path)))
        except HubError as error:
            if error.not_found:
                return None
            raise

    def _verdict(self, found: dict[str, Any]) -> int:
        shown = self._sample
        end = verdict(found, shown.failing, shown.action, shown.open)
        for line in end.lines:
            self._console.print(line, highlight=False, soft_wrap=True)
        return end.code


async def ready(url: str) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            return answer.ok
    except (aiohttp.ClientError, TimeoutError):
        return False
