"""What the demo prints can be done as it stands there."""

import asyncio
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from ibgu.core.model import Action
from ibgu.sandbox.demo.guide import guide
from ibgu.sandbox.demo.options import DemoOptions
from ibgu.sandbox.demo.ready import ready
from ibgu.sandbox.hub import SandboxHub


@pytest.mark.hub
def test_the_printed_token_may_change_rollouts(sandbox_hub: SandboxHub) -> None:
    text = guide(DemoOptions(), sandbox_hub)
    assert f"IBGU_TOKEN={sandbox_hub.token('olga')}\n" in text
    assert f"alice may only look: {sandbox_hub.token('alice')})" in text


@pytest.mark.hub
def test_clusters_are_asked_for_by_a_label_that_some_keep(sandbox_hub: SandboxHub) -> None:
    """The next step takes `prep-completed` away again."""
    text = guide(DemoOptions(), sandbox_hub)
    assert f"kubectl get managedclusters -l {Action.PREP.failed_label}\n" in text


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/good" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_ready_is_who_says_so() -> None:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert asyncio.run(ready(f"{url}/good"))
        assert not asyncio.run(ready(f"{url}/starting"))
        server.shutdown()
    assert not asyncio.run(ready(f"{url}/good"))
