"""`ibgu login`: the address is found once, and kept without a secret."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from ibgu.cli.login.find import of_ingress, of_route
from ibgu.db import Journal
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from tests.api.fleet import fleet
from tests.cli.conftest import Ibgu

NOT_GIVEN = {"IBGU_SERVER": "", "IBGU_TOKEN": ""}


async def test_commands_go_where_one_is_logged_in(
    ibgu: Ibgu, journal: Journal, server: str, sandbox_hub: SandboxHub, tmp_path: Path
) -> None:
    await fleet(journal)
    env = NOT_GIVEN | {"XDG_CONFIG_HOME": str(tmp_path)}
    done = await ibgu("login", "--server", server, **env)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{server}: logged in as alice, for the context ")
    assert "IBGU_TOKEN" not in done.stderr
    other = await ibgu("login", "--server", server, **env | {"IBGU_TOKEN": "of someone else"})
    assert "IBGU_TOKEN is set: commands use that token" in other.stderr
    file = tmp_path / "ibgu" / "logins.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sandbox_hub.token("alice") not in file.read_text()
    assert [each["server"] for each in json.loads(file.read_text())["logins"].values()] == [server]
    found = await ibgu("get", "-o", "name", **env)
    assert found.stdout == "imagebasedgroupupgrade.lcm.openshift.io/ran-r1\n", found.output
    # What is given counts before what is kept.
    elsewhere = await ibgu("get", "--server", "http://127.0.0.1:9", **env)
    assert "can't reach http://127.0.0.1:9" in elsewhere.stderr
    assert (await ibgu("logout", **env)).stdout.startswith(f"{server} is removed for the context")
    assert (await ibgu("logout", **env)).stdout.startswith("no login is stored for the context")


async def test_nothing_is_kept_of_a_server_that_does_not_answer(ibgu: Ibgu, tmp_path: Path) -> None:
    env = NOT_GIVEN | {"XDG_CONFIG_HOME": str(tmp_path)}
    refused = await ibgu("login", "--server", "http://127.0.0.1:9", **env)
    assert refused.exit_code == 1
    assert "can't reach http://127.0.0.1:9" in refused.stderr
    assert not (tmp_path / "ibgu").exists()


async def test_a_context_of_the_same_name_on_another_hub_is_not_logged_in(
    ibgu: Ibgu, server: str, sandbox_hub: SandboxHub, tmp_path: Path
) -> None:
    """Neither that hub's ibgu nor the one of this machine is asked instead."""
    env = NOT_GIVEN | {"XDG_CONFIG_HOME": str(tmp_path)}
    assert (await ibgu("login", "--server", server, **env)).exit_code == 0
    other = tmp_path / "other.kubeconfig"
    mine = sandbox_hub.kubeconfig("alice").read_text()
    other.write_text(mine.replace(sandbox_hub.url, "https://other-hub.invalid:6443"))
    elsewhere = env | {"KUBECONFIG": str(other)}
    told = one_line(await ibgu("get", **elsewhere))
    assert told.startswith(f"the login for {server} is for a context sandbox of the hub")
    assert "your kubeconfig is for https://other-hub.invalid:6443; run ibgu login again" in told
    out = await ibgu("logout", **elsewhere)
    assert out.stdout.startswith("no login is stored for the context")
    assert (await ibgu("get", **env)).exit_code == 0
    # What was kept before the hub was kept with it counts for none.
    file = tmp_path / "ibgu" / "logins.json"
    kept = json.loads(file.read_text())
    for each in kept["logins"].values():
        assert each.pop("hub") == sandbox_hub.url
    file.write_text(json.dumps(kept))
    assert "of an unknown hub" in one_line(await ibgu("get", **env))
    assert (await ibgu("get", "--server", server, **env)).exit_code == 0


@pytest.mark.parametrize("content", ["{", "[]", '{"logins": {"sandbox": {"server": 7}}}', "\udc80"])
async def test_a_broken_login_file_is_reported_and_replaced_by_login(
    ibgu: Ibgu, server: str, tmp_path: Path, content: str
) -> None:
    env = NOT_GIVEN | {"XDG_CONFIG_HOME": str(tmp_path)}
    file = tmp_path / "ibgu" / "logins.json"
    file.parent.mkdir()
    file.write_text(content, errors="surrogateescape")
    told = one_line(await ibgu("get", **env))
    assert told == (
        f"can't read {file}: the content is invalid; run ibgu login to replace it, "
        "or set the address with --server or IBGU_SERVER"
    )
    assert (await ibgu("login", "--server", server, **env)).exit_code == 0
    assert (await ibgu("get", **env)).exit_code == 0


def one_line(result: Result) -> str:
    """Returns what a person reads of a failed command: one line, without any library's words."""
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    assert result.stderr.startswith("ibgu: ")
    assert result.stderr.count("\n") == 1
    for alien in ("Traceback", "ssl:", "_ssl", "NoneType", "Errno", "pydantic", "byte "):
        assert alien not in result.stderr
    return result.stderr.removeprefix("ibgu: ").rstrip()


async def test_login_without_rights_to_search_asks_for_the_address(
    ibgu: Ibgu, tmp_path: Path
) -> None:
    env = NOT_GIVEN | {"XDG_CONFIG_HOME": str(tmp_path)}
    told = one_line(await ibgu("login", **env))
    assert told.startswith("you may not look for ibgu on the hub (")
    assert told.endswith("; name its address: ibgu login --server https://…")


HUB_AWAY = "https://127.0.0.1:9"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("token", "expired"), "the hub does not accept the token of your kubeconfig"),
        (("server", HUB_AWAY), "can't connect to 127.0.0.1:9: Connection refused"),
        (("server", "https://hub.invalid:6443"), "can't connect to hub.invalid:6443: "),
        (("server", "an API"), "does not speak TLS as it should"),
        (
            ("certificate-authority", None),
            "is not trusted (unable to get local issuer certificate)",
        ),
        (("certificate-authority", "/nowhere/ca.crt"), "/nowhere/ca.crt, which it names as"),
        (("current-context", ""), "it has no current context; kubectl config use-context"),
        (("current-context", "gone"), "its current context, gone, is not in it"),
        (("contexts", ["sandbox"]), "it is no kubeconfig"),
        (("users", []), "the user of its context sandbox is not in it"),
    ],
)
async def test_a_kubeconfig_that_leads_nowhere(
    ibgu: Ibgu,
    server: str,
    sandbox_hub: SandboxHub,
    tmp_path: Path,
    change: tuple[str, Any],
    said: str,
) -> None:
    key, value = change
    value = server.replace("http:", "https:") if value == "an API" else value
    config = json.loads(sandbox_hub.kubeconfig("admin").read_text())
    parts = (config, config["clusters"][0]["cluster"], config["users"][0]["user"])
    part = next(each for each in parts if key in each)
    part[key] = value
    if value is None:
        del part[key]
    file = tmp_path / "config"
    file.write_text(json.dumps(config))
    env = NOT_GIVEN | {"XDG_CONFIG_HOME": str(tmp_path), "KUBECONFIG": str(file)}
    told = one_line(await ibgu("login", **env))
    assert told.startswith("can't look for ibgu on the hub: ")
    assert said in told


async def test_without_a_kubeconfig(ibgu: Ibgu, server: str, tmp_path: Path) -> None:
    file = tmp_path / "absent"
    env = NOT_GIVEN | {"XDG_CONFIG_HOME": str(tmp_path), "KUBECONFIG": str(file)}
    told = one_line(await ibgu("login", **env))
    assert told.endswith(f"no usable kubeconfig in {file}: there is no such file")
    for args in (("login", "--server", server), ("get", "--server", server)):
        told = one_line(await ibgu(*args, **env))
        assert told.startswith(f"no token in the kubeconfig {file}: there is no such file; give")


async def test_an_expired_token_and_a_wrong_server(
    ibgu: Ibgu, server: str, sandbox_hub: SandboxHub, tmp_path: Path
) -> None:
    env = NOT_GIVEN | {"XDG_CONFIG_HOME": str(tmp_path)}
    config = json.loads(sandbox_hub.kubeconfig("admin").read_text())
    config["users"][0]["user"]["token"] = "expired"
    file = tmp_path / "config"
    file.write_text(json.dumps(config))
    stale = env | {"KUBECONFIG": str(file)}
    told = one_line(await ibgu("login", "--server", server, **stale))
    assert told.startswith("the hub does not accept this token: it is wrong, expired or revoked")
    plain = server.replace("http://", "https://")
    assert "does not speak TLS" in one_line(await ibgu("login", "--server", plain, **env))
    told = one_line(await ibgu("login", "--server", sandbox_hub.url, **env))
    assert told.startswith(
        f"can't trust {sandbox_hub.url}: its certificate is signed by no authority"
    )
    authority = str(sandbox_hub.ca_file)
    hub = ("login", "--server", sandbox_hub.url, "--ca-file", authority)
    assert "is it ibgu" in one_line(await ibgu(*hub, **env))


async def test_each_context_has_its_own_login(
    ibgu: Ibgu, server: str, sandbox_hub: SandboxHub, tmp_path: Path
) -> None:
    env = NOT_GIVEN | {"XDG_CONFIG_HOME": str(tmp_path)}
    config = json.loads(sandbox_hub.kubeconfig("alice").read_text())
    second = {"name": "second", "context": config["contexts"][0]["context"]}
    config["contexts"].append(second)
    both = tmp_path / "config"
    both.write_text(json.dumps(config))
    first = env | {"KUBECONFIG": str(both)}
    assert (await ibgu("login", "--server", server, **first)).exit_code == 0
    both.write_text(json.dumps(config | {"current-context": "second"}))
    assert (await ibgu("logout", **first)).stdout == "no login is stored for the context second\n"
    done = await ibgu("login", "--server", server, **first)
    assert done.stdout.endswith("for the context second\n")
    kept = json.loads((tmp_path / "ibgu" / "logins.json").read_text())["logins"]
    assert set(kept) == {"sandbox", "second"}


def ingress(name: str, host: str, namespace: str = "ibgu-system") -> dict[str, object]:
    backend = {"service": {"name": "ibgu", "port": {"number": 80}}}
    rule = {
        "host": host,
        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]},
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/name": "ibgu"},
        },
        "spec": {"rules": [rule], "tls": [{"hosts": [host]}]},
    }


@pytest.fixture
def tenants(kubectl: Kubectl) -> Iterator[None]:
    """An Ingress with ibgu's label, in a namespace in which a tenant may create one."""
    kubectl.apply(ingress("lure", "tenant.invalid", "default"))
    yield
    kubectl("delete", "ingress", "-n", "default", "lure")


@pytest.fixture
def entry(kubectl: Kubectl) -> Iterator[Kubectl]:
    kubectl.apply(ingress("ibgu", "ibgu.invalid"))
    yield kubectl
    kubectl("delete", "ingress", "-n", "ibgu-system", "-l", "app.kubernetes.io/name=ibgu")


async def test_the_ingress_is_found_through_the_kubeconfig(
    ibgu: Ibgu, entry: Kubectl, tmp_path: Path
) -> None:
    env = NOT_GIVEN | {"XDG_CONFIG_HOME": str(tmp_path)}
    found = await ibgu("login", user="admin", **env)
    assert found.exit_code == 1
    assert "can't reach https://ibgu.invalid: " in found.stderr
    assert (
        "namespace default has no Route or Ingress"
        in (await ibgu("login", "-n", "default", user="admin", **env)).stderr
    )
    entry.apply(ingress("ibgu-2", "other.invalid"))
    several = await ibgu("login", user="admin", **env)
    assert "choose one with --server: https://ibgu.invalid, https://other.invalid" in several.stderr


@pytest.mark.usefixtures("tenants")
async def test_a_tenants_ingress_gets_no_token(ibgu: Ibgu, tmp_path: Path) -> None:
    env = NOT_GIVEN | {"XDG_CONFIG_HOME": str(tmp_path)}
    for unnamed in ([], ["--namespace", ""]):
        alone = await ibgu("login", *unnamed, user="admin", **env)
        assert alone.exit_code == 1
        assert "namespace ibgu-system has no Route or Ingress" in alone.stderr
        assert "tenant.invalid" not in alone.output


@pytest.mark.usefixtures("tenants", "entry")
async def test_a_tenants_ingress_does_not_count_beside_ibgus(ibgu: Ibgu, tmp_path: Path) -> None:
    env = NOT_GIVEN | {"XDG_CONFIG_HOME": str(tmp_path)}
    found = await ibgu("login", user="admin", **env)
    assert "can't reach https://ibgu.invalid: " in found.stderr
    assert "tenant.invalid" not in found.output


def test_addresses_are_read_from_routes_and_ingresses() -> None:
    assert list(of_route({"spec": {"host": "h", "tls": {"termination": "edge"}}})) == ["https://h"]
    assert list(of_route({"spec": {"host": "h", "path": "/ibgu/"}})) == ["http://h/ibgu"]
    assert list(of_route({"spec": {"to": {"name": "ibgu"}}})) == []  # no router has seen it
    assert list(of_ingress({"spec": {"rules": [{"host": "h"}, {}]}})) == ["http://h"]
