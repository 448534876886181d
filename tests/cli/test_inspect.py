"""`ibgu preflight --inspect`: the clusters are read first."""

import asyncio
from collections.abc import Iterator

import pytest
import structlog
from fastapi import FastAPI
from msgspec.structs import replace

from ibgu.api.app import create_app
from ibgu.api.context import Context, InspectionLimits
from ibgu.api.preview import inspections
from ibgu.cli.change import preflight
from ibgu.db import Journal
from ibgu.db.inspections import Inspections
from tests.api.test_inspections import WELL, WITHOUT_AGENT, answer
from tests.api.test_preflight import clusters
from tests.cli.conftest import Ibgu

__all__ = ["clusters"]


@pytest.fixture(autouse=True)
def log() -> Iterator[None]:
    """Silences the API's log, which runs in the same process and so on the same output."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def app(context: Context) -> FastAPI:
    return create_app(replace(context, inspections=InspectionLimits(enabled=True)))


async def test_the_command_waits_until_the_clusters_were_inspected(
    ibgu: Ibgu, context: Context, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspections, "_WAIT", 0.5)
    monkeypatch.setattr(preflight, "_INTERVAL", 0.1)
    store = Inspections(context.engine, context.hub)

    async def late() -> None:
        await asyncio.sleep(2)
        await answer(store, pf_1=WELL, pf_2=WITHOUT_AGENT)

    found, _ = await asyncio.gather(
        ibgu("preflight", "-l", "fleet=pf", "--inspect", user="olga"), late()
    )
    assert found.exit_code == 1, found.output
    lines = found.stdout.splitlines()
    assert "P6 error 1 cluster: have no Lifecycle Agent (pf-2)" in lines
    assert "P6 unknown 1 cluster: were not read: it is off (pf-10)" in lines
    assert lines[-1].startswith("2 of 3 clusters were inspected, the first of them at 20")


async def test_the_command_gives_up_at_its_limit(
    ibgu: Ibgu, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspections, "_WAIT", 0.5)
    monkeypatch.setattr(preflight, "_INTERVAL", 0.1)
    monkeypatch.setattr(preflight, "_POLLS", 2)
    found = await ibgu("preflight", "-l", "fleet=pf", "--inspect", user="olga")
    assert found.stdout.splitlines()[-1] == "3 of 3 clusters are being inspected"
