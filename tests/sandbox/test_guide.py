"""The demo's printed lines can be run as they stand there."""

import asyncio
import socket
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from ibgu.api.http.server import bind
from ibgu.core.drivers.ibu.actions import Action
from ibgu.sandbox.demo import main
from ibgu.sandbox.demo.address import address
from ibgu.sandbox.demo.ending import MISUSED
from ibgu.sandbox.demo.guide import guide
from ibgu.sandbox.demo.options import DemoOptions
from ibgu.sandbox.demo.play import ready
from ibgu.sandbox.demo.sample import of_upgrade
from ibgu.sandbox.demo.serving import start_ibgu
from ibgu.sandbox.demo.update_sample import DRAINS, of_update
from ibgu.sandbox.errors import SandboxError
from ibgu.sandbox.hub import SandboxHub


def test_the_printed_token_may_change_rollouts(sandbox_hub: SandboxHub) -> None:
    text = guide(DemoOptions(), of_upgrade(DemoOptions()), sandbox_hub)
    assert f"IBGU_TOKEN={sandbox_hub.token('olga')}\n" in text
    assert f"alice may only look: {sandbox_hub.token('alice')})" in text
    assert f"approve and break glass: {sandbox_hub.token('nora')})" in text


@pytest.mark.parametrize(
    ("started", "command"),
    [
        ("/opt/bin/ibgu", "/opt/bin/ibgu"),
        ("/opt/lib/ibgu/__main__.py", f"'{sys.executable} -m ibgu'"),
    ],
)
def test_the_alias_runs_what_was_started(
    sandbox_hub: SandboxHub, monkeypatch: pytest.MonkeyPatch, started: str, command: str
) -> None:
    monkeypatch.setattr(sys, "argv", [started, "demo"])
    text = guide(DemoOptions(), of_upgrade(DemoOptions()), sandbox_hub)
    assert f" ibgu={command}\n" in text


def test_clusters_are_asked_for_by_a_label_that_some_keep(sandbox_hub: SandboxHub) -> None:
    """The next step takes `prep-completed` away again."""
    text = guide(DemoOptions(), of_upgrade(DemoOptions()), sandbox_hub)
    assert f"kubectl get managedclusters -l {Action.PREP.failed_label}\n" in text


def test_a_line_inspects_the_fleet(sandbox_hub: SandboxHub) -> None:
    text = guide(DemoOptions(), of_upgrade(DemoOptions()), sandbox_hub)
    assert "  ibgu preflight -l fleet=demo --target 4.17.0-rc.1 --inspect\n" in text


def test_a_taken_port_is_reported_before_anything_is_started(
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


def test_a_port_that_is_taken_between_its_choice_and_ibgus_start_ends_no_demo(
    sandbox_hub: SandboxHub, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything was built by then."""
    with bind("127.0.0.1:0") as taken:
        chosen = iter([_named(taken), address("127.0.0.1:0")])
        monkeypatch.setattr("ibgu.sandbox.demo.serving.address", lambda _: next(chosen))
        keeper, listen = asyncio.run(start_ibgu("", sandbox_hub, empty_url))
        try:
            assert listen != _named(taken)
            with socket.create_connection(_pair(listen)):
                keeper.check("ibgu")
        finally:
            keeper.close()


def test_a_requested_address_that_is_taken_ends_the_demo_with_an_error(
    sandbox_hub: SandboxHub, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibgu.sandbox.demo.serving.address", lambda wanted: wanted)
    with bind("127.0.0.1:0") as taken:
        words = f"can't listen on {_named(taken)}: Address already in use"
        with pytest.raises(SandboxError, match=words):
            asyncio.run(start_ibgu(_named(taken), sandbox_hub, empty_url))


def _pair(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    return host, int(port)


def _named(listener: socket.socket) -> str:
    return f"127.0.0.1:{listener.getsockname()[1]}"


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/good" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_server_is_ready_once_it_answers_so() -> None:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert asyncio.run(ready(f"{url}/good"))
        assert not asyncio.run(ready(f"{url}/starting"))
        server.shutdown()
    assert not asyncio.run(ready(f"{url}/good"))


def test_the_lines_for_a_fleet_update_name_its_clusters(sandbox_hub: SandboxHub) -> None:
    options = DemoOptions(kind="FleetUpdate")
    shown = of_update(options)
    text = guide(options, shown, sandbox_hub)
    assert "  kubectl get fu demo -o yaml\n" in text
    assert "  ibgu explain spoke6\n" in text
    assert {"spoke1", "spoke6"} <= shown.failing
    assert not {"spoke4", DRAINS} & shown.failing
    assert f"  ibgu explain {DRAINS}\n" in text


def test_clusters_with_faults_of_the_user_may_fail_or_not() -> None:
    faults = ("ack-required@site-0002", "drain-blocked@spoke6")
    shown = of_update(DemoOptions(kind="FleetUpdate", faults=faults))
    assert shown.open == {"site-0002", "spoke6"}
    assert "spoke1" in shown.failing
    assert not shown.open & shown.failing


def test_a_fault_that_is_not_known_ends_the_demo_before_it_starts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(DemoOptions(kind="FleetUpdate", faults=("no-sig",))) == MISUSED
    assert "did you mean no-signature?" in capsys.readouterr().out
