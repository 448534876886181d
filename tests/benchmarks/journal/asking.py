"""Calls everything that reads, for one rollout that goes on and one that is over."""

from typing import Any

import httpx
from fastapi import FastAPI

from ibgu.api.stream.feed import SPAN
from ibgu.core.drivers import every_action
from tests.benchmarks.history import Course, History
from tests.benchmarks.journal.routes import PREFIX, asked, walk
from tests.benchmarks.journal.statements import Recorder

_BODIES: dict[str, Any] = {
    "steps": {"actions": ["FinalizeUpgrade"], "maxConcurrency": 1, "timeout": 240},
    "preview": {"append": []},
    "approve": {"before": "Step"},
    "break-glass": {"gates": ["ClusterHold"], "reason": "INC-7", "minutes": 60},
    "skip": {"reason": "WaitingForSlot"},
    "confirm-cleanup": {"reason": "somebody has cleaned up"},
}
_NAMES_IT = ("preview", "preflight")
"""Routes that take the rollout in the body."""
_OF_HUB = ("/seed-images/{name}", "/clusters/{name}/seed", "/policies/{name}")
"""Routes that begin with an object which this hub does not have; the statements that follow are
those of other routes."""


async def call_everything(
    app: FastAPI, client: httpx.AsyncClient, history: History, recorder: Recorder
) -> None:
    for course in (history.courses[-1], history.courses[5]):
        await _read(app, client, history, course, recorder)
        await _change(app, client, course, recorder)
        await _follow(app, history, course, recorder)


async def _read(
    app: FastAPI, client: httpx.AsyncClient, history: History, course: Course, recorder: Recorder
) -> None:
    async def get(path: str, query: dict[str, Any]) -> httpx.Response:
        return await client.get(path, params=query)

    for each in asked(app, history, course):
        recorder.doing = str(each)
        async for answer in walk(get, each):
            absent = answer.status_code == 404 and each.route.endswith(_OF_HUB)
            assert absent or answer.status_code == 200, f"{each}: {answer.text}"
    recorder.doing = "a name that no rollout has"
    mistyped = await client.get(f"/api/v1/rollouts/{course.namespace}/{course.name}-x")
    assert mistyped.status_code == 404, mistyped.text


async def _change(
    app: FastAPI, client: httpx.AsyncClient, course: Course, recorder: Recorder
) -> None:
    """The hub does not have the rollout, so nothing can be changed; what is read, is read."""
    of_rollout = {"namespace": course.namespace, "name": course.name}
    for route, methods in app.openapi()["paths"].items():
        if "post" not in methods:
            continue
        last = route.rpartition("/")[2]
        body = _BODIES.get(last, {}) | (of_rollout if last in _NAMES_IT else {})
        recorder.doing = f"POST {route}"
        declared = {each["name"] for each in methods["post"].get("parameters", ())}
        query = {"dryRun": True} if "dryRun" in declared else None
        answer = await client.post(route.format(**of_rollout), json=body, params=query)
        assert answer.status_code in (200, 404, 409), f"{route}: {answer.text}"


async def _follow(app: FastAPI, history: History, course: Course, recorder: Recorder) -> None:
    """Reads what streams read, which never end, and what a preview and a follow-up read of clusters
    and rollouts that the hub does not have: none of them is called."""
    recorder.doing = f"{PREFIX}/stream"
    reads = app.state.feed.reads
    newest = await reads.last_seq()
    recorder.doing = f"POST {PREFIX}/preview, of clusters in the middle of an upgrade"
    clusters = [history.cluster(course.first + each) for each in range(100)]
    await reads.last_taken(clusters, every_action())
    await reads.rollback_deadlines(clusters)
    recorder.doing = f"POST {PREFIX}/rollouts/…/cancel, of a rollout that the hub has"
    await reads.newest_members(course.uid)
    recorder.doing = f"{PREFIX}/stream"
    await reads.events_after(newest - 500, limit=500)
    await reads.events_after(newest // 2, rollout=course.uid, limit=500)
    readable = {"until": newest // 2 + SPAN, "namespaces": [course.namespace]}
    await reads.events_after(newest // 2, **readable, limit=500)
    await app.state.feed.namespace(course.uid)
