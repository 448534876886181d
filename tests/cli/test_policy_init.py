"""`ibgu policy init`: a proposal that lint and a real API server accept."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from ibgu.cli.app import app
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl

Init = Callable[..., Awaitable[Result]]
LABEL = "policy-init.example.com/site"


def init(*words: str) -> Result:
    return CliRunner().invoke(app, ["policy", "init", *words], env={"KUBECONFIG": "/nowhere"})


def test_a_proposal_needs_no_hub() -> None:
    done = init("--clusters", "3500", "--prefix", "ran-")
    assert done.exit_code == 0, done.output
    found = {each["metadata"]["name"]: each for each in yaml.safe_load_all(done.stdout)}
    assert list(found) == ["ran-hub-wide", "ran-nights", "ran-careful", "ran-no-way-back"]
    assert found["ran-hub-wide"]["spec"] == {"inFlight": 35}
    assert init("--no-hub").exit_code == 0


def test_each_policy_is_written_into_a_file_of_its_own(tmp_path: Path) -> None:
    where = tmp_path / "policies"
    done = init("--no-hub", "-o", str(where))
    assert (done.exit_code, done.stdout) == (0, "")
    names = ["careful.yaml", "hub-wide.yaml", "nights.yaml", "no-way-back.yaml"]
    assert sorted(each.name for each in where.iterdir()) == names
    assert f"ibgu: wrote {where}/nights.yaml\n" in done.stderr
    linted = CliRunner().invoke(app, ["policy", "lint", str(where)])
    assert (linted.exit_code, linted.stdout) == (0, "no findings in 4 policies\n")
    again = init("--no-hub", "-o", str(where))
    assert again.exit_code == 2
    assert "hub-wide.yaml already exists" in again.stderr
    file = where / "nights.yaml"
    assert init("--no-hub", "-o", str(file)).exit_code == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--window", "0 25 * * *"), 'spec.windows[0].cron: "0 25 * * *" is not a time of cron'),
        (("--time-zone", "Mars/Olympus"), "spec.windows[0].timeZone: "),
        (("--minutes", "0"), "spec.windows[0].durationMinutes: "),
        (("--prefix", "../up-"), "--prefix: '../up-hub-wide' can't be the name of a policy"),
        (("--prefix", "a" * 250), "can't be the name of a policy"),
    ],
)
def test_an_option_that_makes_no_right_policy_is_refused(words: tuple[str, str], told: str) -> None:
    done = init("--no-hub", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr


@pytest.fixture
def clusters(kubectl: Kubectl) -> Iterator[list[str]]:
    """Four clusters at two sites, of which one has a time zone."""
    names = [f"policy-init-{number}" for number in range(4)]
    for number, name in enumerate(names):
        labels = {LABEL: str(number % 2)} | ({"ibgu.dev/time-zone": "UTC"} if number == 0 else {})
        kubectl.apply(
            {
                "apiVersion": "cluster.open-cluster-management.io/v1",
                "kind": "ManagedCluster",
                "metadata": {"name": name, "labels": labels},
                "spec": {"hubAcceptsClient": True},
            }
        )
    yield names
    kubectl.run("delete", "managedclusters", *names)


async def test_a_real_api_server_accepts_what_fits_its_hub(
    clusters: list[str], sandbox_hub: SandboxHub, kubectl: Kubectl, tmp_path: Path
) -> None:
    env = {"KUBECONFIG": str(sandbox_hub.kubeconfig("admin"))}
    words = ["policy", "init", "-o", str(tmp_path)]
    done = await asyncio.to_thread(CliRunner().invoke, app, words, env=env)
    assert done.exit_code == 0, done.output
    wide = (tmp_path / "hub-wide.yaml").read_text()
    assert " clusters of the hub:\n  inFlight: " in wide
    nights = (tmp_path / "nights.yaml").read_text()
    assert "have neither, and would never start" in nights
    before = kubectl.run("get", "rolloutpolicies", "-o", "name").out
    accepted = kubectl.run("apply", "--dry-run=server", "-f", str(tmp_path))
    assert accepted.out.count("(server dry run)") == 4
    assert kubectl.run("get", "rolloutpolicies", "-o", "name").out == before


async def test_a_hub_that_can_not_be_read_is_an_error(sandbox_hub: SandboxHub) -> None:
    env = {"KUBECONFIG": str(sandbox_hub.kubeconfig("carol"))}
    words = ["policy", "init"]
    done = await asyncio.to_thread(CliRunner().invoke, app, words, env=env)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("ibgu: ")
