"""The sources of canaries' health, from the chart's values to the file that ibgu reads."""

from pathlib import Path

import pytest

from ibgu.controller.sources import sources_of
from ibgu.settings import read_settings
from tests.charts.rendering import CASES, Object, RenderError, render
from tests.charts.test_templates import environment, ibgu_container, only

SOURCES: Object = {"healthSources": CASES["with everything"]["healthSources"]}
VARIABLE = "IBGU_HEALTH_SOURCES_FILE"


def template(deployment: str, **values: Object | bool | str) -> Object:
    made: Object = only(render(SOURCES | values), "Deployment", deployment)["spec"]["template"]
    return made


def test_the_controller_reads_the_sources(tmp_path: Path) -> None:
    objects = render(SOURCES)
    file = tmp_path / "sources.yaml"
    file.write_text(only(objects, "ConfigMap", "ibgu-health-sources")["data"][file.name])
    found = sources_of(read_settings(health_sources_file=str(file)))
    assert [each.name for each in found] == ["thanos", "cells"]
    container = ibgu_container(objects, "ibgu-controller")
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert environment(container)[VARIABLE] == f"{mounts['health-sources']}/{file.name}"
    assert mounts["health-sources-secret"] == "/etc/ibgu/health-sources-secret"
    volumes = {each["name"]: each for each in template("ibgu-controller")["spec"]["volumes"]}
    assert volumes["health-sources"]["configMap"] == {"name": "ibgu-health-sources"}
    assert volumes["health-sources-secret"]["secret"] == {"secretName": "ibgu-health-sources"}


def test_the_api_asks_no_sources() -> None:
    container = template("ibgu-api")["spec"]["containers"][0]
    assert VARIABLE not in environment(container)
    assert {each["name"] for each in container["volumeMounts"]} == {"tmp"}


def test_a_changed_source_restarts_the_controller() -> None:
    other: Object = {"sources": [{"name": "a", "url": "http://a"}]}
    before = template("ibgu-controller")["metadata"]["annotations"]
    after = template("ibgu-controller", healthSources=other)["metadata"]["annotations"]
    assert before["ibgu.dev/health-sources"] != after["ibgu.dev/health-sources"]


def test_the_network_policy_lets_the_sources_ports_through() -> None:
    policy = only(render(SOURCES), "NetworkPolicy", "ibgu")
    ports = [[port["port"] for port in rule["ports"]] for rule in policy["spec"]["egress"]]
    assert [443, 9091] in ports
    policy = only(render(), "NetworkPolicy", "ibgu")
    assert 9091 not in [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]


def test_sources_are_named_in_one_place() -> None:
    with pytest.raises(RenderError, match="use one of them"):
        render(SOURCES | {"settings": {VARIABLE: "/etc/mine"}})
