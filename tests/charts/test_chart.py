"""The chart's rights, and its files."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ibgu.sandbox.contents import chart_rbac
from ibgu.sandbox.users import SERVICE_ACCOUNT, SYSTEM_NAMESPACE, sandbox_rbac
from tests.charts.rendering import CHART, Object, render


def bindings(objects: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    """Returns what is bound, where, and to whom."""
    return {
        (
            manifest["roleRef"]["kind"],
            manifest["roleRef"]["name"],
            manifest["metadata"].get("namespace", "everywhere"),
            f"{subject.get('namespace')}/{subject['name']}",
        )
        for manifest in objects
        if manifest["kind"].endswith("RoleBinding")
        for subject in manifest["subjects"]
        if subject["kind"] == "ServiceAccount"
    }


def test_the_chart_grants_what_the_sandbox_grants() -> None:
    """The sandbox has one process that is both."""
    chart = render(
        {
            "payloadNamespaces": ["default", "openshift-adp"],
            "topology": "combined",
            "tenancy": "clustersets",
            "preflightHubReleases": {"enabled": True},
            "canaryPolicies": {"enabled": True},
            "policyFollowUps": {"enabled": True},
            "userRoles": {"create": False},
        }
    )
    assert bindings(chart) == bindings(sandbox_rbac(["default", "openshift-adp"]))
    roles = {item["metadata"]["name"]: item for item in chart if item["kind"].endswith("Role")}
    assert {name: role["rules"] for name, role in roles.items()} == {
        role["metadata"]["name"]: role["rules"] for role in chart_rbac()
    }


def test_the_api_has_an_account_that_may_only_ask_who_its_callers_are() -> None:
    api = f"{SYSTEM_NAMESPACE}/ibgu-api"
    found = bindings(render())
    assert {role for _, role, _, subject in found if subject == api} == {"ibgu-api"}
    assert {subject for _, role, _, subject in found if role == "ibgu-api"} == {api}


def test_a_service_account_of_ones_own() -> None:
    objects = render({"topology": "combined", "serviceAccount": {"create": False, "name": "other"}})
    assert not [item for item in objects if item["kind"] == "ServiceAccount"]
    assert {subject for *_, subject in bindings(objects)} == {f"{SYSTEM_NAMESPACE}/other"}


def test_only_tenancy_grants_reading_cluster_sets() -> None:
    for given in ("off", "clustersets"):
        objects = render({"tenancy": given})
        on = given != "off"
        assert ("ibgu-tenancy" in {role for _, role, *_ in bindings(objects)}) is on
        told = [
            variable["value"]
            for item in objects
            if item["kind"] == "Deployment"
            for variable in item["spec"]["template"]["spec"]["containers"][0]["env"]
            if variable["name"] == "IBGU_TENANCY"
        ]
        assert told == [given] * (2 if on else 0)  # the API previews by the same rule


@pytest.mark.parametrize(("given", "count"), [({}, 0), ({"enabled": True}, 2)])
def test_inspections_are_off_until_they_are_turned_on(given: Object, count: int) -> None:
    told = [
        variable["value"]
        for item in render({"preflightInspections": given})
        if item["kind"] == "Deployment"
        for variable in item["spec"]["template"]["spec"]["containers"][0]["env"]
        if variable["name"] == "IBGU_PREFLIGHT_INSPECTIONS"
    ]
    assert told == ["true"] * count


@pytest.mark.parametrize("given", [{}, {"enabled": True}])
def test_the_hubs_releases_are_read_by_the_controller_where_it_is_turned_on(given: Object) -> None:
    objects, on = render({"preflightHubReleases": given}), bool(given)
    assert ("ibgu-preflight-hub" in {role for _, role, *_ in bindings(objects)}) is on
    set_on = [
        item["metadata"]["name"]
        for item in objects
        if item["kind"] == "Deployment"
        for variable in item["spec"]["template"]["spec"]["containers"][0]["env"]
        if variable["name"] == "IBGU_PREFLIGHT_HUB_RELEASES"
    ]
    assert set_on == (["ibgu-controller"] if on else [])


@pytest.mark.parametrize("given", [{}, {"enabled": True}])
@pytest.mark.parametrize(
    ("value", "role"),
    [
        ("canaryPolicies", "ibgu-canary-policies"),
        ("policyFollowUps", "ibgu-policy-follow-ups"),
    ],
)
def test_rights_for_policies_are_given_where_they_are_turned_on(
    given: Object, value: str, role: str
) -> None:
    bound = {found for _, found, *_ in bindings(render({value: given}))}
    assert (role in bound) is bool(given)


def test_every_rule_is_a_plain_file_that_is_found() -> None:
    """Two ways to the same files: the chart's glob and the sandbox's."""
    glob = "files/rbac/*.yaml"
    assert f'.Files.Glob "{glob}"' in (CHART / "templates" / "roles.yaml").read_text()
    names = {role["metadata"]["name"] for role in chart_rbac()}
    assert names == {f"ibgu-{path.stem}" for path in CHART.glob(glob)}
    assert all("{{" not in path.read_text() for path in CHART.glob(glob))


def test_each_crd_is_a_file_of_its_own() -> None:
    """Where TALM has brought that of IBGUs, only the others are applied."""
    names = {path.name: crd["metadata"]["name"] for path in (CHART / "crds").glob("*.yaml")
             for crd in yaml.safe_load_all(path.read_text())}  # fmt: skip
    assert names == {
        "breakglasses.yaml": "breakglasses.ibgu.dev",
        "fleetupdates.yaml": "fleetupdates.ibgu.dev",
        "imagebasedgroupupgrades.yaml": "imagebasedgroupupgrades.lcm.openshift.io",
        "rolloutapprovals.yaml": "rolloutapprovals.ibgu.dev",
        "rolloutpolicies.yaml": "rolloutpolicies.ibgu.dev",
        "seedimages.yaml": "seedimages.ibgu.dev",
    }


def test_chart_and_package_have_one_version() -> None:
    """A checkout has the package's version to read."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"]
    project = Path(__file__).parents[2] / "pyproject.toml"
    assert f'version = "{chart["version"]}"' in project.read_text()


def test_the_values_name_the_sandboxs_account() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert values["serviceAccount"]["name"] == SERVICE_ACCOUNT
