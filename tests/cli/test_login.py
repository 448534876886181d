"""`ibgu login`: the address is found once, and kept without a secret."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ibgu.cli.login.find import of_ingress, of_route
from ibgu.cli.rest import target
from ibgu.db import Journal
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from tests.api.fleet import fleet
from tests.cli.conftest import Ibgu

pytestmark = pytest.mark.hub

NOT_GIVEN = {"IBGU_SERVER": "", "IBGU_TOKEN": ""}


async def test_commands_go_where_one_is_logged_in(
    ibgu: Ibgu, journal: Journal, server: str, sandbox_hub: SandboxHub, tmp_path: Path
) -> None:
    await fleet(journal)
    env = NOT_GIVEN | {"XDG_CONFIG_HOME": str(tmp_path)}
    done = await ibgu("login", "--server", server, **env)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{server}: logged in as alice, for the context ")
    file = tmp_path / "ibgu" / "logins.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sandbox_hub.token("alice") not in file.read_text()
    assert [each["server"] for each in json.loads(file.read_text())["logins"].values()] == [server]
    found = await ibgu("get", "-o", "name", **env)
    assert found.stdout == "imagebasedgroupupgrade.lcm.openshift.io/ran-r1\n", found.output
    # What is given counts before what is kept.
    elsewhere = await ibgu("get", "--server", "http://127.0.0.1:9", **env)
    assert "can't reach http://127.0.0.1:9" in elsewhere.stderr
    assert (await ibgu("logout", **env)).stdout.startswith(f"{server} is forgotten for the context")
    assert (await ibgu("logout", **env)).stdout.startswith("nothing is kept for the context")


async def test_nothing_is_kept_of_a_server_that_does_not_answer(ibgu: Ibgu, tmp_path: Path) -> None:
    env = NOT_GIVEN | {"XDG_CONFIG_HOME": str(tmp_path)}
    refused = await ibgu("login", "--server", "http://127.0.0.1:9", **env)
    assert refused.exit_code == 1
    assert "can't reach http://127.0.0.1:9" in refused.stderr
    assert not (tmp_path / "ibgu").exists()


async def test_a_context_of_the_same_name_on_another_hub_is_not_logged_in(
    ibgu: Ibgu,
    server: str,
    sandbox_hub: SandboxHub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nobody = "http://127.0.0.1:9"
    monkeypatch.setattr(target, "HERE", nobody)
    env = NOT_GIVEN | {"XDG_CONFIG_HOME": str(tmp_path)}
    assert (await ibgu("login", "--server", server, **env)).exit_code == 0
    other = tmp_path / "other.kubeconfig"
    mine = sandbox_hub.kubeconfig("alice").read_text()
    other.write_text(mine.replace(sandbox_hub.url, "https://other-hub.invalid:6443"))
    elsewhere = env | {"KUBECONFIG": str(other)}
    assert f"can't reach {nobody}" in (await ibgu("get", **elsewhere)).stderr
    out = await ibgu("logout", **elsewhere)
    assert out.stdout.startswith("nothing is kept for the context")
    assert (await ibgu("get", **env)).exit_code == 0
    # What was kept before the hub was kept with it counts for none.
    file = tmp_path / "ibgu" / "logins.json"
    kept = json.loads(file.read_text())
    for each in kept["logins"].values():
        assert each.pop("hub") == sandbox_hub.url
    file.write_text(json.dumps(kept))
    assert f"can't reach {nobody}" in (await ibgu("get", **env)).stderr


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
        "the namespace default has no Route and no Ingress"
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
        assert "the namespace ibgu-system has no Route and no Ingress" in alone.stderr
        assert "tenant.invalid" not in alone.output


@pytest.mark.usefixtures("tenants", "entry")
async def test_a_tenants_ingress_does_not_count_beside_ibgus(ibgu: Ibgu, tmp_path: Path) -> None:
    env = NOT_GIVEN | {"XDG_CONFIG_HOME": str(tmp_path)}
    found = await ibgu("login", user="admin", **env)
    assert "can't reach https://ibgu.invalid: " in found.stderr
    assert "tenant.invalid" not in found.output


def test_addresses() -> None:
    assert of_route({"spec": {"host": "h", "tls": {"termination": "edge"}}}) == "https://h"
    assert of_route({"spec": {"host": "h", "path": "/ibgu/"}}) == "http://h/ibgu"
    assert list(of_ingress({"spec": {"rules": [{"host": "h"}, {}]}})) == ["http://h"]
