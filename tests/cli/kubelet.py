"""A node whose kubelet has nothing but its pods' logs: enough for the API server to ask it."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from ibgu.hub.client import HubClient
from ibgu.hub.paths import MERGE_PATCH
from ibgu.sandbox.certificates import write_serving_files
from ibgu.sandbox.servers import free_port


@asynccontextmanager
async def kubelet(folder: Path, logs: Mapping[str, str]) -> AsyncIterator[int]:
    """Yields the kubelet's port; `logs` by "container" and, of what was before a restart,
    "container/previous"."""
    files = write_serving_files(folder)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(files.certificate, files.key)

    async def log(request: web.Request) -> web.Response:
        name = request.match_info["container"]
        asked = f"{name}/previous" if request.query.get("previous") == "true" else name
        return web.Response(text=logs[asked])

    app = web.Application()
    app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", log)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    try:
        yield port
    finally:
        await runner.cleanup()


async def put_pod(admin: HubClient, namespace: str, port: int) -> None:
    """A pod of ibgu's on that node, restarted once."""
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": namespace}}
    await admin.request("POST", "/api/v1/nodes", body=node)
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }
    await _patch(admin, f"/api/v1/nodes/{namespace}/status", {"status": status})
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "ibgu-0", "labels": {"app.kubernetes.io/name": "ibgu"}},
        "spec": {
            "nodeName": namespace,
            "containers": [{"name": "controller", "image": "ibgu"}],
        },
    }
    pods = f"/api/v1/namespaces/{namespace}/pods"
    await admin.request("POST", pods, body=pod)
    restarted = {"name": "controller", "restartCount": 1, "image": "", "imageID": "", "ready": True}
    await _patch(admin, f"{pods}/ibgu-0/status", {"status": {"containerStatuses": [restarted]}})


async def _patch(admin: HubClient, path: str, body: Any) -> None:
    await admin.request("PATCH", path, body=body, content_type=MERGE_PATCH)
