"""Fixtures for every test: a real hub, a real Postgres, kubectl, and names of its own."""

import gc
import itertools
import os
from collections.abc import Callable, Iterator

import pytest
import structlog
from hypothesis import settings
from sqlalchemy.engine import make_url

from ibgu.sandbox.databases import create_database, drop_database
from ibgu.sandbox.demo.sample import NAMESPACES
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.postgres import EmbeddedPostgres
from tests.in_memory import keep_in_memory
from tests.simulation.postgres import database

pytest_plugins = ["tests.deadlines", "tests.sharing", "tests.times", "tests.tiers"]

_numbers = itertools.count(1)

# Of the hubs' servers, which start some fifty times: a fifth of that start is the collector's, and
# there is memory for a few young heaps.
os.environ.setdefault("GOGC", "400")
keep_in_memory()


def pytest_collection_finish() -> None:
    """Takes what was imported and collected out of all later collections of garbage: more than a
    million objects. A controller in this process would lose its Lease of a few seconds to them."""
    gc.collect()
    gc.freeze()


# A slow machine fails nobody; where nobody watches, the same examples every time.
settings.register_profile("ibgu", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("ibgu")


@pytest.fixture(autouse=True)
def logging_of_one_test() -> Iterator[None]:
    """Gives the log back as it was: a command that a test runs in this process configures it for
    all that come later."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def sandbox_hub() -> Iterator[SandboxHub]:
    """One real hub for the whole run, with ibgu's CRD and RBAC; keep to names of your own."""
    with SandboxHub(namespaces=NAMESPACES) as hub:
        yield hub


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A Postgres server: that of DATABASE_URL, else an embedded one."""
    if url := os.environ.get("DATABASE_URL"):
        yield (
            make_url(url).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
        )
        return
    with EmbeddedPostgres() as postgres:
        yield postgres.url


@pytest.fixture(scope="session")
def migrated(postgres_url: str) -> Iterator[str]:
    """Name of a migrated database, to be copied: that is quicker than to migrate each."""
    with database(postgres_url) as url:
        yield str(make_url(url).database)


@pytest.fixture
def database_url(postgres_url: str, migrated: str) -> Iterator[str]:
    """A fresh database with ibgu's schema, dropped afterwards."""
    name = f"ibgu_test_{os.getpid()}_{next(_numbers)}"
    yield create_database(postgres_url, name, template=migrated)
    drop_database(postgres_url, name)


@pytest.fixture
def empty_url(postgres_url: str) -> Iterator[str]:
    """A fresh database without anything, dropped afterwards."""
    name = f"ibgu_empty_{os.getpid()}_{next(_numbers)}"
    yield create_database(postgres_url, name)
    drop_database(postgres_url, name)


@pytest.fixture
def kubectl(sandbox_hub: SandboxHub) -> Kubectl:
    return Kubectl(sandbox_hub)


@pytest.fixture
def unique_name() -> Callable[[str], str]:
    """`unique_name("spoke")` is a name that no other test of this run uses."""

    def name(prefix: str) -> str:
        return f"{prefix}-{next(_numbers)}"

    return name


@pytest.fixture
def namespace(kubectl: Kubectl, unique_name: Callable[[str], str]) -> str:
    """A fresh namespace. It stays: nothing on the sandbox hub finalizes namespaces."""
    name = unique_name("ns")
    kubectl("create", "namespace", name)
    return name
