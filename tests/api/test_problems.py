"""Problems: whatever goes wrong is a problem detail that says what to do."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from fastapi import FastAPI
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import text

from ibgu import db
from ibgu.api.app import create_app
from ibgu.api.context import Context
from ibgu.api.http.error_boundary import HEADERS
from ibgu.api.problems.rules import broken
from ibgu.db import Journal
from ibgu.db.reads.cursor import encode
from ibgu.sandbox.databases import drop_database
from ibgu.sandbox.hub import SandboxHub
from tests.api.conftest import Ask
from tests.api.fleet import fleet

MEMBERS = "rollouts/default/ran-r1/members"
A_NAME = "must be a name: lowercase letters, digits, hyphens and dots, with a letter or digit at"
UNKNOWN = "is not a query parameter of this request; the parameters are "
NO_CURSOR = "not one of this list; use `nextCursor` of the page before unchanged"


class Case(Struct, frozen=True):
    path: str
    field: str
    said: str
    where: str = "query"


@pytest.mark.parametrize(
    "case",
    [
        Case("rollouts?limit=0", "limit", "must be at least 1"),
        Case("rollouts?limit=501", "limit", "must be at most 500"),
        Case("rollouts?state=gone", "state.0", "must be one of 'pending', 'running', "),
        Case("rollouts?namespace=Not%20A%20Name", "namespace", A_NAME),
        Case("rollouts?cursor=not-a-cursor", "cursor", NO_CURSOR),
        Case("rollouts?cursor=%00", "cursor", NO_CURSOR),
        Case(f"rollouts?cursor={encode(1)}", "cursor", NO_CURSOR),
        Case("rollouts/default/ran%00", "name", A_NAME, "path"),
        Case("rollouts/DEFAULT/ran", "namespace", A_NAME, "path"),
        Case(f"{MEMBERS}?step=0", "step", "must be at least 1"),
        Case(f"{MEMBERS}?step=x", "step", "must be a whole number"),
        Case(f"{MEMBERS}?step={'9' * 5000}", "step", "is too large a number"),
        Case(f"{MEMBERS}?outcome=good", "outcome", "must be one of 'succeeded', "),
        Case(f"{MEMBERS}?cause=Weather", "cause", "must be one of 'PrepFailed', "),
        Case(f"{MEMBERS}?cluster=%25", "cluster", "must be the beginning of a name: "),
        Case(f"{MEMBERS}?cluster=%00", "cluster", "must be the beginning of a name: "),
        Case(f"{MEMBERS}?cursor={encode((2**40, 1))}", "cursor", NO_CURSOR),
        Case("rollouts/default/ran-r1/events?after=-1", "after", "must be at least 0"),
        Case(
            f"rollouts/default/ran-r1/events?cursor={encode(2**70)}",
            "cursor",
            "not one of this list",
        ),
        Case("clusters/UPPER/history", "name", A_NAME, "path"),
        Case(f"{MEMBERS}?outcom=failed", "outcom", UNKNOWN),
        Case("rollouts?phase=Held", "phase", UNKNOWN),
        Case("rollouts?State=running", "State", UNKNOWN),
        Case("rollouts/default/ran-r1/stream?since=7", "since", UNKNOWN),
        Case("whoami?x", "x", "is not a query parameter of this request; it has none"),
    ],
)
async def test_bad_input_is_named(ask: Ask, journal: Journal, case: Case) -> None:
    await fleet(journal)
    answer = await ask("alice", case.path)
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    (error,) = body["errors"]
    assert (error["field"], error["in"]) == (case.field, case.where)
    assert error["message"].startswith(case.said)
    assert body["detail"] == f"{error['field']}: {error['message']}"
    assert (body["status"], body["title"]) == (422, "Unprocessable Content")


async def test_an_answer_names_few_of_thousands_of_errors(ask: Ask, journal: Journal) -> None:
    """A request of 40 KB had an answer of half a megabyte."""
    await fleet(journal)
    answer = await ask("alice", f"rollouts?{'&'.join(['state=Running'] * 3000)}")
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 20
    assert answer.json()["detail"].endswith("; and 2980 more")
    assert len(answer.content) < 20_000


@pytest.mark.parametrize(
    ("what", "sent", "said"),
    [
        ("skip", {"clusters": ["site_7"]}, f"clusters.0: {A_NAME}"),
        ("skip", {"clusters": "site-7"}, "clusters: must be a list"),
        ("skip", {"clusters": ["a"] * 5001}, "clusters: has too many entries: at most 5000"),
        ("skip", {"ifWaiting": "perhaps"}, "ifWaiting: must be true or false"),
        ("skip", {"clustres": []}, "clustres: is not a field of this request"),
        ("skip", [], "body: must be an object"),
        ("pause", {"why": 7}, "why: must be a text"),
        ("pause", {"why": "x" * 201}, "why: is too long: at most 200 characters"),
        ("retry", {"cause": "#!"}, "cause: must be a cause: 1 to 64 letters"),
        ("steps", {}, "actions: is missing"),
        ("steps", {"actions": []}, "actions: needs at least 1 entries"),
        ("steps", {"actions": ["Prep"], "timeout": 1.5}, "timeout: must be a whole number"),
    ],
)
async def test_invalid_bodies_are_refused_in_plain_words(
    client: httpx.AsyncClient,
    sandbox_hub: SandboxHub,
    journal: Journal,
    what: str,
    sent: object,
    said: str,
) -> None:
    await fleet(journal)
    headers = {"Authorization": f"Bearer {sandbox_hub.token('olga')}"}
    path = f"/api/v1/rollouts/default/ran-r1/{what}"
    answer = await client.post(path, json=sent, headers=headers)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"].startswith(said)


async def test_a_body_that_is_no_json_is_named_as_a_whole(
    client: httpx.AsyncClient, sandbox_hub: SandboxHub, journal: Journal
) -> None:
    await fleet(journal)
    token = f"Bearer {sandbox_hub.token('olga')}"
    headers = {"Authorization": token, "Content-Type": "application/json"}
    path = "/api/v1/rollouts/default/ran-r1/pause"
    answer = await client.post(path, content=b"notjson", headers=headers)
    error = {"field": "body", "in": "body", "message": "is not JSON"}
    assert (answer.status_code, answer.json()["errors"]) == (422, [error])


@pytest.mark.parametrize("path", ["members", "failures", "grid", "timeline", "view"])
async def test_a_step_that_the_plan_lacks_is_not_found(
    ask: Ask, journal: Journal, path: str
) -> None:
    await fleet(journal)
    answer = await ask("alice", f"rollouts/default/ran-r1/{path}", step=4)
    assert answer.status_code == 404, answer.text
    assert answer.json()["detail"] == "rollout ran-r1 has no step 4: its plan has 3 steps"
    planned = await ask("alice", f"rollouts/default/ran-r1/{path}", step=3)
    assert planned.status_code == 200


@pytest.mark.parametrize("path", ["", "/history", "/events"])
async def test_a_cluster_of_no_rollout_is_not_found(ask: Ask, journal: Journal, path: str) -> None:
    await fleet(journal)
    answer = await ask("alice", f"clusters/nope{path}")
    assert answer.status_code == 404, answer.text
    assert answer.json()["detail"].startswith("cluster nope has not been in any rollout")
    assert (await ask("alice", f"clusters/a{path}")).status_code == 200


def test_every_pattern_of_an_input_has_its_words(app: FastAPI) -> None:
    for pattern in set(patterns(app.openapi())):
        error = {"type": "string_pattern_mismatch", "ctx": {"pattern": pattern}}
        assert broken(error).startswith("must be ")


def patterns(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for each in schema.values():
            yield from patterns(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from patterns(each)


@pytest.mark.parametrize("path", ["/nothing", "/api/v2/rollouts", "/api/v1/rollouts/", "/docs"])
async def test_a_path_that_is_not_served(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.json() == {
        "type": "tag:ibgu.dev,2026:problem/no-such-path",
        "title": "Not Found",
        "status": 404,
        "detail": f"no route {path}; see /openapi.json for all routes",
        "instance": path,
    }


async def test_a_method_that_the_path_lacks(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/rollouts", json={})
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert answer.json()["detail"] == "/api/v1/rollouts does not support POST; see the header Allow"


async def test_every_answer_has_strict_headers(client: httpx.AsyncClient, ask: Ask) -> None:
    answers = [
        await client.get("/healthz"),
        await client.get("/openapi.json"),
        await client.get("/nowhere"),
        await ask("alice", "rollouts"),
        await ask("alice", "rollouts", limit=0),
        await ask("carol", "rollouts/default/x"),
    ]
    for answer in answers:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS


async def test_without_the_tables_it_says_so(ask: Ask, context: Context) -> None:
    async with context.engine.begin() as connection:
        await connection.execute(text("DROP TABLE rollouts CASCADE"))
    answer = await ask("alice", "rollouts")
    assert answer.status_code == 503
    assert answer.json()["detail"].endswith("run `ibgu migrate`")


async def test_without_the_journal_it_says_when_to_come_back(
    ask: Ask, context: Context, postgres_url: str, database_url: str
) -> None:
    await context.engine.dispose()
    drop_database(postgres_url, database_url.rpartition("/")[2].partition("?")[0])
    answer = await ask("alice", "rollouts")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.json()["type"] == "tag:ibgu.dev,2026:problem/journal-unavailable"


@pytest.fixture
async def unreachable(context: Context) -> AsyncIterator[FastAPI]:
    engine = db.engine("postgresql://nobody@127.0.0.1:9/none")
    yield create_app(replace(context, engine=engine))
    await engine.dispose()


async def test_an_unreachable_journal(unreachable: FastAPI, sandbox_hub: SandboxHub) -> None:
    headers = {"Authorization": f"Bearer {sandbox_hub.token('alice')}"}
    transport = httpx.ASGITransport(app=unreachable)
    async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:
        answer = await client.get("/api/v1/rollouts", headers=headers)
    assert answer.status_code == 503
    assert answer.json()["type"] == "tag:ibgu.dev,2026:problem/journal-unavailable"
    assert answer.json()["detail"].startswith("the journal's database is away")


async def test_a_mistake_of_our_own_is_an_answer_too(app: FastAPI) -> None:
    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a secret detail")

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:
        answer = await client.get("/broken")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "secret" not in answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
