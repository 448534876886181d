"""The catalogue as it is read from a real hub."""

from collections.abc import AsyncIterator

import pytest

from ibgu.hub import paths
from ibgu.hub.client import HubClient
from ibgu.hub.errors import HubError
from ibgu.hub.seeds import read_catalogue, read_seed_image
from ibgu.sandbox.hub import SandboxHub

NAMES = ("hub-seed-1", "hub-seed-2")


@pytest.fixture
async def admin(sandbox_hub: SandboxHub) -> AsyncIterator[HubClient]:
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("admin"))) as client:
        yield client


@pytest.fixture
async def entries(admin: HubClient) -> AsyncIterator[None]:
    for number, name in enumerate(NAMES):
        body = {
            "apiVersion": "ibgu.dev/v1alpha1",
            "kind": "SeedImage",
            "metadata": {"name": name},
            "spec": {"image": f"quay.io/du@sha256:{str(number) * 64}", "release": "4.17.3"},
        }
        await admin.request("POST", paths.SEED_IMAGES, body=body)
    yield
    for name in NAMES:
        await admin.request("DELETE", paths.seed_image(name))


@pytest.mark.usefixtures("entries")
async def test_a_catalogue_that_is_too_long_is_cut(admin: HubClient) -> None:
    whole = await read_catalogue(admin)
    assert {each.metadata.name for each in whole.entries} >= set(NAMES)
    assert (whole.installed, whole.truncated) == (True, False)
    one = await read_catalogue(admin, max_entries=1)
    assert (len(one.entries), one.truncated) == (1, True)


@pytest.mark.usefixtures("entries")
async def test_one_entry_is_read_by_its_name(admin: HubClient) -> None:
    found = await read_seed_image(admin, NAMES[1])
    assert found is not None
    assert found.spec.release == "4.17.3"
    assert await read_seed_image(admin, "hub-seed-9") is None


async def test_a_hub_that_refuses_is_no_empty_catalogue(sandbox_hub: SandboxHub) -> None:
    async with await HubClient.connect(str(sandbox_hub.kubeconfig("carol"))) as carol:
        with pytest.raises(HubError, match="seedimages"):
            await read_catalogue(carol)
        with pytest.raises(HubError, match="seedimages"):
            await read_seed_image(carol, NAMES[0])
