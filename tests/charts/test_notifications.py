"""The receivers of notifications, from the chart's values to the file that ibgu reads."""

from pathlib import Path

import pytest

from ibgu.controller.notify.config import read_file
from tests.charts.rendering import CASES, Object, RenderError, render
from tests.charts.test_templates import environment, ibgu_container, only

RECEIVERS: Object = {"notifications": CASES["with everything"]["notifications"]}


def rendered(deployment: str, **values: Object | bool | str) -> Object:
    """Returns the pod template."""
    made: Object = only(render(RECEIVERS | values), "Deployment", deployment)["spec"]["template"]
    return made


def test_the_controller_reads_the_receivers(tmp_path: Path) -> None:
    objects = render(RECEIVERS)
    file = tmp_path / "receivers.yaml"
    file.write_text(only(objects, "ConfigMap", "ibgu-notify")["data"][file.name])
    assert [(each.name, each.url) for each in read_file(str(file))] == [
        ("noc", "https://noc.example.com/hooks/ibgu"),
        ("alerts", "http://alertmanager-operated.monitoring.svc:9093"),
        ("chat", ""),
    ]
    container = ibgu_container(objects, "ibgu-controller")
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert environment(container)["IBGU_NOTIFY_FILE"] == f"{mounts['notify']}/{file.name}"
    assert mounts["notify-secret"] == "/etc/ibgu/notify-secret"
    volumes = {each["name"]: each for each in rendered("ibgu-controller")["spec"]["volumes"]}
    assert volumes["notify"]["configMap"] == {"name": "ibgu-notify"}
    assert volumes["notify-secret"]["secret"] == {"secretName": "ibgu-receivers"}


def test_the_api_notifies_nobody() -> None:
    container = rendered("ibgu-api")["spec"]["containers"][0]
    assert "IBGU_NOTIFY_FILE" not in environment(container)
    assert {each["name"] for each in container["volumeMounts"]} == {"tmp"}


def test_one_process_for_both_notifies() -> None:
    container = rendered("ibgu", topology="combined")["spec"]["containers"][0]
    assert "IBGU_NOTIFY_FILE" in environment(container)


def test_a_changed_receiver_restarts_the_controller() -> None:
    other: Object = {"receivers": [{"name": "other", "format": "alertmanager", "url": "http://a"}]}
    before = rendered("ibgu-controller", controller={"podAnnotations": {"a": "b"}})
    after = rendered("ibgu-controller", notifications=other)
    assert before["metadata"]["annotations"].pop("a") == "b"
    assert before["metadata"]["annotations"] != after["metadata"]["annotations"]


def test_the_network_policy_lets_the_receivers_ports_through() -> None:
    policy = only(render(RECEIVERS), "NetworkPolicy", "ibgu")
    ports = [[port["port"] for port in rule["ports"]] for rule in policy["spec"]["egress"]]
    assert [443, 9093] in ports
    policy = only(render(), "NetworkPolicy", "ibgu")
    assert 9093 not in [port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]]


def test_receivers_are_named_in_one_place() -> None:
    with pytest.raises(RenderError, match="use one of them"):
        render(RECEIVERS | {"settings": {"IBGU_NOTIFY_FILE": "/etc/mine"}})
