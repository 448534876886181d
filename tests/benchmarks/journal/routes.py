"""Every reading route of the API with every parameter it takes, from its own OpenAPI document."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
from fastapi import FastAPI
from msgspec import Struct

from tests.benchmarks.history import Course, History
from tests.benchmarks.history.plan import FAILS

Get = Callable[..., Awaitable[httpx.Response]]
"""`await get(path, params)`"""
PREFIX = "/api/v1"
NOT_READ = frozenset({"cursor"})
"""Parameters that are not tried: the cursor comes from the answer before."""
_STREAM = "/stream"
_LABELS = (
    "region=r1",
    "region in (r1,r2),common=true",
    "region notin (r1)",
    "site",
    "!site",
    "no-such-label=x",
)


class Asked(Struct, frozen=True):
    route: str
    path: str
    query: dict[str, Any]

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return f"{self.route}{'?' if query else ''}{query}"


def asked(app: FastAPI, history: History, course: Course) -> Iterator[Asked]:
    """Each route as it is, then once with each value of each parameter."""
    samples = _samples(history, course)
    for route, methods in app.openapi()["paths"].items():
        if not route.startswith(PREFIX) or "get" not in methods or route.endswith(_STREAM):
            continue
        path = route.format(**samples | _of_path(route, history, course))
        yield Asked(route, path, {})
        for name, value in _variants(methods["get"].get("parameters", ()), samples):
            with_it = {name: value}
            if name == "rollout":
                with_it["namespace"] = course.namespace
            yield Asked(route, path, with_it)


def _of_path(route: str, history: History, course: Course) -> dict[str, str]:
    """In paths of clusters `name` is a cluster's."""
    return {"name": history.cluster(course.first)} if "/clusters/" in route else {}


def _variants(parameters: Any, samples: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for parameter in parameters:
        name = parameter["name"]
        if parameter["in"] == "query" and name not in NOT_READ:
            values = samples[name]
            yield from (
                (name, each) for each in (values if isinstance(values, tuple) else [values])
            )


def _samples(history: History, course: Course) -> dict[str, Any]:
    """A parameter that is missing here was added to the API: give it a value that finds much."""
    cluster = history.cluster(course.first)
    return {
        "namespace": course.namespace,
        "name": course.name,
        "uid": course.uid,
        "rollout": course.name,
        "prefix": cluster[:6],
        "cluster": cluster[:6],
        "clusters": [history.cluster(course.first + each) for each in range(100)],
        "state": ("running", "complete", "deleted", "finished", "waiting", "in flight"),
        "outcome": ("failed", "succeeded"),
        "cause": "PrepFailed",
        "label": _LABELS,
        "labels": ["region", "site"],
        "reason": ("WaitingForSlot", "Running"),
        "stalled": "true",
        "needsPerson": "true",
        "warned": "true",
        "rollback": "true",
        "failures": ("step", "all"),
        "sort": ("order", "name", "since", "duration"),
        "step": (1, 2),
        "limit": (1, 500),
        "after": course.size * FAILS // 10,
        "points": 500,
        "action": "Upgrade",
    }


async def walk(get: Get, found: Asked, pages: int = 3) -> AsyncIterator[httpx.Response]:
    """The first pages. A value that this route does not know is left out."""
    query = dict(found.query)
    for _ in range(pages):
        answer = await get(found.path, query)
        if answer.status_code == 422 and len(found.query) == 1:
            return
        yield answer
        cursor = answer.json().get("nextCursor") if answer.status_code == 200 else None
        if cursor is None:
            return
        query["cursor"] = cursor
