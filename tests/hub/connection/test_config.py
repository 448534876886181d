"""The configuration of the connection: kubeconfig, service account, proxies, renewal."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Protocol

import pytest

from ibgu.core.model.kinds import ManifestWork
from ibgu.hub.client import HubClient, HubError
from ibgu.hub.connection import config
from ibgu.hub.connection.credentials import CHECK_SECONDS, LoadedCredentials, StaticToken
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
    from kubernetes_asyncio.config import incluster_config

    token, ca = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("pod-token")
    ca.write_text("a certificate")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(ca))

    configuration, credentials = await config.load(None, None)

    assert configuration.host == "https://10.0.0.1:443"
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
        self.api_key = {"BearerToken": "Bearer 0"}
        self.refreshed = 0
        self.fail = False

    async def refresh(self) -> None:
        await asyncio.sleep(0)
        if self.fail:
            raise OSError("the plugin is gone")
        self.refreshed += 1
        self.api_key["BearerToken"] = f"Bearer {self.refreshed}"


async def test_many_requests_at_once_reload_once() -> None:
    source = Source()
    loaded = LoadedCredentials(source, refresh=source.refresh, reload=source.refresh)
    assert loaded.refused()
    headers = await asyncio.gather(*(loaded.header() for _ in range(5)))

    assert headers == ["Bearer 1"] * 5
    assert source.refreshed == 1


async def test_an_expiring_credential_is_looked_at_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Source()
    loaded = LoadedCredentials(source, refresh=source.refresh, reload=source.refresh)
    assert await loaded.header() == "Bearer 0"
    loop = asyncio.get_running_loop()
    later = loop.time() + CHECK_SECONDS
    monkeypatch.setattr(loop, "time", lambda: later)
    assert await loaded.header() == "Bearer 1"
    assert await loaded.header() == "Bearer 1"


async def test_credentials_that_can_not_be_renewed_are_an_error_that_may_heal() -> None:
    source = Source()
    source.fail = True
    loaded = LoadedCredentials(source, refresh=source.refresh, reload=source.refresh)
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
    ours.cert_file = "our.crt"
    theirs, credentials = config.for_caller(ours, "their-token")

    assert (theirs.tls_server_name, theirs.verify_ssl) == ("hub", False)
    assert theirs.cert_file is None
    assert await credentials.header() == "Bearer their-token"
