"""Tokens and namespaces of a kubeconfig, as kubectl would take them."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ibgu.cli.rest.kubeconfig import current, token_of
from ibgu.cli.rest.target import RestTarget
from ibgu.client import RestError

HTTPS = "https://ibgu.example"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`write(user={...}, namespace="edge")` makes a kubeconfig and points KUBECONFIG at it."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    def make(user: dict[str, Any], **context: str) -> Path:
        path = tmp_path / "config"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", **context}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}],
            "users": [{"name": "other", "user": {"token": "no"}}, {"name": "u", "user": user}],
        }
        path.write_text(yaml.safe_dump(config))
        monkeypatch.setenv("KUBECONFIG", str(path))
        return path

    return make


def test_a_plain_token_and_the_contexts_namespace(write: Any) -> None:
    write({"token": "mine"}, namespace="edge")
    assert token_of(current()) == "mine"
    assert RestTarget(HTTPS).in_namespace() == "edge"
    assert RestTarget(HTTPS, namespace="given").in_namespace() == "given"


def test_a_token_file_is_relative_to_the_kubeconfig(write: Any, tmp_path: Path) -> None:
    write({"tokenFile": "token"})
    with pytest.raises(RestError, match=r"no token: can't read .*token: No such file"):
        token_of(current())
    (tmp_path / "token").write_text("from the file\n")
    assert token_of(current()) == "from the file"


def test_a_plugin_is_asked(write: Any, tmp_path: Path) -> None:
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from the plugin"},
    }
    plugin = tmp_path / "plugin.py"
    plugin.write_text(f"print({json.dumps(credential)!r})")
    write(
        {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": sys.executable,
                "args": [str(plugin)],
                "interactiveMode": "Never",
            }
        }
    )
    assert token_of(current()) == "from the plugin"


def test_a_plugin_that_fails(write: Any) -> None:
    write({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/nowhere"}})
    with pytest.raises(RestError, match="no token: "):
        token_of(current())


def test_a_user_without_a_token(write: Any, tmp_path: Path) -> None:
    write({"client-certificate": "x.crt"})
    with pytest.raises(RestError, match=r"x\.crt, which it names as client-certificate, is not"):
        token_of(current())
    (tmp_path / "x.crt").touch()
    with pytest.raises(RestError, match=r"no token in the kubeconfig .*: its current user has"):
        token_of(current())


def test_without_a_kubeconfig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert RestTarget(HTTPS).in_namespace() == "default"
    with pytest.raises(RestError, match="no token"):
        RestTarget(HTTPS).client()


def test_the_first_file_that_has_an_entry_counts(
    write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = write({"token": "second"}, namespace="second")
    first = tmp_path / "first"
    first.write_text(yaml.safe_dump({"users": [{"name": "u", "user": {"token": "first"}}]}))
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    assert token_of(current()) == "first"
    assert current().namespace == "second"


def test_a_file_that_is_no_kubeconfig(write: Any) -> None:
    path = write({"token": "x"})
    path.write_text("{")
    with pytest.raises(RestError, match="can't read the kubeconfig"):
        current()


@pytest.mark.parametrize("server", ["http://10.0.0.1:8080", "http://ibgu.example"])
def test_a_token_that_nobody_named_needs_tls(write: Any, server: str) -> None:
    write({"token": "mine"})
    with pytest.raises(RestError, match=r"not sent to http://.* without TLS"):
        RestTarget(server).client()
    RestTarget(server, token="named").client()


@pytest.mark.parametrize(
    "server", [HTTPS, "http://127.0.0.1:8080", "http://localhost", "http://[::1]:8080"]
)
def test_a_token_may_go_to_https_and_loopback_servers(write: Any, server: str) -> None:
    write({"token": "mine"})
    RestTarget(server).client()


def test_certificates_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(RestError, match=r"can't read the certificates in .*none.pem"):
        RestTarget(HTTPS, "t", str(tmp_path / "none.pem")).client()
