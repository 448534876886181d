"""A fail-over as an operator sees it: page, command, REST, doctor and Event say the same of it."""

import asyncio
import json

from typer.testing import CliRunner

from ibgu.cli.app import app as commands
from ibgu.cli.doctor.examine import examine
from ibgu.cli.doctor.probe_hub import AccessQuestion
from ibgu.controller.service import LEASE
from ibgu.hub import paths
from tests.e2e.harness import NAMESPACE, Scene
from tests.e2e.manifests import Object
from tests.e2e.test_numbers import Surfaces, surfaces

__all__ = ["surfaces"]


async def test_a_fail_over_is_reported_everywhere_in_the_same_words(
    scene: Scene, surfaces: Surfaces
) -> None:
    victim = await scene.victim()
    await scene.until(lambda: _led(surfaces, 1), "the first controller to lead")
    await scene.start(leads=False)
    await scene.until(lambda: scene.controller is not None, "the second controller to be up")
    first = await _leadership(surfaces)
    victim.kill()
    await scene.until(scene.leading, "the second controller to lead")
    found = await _leadership(surfaces)
    assert (found["before"], found["epoch"], found["changes"]) == (first["leader"], 2, 1)
    words = str(found["words"])
    assert words.startswith(f"{found['leader']} took the lead from {first['leader']} at ")
    assert f"leader: {words}" in await _status(surfaces)
    doctor = {each.check: each for each in await examine(scene.settings(), AccessQuestion())}
    assert (doctor["leader"].level, doctor["leader"].found) == ("ok", words)
    await scene.until(lambda: _on_the_page(surfaces, found), "the page to say who leads")
    await scene.until(lambda: _event(scene, words), "the Event on the Lease")


async def _leadership(surfaces: Surfaces) -> Object:
    return dict((await surfaces.rest.get("leadership")).json())


async def _led(surfaces: Surfaces, epoch: int) -> bool:
    return bool((await _leadership(surfaces))["epoch"] == epoch)


async def _status(surfaces: Surfaces) -> str:
    server = str(surfaces.rest.base_url).removesuffix("/api/v1/")
    env = {"IBGU_SERVER": server, "IBGU_TOKEN": surfaces.scene.hub.token("alice")}
    return (await asyncio.to_thread(CliRunner().invoke, commands, ["status"], env=env)).stdout


async def _on_the_page(surfaces: Surfaces, found: Object) -> bool:
    leader = surfaces.list.locator(".leader")
    title = await leader.get_attribute("title") if await leader.count() else ""
    return title == f"{found['words']}." and found["leader"] in await leader.inner_text()


async def _event(scene: Scene, words: str) -> bool:
    """Whether `kubectl events` shows the Event to anyone who looks at ibgu's Lease."""
    lease = (await scene.get(paths.lease(NAMESPACE, LEASE)))["metadata"]
    told = await scene.kubectl("events", "-n", NAMESPACE, "--for", f"lease/{LEASE}", "-o", "json")
    about = (each for each in json.loads(told)["items"] if each["message"] == words)
    return any(each["involvedObject"]["uid"] == lease["uid"] for each in about)
