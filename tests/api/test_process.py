"""Health, readiness, metrics: without a token, and honest."""

import httpx
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.api import page
from ibgu.api.app import create_base
from ibgu.api.context import Probes
from ibgu.api.probes import create_probes
from ibgu.cli.serve.schema import journal_problem

READY = "/readyz"


async def usable() -> str | None:
    return None


async def away() -> str | None:
    return "the journal's database is away: connection refused"


async def get(probes: Probes, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=create_probes(probes))
    async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:
        return await client.get(path)


async def test_the_process_is_healthy_while_the_database_is_away() -> None:
    answer = await get(Probes(away, lambda: ["no controller leads yet"]), "/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")


async def test_the_process_is_ready_without_problems() -> None:
    answer = await get(Probes(usable), READY)
    assert (answer.status_code, answer.text) == (200, "ok")


async def test_readiness_lists_every_problem() -> None:
    answer = await get(Probes(away, lambda: ["TALM is running on this hub"]), READY)
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "5"
    assert answer.json()["problems"] == [
        "the journal's database is away: connection refused",
        "TALM is running on this hub",
    ]


async def test_probes_do_not_wear_out_the_database() -> None:
    asked = []

    async def count() -> str | None:
        asked.append(1)
        return None

    transport = httpx.ASGITransport(app=create_probes(Probes(count)))
    async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:
        for _ in range(20):
            await client.get(READY)
    assert len(asked) == 1


async def test_metrics_are_fresh() -> None:
    from ibgu import telemetry

    answer = await get(Probes(usable, measure=lambda: telemetry.QUEUE.set(17)), "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert "ibgu_write_queue_depth 17.0" in answer.text


@pytest.mark.parametrize("path", ["/api/v1/rollouts", "/api/v1/clusters/a/history"])
async def test_a_process_without_the_api_serves_none(path: str) -> None:
    answer = await get(Probes(usable), path)
    assert answer.status_code == 404
    assert answer.json()["detail"] == f"no route {path}: this address serves no API"


@pytest.mark.parametrize(
    ("path", "route", "code"),
    [("/healthz", "/healthz", "200"), ("/../etc/passwd?a=b", "none", "404")],
)
async def test_answers_are_counted_by_route(path: str, route: str, code: str) -> None:
    """Paths that strangers ask for make no series of their own."""

    before = counted(route, code)
    await get(Probes(usable), path)
    assert counted(route, code) == before + 1


async def test_the_page_beside_the_api_is_counted_by_its_route() -> None:
    """FastAPI's router names no route that is not its own."""
    app = create_base(Probes(usable), behind_proxy=False)
    app.router.routes.extend(page.ROUTES)
    before = counted("/", "200")
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://ibgu"
    ) as client:
        assert (await client.get("/")).status_code == 200
    assert counted("/", "200") == before + 1


def counted(route: str, code: str) -> float:
    labels = {"method": "GET", "route": route, "code": code}
    return REGISTRY.get_sample_value("ibgu_api_requests_total", labels) or 0.0


@pytest.mark.parametrize(
    ("revision", "told"), [("9999", None), ("a-branch", "unreleased"), ("0014", "unreleased")]
)
async def test_an_upgrade_of_ibgu_takes_no_answers_away(
    engine: AsyncEngine, database_url: str, revision: str, told: str | None
) -> None:
    """The migration comes before the new processes; what only reads goes on meanwhile."""
    async with engine.begin() as db:
        statement = text("UPDATE alembic_version SET version_num = :revision")
        await db.execute(statement, {"revision": revision})
    found = await journal_problem(database_url, reading=True)
    assert told in (found or "") if told else found is None
    assert await journal_problem(database_url)
