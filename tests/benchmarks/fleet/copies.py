"""Copies of a cluster that went through its rollouts for real: on the hub and in the journal."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable
from hashlib import md5
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import Table

from ibgu.db.engine import dsn
from ibgu.db.schema import members, runs
from ibgu.hub import paths
from ibgu.hub.port import Hub
from tests.benchmarks.fleet.stage import Stage
from tests.benchmarks.history.labels import claims, of_hub

AT_ONCE = 32
SERVERS = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink")
"""Metadata that the API server gives."""


def names(count: int) -> list[str]:
    """Returns names that come behind the heads, in natural order too."""
    return [f"site-{number:05}" for number in range(1, count + 1)]


async def copy(stage: Stage, original: str, count: int) -> int:
    """Copies the works; returns how many there are now."""
    hub = stage.admin
    works = json.loads(await hub.request("GET", paths.works(original)))["items"]
    cluster = json.loads(await hub.request("GET", paths.managed_cluster(original)))
    uids: dict[str, str] = {}

    async def one(name: str) -> None:
        uids[name] = await _cluster(hub, cluster, original, name)
        for work in works:
            await _work(hub, work, original, name)

    made = names(count)
    await each(made, one)
    await _journal(stage.postgres, original, [(name, uids[name]) for name in made])
    return len(works) * (count + 1)


async def each(items: Iterable[str], act: Callable[[str], Awaitable[None]]) -> None:
    """A few at a time, without a task for each."""
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await act(item)

    async with asyncio.TaskGroup() as workers:
        for _ in range(AT_ONCE):
            workers.create_task(work())


async def _cluster(hub: Hub, found: Any, original: str, name: str) -> str:
    body = _described(_renamed(found, original, name), name)
    made = json.loads(await hub.request("POST", paths.MANAGED_CLUSTERS, body=body))
    await hub.request("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
    await _status(hub, paths.managed_cluster(name), body)
    uid: str = made["metadata"]["uid"]
    return uid


def _described(body: Any, name: str) -> Any:
    """Returns the cluster with labels and claims as an import into Advanced Cluster Management
    leaves them."""
    number = int(name.rpartition("-")[2])
    uid = str(UUID(int=number))
    body["metadata"]["labels"] |= of_hub(name, number, uid)
    body["status"]["clusterClaims"] = claims(name, uid)
    return body


async def _work(hub: Hub, found: Any, original: str, name: str) -> None:
    """Written once, so what speaks of its generation speaks of the first."""
    run = found["metadata"]["annotations"].get("ibgu.dev/run", "")
    text = json.dumps(_renamed(found, original, name))
    text = re.sub(r'("observedGeneration": |"ibgu.dev/generation": ")\d+', r"\g<1>1", text)
    body = json.loads(text.replace(run, run_of(run, name)) if run else text)
    await hub.request("POST", paths.works(name), body=body)
    await _status(hub, paths.work(name, body["metadata"]["name"]), body)


async def _status(hub: Hub, path: str, body: Any) -> None:
    patch = {"status": body["status"]}
    await hub.request("PATCH", f"{path}/status", body=patch, content_type=paths.MERGE_PATCH)


def _renamed(found: Any, original: str, name: str) -> Any:
    metadata = {key: value for key, value in found["metadata"].items() if key not in SERVERS}
    text = json.dumps({**found, "metadata": metadata})
    return json.loads(text.replace(original, name))


def run_of(run: str, cluster: str) -> str:
    """Returns the name of the run's copy, as `_journal` gives it."""
    return md5(f"{run}{cluster}".encode(), usedforsecurity=False).hexdigest()[:20]


async def _journal(url: str, original: str, made: list[tuple[str, str]]) -> None:
    new_run = "substr(md5(old.{0} || new.name), 1, 20)"
    columns = {"cluster": "new.name", "cluster_uid": "new.uid", "position": "new.place"}
    db = await asyncpg.connect(dsn(url))
    try:
        for table, changed in (
            (members, {**columns, "run": new_run.format("run")}),
            (runs, {**columns, "id": new_run.format("id")}),
        ):
            cells = zip(*made, strict=True)
            await db.execute(_copied(table, changed), *map(list, cells), original)
        await db.execute(_COUNTED)
    finally:
        await db.close()


def _copied(table: Table, changed: dict[str, str]) -> str:
    stored = [column.name for column in table.columns if not column.computed]
    read = ", ".join(changed.get(name, f"old.{name}") for name in stored)
    return f"""
        INSERT INTO {table.name} ({", ".join(stored)})
        SELECT {read} FROM {table.name} AS old,
          unnest($1::text[], $2::text[]) WITH ORDINALITY AS new (name, uid, place)
        WHERE old.cluster = $3
    """


_COUNTED = """
    UPDATE steps SET total = (
      SELECT count(*) FROM members
      WHERE (members.hub, members.rollout, members.step) = (steps.hub, steps.rollout, steps.index)
    )
"""
