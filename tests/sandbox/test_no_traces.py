"""However the caller ends, no server, port or folder of a sandbox is left."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ibgu.sandbox.errors import SandboxError
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from tests.sandbox.traces import answers, eventually, processes_naming

CALLER = """
    import json, os, signal, sys, time
    from ibgu.sandbox.hub import SandboxHub
    from ibgu.sandbox.postgres import EmbeddedPostgres

    # Who runs the tests in the background has had it ignored, here too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with SandboxHub() as hub, EmbeddedPostgres() as postgres:
        socket = postgres.url.partition("host=")[2]
        folders = [str(hub.folder), os.path.dirname(socket)]
        forked = os.fork() if "fork" in sys.argv else 0
        if "fork" in sys.argv and not forked:
            time.sleep(600)
        print(json.dumps({"url": hub.url, "folders": folders, "forked": forked}), flush=True)
        if "raise" in sys.argv:
            raise LookupError("on purpose")
        time.sleep(600)
"""


class Sandbox(NamedTuple):
    caller: subprocess.Popen[str]
    port: int
    folders: list[str]
    forked: int
    """A process that the caller forked and that holds copies of all its files; 0: none."""

    def servers(self) -> list[int]:
        """The pids of the processes that name one of the folders, the caller's aside."""
        return [pid for pid in processes_naming(self.folders) if pid != self.caller.pid]

    def is_gone(self) -> bool:
        return not (
            self.servers()
            or answers(self.port)
            or any(Path(path).exists() for path in self.folders)
        )


@pytest.fixture
def start() -> Iterator[Callable[..., Sandbox]]:
    """Start a caller with arguments and wait until its sandbox is up."""
    callers: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> Sandbox:
        caller = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(CALLER), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        callers.append(caller)
        assert caller.stdout is not None
        facts = json.loads(caller.stdout.readline())
        port = int(facts["url"].rpartition(":")[2])
        return Sandbox(caller, port, facts["folders"], facts["forked"])

    yield run
    for caller in callers:
        caller.kill()
        caller.wait()
        assert caller.stdout is not None
        caller.stdout.close()


def test_after_an_exception(start: Callable[..., Sandbox]) -> None:
    sandbox = start("raise")
    assert sandbox.caller.wait() == 1
    assert sandbox.is_gone()


def test_after_ctrl_c(start: Callable[..., Sandbox]) -> None:
    sandbox = start()
    assert len(sandbox.servers()) >= 3
    sandbox.caller.send_signal(signal.SIGINT)
    assert sandbox.caller.wait() in (1, 130, -signal.SIGINT)
    assert sandbox.is_gone()


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_after_the_caller_is_killed(start: Callable[..., Sandbox], sent: signal.Signals) -> None:
    sandbox = start()
    sandbox.caller.send_signal(sent)
    assert sandbox.caller.wait() == -sent
    assert eventually(sandbox.is_gone)


def test_though_a_fork_of_the_caller_lives_on(start: Callable[..., Sandbox]) -> None:
    sandbox = start("fork")
    try:
        sandbox.caller.kill()
        sandbox.caller.wait()
        assert eventually(lambda: not answers(sandbox.port))
        assert eventually(lambda: not any(map(os.path.exists, sandbox.folders)))
    finally:
        os.kill(sandbox.forked, signal.SIGKILL)


def test_after_the_keeper_is_killed() -> None:
    with SandboxHub() as hub:
        folder = str(hub.folder)
        keeper = next(pid for pid in processes_naming([folder]) if is_keeper(pid))
        os.kill(keeper, signal.SIGKILL)
        assert eventually(lambda: not list(processes_naming([folder])))
        with pytest.raises(SandboxError, match="keeper of the sandbox is gone"):
            hub.restart_apiserver()
        assert Kubectl(hub).run("get", "namespaces").code != 0
    assert not Path(folder).exists()


def is_keeper(pid: int) -> bool:
    return "keeper_main" in Path(f"/proc/{pid}/cmdline").read_text()


def test_a_start_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the audit log is a folder, which the API server says."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(SandboxError, match="kube-apiserver ended"):
        SandboxHub(audit_log=tmp_path).start()
    assert not list(tmp_path.glob("ibgu-*"))
