"""The keeper: how it stops what it started, and what it says."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ibgu.sandbox.errors import SandboxError
from ibgu.sandbox.keeper import Keeper
from ibgu.sandbox.waiting import wait_until

STUBBORN = 'trap "" TERM; echo ready $$; while :; do sleep 0.1; done'
POLITE = (
    'trap "echo {name} stops >> {log}; exit 0" TERM; echo ready $$; while :; do sleep 0.01; done'
)


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    with Keeper(tmp_path, remove_folder=False) as keeper:
        yield keeper


def start(keeper: Keeper, name: str, script: str, *, grace: float = 3) -> int:
    pid = keeper.start(name, ["/bin/sh", "-c", script], grace=grace)
    ready = f"ready {pid}"
    wait_until(lambda: keeper.tail(name).endswith(ready), name, lambda: keeper.check(name))
    return pid


def test_the_last_started_is_stopped_first(tmp_path: Path) -> None:
    log = tmp_path / "order"
    with Keeper(tmp_path, remove_folder=False) as keeper:
        for name in ("etcd", "apiserver"):
            start(keeper, name, POLITE.format(name=name, log=log))
    assert log.read_text() == "apiserver stops\netcd stops\n"


def test_a_process_that_ignores_the_signal_is_killed(keeper: Keeper) -> None:
    pid = start(keeper, "stubborn", STUBBORN, grace=0.2)
    keeper.stop("stubborn")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_killed_process_gets_no_other_signal(keeper: Keeper, tmp_path: Path) -> None:
    log = tmp_path / "order"
    start(keeper, "polite", POLITE.format(name="polite", log=log))
    keeper.kill("polite")
    keeper.kill("polite")
    assert not log.exists()
    assert start(keeper, "polite", POLITE.format(name="polite", log=log))


def test_a_stopped_server_can_be_started_again(keeper: Keeper) -> None:
    first = start(keeper, "server", POLITE.format(name="server", log="/dev/null"))
    keeper.stop("server")
    keeper.stop("server")
    assert start(keeper, "server", POLITE.format(name="server", log="/dev/null")) != first


def test_the_last_output_of_a_failed_server_is_in_the_error(keeper: Keeper) -> None:
    keeper.start("etcd", ["/bin/sh", "-c", "echo no room >&2; exit 3"])
    with pytest.raises(SandboxError, match="etcd ended with code 3; its last words:\nno room"):
        wait_until(lambda: False, "etcd", lambda: keeper.check("etcd"))


def test_a_missing_program_is_named_in_the_error(keeper: Keeper, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"etcd: could not start.*No such file"):
        keeper.start("etcd", [str(tmp_path / "etcd")])
    assert keeper.tail("etcd") == "(nothing)"
    assert keeper.tail("other") == "(nothing)"


def test_ctrl_c_is_left_to_the_caller(keeper: Keeper) -> None:
    first = start(keeper, "server", POLITE.format(name="server", log="/dev/null"))
    os.kill(keeper.pid, signal.SIGINT)
    keeper.check("server")
    os.kill(first, 0)


def test_a_server_gets_variables_of_its_own_beside_its_callers(keeper: Keeper) -> None:
    argv = ["/bin/sh", "-c", 'echo "$GOGC in $PATH"']
    keeper.start("etcd", argv, environment={"GOGC": "off"})
    expected = f"off in {os.environ['PATH']}"
    wait_until(lambda: keeper.tail("etcd") == expected, "etcd", lambda: None)
