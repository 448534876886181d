"""docker-compose.yml, as far as it can be checked where there is no container engine.

It is read by Compose's own loader; and the hub that it describes is started with the very command
lines, by the sandbox's programs.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from ibgu.sandbox import composed
from ibgu.sandbox.binaries import hub_binaries
from ibgu.sandbox.keeper import Keeper
from ibgu.sandbox.servers import free_port
from ibgu.sandbox.waiting import wait_until
from tests.tools.binaries import tools

ROOT = Path(__file__).parents[2]


@cache
def services() -> dict[str, Any]:
    """Returns the services as `docker compose config` would show them."""
    done = subprocess.run(
        [tools().compose_spec, "-format", "json", "docker-compose.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["services"]
    return found


def test_the_loader_takes_it() -> None:
    expected = {"postgres", "prepare", "etcd", "apiserver", "fill", "fleet", "rollout", "ibgu"}
    assert expected <= set(services())


@pytest.mark.parametrize("name", ["postgres", "etcd", "apiserver", "fill", "prometheus", "grafana"])
def test_images_are_pinned(name: str) -> None:
    assert re.fullmatch(r"[^:]+:v?\d[\w.-]*@sha256:[0-9a-f]{64}", services()[name]["image"])


def test_every_mounted_file_exists() -> None:
    for service in services().values():
        for volume in service.get("volumes", []):
            if volume["type"] == "bind":
                assert Path(volume["source"]).exists()


def test_ports_are_open_to_this_machine_alone() -> None:
    ports = [port for service in services().values() for port in service.get("ports", [])]
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_prometheus_reads_its_configuration(tmp_path: Path) -> None:
    for source in (ROOT / "compose/prometheus.yml", ROOT / "charts/ibgu/files/alerts.yaml"):
        (tmp_path / source.name).write_text(source.read_text())
    done = subprocess.run(
        [tools().promtool, "check", "config", tmp_path / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 rule files found" in done.stdout


def test_grafana_finds_source_and_dashboards() -> None:
    [source] = yaml.safe_load((ROOT / "compose/grafana/sources.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    [provider] = yaml.safe_load((ROOT / "compose/grafana/dashboards.yml").read_text())["providers"]
    targets = {volume["target"] for volume in services()["grafana"]["volumes"]}
    assert provider["options"]["path"] in targets


@pytest.mark.parametrize("name", ["fleet", "ibgu"])
def test_commands_are_ibgus(name: str) -> None:
    command, *options = services()[name]["command"]
    done = subprocess.run(
        [sys.executable, "-m", "ibgu", command, "--help"],
        env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(option.split("=")[0] in done.stdout for option in options)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """etcd and API server as docker-compose.yml starts them; the folder is its volume `hub`."""
    folder = tmp_path_factory.mktemp("hub")
    ports = {"etcd": free_port(), "apiserver": free_port()}
    here = {
        "/hub": str(folder),
        "/var/lib/etcd": str(folder / "etcd"),
        "0.0.0.0:2379": f"127.0.0.1:{ports['etcd']}",
        "//etcd:2379": f"//127.0.0.1:{ports['etcd']}",
        "=6443": f"={ports['apiserver']}",
    }
    prepare(folder, ports["apiserver"])
    binaries = hub_binaries()
    with Keeper(folder, remove_folder=False) as keeper:
        peer = f"http://127.0.0.1:{free_port()}"
        at = (f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}")
        etcd = [str(binaries.etcd), *flags("etcd", here), *at, f"--initial-cluster=default={peer}"]
        keeper.start("etcd", etcd)
        apiserver = [str(binaries.kube_apiserver), *flags("apiserver", here)]
        keeper.start("kube-apiserver", [*apiserver, "--bind-address=127.0.0.1"])
        yield folder


def flags(service: str, here: dict[str, str]) -> list[str]:
    found = []
    for flag in services()[service]["command"]:
        for there, replacement in here.items():
            flag = flag.replace(there, replacement)
        found.append(flag)
    return found


def prepare(folder: Path, port: int) -> None:
    """Prepares the folder as the service `prepare` does, but for the name of the host."""
    module, command = "ibgu.sandbox.composed", services()["prepare"]["entrypoint"]
    assert command[:3] == ["python", "-m", module]
    arguments = [
        *command[3:],
        f"--port={port}",
        "--host=127.0.0.1",
        f"--crds={hub_binaries().crds}",
    ]
    at = [argument.replace("/hub", str(folder)) for argument in arguments]
    for _ in range(2):
        done = subprocess.run([sys.executable, "-m", module, *at], capture_output=True, check=True)
    assert b"prepared already" in done.stdout


def test_the_hub_of_the_compose_file_is_filled(hub: Path) -> None:
    def kubectl(*arguments: str, user: str = "admin") -> subprocess.CompletedProcess[str]:
        at = [argument.replace("/hub/", f"{hub}/") for argument in arguments]
        return subprocess.run(
            [hub_binaries().kubectl, "--kubeconfig", hub / f"{user}.kubeconfig", *at],
            capture_output=True,
            text=True,
            check=False,
        )

    def filled(service: str) -> bool:
        """Again and again, as `restart: on-failure` does."""
        return kubectl(*services()[service]["command"]).returncode == 0

    def may(user: str, *what: str) -> bool:
        return kubectl("auth", "can-i", *what, user=user).returncode == 0

    def rights() -> list[bool]:
        return [
            may("ibgu", "patch", "manifestworks", "-A"),
            may("olga", "patch", "ibgu"),
            may("alice", "get", "ibgu"),
        ]

    wait_until(lambda: filled("fill"), "the hub", lambda: None)
    wait_until(lambda: filled("rollout"), "the rollout", lambda: None)
    # The administrator's writes need no roles; those of the others reach the authorizer later.
    wait_until(lambda: all(rights()), "the roles", lambda: None)
    assert not may("alice", "patch", "ibgu")
    assert "demo" in kubectl("get", "ibgu", user="alice").stdout
    assert (hub / "olga.token").stat().st_mode & 0o077 == 0
    assert (hub / composed.SAMPLE).exists()
