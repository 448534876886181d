"""`ibgu simulate`: a fleet on a hub, from a command line."""

import json
import os
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from ibgu.cli.app import app
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--fault", "nothing-known"], "nothing-known"),
        (["--defect", "disk-fully"], "did you mean disk-full?"),
        (["--scale", "0"], "a scale above 0"),
        (["--durations", "weeks"], "weeks"),
        (["--pattern", "site"], "needs one number"),
        (["--label", "x"], "a label is key=value"),
        (["--feedback", "carrier-pigeon"], "feedback is watch, poll or poll:10s"),
        (["--delivered", "Pod/x/y"], "delivered is ConfigMap/namespace/name"),
        (["--multi-node", "2"], "multi-node is a share between 0 and 1"),
    ],
)
def test_invalid_fleet_options_are_refused_in_one_line(args: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["simulate", *args])
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_hub() -> None:
    done = CliRunner().invoke(app, ["simulate"], env={"KUBECONFIG": ""})
    assert done.exit_code == 2
    assert done.stderr.startswith("ibgu: KUBECONFIG: not set")


def test_a_fleet_plays_until_it_is_stopped_and_is_removed(
    sandbox_hub: SandboxHub, kubectl: Kubectl
) -> None:
    kubeconfig = str(sandbox_hub.kubeconfig("admin"))
    env = {**os.environ, "KUBECONFIG": kubeconfig}
    argv = [sys.executable, "-m", "ibgu", "simulate", "--pattern", "cli-%d", "--label", "cli=yes"]
    argv += ["--clusters", "3", "--name", "cli-x"]
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = process.stdout.readline()
        listed = kubectl("get", "managedclusters", "-l", "cli=yes", "-o", "json")
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    assert said == f"3 clusters are running on {sandbox_hub.url}. Press Ctrl-C to stop.\n"
    names = [item["metadata"]["name"] for item in json.loads(listed)["items"]]
    assert names == ["cli-1", "cli-2", "cli-x"]
    gone = CliRunner().invoke(app, ["simulate", "--cleanup"], env={"KUBECONFIG": kubeconfig})
    assert gone.exit_code == 0, gone.output
    assert gone.stdout.endswith("simulated clusters removed\n")
    assert kubectl("get", "managedclusters", "-l", "cli=yes", "-o", "name") == ""


def test_a_cluster_that_somebody_else_made_is_left_alone(
    sandbox_hub: SandboxHub, kubectl: Kubectl
) -> None:
    kubectl("create", "namespace", "cli-real")
    env = {"KUBECONFIG": str(sandbox_hub.kubeconfig("admin"))}
    args = ["simulate", "--clusters", "1", "--name", "cli-real"]
    done = CliRunner().invoke(app, args, env=env)
    kubectl("delete", "managedcluster", "cli-real", "--ignore-not-found")
    assert done.exit_code == 1
    assert "cli-real exists on the hub and is not a simulated one" in done.stderr
