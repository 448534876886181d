"""The real TALM on one hub with ibgu: who carries out an ImageBasedGroupUpgrade."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import yaml

from ibgu.hub import paths
from ibgu.sandbox.hub import SandboxHub
from tests.charts.rendering import render
from tests.e2e.conftest import scene_on
from tests.e2e.harness import Scene
from tests.e2e.manifests import Object, ibgu, step
from tests.e2e.real_talm import USER, RealTalm, group_upgrade
from tests.neighbours import program

POLICY = "ibgu-beside-talm"


@pytest.fixture(scope="module")
def talm_program() -> Path:
    return program("TALM")


@pytest.fixture(scope="module")
def hub(talm_program: Path) -> Iterator[SandboxHub]:
    """A hub of its own: TALM acts on everything."""
    with SandboxHub() as hub:
        yield hub


@pytest.fixture(scope="module")
def talm(
    hub: SandboxHub, talm_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealTalm]:
    made = RealTalm(hub, talm_program, tmp_path_factory.mktemp("talm"))
    made.install()
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
async def scene(talm: RealTalm, hub: SandboxHub, database_url: str) -> AsyncIterator[Scene]:
    async with scene_on(hub, database_url) as made:
        try:
            yield made
        finally:
            await remove_policy(made)
            await made.kubectl("delete", "cgu,manifestworkreplicasets,ibgu", "--all", "-A")


def policy() -> list[Object]:
    return [o for o in render({"besideTalm": True}) if o["metadata"]["name"] == POLICY]


async def remove_policy(scene: Scene) -> None:
    for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
        await scene.kubectl("delete", kind, POLICY, "--ignore-not-found")


async def install_policy(scene: Scene) -> None:
    """Installs it, and waits until the API server enforces it."""
    await scene.apply(yaml.safe_dump_all(policy()))
    body = group_upgrade("probe")
    body["metadata"]["labels"] = {"ibgu": "probe"}
    as_talm = ("--as", USER, "create", "--dry-run=server", "-f", "-")

    async def enforced() -> bool:
        return "denied request" in (await scene.tried(*as_talm, stdin=yaml.safe_dump(body))).err

    await scene.until(enforced, "the policy to be enforced")


async def group_upgrades(scene: Scene) -> list[Object]:
    return await scene.items(paths.cgus("default"))


async def acted_on(scene: Scene, name: str) -> bool:
    """Whether TALM has looked at the ClusterGroupUpgrade."""
    found = await scene.get(paths.cgu("default", name))
    return bool(found.get("status", {}).get("conditions"))


async def test_without_the_policy_talm_carries_it_out(scene: Scene) -> None:
    await scene.fleet(count=1)
    await scene.apply(ibgu("both", step("Prep"), fleet=scene.label))

    async def begun() -> bool:
        return [o["metadata"]["labels"] for o in await group_upgrades(scene)] == [{"ibgu": "both"}]

    await scene.until(begun, "TALM's ClusterGroupUpgrade")


async def test_with_it_talm_goes_on_with_what_is_its_own(scene: Scene, talm: RealTalm) -> None:
    await install_policy(scene)
    await scene.fleet(count=1)
    before = len(talm.refusals())
    await scene.apply(ibgu("ours", step("Prep"), fleet=scene.label))
    await scene.until(lambda: len(talm.refusals()) > before, "TALM to be refused")
    await scene.apply(group_upgrade("its-own", f"{scene.label}-1"))
    await scene.until(lambda: acted_on(scene, "its-own"), "TALM to act on its own")
    assert [o["metadata"]["name"] for o in await group_upgrades(scene)] == ["its-own"]
    assert await scene.status("ours") == {}
    assert await scene.labels(f"{scene.label}-1") == {}
