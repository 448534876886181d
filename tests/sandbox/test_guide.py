"""The demo's printed lines can be run as they stand there."""

import asyncio
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from ibgu.api.http.server import bind
from ibgu.core.model import Action
from ibgu.sandbox.demo import main
from ibgu.sandbox.demo.address import address
from ibgu.sandbox.demo.guide import guide
from ibgu.sandbox.demo.options import DemoOptions
from ibgu.sandbox.demo.ready import ready
from ibgu.sandbox.hub import SandboxHub


@pytest.mark.hub
def test_the_printed_token_may_change_rollouts(sandbox_hub: SandboxHub) -> None:
    text = guide(DemoOptions(), sandbox_hub, "postgresql://h/d")
    assert f"IBGU_TOKEN={sandbox_hub.token('olga')}\n" in text
    assert f"alice may only look: {sandbox_hub.token('alice')})" in text


@pytest.mark.hub
def test_clusters_are_asked_for_by_a_label_that_some_keep(sandbox_hub: SandboxHub) -> None:
    """The next step takes `prep-completed` away again."""
    text = guide(DemoOptions(), sandbox_hub, "postgresql://h/d")
    assert f"kubectl get managedclusters -l {Action.PREP.failed_label}\n" in text


def test_a_taken_port_of_its_own_is_told_before_anything_is_started(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with bind("127.0.0.1:0") as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(DemoOptions(listen=listen)) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith(f"The demo can't run: can't listen on {listen}: Address already in use")
    assert "--listen names another address" in told
    assert "Starting" not in told


def test_without_an_address_a_free_port_is_taken_where_the_usual_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with bind("127.0.0.1:0") as taken:
        monkeypatch.setattr("ibgu.sandbox.demo.address.USUAL", _named(taken))
        found = address("")
        assert found != _named(taken)
        with bind(found):
            pass


def _named(listener: socket.socket) -> str:
    return f"127.0.0.1:{listener.getsockname()[1]}"


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
