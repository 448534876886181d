"""Errors don't show the secrets that they are about."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ibgu.cli.app import app

SECRET = "hunter2-planted"
ADDRESSES = (
    f"postgresql://u:{SECRET}@127.0.0.1:1/x",
    f"postgresql://u:{SECRET}@host:port/x",
    f"postgres//u:{SECRET}@host/x",
    f"mysql://u:{SECRET}@host/x",
    f"postgresql://u:{SECRET}@[bad/x",
    f"host=h password={SECRET}",
    f"postgresql://u:{SECRET}@127.0.0.1:1/x?sslmode=odd",
)
ASKED = {"IBGU_SERVER": "http://127.0.0.1:1", "IBGU_TOKEN": SECRET}


def told(*args: str, **env: str) -> str:
    """All that the command prints; it ends by itself, and not by an error that nobody expected."""
    given = {"KUBECONFIG": "/nowhere", "DATABASE_URL": ""} | env
    found = CliRunner().invoke(app, args, env=given)
    assert found.exit_code in (1, 2), found.output
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found.output


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_databases_address(address: str) -> None:
    assert SECRET not in told("doctor", DATABASE_URL=address)


@pytest.mark.parametrize(
    "server",
    [
        f"http://u:{SECRET}@127.0.0.1:1",
        f"http://u:{SECRET}@127.0.0.1:port",
        f"u:{SECRET}@127.0.0.1",
        f"https://{SECRET}@127.0.0.1:1/",
    ],
)
def test_the_servers_address(server: str) -> None:
    found = told("get", **ASKED | {"IBGU_SERVER": server})
    assert "must have no user or password in it" in found
    assert SECRET not in found


@pytest.mark.parametrize("server", ["http://127.0.0.1:port", "https://[bad", "odd"])
def test_an_invalid_server_address_is_refused_without_secrets(server: str) -> None:
    assert "is no address of a server" in told("get", **ASKED | {"IBGU_SERVER": server})


@pytest.mark.parametrize("token", [f"{SECRET}\nx", f"{SECRET}\x1b[2J", f"a {SECRET}", f"{SECRET}é"])
def test_a_token_that_can_not_be_sent(token: str) -> None:
    found = told("get", **ASKED | {"IBGU_TOKEN": token})
    assert "the token can't be sent" in found
    assert SECRET not in found


@pytest.mark.parametrize(
    "content",
    [f"users: [{{name: a, user: {{token: {SECRET}}}", f"token: *{SECRET}", f'token: "\\q{SECRET}"'],
)
def test_a_kubeconfig_that_is_no_yaml(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(f"apiVersion: v1\nkind: Config\n{content}\n")
    for command in (("get",), ("doctor", "--user"), ("pause", "x", "--direct"), ("doctor",)):
        found = told(*command, KUBECONFIG=str(path), IBGU_SERVER="http://127.0.0.1:1")
        assert SECRET not in found, command
        assert str(path) in found


def test_help_has_no_values() -> None:
    found = CliRunner().invoke(app, ["get", "--help"], env=ASKED)
    assert SECRET not in found.output
