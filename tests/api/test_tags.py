"""Answers that have not changed are not sent again, and long ones are sent short."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from ibgu.db import Journal
from ibgu.sandbox.hub import SandboxHub
from tests.api.fleet import fleet, open_step, put, rollout, seen
from tests.db.records import member, step

Get = Callable[..., Awaitable[httpx.Response]]
GRID = "rollouts/default/ran-r1/grid"


@pytest.fixture
def get(client: httpx.AsyncClient, sandbox_hub: SandboxHub) -> Get:
    async def get(path: str, **headers: Any) -> httpx.Response:
        token = {"Authorization": f"Bearer {sandbox_hub.token('alice')}"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.get(f"/api/v1/{path}", headers=token | named)

    return get


async def test_an_answer_that_is_known(get: Get, journal: Journal) -> None:
    found = await fleet(journal)
    first = await get(GRID)
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = await get(GRID, If_None_Match=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert "content-length" not in again.headers
    await put(journal, member(step(found, 1), "h", 3))
    changed = await get(GRID, If_None_Match=tag)
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_problems_have_no_tag(get: Get, journal: Journal) -> None:
    missing = await get("rollouts/default/none", If_None_Match="*")
    assert missing.status_code == 404
    assert "etag" not in missing.headers


async def test_a_long_answer_is_compressed_for_who_takes_it(get: Get, journal: Journal) -> None:
    one = rollout()
    await seen(journal, one)
    prep = await open_step(journal, step(one, 0))
    await put(journal, *(member(prep, f"site-{number}", number) for number in range(200)))
    short = await get(GRID, Accept_Encoding="gzip")
    plain = await get(GRID, Accept_Encoding="identity")
    assert short.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert short.json() == plain.json()
    assert int(short.headers["content-length"]) * 4 < int(plain.headers["content-length"])
    again = await get(GRID, Accept_Encoding="gzip", If_None_Match=short.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
