"""The configuration of the connection: kubeconfig, service account, proxies, renewal."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Protocol

import pytest
from msgspec.structs import replace

from ibgu.core.model.kinds import ManifestWork
from ibgu.hub.client import HubClient, HubError
from ibgu.hub.connection import config, exec_plugin
from ibgu.hub.connection.credentials import (
    CHECK_SECONDS,
    LoadedCredentials,
    NoCredentials,
    StaticToken,
)
from ibgu.hub.connection.endpoint import ClientCertificate
from ibgu.hub.paths import work
from tests.hub.conftest import Fault, Json, ScriptedHub

STAGE = work("spoke", "stage")


class WriteKubeconfig(Protocol):
    def __call__(self, user: Json, cluster: Json | None = None, name: str = "config") -> str: ...


@pytest.fixture
def kubeconfig(hub: ScriptedHub, tmp_path: Path) -> WriteKubeconfig:
    def write(user: Json, cluster: Json | None = None, name: str = "config") -> str:
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "hub",
            "clusters": [{"name": "hub", "cluster": {"server": hub.url, **(cluster or {})}}],
            "contexts": [
                {"name": "hub", "context": {"cluster": "hub", "user": "me"}},
                {"name": "other", "context": {"cluster": "hub", "user": "you"}},
            ],
            "users": [
                {"name": "me", "user": user},
                {"name": "you", "user": {"token": "your-token"}},
            ],
        }
        path = tmp_path / name
        path.write_text(json.dumps(content))
        return str(path)

    return write


def sent(hub: ScriptedHub) -> list[str | None]:
    return [headers.get("Authorization") for headers in hub.headers]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def test_a_kubeconfig_by_name_and_by_context(
    hub: ScriptedHub, kubeconfig: WriteKubeconfig
) -> None:
    await hub.put("stage")
    path = kubeconfig({"token": "my-token"})
    async with await HubClient.connect(path) as client:
        assert client.url == hub.url
        await client.get(STAGE, ManifestWork)
    async with await HubClient.connect(path, context="other") as client:
        await client.get(STAGE, ManifestWork)

    assert sent(hub) == ["Bearer my-token", "Bearer your-token"]


async def test_the_environment_names_the_kubeconfig(
    hub: ScriptedHub, kubeconfig: WriteKubeconfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hub.put("stage")
    monkeypatch.setenv("KUBECONFIG", kubeconfig({"token": "my-token"}))
    async with await HubClient.connect() as client:
        await client.get(STAGE, ManifestWork)

    assert sent(hub) == ["Bearer my-token"]


async def test_the_first_kubeconfig_with_the_context_is_used(
    hub: ScriptedHub, kubeconfig: WriteKubeconfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kubectl does so, and so does what the commands take the namespace from."""
    await hub.put("stage")
    first = tmp_path / "first"
    first.write_text(json.dumps({"current-context": "other"}))
    monkeypatch.setenv("KUBECONFIG", f"{first}:{kubeconfig({'token': 'my-token'})}")
    async with await HubClient.connect() as client:
        await client.get(STAGE, ManifestWork)

    assert sent(hub) == ["Bearer your-token"]


@pytest.mark.parametrize("content", ["", "not: [yaml", "clusters: []", "7"])
async def test_an_unusable_kubeconfig_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "broken"
    path.write_text(content)
    with pytest.raises(HubError, match=r"no usable kubeconfig in .*broken: "):
        await HubClient.connect(str(path))


async def test_a_missing_kubeconfig_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(HubError, match="absent: there is no such file"):
        await HubClient.connect(str(tmp_path / "absent"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(HubError, match="KUBECONFIG is not set"):
        await HubClient.connect()


async def test_in_a_pod_the_service_account_speaks(
    hub: ScriptedHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("pod-token\n")
    (tmp_path / "ca.crt").write_text("a certificate")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    endpoint, credentials = await config.load(None, None, account=tmp_path)

    assert (endpoint.url, endpoint.ca) == ("https://10.0.0.1:443", "a certificate")
    assert await credentials.header() == "Bearer pod-token"
    token.write_text("renewed-token")
    assert credentials.refused()
    assert await credentials.header() == "Bearer renewed-token"


async def test_after_a_401_the_kubeconfig_is_read_again(
    hub: ScriptedHub, kubeconfig: WriteKubeconfig, fault: type[Fault]
) -> None:
    await hub.put("stage")
    async with await HubClient.connect(kubeconfig({"token": "old"})) as client:
        kubeconfig({"token": "new"})
        hub.faults.append(fault("get", status=401, reason="Unauthorized"))
        await client.get(STAGE, ManifestWork)

    assert sent(hub) == ["Bearer old", "Bearer new"]


async def test_a_token_file_is_read_again_after_a_401(
    hub: ScriptedHub, kubeconfig: WriteKubeconfig, fault: type[Fault], tmp_path: Path
) -> None:
    await hub.put("stage")
    token = tmp_path / "token"
    token.write_text("old")
    async with await HubClient.connect(kubeconfig({"tokenFile": str(token)})) as client:
        token.write_text("new")
        hub.faults.append(fault("get", status=401, reason="Unauthorized"))
        await client.get(STAGE, ManifestWork)

    assert sent(hub) == ["Bearer old", "Bearer new"]


async def test_credentials_are_not_reloaded_again_and_again(
    hub: ScriptedHub, kubeconfig: WriteKubeconfig, fault: type[Fault]
) -> None:
    async with await HubClient.connect(kubeconfig({"token": "refused"})) as client:
        hub.faults.extend(fault("get", status=401, reason="Unauthorized") for _ in range(3))
        for _ in range(2):
            with pytest.raises(HubError) as caught:
                await client.get(STAGE, ManifestWork)
            assert caught.value.unauthorized

    assert hub.verbs() == ["get"] * 3


async def test_an_exec_plugin_gives_the_token(
    hub: ScriptedHub, kubeconfig: WriteKubeconfig, tmp_path: Path
) -> None:
    await hub.put("stage")
    plugin = tmp_path / "plugin.py"
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "plugin-token", "expirationTimestamp": "2099-01-01T00:00:00Z"},
    }
    plugin.write_text(f"print({json.dumps(json.dumps(answer))})")
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(plugin)],
        }
    }
    async with await HubClient.connect(kubeconfig(user)) as client:
        await client.get(STAGE, ManifestWork)

    assert sent(hub) == ["Bearer plugin-token"]


class Source:
    """Stands in for what knows the token, and counts how often it is asked."""

    def __init__(self) -> None:
        self.refreshed = 0
        self.fail = False

    async def refresh(self) -> str:
        await asyncio.sleep(0)
        if self.fail:
            raise NoCredentials("the plugin is gone")
        self.refreshed += 1
        return f"Bearer {self.refreshed}"

    def loaded(self) -> LoadedCredentials:
        return LoadedCredentials("Bearer 0", refresh=self.refresh, reload=self.refresh)


async def test_many_requests_at_once_reload_once() -> None:
    source = Source()
    loaded = source.loaded()
    assert loaded.refused()
    headers = await asyncio.gather(*(loaded.header() for _ in range(5)))

    assert headers == ["Bearer 1"] * 5
    assert source.refreshed == 1


async def test_an_expiring_credential_is_looked_at_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Source()
    loaded = source.loaded()
    assert await loaded.header() == "Bearer 0"
    loop = asyncio.get_running_loop()
    later = loop.time() + CHECK_SECONDS
    monkeypatch.setattr(loop, "time", lambda: later)
    assert await loaded.header() == "Bearer 1"
    assert await loaded.header() == "Bearer 1"


async def test_credentials_that_can_not_be_renewed_are_an_error_that_may_heal() -> None:
    source = Source()
    source.fail = True
    loaded = source.loaded()
    loaded.refused()
    with pytest.raises(HubError, match="the plugin is gone") as caught:
        await loaded.header()
    assert caught.value.transient

    source.fail = False
    assert await loaded.header() == "Bearer 1"


async def test_a_callers_token_is_never_renewed() -> None:
    assert not StaticToken("x").refused()


def test_the_proxy_of_the_environment_counts_unless_it_is_bypassed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert config.proxy_for("https://hub.example:6443") == "http://proxy:3128"
    assert config.proxy_for("http://hub.example") is None
    monkeypatch.setenv("NO_PROXY", ".example")
    assert config.proxy_for("https://hub.example:6443") is None


async def test_a_proxy_of_the_kubeconfig_is_used(
    hub: ScriptedHub, kubeconfig: WriteKubeconfig
) -> None:
    await hub.put("stage")
    path = kubeconfig({"token": "t"}, {"server": "http://hub.invalid:80", "proxy-url": hub.url})
    async with await HubClient.connect(path) as client:
        await client.get(STAGE, ManifestWork)

    assert sent(hub) == ["Bearer t"]


async def test_a_caller_goes_the_same_way_without_our_certificate(
    kubeconfig: WriteKubeconfig,
) -> None:
    path = kubeconfig({"token": "t"}, {"tls-server-name": "hub", "insecure-skip-tls-verify": True})
    ours, _ = await config.load(path, None)
    own = replace(ours, certificate=ClientCertificate(b"certificate", b"key"))
    theirs, credentials = config.for_caller(own, "their-token")

    assert (theirs.server_name, theirs.verified) == ("hub", False)
    assert theirs.certificate is None
    assert await credentials.header() == "Bearer their-token"


class WritePlugin(Protocol):
    def __call__(self, status: Json, code: str = "", **fields: Any) -> Json: ...


@pytest.fixture
def plugin(tmp_path: Path) -> WritePlugin:
    """A user whose program answers with the status; `code` runs before that."""

    def write(status: Json, code: str = "", **fields: Any) -> Json:
        version = "client.authentication.k8s.io/v1"
        answer = {"apiVersion": version, "kind": "ExecCredential", "status": status}
        program = tmp_path / "plugin.py"
        lines = ("import json, os, sys", code, f"print({json.dumps(json.dumps(answer))})")
        program.write_text("\n".join(lines))
        args = [str(program)]
        asked = {"apiVersion": version, "command": sys.executable, "args": args, "env": None}
        return {"exec": asked | fields}

    return write


async def header_of(path: str) -> str | None:
    _, credentials = await config.load(path, None)
    return await credentials.header()


async def refused(path: str) -> str:
    """Returns why the kubeconfig can't be used."""
    with pytest.raises(HubError) as caught:
        async with await HubClient.connect(path):
            pass
    assert caught.value.reason == "NoConfiguration"
    return caught.value.message


async def test_a_plugin_gets_the_cluster_and_its_environment(
    hub: ScriptedHub, kubeconfig: WriteKubeconfig, plugin: WritePlugin, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    code = f"open({str(told)!r}, 'w').write(os.environ['KUBERNETES_EXEC_INFO'] + os.environ['A'])"
    user = plugin(
        {"token": "t"}, code, provideClusterInfo=True, env=[{"name": "A", "value": "given"}]
    )
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "hub"}}
    assert await header_of(kubeconfig(user, {"extensions": [extension]})) == "Bearer t"
    info, given = told.read_text().rsplit("}", 1)
    spec = json.loads(info + "}")["spec"]
    assert spec["cluster"] == {"server": hub.url, "config": {"audience": "hub"}}
    assert not spec["interactive"]
    assert given == "given"


async def test_a_plugin_is_asked_again_before_its_token_expires(
    kubeconfig: WriteKubeconfig, plugin: WritePlugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    status: Json = {"token": "first", "expirationTimestamp": "2020-01-01T00:00:00Z"}
    path = kubeconfig(plugin(status))
    _, credentials = await config.load(path, None)
    assert await credentials.header() == "Bearer first"
    plugin(status | {"token": "second", "expirationTimestamp": "2999-01-01T00:00:00Z"})
    loop = asyncio.get_running_loop()
    later = loop.time()
    monkeypatch.setattr(loop, "time", lambda: later)
    later += CHECK_SECONDS
    assert await credentials.header() == "Bearer second"
    plugin(status | {"token": "third"})
    later += CHECK_SECONDS
    assert await credentials.header() == "Bearer second"


@pytest.mark.parametrize(
    ("status", "code", "fields", "why"),
    [
        ({"token": "t"}, "sys.exit('who are you')", {}, "ended with 1. who are you"),
        ({"token": "t"}, "print('{')", {}, "its answer is no ExecCredential"),
        ({}, "", {}, "its answer has neither a token nor a certificate with its key"),
        ({"clientCertificateData": "c"}, "", {}, "neither a token nor a certificate with its key"),
        ({"token": 7}, "", {}, "its answer is no ExecCredential"),
        (
            {"token": "t"},
            "",
            {"apiVersion": "v1beta1"},
            "its answer is no ExecCredential of v1beta1",
        ),
        ({"token": "t"}, "", {"interactiveMode": "Always"}, "there is no terminal"),
        ({"token": "t"}, "", {"command": "no-such-program"}, "no-such-program, the program that"),
        ({"token": "t"}, "", {"args": [7]}, "its user is malformed"),
    ],
)
async def test_a_plugin_that_gives_nothing_is_named(
    kubeconfig: WriteKubeconfig,
    plugin: WritePlugin,
    status: Json,
    code: str,
    fields: Json,
    why: str,
) -> None:
    assert why in await refused(kubeconfig(plugin(status, code, **fields)))


async def test_a_plugin_that_does_not_end_is_ended(
    kubeconfig: WriteKubeconfig, plugin: WritePlugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exec_plugin, "SECONDS", 0.1)
    user = plugin({"token": "t"}, "import time; time.sleep(600)")
    assert "it gave no answer within" in await refused(kubeconfig(user))


@pytest.mark.parametrize(
    ("user", "why"),
    [
        ({"auth-provider": {"name": "oidc"}}, "has an auth-provider, which is deprecated"),
        ({"client-certificate-data": "YQ=="}, "needs both client-certificate and client-key"),
        ({"client-certificate-data": "?", "client-key-data": "YQ=="}, "client-certificate-data"),
        ({"client-certificate-data": "YQ==", "client-key-data": "YQ=="}, "can't be used"),
        ({"tokenFile": "absent"}, "absent, which it names as tokenFile, is not there"),
        ({"token": ["t"]}, "its user is malformed"),
    ],
)
async def test_a_user_that_proves_nothing_is_named(
    kubeconfig: WriteKubeconfig, user: Json, why: str
) -> None:
    assert why in await refused(kubeconfig(user))


async def test_a_password_is_sent_as_one(kubeconfig: WriteKubeconfig) -> None:
    assert await header_of(kubeconfig({"username": "me", "password": "pw"})) == "Basic bWU6cHc="


async def test_a_kubeconfig_without_a_user_authenticates_by_nothing(
    hub: ScriptedHub, tmp_path: Path
) -> None:
    path = tmp_path / "config"
    content = {
        "current-context": "hub",
        "clusters": [{"name": "hub", "cluster": {"server": hub.url}}],
        "contexts": [{"name": "hub", "context": {"cluster": "hub"}}],
    }
    path.write_text(json.dumps(content))
    assert await header_of(str(path)) is None


async def test_a_token_file_is_read_again_every_minute(
    kubeconfig: WriteKubeconfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("old\n")
    _, credentials = await config.load(kubeconfig({"tokenFile": "token"}), None)
    assert await credentials.header() == "Bearer old"
    (tmp_path / "token").write_text("new\n")
    loop = asyncio.get_running_loop()
    later = loop.time() + CHECK_SECONDS
    monkeypatch.setattr(loop, "time", lambda: later)
    assert await credentials.header() == "Bearer new"
