"""The API with the database user that the installation guide makes for it: it only reads."""

import re
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from msgspec.structs import replace
from sqlalchemy import make_url, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu import db
from ibgu.api.app import create_app
from ibgu.api.context import Context
from ibgu.db import Journal, dsn
from ibgu.resources import shipped
from ibgu.sandbox.hub import SandboxHub
from tests.api.fleet import fleet

ROLLOUT = "rollouts/default/ran-r1"
READS = (
    *("rollouts?needsPerson=true", "durations", "rollouts", "stream", ROLLOUT),
    *(f"{ROLLOUT}/{part}" for part in ("steps", "members", "events", "failures", "actions")),
)


@pytest.fixture
async def reader(database_url: str) -> AsyncIterator[AsyncEngine]:
    """Made with the lines of the guide, for a database that the tests' user owns."""
    guide = shipped("docs/installation.md").read_text()
    [lines] = re.findall(r"```sql\n(.*?)```", guide, re.DOTALL)
    owner = await asyncpg.connect(dsn(database_url))
    try:
        for line in lines.splitlines():
            if "ibgu_api" in line:
                await owner.execute(line.replace("FOR ROLE ibgu ", "FOR ROLE CURRENT_USER "))
        await owner.execute("CREATE TABLE of_a_later_version ()")
        url = make_url(database_url).set(username="ibgu_api", password="another")
        engine = db.engine(url.render_as_string(hide_password=False))
        yield engine
        await engine.dispose()
    finally:
        await owner.execute("DROP OWNED BY ibgu_api")
        await owner.execute("DROP ROLE ibgu_api")
        await owner.close()


@pytest.fixture
def app(context: Context, reader: AsyncEngine) -> FastAPI:
    return create_app(replace(context, engine=reader))


async def test_the_api_serves_every_read_with_a_read_only_database_user(
    app: FastAPI, client: httpx.AsyncClient, journal: Journal, sandbox_hub: SandboxHub
) -> None:
    await fleet(journal)
    headers = {"Authorization": f"Bearer {sandbox_hub.token('alice')}"}
    for path in READS:
        if path != "stream":
            answer = await client.get(f"/api/v1/{path}", headers=headers)
            assert answer.status_code == 200, (path, answer.text)

    async def every_namespace() -> None:
        return None

    async with app.state.feed.follow(0, None, every_namespace) as follower:
        assert (await follower.next(5.0)).items


@pytest.mark.parametrize("table", ["rollouts", "events", "members", "steps"])
async def test_the_reading_user_can_write_nothing(reader: AsyncEngine, table: str) -> None:
    async with reader.connect() as connection:
        await connection.execute(text("SELECT FROM of_a_later_version"))
        await connection.execute(text(f"SELECT FROM {table}"))
        with pytest.raises(ProgrammingError, match="permission denied"):
            await connection.execute(text(f"DELETE FROM {table}"))
