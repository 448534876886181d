"""The processes as they are really run: start, serve, stop."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

import httpx
import pytest

from ibgu.api.http.server import bind
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.servers import free_port

Process = subprocess.Popen[str]
Start = Callable[..., Process]
LOG_BYTES = 1 << 20
"""What a process may log before someone reads it: who leads carries out whatever other tests have
left on the hub, and would stand still where the pipe is full."""

PAUSE = 0.05
"""Seconds between two questions: without them the questions take a core from what starts."""


@pytest.fixture
def env(sandbox_hub: SandboxHub, empty_url: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {
        "KUBECONFIG": str(sandbox_hub.kubeconfig("ibgu")),
        "DATABASE_URL": empty_url,
        "IBGU_LISTEN": f"127.0.0.1:{free_port()}",
        "IBGU_IDENTITY": f"test-{free_port()}",
    }


def finished(env: Mapping[str, str], *args: str) -> tuple[int, str, str]:
    """Exit code, output, and what it said to people: the log is in JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "ibgu", *args], env=env, capture_output=True, text=True
    )
    said = [line for line in done.stderr.splitlines(keepends=True) if not line.startswith("{")]
    return done.returncode, done.stdout, "".join(said)


@contextmanager
def running(env: Mapping[str, str], *args: str) -> Iterator[Process]:
    command = [sys.executable, "-m", "ibgu", *args]
    process = subprocess.Popen(
        command, env=env, stderr=subprocess.PIPE, text=True, pipesize=LOG_BYTES
    )
    with process:
        try:
            until(process, env, "/readyz")
            yield process
        finally:
            process.kill()


def until(process: Process, env: Mapping[str, str], path: str) -> None:
    """Waits until the process answers with 200; otherwise the test fails with what the process
    said."""
    with httpx.Client(
        trust_env=False, timeout=60, base_url=f"http://{env['IBGU_LISTEN']}"
    ) as client:
        while process.poll() is None:
            with suppress(httpx.TransportError):
                if client.get(path).status_code == 200:
                    return
            time.sleep(PAUSE)
    assert process.stderr
    pytest.fail(process.stderr.read())


def get(env: Mapping[str, str], path: str, token: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.get(f"http://{env['IBGU_LISTEN']}{path}", headers=headers)


def lease_holder(kubectl: Kubectl) -> str:
    spec = kubectl("get", "lease", "ibgu-controller", "-n", "ibgu-system", "-o", "json")
    holder: str = json.loads(spec)["spec"].get("holderIdentity") or ""
    return holder


def stopped(process: Process, how: signal.Signals) -> tuple[int, list[dict[str, str]]]:
    """The exit code and the log."""
    process.send_signal(how)
    _, said = process.communicate()
    return process.returncode, [json.loads(line) for line in said.splitlines()]


@pytest.mark.parametrize("command", ["run", "controller", "api", "migrate"])
def test_without_a_database_nothing_starts(env: dict[str, str], command: str) -> None:
    code, _, said = finished(env | {"DATABASE_URL": ""}, command)
    assert (code, said) == (
        2,
        "ibgu: DATABASE_URL: not set. Postgres, as postgresql://user:password@host:5432/name.\n",
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"KUBECONFIG": ""}, "KUBECONFIG: not set. It must name the kubeconfig of the hub."),
        ({"KUBECONFIG": "/nowhere"}, "KUBECONFIG: no usable kubeconfig in /nowhere: "),
        ({"DATABASE_URL": "mysql://x"}, "DATABASE_URL: the database URL begins with mysql://; "),
        ({"IBGU_LISTEN": "8080"}, "IBGU_LISTEN: '8080' is not an address to listen on; "),
        ({"IBGU_LEASE_SECONDS": "x"}, "IBGU_LEASE_SECONDS: 'x' is no number. "),
        (
            {"IBGU_LEASE_SECONDS": "2"},
            "IBGU_LEASE_SECONDS, IBGU_LEASE_RENEW_SECONDS, IBGU_LEASE_RETRY_SECONDS: lease times",
        ),
    ],
)
def test_a_bad_setting_is_one_line(env: dict[str, str], change: dict[str, str], said: str) -> None:
    code, _, words = finished(env | change, "run", "--migrate")
    assert code == 2
    assert words.startswith(f"ibgu: {said}")
    assert words.count("\n") == 1


def test_a_database_without_tables_is_one_line(env: dict[str, str]) -> None:
    assert finished(env, "run") == (
        1,
        "",
        "ibgu: the database has no tables of ibgu: run `ibgu migrate` or --migrate\n",
    )


def test_a_migration_does_not_wait(env: dict[str, str]) -> None:
    """The migration is a job, and anyone who runs it wants to know."""
    url = "postgresql://nobody@127.0.0.1:9/none"
    code, _, said = finished(env | {"DATABASE_URL": url}, "migrate")
    assert code == 1
    assert said.startswith("ibgu: the journal's database is away (reading its schema): ")
    assert said.count("\n") == 1


def test_an_address_that_is_taken(env: dict[str, str]) -> None:
    with bind(env["IBGU_LISTEN"]):
        code, _, said = finished(env, "run", "--migrate")
    assert (code, said) == (
        2,
        f"ibgu: IBGU_LISTEN: can't listen on {env['IBGU_LISTEN']}: Address already in use\n",
    )


def test_migrate_says_what_it_did(env: dict[str, str]) -> None:
    without_hub = {name: value for name, value in env.items() if name != "KUBECONFIG"}
    code, first, _ = finished(without_hub, "migrate")
    assert (code, first.startswith("the database has schema ")) == (0, True)
    code, second, _ = finished(without_hub, "migrate")
    assert (code, second.endswith(": nothing to do\n")) == (0, True)


def test_controller_and_api_in_one(
    env: dict[str, str], sandbox_hub: SandboxHub, kubectl: Kubectl
) -> None:
    token = sandbox_hub.token("alice")
    with running(env, "run", "--migrate") as process:
        assert lease_holder(kubectl) == env["IBGU_IDENTITY"]
        assert get(env, "/api/v1/rollouts", token).status_code == 200
        assert get(env, "/api/v1/rollouts").status_code == 401
        assert "ibgu_leader 1.0" in get(env, "/metrics").text
        code, log = stopped(process, signal.SIGTERM)
    assert code == 0
    assert lease_holder(kubectl) == ""
    events = [line["event"] for line in log]
    # What other tests have left on the hub may still be decided on in between.
    assert "stopping" in events
    assert events[-1] == "leadership ended"
    assert token not in json.dumps(log)


def test_metrics_may_have_an_address_of_their_own(env: dict[str, str]) -> None:
    """They name rollouts: not everybody who may ask the API has to see them."""
    apart = env | {"IBGU_METRICS_LISTEN": f"127.0.0.1:{free_port()}"}
    there = apart | {"IBGU_LISTEN": apart["IBGU_METRICS_LISTEN"]}
    with running(apart, "run", "--migrate") as process:
        assert get(apart, "/metrics").status_code == 404
        while "ibgu_leader 1.0" not in get(there, "/metrics").text:
            assert process.poll() is None
        assert get(there, "/readyz").status_code == 200
        assert get(there, "/api/v1/rollouts").status_code == 404
        code, _ = stopped(process, signal.SIGTERM)
    assert code == 0


def test_the_controller_alone_serves_its_probes(env: dict[str, str], kubectl: Kubectl) -> None:
    with running(env, "controller", "--migrate") as process:
        assert get(env, "/healthz").status_code == 200
        assert get(env, "/api/v1/rollouts").status_code == 404
        code, _ = stopped(process, signal.SIGINT)
    assert (code, lease_holder(kubectl)) == (0, "")


def test_the_api_alone_needs_no_controller(env: dict[str, str], sandbox_hub: SandboxHub) -> None:
    with running(env, "api", "--migrate") as process:
        answer = get(env, "/api/v1/rollouts", sandbox_hub.token("bob"))
        assert answer.status_code == 200
        nothing = {"nextCursor": None, "needsPerson": None, "rollbackDeadlines": None}
        assert answer.json() == {"items": [], "seq": 0, **nothing}
        assert stopped(process, signal.SIGINT)[0] == 0
