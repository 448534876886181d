"""OpenShift's router on a sandbox hub: it names Routes, and ends TLS in front of the pods.

What differs from OpenShift's: it listens on a port of its own, and the host names that port, as
several tests run at once. Its certificate is signed by its own authority, as that of a new cluster
is, which nobody trusts by default.
"""

import asyncio
import json
import random
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from ibgu.sandbox.certificates import write_serving_files
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from tests.e2e.kubelet import Kubelet
from tests.e2e.manifests import Object, config_map

AUTHORITY = ("openshift-config-managed", "default-ingress-cert")
"""Namespace and name of the ConfigMap in which OpenShift publishes the router's certificates."""
_CHUNK = 65536


class Router:
    def __init__(self, hub: SandboxHub, kubelet: Kubelet, folder: Path) -> None:
        self._kubectl = Kubectl(hub)
        self._kubelet = kubelet
        folder.mkdir()
        files = write_serving_files(folder)
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(files.certificate, files.key)
        self._kubectl("create", "namespace", AUTHORITY[0])
        self._kubectl.apply(config_map(*AUTHORITY, **{"ca-bundle.crt": files.ca.read_text()}))
        self._selector: dict[str, str] = {}
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="router")

    @contextmanager
    def running(self) -> Iterator["Router"]:
        self._thread.start()
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def admit(self, name: str, namespace: str) -> str:
        """Serves the Route, and returns the host that it now has."""
        at = ("route", name, "-n", namespace)
        route = self._kubectl.get(*at)["spec"]
        assert "host" not in route
        assert route["tls"]["termination"] == "edge"
        service = self._kubectl.get("service", route["to"]["name"], "-n", namespace)["spec"]
        assert route["port"]["targetPort"] in [port["name"] for port in service["ports"]]
        self._selector = service["selector"]
        host = f"localhost:{asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()}"
        patch: Object = {"spec": {"host": host}}
        self._kubectl("patch", *at, "--type=merge", "-p", json.dumps(patch))
        return host

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        served = asyncio.all_tasks() - {asyncio.current_task()}
        for task in served:
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        pods = await asyncio.to_thread(self._kubelet.selected, self._selector)
        if pods:
            at = urlsplit(random.choice(pods).listens_at)
            pod, request = await asyncio.open_connection(at.hostname, at.port)
            await asyncio.gather(_copy(client, request), _copy(pod, answer))
        answer.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(_CHUNK):
            target.write(data)
            await target.drain()
    target.close()
