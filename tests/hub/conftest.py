"""A small API server that follows a script, for faults that a real one can't be made to do."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web

from ibgu.hub.client import HubClient, HubError
from ibgu.hub.writing.writer import WriteResult

Json = dict[str, Any]
Until = Callable[[Callable[[], object]], Awaitable[None]]

COLLECTION = "/apis/work.open-cluster-management.io/v1/manifestworks"


class Fault:
    """The fault of one request: `status` answers with an error at once; `after_effect` does so when
    the write was made; `cut`, `half` and `silent` end or freeze a watch after so many lines, `half`
    within a line; `line` is sent instead of the first one."""

    def __init__(
        self,
        verb: str,
        *,
        status: int = 0,
        reason: str = "",
        message: str = "scripted",
        headers: dict[str, str] | None = None,
        after_effect: bool = False,
        cut: int | None = None,
        half: int | None = None,
        silent: int | None = None,
        line: bytes | None = None,
    ) -> None:
        self.verb = verb
        self.status = status
        self.reason = reason
        self.message = message
        self.headers = headers or {}
        self.after_effect = after_effect
        self.cut = cut
        self.half = half
        self.silent = silent
        self.line = line

    def answer(self) -> web.Response:
        return refusal(self.status, self.reason, self.message, self.headers)


def error_of(result: WriteResult) -> HubError:
    assert result.error is not None
    return result.error


def refusal(
    status: int, reason: str, message: str = "", headers: dict[str, str] | None = None
) -> web.Response:
    body = {"kind": "Status", "code": status, "reason": reason, "message": message}
    return web.json_response(body, status=status, headers=headers)


class ScriptedHub:
    """One collection (`COLLECTION`) with lists, watches and writes, and a script of faults."""

    def __init__(self) -> None:
        self.version = 10
        self.oldest = 0
        self.objects: dict[tuple[str, str], Json] = {}
        self.log: list[tuple[int, str, Json]] = []
        self.faults: deque[Fault] = deque()
        self.streaming_lists = True
        self.bookmarks = True
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.watching = 0
        """How many watches began to follow, so far."""
        self.writing = 0
        self.most_writing = 0
        self.write_seconds = 0.0
        self.lists_open = asyncio.Event()
        """Set while lists are answered; others wait until it is."""
        self.lists_open.set()
        self.hooks: dict[str, Callable[[], None]] = {}
        self.documents: dict[str, Json] = {}
        """Answers by path, to any method, whatever else is there."""
        self._changed = asyncio.Condition()
        self._lists: dict[str, list[Json]] = {}
        self._epoch = 0
        self._runner: web.AppRunner | None = None
        self.url = ""

    # -- what a test does to it ----------------------------------------------------------------

    async def put(self, name: str, namespace: str = "spoke", **fields: Any) -> Json:
        old = self.objects.get((namespace, name))
        self.version += 1
        metadata = {
            "name": name,
            "namespace": namespace,
            "uid": old["metadata"]["uid"] if old else f"uid-{self.version}",
            "resourceVersion": str(self.version),
        }
        obj = {"metadata": metadata | fields.pop("metadata", {}), **fields}
        self.objects[namespace, name] = obj
        await self._tell("MODIFIED" if old else "ADDED", obj)
        return obj

    async def remove(self, name: str, namespace: str = "spoke") -> None:
        obj = self.objects.pop((namespace, name), None)
        if obj is not None:
            self.version += 1
            gone = obj["metadata"] | {"resourceVersion": str(self.version)}
            await self._tell("DELETED", obj | {"metadata": gone})

    def compact(self) -> None:
        """Forget the history: a watch from an older version gets a 410."""
        self.oldest = self.version
        self.log.clear()

    def unseen(self, *, put: str, remove: str) -> None:
        """Both happen, and are compacted before any watch could tell."""
        self.version += 2
        del self.objects["spoke", remove]
        metadata = {
            "name": put,
            "namespace": "spoke",
            "uid": f"uid-{self.version}",
            "resourceVersion": str(self.version),
        }
        self.objects["spoke", put] = {"metadata": metadata}
        self.compact()

    async def drop_connections(self) -> None:
        self._epoch += 1
        async with self._changed:
            self._changed.notify_all()

    async def restore(self, objects: dict[tuple[str, str], Json], version: int) -> None:
        """Restores the objects as if etcd had been restored from a backup: a watch from a version
        that it has not reached again is silent, as measured on a real API server."""
        self.objects, self.version, self.oldest = dict(objects), version, 0
        self.log.clear()
        await self.drop_connections()

    async def _tell(self, kind: str, obj: Json) -> None:
        self.log.append((self.version, kind, obj))
        async with self._changed:
            self._changed.notify_all()

    def verbs(self) -> list[str]:
        return [verb for verb, _ in self.requests]

    # -- serving -------------------------------------------------------------------------------

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        await self.drop_connections()
        if self._runner is not None:
            await self._runner.cleanup()

    def _verb(self, request: web.Request) -> str:
        if request.method != "GET":
            return request.method.lower()
        if request.path != COLLECTION:
            return "get"
        return "watch" if request.query.get("watch") == "true" else "list"

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        verb = self._verb(request)
        self.requests.append((verb, dict(request.query)))
        self.headers.append(dict(request.headers))
        fault = None
        if self.faults and self.faults[0].verb == verb:
            fault = self.faults.popleft()
        if verb in self.hooks:
            self.hooks.pop(verb)()
        if fault is not None and fault.status and not fault.after_effect:
            return fault.answer()
        if request.path in self.documents:
            self.bodies.append(await request.read())
            return web.json_response(self.documents[request.path])
        if verb == "list":
            await self.lists_open.wait()
            return self._list(request)
        if verb == "watch":
            return await self._watch(request, fault or Fault("watch"))
        if verb == "get":
            return await self._get(request)
        answer = await self._write(request)
        return fault.answer() if fault is not None else answer

    def _list(self, request: web.Request) -> web.Response:
        token = request.query.get("continue")
        items = self._lists.pop(token) if token else list(self.objects.values())
        version = token.split(":")[0] if token else str(self.version)
        if token and int(version) < self.oldest:
            return refusal(410, "Expired", "the continue token is too old")
        limit = int(request.query.get("limit", "500"))
        metadata = {"resourceVersion": version}
        if items[limit:]:
            metadata["continue"] = f"{version}:{len(self._lists)}:{len(items)}"
            self._lists[metadata["continue"]] = items[limit:]
        return web.json_response({"metadata": metadata, "items": items[:limit]})

    async def _watch(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        initial = request.query.get("sendInitialEvents") == "true"
        if initial and not self.streaming_lists:
            return refusal(422, "Invalid", "sendInitialEvents is forbidden for watch")
        since = self.version if initial else int(request.query["resourceVersion"])
        response = web.StreamResponse()
        await response.prepare(request)
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(float(request.query.get("timeoutSeconds", "290"))):
                await self._stream(response, since, fault, initial)
        return response

    async def _stream(
        self, response: web.StreamResponse, since: int, fault: Fault, initial: bool
    ) -> None:
        epoch, sent = self._epoch, 0
        async for line in self._lines(since, initial, epoch):
            out = fault.line if fault.line is not None and sent == 0 else line
            if fault.cut == sent:
                return
            if fault.silent == sent:
                await self._until_dropped(epoch)
                return
            if fault.half == sent:
                await response.write(out[: len(out) // 2])
                return
            await response.write(out)
            sent += 1

    async def _lines(self, since: int, initial: bool, epoch: int) -> AsyncIterator[bytes]:
        if since < self.oldest and not initial:
            gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
            yield _line("ERROR", gone)
            return
        if initial:
            for obj in list(self.objects.values()):
                yield _line("ADDED", obj)
            yield _bookmark(since, end=True)
        elif self.bookmarks and since <= self.version:
            yield _bookmark(since)
        self.watching += 1
        while epoch == self._epoch:
            for version, kind, obj in [entry for entry in self.log if entry[0] > since]:
                yield _line(kind, obj)
                since = version
            async with self._changed:
                if epoch == self._epoch and not any(entry[0] > since for entry in self.log):
                    await self._changed.wait()

    async def _until_dropped(self, epoch: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: epoch != self._epoch)

    async def _get(self, request: web.Request) -> web.Response:
        *_, namespace, _, name = ["", "", *request.path.split("/")]
        obj = self.objects.get((namespace, name))
        return web.json_response(obj) if obj else refusal(404, "NotFound", f"no {name}")

    async def _write(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.bodies.append(body)
        self.writing += 1
        self.most_writing = max(self.most_writing, self.writing)
        await asyncio.sleep(self.write_seconds)
        self.writing -= 1
        sent = json.loads(body) if body else {}
        if request.method == "POST":
            return await self._create(sent)
        return await self._patch(request, sent)

    async def _create(self, sent: Json) -> web.Response:
        metadata = sent["metadata"]
        if (metadata["namespace"], metadata["name"]) in self.objects:
            return refusal(409, "AlreadyExists", "already exists")
        fields = {key: value for key, value in sent.items() if key != "metadata"}
        return web.json_response(
            await self.put(metadata["name"], metadata["namespace"], **fields), status=201
        )

    async def _patch(self, request: web.Request, sent: Json) -> web.Response:
        *_, namespace, _, name = request.path.split("/")
        old = self.objects.get((namespace, name))
        if old is None:
            return refusal(404, "NotFound", f"no {name}")
        wanted = sent.get("metadata", {}).get("resourceVersion")
        if wanted not in (None, old["metadata"]["resourceVersion"]):
            return refusal(409, "Conflict", "the object has been modified")
        fields = {key: value for key, value in sent.items() if key != "metadata"}
        merged = {key: {**old.get(key, {}), **value} for key, value in fields.items()}
        kept = {key: value for key, value in old.items() if key not in ("metadata", *merged)}
        return web.json_response(await self.put(name, namespace, **kept, **merged))


def _line(kind: str, obj: Json) -> bytes:
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def _bookmark(version: int, *, end: bool = False) -> bytes:
    metadata: Json = {"resourceVersion": str(version)}
    if end:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    return _line("BOOKMARK", {"kind": "ManifestWork", "metadata": metadata})


@pytest.fixture
def make_hub() -> type[ScriptedHub]:
    return ScriptedHub


@pytest.fixture
def fault() -> type[Fault]:
    return Fault


@pytest.fixture
def collection() -> str:
    return COLLECTION


@pytest.fixture
async def hub() -> AsyncIterator[ScriptedHub]:
    hub = ScriptedHub()
    await hub.start()
    yield hub
    await hub.stop()


@pytest.fixture
async def client(hub: ScriptedHub) -> AsyncIterator[HubClient]:
    async with await HubClient.with_token(hub.url, "secret-token", None) as client:
        yield client


@pytest.fixture
def until() -> Until:
    """`await until(lambda: ...)` returns as soon as it is true."""

    async def wait(condition: Callable[[], object]) -> None:
        while True:
            if condition():
                return
            await asyncio.sleep(0.001)

    return wait
