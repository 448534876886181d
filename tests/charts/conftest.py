"""A way to the hub's IBGUs for the tests of the CRD."""

import ssl
from collections.abc import Callable, Iterator

import httpx
import pytest

from ibgu.sandbox.hub import SandboxHub
from tests.charts.ibgus import Ibgus, Object, ibgu


@pytest.fixture(scope="session")
def admin(sandbox_hub: SandboxHub) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=sandbox_hub.url,
        verify=ssl.create_default_context(cafile=str(sandbox_hub.ca_file)),
        headers={"Authorization": f"Bearer {sandbox_hub.token('admin')}"},
        trust_env=False,
        timeout=60,
    ) as client:
        yield client


@pytest.fixture(scope="session")
def ibgus(admin: httpx.Client) -> Ibgus:
    return Ibgus(admin)


@pytest.fixture
def stored(ibgus: Ibgus, unique_name: Callable[[str], str]) -> Callable[..., str]:
    """Create an IBGU with the given plan and spec, and return its name."""

    def create(*plan: Object, **spec: object) -> str:
        name = unique_name("stored")
        answer = ibgus.create(ibgu(name, *plan, **spec))
        assert answer.code == 201, answer.body
        return name

    return create
