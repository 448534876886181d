"""`ibgu convert --hub`: policies as people have written them, on a real API server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from ibgu.cli.app import app as commands
from ibgu.sandbox.hub import SandboxHub
from ibgu.sandbox.kubectl import Kubectl
from tests.api.test_policies import served
from tests.cli.test_content import CGU, VERSION
from tests.core.drivers.ibu.preflight.policies import policy

Convert = Callable[..., Awaitable[Result]]
NAMESPACES = ("cv-common", "cv-other", "cv-site")
ROLE = "cv-policies"


def written(namespace: str, release: str, name: str = "platform") -> dict[str, Any]:
    """Returns a policy that a person has written; without labels it is no copy of the hub's."""
    wanted = VERSION["spec"]["desiredUpdate"] | {"version": release}  # type: ignore[index]
    version = {**VERSION, "metadata": {"name": "version"}, "spec": {"desiredUpdate": wanted}}
    template = {"complianceType": "musthave", "objectDefinition": version}
    found = policy(template, name=name, namespace=namespace)
    del found["metadata"]["labels"]
    return found


@pytest.fixture
def policies(kubectl: Kubectl) -> Iterator[None]:
    """The policy platform, and the hub's copy of an older one for a cluster."""
    for name in NAMESPACES:
        kubectl.run("create", "namespace", name)
    with served(kubectl):
        kubectl.apply(written("cv-common", "4.16.12"))
        kubectl.apply(written("cv-common", "4.15.1", "another"))
        copy = written("cv-site", "4.14.1")
        copy["metadata"]["labels"] = {
            "policy.open-cluster-management.io/root-policy": "cv-common.platform"
        }
        kubectl.apply(copy)
        yield


@pytest.fixture
def convert(sandbox_hub: SandboxHub, tmp_path: Path) -> Convert:
    cgu = tmp_path / "cgu.yaml"
    cgu.write_text(yaml.safe_dump(CGU))

    async def run(*files: Path, user: str = "admin") -> Result:
        env = {"KUBECONFIG": str(sandbox_hub.kubeconfig(user))}
        given = [argument for each in (cgu, *files) for argument in ("-f", str(each))]
        arguments = ["convert", *given, "--hub"]
        return await asyncio.to_thread(CliRunner().invoke, commands, arguments, env=env)

    return run


def release(found: Result) -> str:
    assert found.exit_code == 0, found.stderr
    version: str = yaml.safe_load(found.stdout)["spec"]["update"]["release"]["version"]
    return version


@pytest.mark.usefixtures("policies")
async def test_policies_that_no_file_has_are_read_from_the_hub(convert: Convert) -> None:
    assert release(await convert()) == "4.16.12"


@pytest.mark.usefixtures("policies")
async def test_a_policy_of_a_file_counts_instead_of_the_one_on_the_hub(
    convert: Convert, tmp_path: Path
) -> None:
    own = tmp_path / "policy.yaml"
    own.write_text(yaml.safe_dump(written("cv-other", "4.16.13")))
    assert release(await convert(own)) == "4.16.13"


@pytest.mark.usefixtures("policies")
async def test_two_policies_of_one_name_on_the_hub_are_ambiguous(
    convert: Convert, kubectl: Kubectl
) -> None:
    kubectl.apply(written("cv-other", "4.16.13"))
    found = await convert()
    assert (found.exit_code, found.stdout) == (1, "")
    words = "there are two policies platform, in namespaces cv-common and cv-other"
    assert words in found.stderr


@pytest.mark.usefixtures("policies")
async def test_a_policy_that_the_hub_does_not_have_is_named(
    convert: Convert, kubectl: Kubectl
) -> None:
    kubectl("delete", "policies.policy.open-cluster-management.io", "platform", "-n", "cv-common")
    found = await convert()
    assert (found.exit_code, found.stdout) == (1, "")
    assert "neither the files nor the hub have the policy platform" in found.stderr


@pytest.mark.usefixtures("policies")
async def test_policies_are_read_with_the_rights_of_the_user(
    convert: Convert, kubectl: Kubectl
) -> None:
    refused = await convert(user="olga")
    assert refused.exit_code == 1
    assert "you may not list policies of all namespaces" in refused.stderr
    resource = "--resource=policies.policy.open-cluster-management.io"
    kubectl("create", "clusterrole", ROLE, "--verb=list", resource)
    kubectl("create", "clusterrolebinding", ROLE, f"--clusterrole={ROLE}", "--user=olga")
    try:
        assert release(await convert(user="olga")) == "4.16.12"
    finally:
        kubectl("delete", "clusterrolebinding", ROLE)
        kubectl("delete", "clusterrole", ROLE)


async def test_a_hub_without_policies_is_an_error(convert: Convert) -> None:
    found = await convert()
    assert (found.exit_code, found.stdout) == (1, "")
    assert "the hub serves no policies of policy.open-cluster-management.io" in found.stderr


async def test_a_hub_is_not_asked_if_the_files_have_all_policies(
    convert: Convert, tmp_path: Path
) -> None:
    own = tmp_path / "policy.yaml"
    own.write_text(yaml.safe_dump(written("cv-other", "4.16.13")))
    assert release(await convert(own)) == "4.16.13"
