"""Ports for servers that start some seconds after theirs was chosen."""

import socket
import subprocess
import sys

import pytest

from ibgu.sandbox import servers

_MANY = 150
"""The number of ports out of 1,000: without a claim, two processes that take so many would have
twenty in common."""
_CHOOSER = f"""
from ibgu.sandbox import servers
from ibgu.sandbox.servers import free_port
servers._PORTS = range(31_000, 32_000)
print(*(free_port() for _ in range({_MANY})), flush=True)
input()
"""


def test_no_port_is_given_twice_while_its_owner_lives() -> None:
    one, two = _chooser(), _chooser()
    chosen = [int(port) for process in (one, two) for port in _line(process).split()]
    for process in (one, two):
        process.communicate("\n")
    assert len(set(chosen)) == len(chosen) == 2 * _MANY


def test_a_port_somebody_listens_at_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    free = servers.free_port()
    with socket.create_server(("127.0.0.1", 0)) as someone:
        taken = someone.getsockname()[1]
        monkeypatch.setattr(servers, "_PORTS", range(taken, taken + 1))
        monkeypatch.setattr("random.sample", lambda ports, _: list(ports))
        with pytest.raises(OSError, match="no free port"):
            servers.free_port()
    with socket.create_server(("127.0.0.1", free)):
        """Its claim is in no server's way."""


def _chooser() -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _CHOOSER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()
