"""Never lost, in order, and no receiver is another one's trouble: real Postgres, real requests."""

import asyncio
import os
import signal
import ssl
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Coroutine, MutableMapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.controller.notify import dispatcher
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.state import FleetState
from ibgu.core.model import Kind
from ibgu.db import Journal
from ibgu.sandbox.certificates import write_serving_files
from ibgu.settings import Settings
from tests.controller.notify.conftest import Notifying
from tests.controller.notify.receiving import Request, Site, site
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.notify.messages import UID, prepared
from tests.db.recording import tell
from tests.db.records import rows

Leading = Callable[..., Coroutine[Any, Any, Journal]]
Lines = list[MutableMapping[str, Any]]
TYPES = ["rollout.started", "step.started", "clusters.failed", "step.finished", "rollout.completed"]


def story(name: str = "a") -> InMemoryEngine:
    engine = InMemoryEngine("site-1", "site-2")
    engine.spokes["site-2"].faults[Stage.PREP] = "fail"
    engine.apply(ibgu(name, "Prep"))
    engine.drive()
    return engine


def to(found: Site, name: str = "noc", **changes: Any) -> dict[str, Any]:
    """The stories are of long ago by the database's clock, so that all of them have stalled."""
    given = {"name": name, "format": "cloudevents", "url": found.url, "kinds": TYPES}
    return given | changes


def types(found: Site, rollout: str = "a") -> list[str]:
    """Returns what was taken about that rollout, in order."""
    events = [request.json for request in found.taken]
    mine = [event for event in events if event["subject"] == f"fleet/{rollout}"]
    return [event["type"].removeprefix("dev.ibgu.") for event in mine]


async def until(ready: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    while not await ready():  # noqa: ASYNC110 - of a database
        await asyncio.sleep(0.02)


async def begun(db: AsyncEngine, count: int = 1) -> None:
    """The receivers are known: they are notified of what comes now."""

    async def ready() -> bool:
        return len(await rows(db, "SELECT 1 FROM notify_cursors")) == count

    await until(ready)


async def test_events_are_delivered_in_order(
    db: AsyncEngine, journal: Journal, noc: Site, notified: Notifying
) -> None:
    async with notified(to(noc)):
        await begun(db)
        await tell(journal, story())
        await noc.until(lambda: len(noc.taken) >= 5)
    assert types(noc) == TYPES
    sequence = [request.json["sequence"] for request in noc.taken]
    assert sequence == sorted(sequence)
    assert noc.taken[0].headers["Content-Type"].startswith("application/cloudevents+json")
    assert "webhook-signature" not in noc.taken[0].headers


async def test_a_new_receiver_gets_only_later_events(
    db: AsyncEngine, journal: Journal, noc: Site, notified: Notifying
) -> None:
    await tell(journal, story("old"))
    running = InMemoryEngine("site-1")
    running.apply(ibgu("b", "Prep"))
    running.until(Kind.STEP_STARTED)
    fleet = FleetState()
    await tell(journal, running, fleet)
    async with notified(to(noc)):
        await begun(db)
        running.said.clear()
        running.drive()
        await tell(journal, running, fleet)
        await noc.until(lambda: len(noc.taken) >= 2)
    assert types(noc, "b") == ["step.finished", "rollout.completed"]
    assert noc.taken[0].json["data"]["outcomes"] == {"succeeded": 1}


async def test_a_refused_notification_is_retried_before_later_ones(
    db: AsyncEngine, journal: Journal, noc: Site, notified: Notifying, said: Lines
) -> None:
    moved = web.Response(status=302, headers={"Location": "/elsewhere"})
    slow = web.Response(status=429, headers={"Retry-After": "0"})
    noc.answers = [500, slow, 404, moved, 200, 503]
    async with notified(to(noc)):
        await begun(db)
        await tell(journal, story())
        await noc.until(lambda: len(noc.taken) >= 5)
    assert types(noc) == TYPES
    assert {request.path for request in [*noc.taken, *noc.refused]} == {"/"}
    first = noc.taken[0].json["id"]
    assert [request.json["id"] for request in noc.refused[:4]] == [first] * 4
    assert noc.refused[4].json["id"] == noc.taken[1].json["id"]
    told = [line for line in said if line["event"] == "can't notify a receiver"]
    assert told[0]["error"].startswith("500 ")


async def test_words_that_a_receiver_refuses_delay_no_later_event(
    db: AsyncEngine, journal: Journal, noc: Site, notified: Notifying, said: Lines
) -> None:
    noc.answers = [200, 200, 413, 503, 400, 422, 413, 200]
    async with notified(to(noc)):
        await begun(db)
        await tell(journal, story())
        await noc.until(lambda: len(noc.taken) >= 5)
    assert types(noc) == TYPES
    plain = noc.taken[2].json
    assert {request.json["id"] for request in noc.refused} == {plain["id"]}
    assert all(request.json["data"]["failures"][0]["words"] for request in noc.refused)
    assert plain["data"]["failures"][0]["clusters"] == ["site-2"]
    assert plain["data"]["failures"][0]["words"] == ""
    assert plain["data"]["text"].startswith("clusters.failed: the receiver refused the words")
    told = [line["message"] for line in said if line["event"].startswith("a receiver refuses the")]
    assert told == [plain["id"]]


async def test_a_message_that_is_refused_without_words_too_is_retried_whole(
    db: AsyncEngine, journal: Journal, noc: Site, notified: Notifying
) -> None:
    noc.answers = [403, 403, 403, 403]
    async with notified(to(noc)):
        await begun(db)
        await tell(journal, story())
        await noc.until(lambda: len(noc.taken) >= 5)
    assert types(noc) == TYPES
    texts = [request.json["data"]["text"] for request in (*noc.refused, noc.taken[0])]
    assert [text.startswith("rollout.started: the") for text in texts] == [False] * 3 + [
        True,
        False,
    ]


async def test_a_hanging_receiver_delays_no_other(
    db: AsyncEngine, journal: Journal, noc: Site, notified: Notifying
) -> None:
    async with site() as dead:
        dead.hangs = True
        async with notified(to(dead, "dead", timeoutSeconds=0.2), to(noc)):
            await begun(db, 2)
            await tell(journal, story())
            await noc.until(lambda: len(noc.taken) >= 5)
            await dead.until(lambda: len(dead.refused) > 1)
            assert dead.taken == []
            dead.hangs = False
            await dead.until(lambda: types(dead)[-1:] == TYPES[-1:])
    assert types(noc) == TYPES
    assert list(dict.fromkeys(types(dead))) == TYPES


async def test_a_receiver_that_returns_gets_every_missed_event(
    db: AsyncEngine, journal: Journal, noc: Site, notified: Notifying, said: Lines
) -> None:
    async with notified(to(noc)):
        await begun(db)
        await noc.close()
        await tell(journal, story())

        async def noticed() -> bool:
            return any(line["event"] == "can't notify a receiver" for line in said)

        await until(noticed)
        await noc.open()
        await noc.until(lambda: len(noc.taken) >= 5)
    assert types(noc) == TYPES
    assert said[-1]["event"] == "a receiver is reached again"


async def test_the_next_leader_goes_on_where_the_last_one_was(
    db: AsyncEngine, leading: Leading, noc: Site, notified: Notifying
) -> None:
    first = await leading("ibgu-0")
    async with notified(to(noc)):
        await begun(db)
        await tell(first, story("a"))
        await noc.until(lambda: len(noc.taken) >= 5)
        # A leader that is deposed before it has noted that sends nothing more.
        await until(partial(noted, db))
        second = await leading("ibgu-1")
        await tell(second, story("b"))
        # Anyone who was deposed notices with the first note that it wants to make.
        await noc.until(lambda: len(noc.taken) >= 6)
    async with notified(to(noc), epoch=2):
        await noc.until(lambda: len(noc.taken) >= 11)
    assert types(noc, "a") == TYPES
    assert types(noc, "b") == TYPES[:1] + TYPES


async def noted(db: AsyncEngine) -> bool:
    """Whether the journal knows that the last event was sent."""
    last = "SELECT max(seq) FROM events WHERE kind = 'RolloutCompleted'"
    return bool(await rows(db, f"SELECT 1 FROM notify_cursors WHERE seq >= ({last})"))


async def test_lost_connections_to_the_journal_lose_nothing(
    db: AsyncEngine, journal: Journal, noc: Site, notified: Notifying
) -> None:
    async with notified(to(noc)):
        await begun(db)
        await rows(
            db,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        await tell(journal, story())
        await noc.until(lambda: types(noc)[-1:] == TYPES[-1:])
    assert list(dict.fromkeys(types(noc))) == TYPES


async def test_a_receiver_that_is_no_longer_named_is_forgotten(
    db: AsyncEngine, journal: Journal, noc: Site, notified: Notifying
) -> None:
    async with notified(to(noc, "old")):
        await begun(db)
    async with notified(to(noc, "new")):

        async def replaced() -> bool:
            return await rows(db, "SELECT receiver FROM notify_cursors") == [("new",)]

        await until(replaced)


async def test_an_unusable_receiver_counts_as_lagging(
    journal: Journal, noc: Site, notified: Notifying, said: Lines, tmp_path: Path
) -> None:
    """And is not any more as soon as it can, though there is nothing to tell."""

    async def ends_with(words: str) -> bool:
        return bool(said) and said[-1]["event"] == words

    async with notified(to(noc, caFile=str(tmp_path / "ca.crt"))):
        await until(partial(ends_with, "can't notify a receiver"))
        assert lag() > 0
        write_serving_files(tmp_path)
        await until(partial(ends_with, "a receiver is reached again"))
        assert lag() == 0


async def test_a_renewed_certificate_authority_is_trusted_without_a_restart(
    db: AsyncEngine, journal: Journal, noc: Site, notified: Notifying, said: Lines, tmp_path: Path
) -> None:
    await noc.close()
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    old, new = (write_serving_files(tmp_path / name) for name in ("old", "new"))
    noc.trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    noc.trust.load_cert_chain(new.certificate, new.key)
    trusted = tmp_path / "ca.crt"
    trusted.write_bytes(old.ca.read_bytes())

    async def noticed() -> bool:
        return any("certificate" in str(line.get("error")) for line in said)

    async with notified(to(noc, caFile=str(trusted))):
        await begun(db)
        await noc.open()
        await tell(journal, story())
        await until(noticed)
        trusted.write_bytes(new.ca.read_bytes())
        await noc.until(lambda: len(noc.taken) >= 5)
    assert types(noc) == TYPES


async def test_a_new_connection_brings_nothing_twice(
    db: AsyncEngine,
    journal: Journal,
    noc: Site,
    notified: Notifying,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two rollouts stall at once, and the receiver gives no answer to the second message."""
    monkeypatch.setattr(dispatcher, "REOPEN", 1)

    async def hang_for_a_while(request: Request) -> None:
        noc.hangs = len(noc.taken) == 1 and len(noc.refused) < 2

    noc.on_request = hang_for_a_while
    async with notified(to(noc, kinds=["rollout.stalled"], timeoutSeconds=1)):
        await begun(db)
        for name in ("a", "b"):
            running = InMemoryEngine("site-1")
            running.apply(ibgu(name, "Prep"))
            running.until_started()
            await tell(journal, running)
        await noc.until(lambda: len(noc.taken) == 2)
    assert len(noc.refused) == 2
    assert sorted(request.json["subject"] for request in noc.taken) == ["fleet/a", "fleet/b"]


async def test_a_memory_that_cant_be_read_loses_no_event(
    db: AsyncEngine, leading: Leading, noc: Site, notified: Notifying
) -> None:
    first = await leading("ibgu-0")
    async with notified(to(noc)):
        await begun(db)
        await tell(first, story("a"))
        await noc.until(lambda: len(noc.taken) >= 5)
    await tell(first, story("b"))
    await rows(db, "UPDATE notify_cursors SET memory = '{\"tracks\": 3}' RETURNING 1")
    async with notified(to(noc)):
        await noc.until(lambda: types(noc, "b")[-1:] == TYPES[-1:])
    assert list(dict.fromkeys(types(noc, "a"))) == TYPES
    assert types(noc, "b") == TYPES


def lag() -> float:
    return REGISTRY.get_sample_value("ibgu_notify_lag_seconds", {"receiver": "noc"}) or 0.0


# -- alerts --------------------------------------------------------------------------------------


async def test_alerts_fire_and_resolve(
    db: AsyncEngine, journal: Journal, noc: Site, notified: Notifying
) -> None:
    engine, fleet = prepared(range(1, 13)), FleetState()
    engine.wait(hours=5)
    await tell(journal, engine, fleet)
    noc.answers = [500]
    async with notified(to(noc, format="alertmanager", kinds=["step.circuit-breaker"])):
        await noc.until(lambda: len(noc.taken) >= 1)
        engine.said.clear()
        engine.annotate(UID, resume="1")
        engine.turn()
        await tell(journal, engine, fleet)
        await noc.until(lambda: len(noc.taken) >= 2)
    fires, over = (request.json[0] for request in noc.taken)
    assert {request.path for request in noc.taken} == {"/api/v2/alerts"}
    assert fires["labels"] == over["labels"]
    assert fires["labels"]["reason"] == "CircuitBreaker"
    assert fires["endsAt"] > over["endsAt"]


# -- killed --------------------------------------------------------------------------------------


@asynccontextmanager
async def post_commit(settings: Settings) -> AsyncIterator[Process]:
    env = dict(os.environ) | {
        "DATABASE_URL": settings.database_url,
        "IBGU_NOTIFY_FILE": settings.notify_file,
    }
    command = [sys.executable, "-m", "tests.controller.notify.following", "hub-1"]
    process = await asyncio.create_subprocess_exec(*command, env=env, cwd=Path(__file__).parents[3])
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_killed_between_sending_and_noting_it_sends_it_again(
    db: AsyncEngine, journal: Journal, noc: Site, configured: Callable[..., Settings]
) -> None:
    settings = configured(to(noc))
    sent: list[str] = []
    async with post_commit(settings) as process:
        await begun(db)

        async def kill_at_the_third(request: Any) -> None:
            sent.append(request.json["id"])
            if len(sent) == 3:
                os.kill(process.pid, signal.SIGKILL)

        noc.on_request = kill_at_the_third
        await tell(journal, story())
        assert await process.wait() == -signal.SIGKILL
    noc.on_request = None
    async with post_commit(settings):
        await noc.until(lambda: types(noc)[-1:] == TYPES[-1:])
    assert list(dict.fromkeys(types(noc))) == TYPES
    again = [request.json["id"] for request in noc.taken].count(sent[2])
    assert again == 2, "the receiver took it, and nobody could note that"


# -- secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 400])
async def test_secrets_sign_and_are_nowhere_to_be_read(
    db: AsyncEngine,
    journal: Journal,
    noc: Site,
    notified: Notifying,
    said: Lines,
    tmp_path: Path,
    status: int,
) -> None:
    secrets = {"key": "whsec_c2VjcmV0LWtleQ==", "token": "secret-token", "url": "secret-path"}
    (tmp_path / "key").write_text(secrets["key"])
    (tmp_path / "url").write_text(f"{noc.url}/secret-path\n")
    (tmp_path / "token").write_text(secrets["token"])
    echo = web.Response(
        status=status, text=f"no {' '.join(secrets.values())} {noc.url}/secret-path"
    )
    noc.answers = [echo]
    receiver = to(
        noc,
        urlFile=str(tmp_path / "url"),
        secretFile=str(tmp_path / "key"),
        tokenFile=str(tmp_path / "token"),
    )
    del receiver["url"]
    async with notified(receiver):
        await begun(db)
        await tell(journal, story())
        await noc.until(lambda: len(noc.taken) >= 5)
        await noc.close()
        await tell(journal, story("b"))
        (tmp_path / "key").unlink()

        async def missing() -> bool:
            return any("secretFile" in str(line) for line in said)

        await until(missing)
    assert {request.headers["Authorization"] for request in noc.taken} == {"Bearer secret-token"}
    assert {request.path for request in noc.taken} == {"/secret-path"}
    genuine = documented()["genuine"]
    for request in noc.taken:
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert genuine(b"secret-key", headers, request.body)
        assert not genuine(b"another", headers, request.body)
        assert not genuine(b"secret-key", headers, request.body + b" ")
    everywhere = str(said) + str(await rows(db, "SELECT * FROM notify_cursors"))
    assert [value for value in secrets.values() if value in everywhere] == []
    assert bool([line for line in said if "400 no *** ***" in str(line)]) is (status == 400)


PAGE = Path(__file__).parents[3] / "docs" / "notifications.md"


def documented() -> dict[str, Any]:
    """Returns the page's example for checking a signature."""
    code = PAGE.read_text().partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(code, names)
    return names


def test_the_documented_file_is_one() -> None:
    from ibgu.core.model.topics import Topic
    from ibgu.core.notify import Receiver, parse

    page = PAGE.read_text()
    shown = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    assert [receiver.name for receiver in parse(shown)] == ["noc", "alerts"]
    assert [topic for topic in Topic if f"| `{topic}` |" not in page] == []
    names = Receiver.__struct_encode_fields__
    assert [name for name in names if f"`{name}`" not in page] == []
