"""The rendered chart."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ibgu.sandbox.contents import chart_rbac, manifests
from ibgu.sandbox.kubectl import Kubectl
from ibgu.sandbox.users import SERVICE_ACCOUNT, SYSTEM_NAMESPACE, sandbox_rbac
from tests.charts.rendering import CHART, render


def bindings(objects: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    """What is bound, where, and to whom."""
    return {
        (
            manifest["roleRef"]["kind"],
            manifest["roleRef"]["name"],
            manifest["metadata"].get("namespace", "everywhere"),
            f"{subject.get('namespace')}/{subject['name']}",
        )
        for manifest in objects
        if manifest["kind"].endswith("Binding")
        for subject in manifest["subjects"]
        if subject["kind"] == "ServiceAccount"
    }


def test_the_chart_grants_what_the_sandbox_grants() -> None:
    chart = render({"payloadNamespaces": ["default", "openshift-adp"]})
    assert bindings(chart) == bindings(sandbox_rbac(["default", "openshift-adp"]))
    roles = {item["metadata"]["name"]: item for item in chart if item["kind"].endswith("Role")}
    assert {name: role["rules"] for name, role in roles.items()} == {
        role["metadata"]["name"]: role["rules"] for role in chart_rbac()
    }


@pytest.mark.hub
def test_the_api_server_takes_the_chart(kubectl: Kubectl) -> None:
    arguments = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-")
    answers = kubectl(*arguments, stdin=yaml.safe_dump_all(render())).splitlines()
    assert len(answers) == len(render())
    assert all("serverside-applied (server dry run)" in answer for answer in answers)


def test_a_service_account_of_ones_own() -> None:
    objects = render({"serviceAccount": {"create": False, "name": "other"}})
    assert not [item for item in objects if item["kind"] == "ServiceAccount"]
    assert {subject for *_, subject in bindings(objects)} == {f"{SYSTEM_NAMESPACE}/other"}


def test_a_shadow_is_bound_to_nothing_that_writes() -> None:
    """The API's role asks the hub who its callers are; that stores nothing."""
    roles = {role for _, role, *_ in bindings(render({"shadow": True}))}
    assert roles == {"ibgu-shadow", "ibgu-api"}


def test_every_rule_is_a_plain_file_that_is_found() -> None:
    """Two ways to the same files: the chart's glob and the sandbox's."""
    glob = "files/rbac/*.yaml"
    assert f'.Files.Glob "{glob}"' in (CHART / "templates" / "roles.yaml").read_text()
    names = {role["metadata"]["name"] for role in chart_rbac()}
    assert names == {f"ibgu-{path.stem}" for path in CHART.glob(glob)}
    assert all("{{" not in path.read_text() for path in CHART.glob(glob))


def test_the_crd_is_the_only_one() -> None:
    [crd] = manifests(CHART / "crds")
    assert crd["metadata"]["name"] == "imagebasedgroupupgrades.lcm.openshift.io"


def test_chart_and_package_have_one_version() -> None:
    """Where the package's version can be read: in a checkout."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"]
    project = Path(__file__).parents[2] / "pyproject.toml"
    assert f'version = "{chart["version"]}"' in project.read_text()


def test_the_values_name_the_sandboxs_account() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert values["serviceAccount"]["name"] == SERVICE_ACCOUNT
