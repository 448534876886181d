"""`helm upgrade --reuse-values` of an installation whose chart had fewer values than this one."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.charts.rendering import CASES, CHART, NEEDED, OPENSHIFT, Object, helm, render

NEW = (
    *("besideTalm", "canaryPolicies", "grantPolicy", "leasePolicy", "oauthProxy", "payloadPolicy"),
    *("policyFollowUps", "preflightInspections"),
    "preflightHubReleases",
    *("talmServiceAccounts", "tenancy"),
)
"""Since the first chart that people installed."""
SIGN_IN = CASES["oauth proxy"]


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart with the defaults of then, as helm takes them from the release."""
    chart = tmp_path_factory.mktemp("older") / "ibgu"
    shutil.copytree(CHART, chart)
    values = yaml.safe_load((chart / "values.yaml").read_text())
    for key in NEW:
        del values[key]
    del values["bundledPostgres"]["tlsSecret"]
    (chart / "values.yaml").write_text(yaml.safe_dump(values))
    return chart


def upgraded(chart: Path, values: Object) -> list[Object]:
    served = [argument for api in OPENSHIFT for argument in ("--api-versions", api)]
    command = ("template", "ibgu", str(chart), "--namespace", "ibgu-system", "--values", "-")
    text = helm(*command, *served, stdin=json.dumps(NEEDED | values))
    return [each for each in yaml.load_all(text, yaml.CSafeLoader) if each]


def lasting(objects: list[Object]) -> list[Object]:
    """All but what each rendering makes again: keys and passwords."""
    return [each for each in objects if each["kind"] not in ("Secret", "OAuthClient")]


@pytest.mark.parametrize("case", [each for each in CASES if "oauthProxy" not in CASES[each]])
def test_values_that_are_missing_are_the_defaults(older: Path, case: str) -> None:
    assert lasting(upgraded(older, CASES[case])) == lasting(render(CASES[case], OPENSHIFT))


def test_routes_lead_where_they_led(older: Path) -> None:
    values: Object = {"route": SIGN_IN["route"]}
    assert upgraded(older, values) == render(values, OPENSHIFT)


@pytest.mark.parametrize("topology", ["split", "combined"])
def test_new_features_work_with_reused_older_values(older: Path, topology: str) -> None:
    """The defaults beside them are not there, and the proxy's resources can't be known without
    them."""
    values = {
        **SIGN_IN,
        "topology": topology,
        "tenancy": "clustersets",
        "payloadPolicy": {"enabled": "always"},
    }
    expected = lasting(render({**values, "oauthProxy": {**proxy(), "resources": None}}, OPENSHIFT))
    assert lasting(upgraded(older, values)) == expected


def proxy() -> Object:
    found: Object = SIGN_IN["oauthProxy"]
    return found
