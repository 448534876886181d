"""The GitOps guide shows the files of docs/examples, and these are right by ibgu's own rules."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from ibgu.cli.app import app
from ibgu.core.drivers.ibu.preflight.plan import MANIFEST_COUNT
from ibgu.core.drivers.ibu.preflight.policies import TARGET, WAVE, Policy, labelled
from ibgu.core.drivers.ibu.preflight.releases import label_values
from ibgu.sandbox.binaries import hub_binaries
from ibgu.sandbox.kubectl import Kubectl
from tests.docs.site import DOCS, fences

Object = dict[str, Any]
EXAMPLES = DOCS / "examples" / "gitops"
GENERATED = Path(__file__).parent / "generated" / "policies.yaml"
"""What the generator makes of the example: PolicyGenerator of
https://github.com/open-cluster-management-io/policy-generator-plugin at
5c9299868f2ff51ee28c9647f4e986ccb2ad53fe."""
GENERATOR = "POLICY_GENERATOR"
"""A variable that names this program, built from there; the file is compared with its output."""


def documents(path: Path) -> list[Object]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def example(name: str) -> Object:
    [found] = documents(EXAMPLES / name)
    return found


ROLLOUT = example("rollouts/ran-417.yaml")
RELEASE = ROLLOUT["spec"]["ibuSpec"]["seedImageRef"]["version"]


@pytest.fixture(scope="module")
def config_maps() -> dict[str, Object]:
    """The ConfigMaps of the kustomization, as kubectl builds them."""
    command: list[str | Path] = [hub_binaries().kubectl, "kustomize", EXAMPLES / "content"]
    built = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {each["metadata"]["name"]: each for each in yaml.safe_load_all(built)}


@pytest.mark.parametrize(
    "name",
    [
        "content/kustomization.yaml",
        "policies/policygenerator.yaml",
        "policies/policygentemplate.yaml",
        "rollouts/ran-417.yaml",
    ],
)
def test_the_guide_shows_the_files_as_they_are(name: str) -> None:
    shown = [fence.text for fence in fences(DOCS / "guides" / "gitops.md")]
    assert (EXAMPLES / name).read_text() in shown


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("oadp", "lint", "-", "--storage", "lvms", "--pull-secret"), "oadp-cm"),
        (("manifests", "lint", "-", "--target", RELEASE), "extra-manifests"),
    ],
)
def test_config_maps_that_kustomize_builds_have_no_finding(
    config_maps: dict[str, Object], command: tuple[str, ...], name: str
) -> None:
    done = CliRunner().invoke(app, command, input=yaml.safe_dump(config_maps[name]))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("no findings in ")
    # The rules find a mistake in the same ConfigMap.
    spoilt = json.loads(
        json.dumps(config_maps[name]).replace('apply-wave: \\"1\\"', "apply-wave: x")
    )
    assert spoilt != config_maps[name]
    assert CliRunner().invoke(app, command, input=yaml.safe_dump(spoilt)).exit_code == 1


def test_the_rollout_names_the_config_maps_that_kustomize_builds(
    config_maps: dict[str, Object],
) -> None:
    spec = ROLLOUT["spec"]["ibuSpec"]
    named = [
        (each["namespace"], each["name"])
        for each in (*spec["oadpContent"], *spec["extraManifests"])
    ]
    built = [
        (each["metadata"]["namespace"], each["metadata"]["name"]) for each in config_maps.values()
    ]
    assert sorted(named) == sorted(built)


def test_a_hub_accepts_the_config_maps(kubectl: Kubectl) -> None:
    done = kubectl("apply", "--server-side", "--dry-run=server", "-k", str(EXAMPLES / "content"))
    assert sorted(line.split()[0] for line in done.splitlines()) == [
        "configmap/extra-manifests",
        "configmap/oadp-cm",
    ]


def generated() -> list[Policy]:
    return [
        msgspec.convert(each, Policy) for each in documents(GENERATED) if each["kind"] == "Policy"
    ]


def test_the_rollout_names_the_number_of_labelled_manifests() -> None:
    found = labelled(generated(), label_values(RELEASE))
    assert str(found.counted) == ROLLOUT["metadata"]["annotations"][MANIFEST_COUNT]
    assert (found.left_out, found.rejected) == ({}, 0)


def test_the_generated_policies_have_the_manifests_of_the_example() -> None:
    policies = example("policies/policygenerator.yaml")["policies"]
    wanted = []
    for each in (each for policy in policies for each in policy["manifests"]):
        manifest = example(f"policies/{each['path']}")
        [patch] = each["patches"]
        wanted.append({**manifest, "metadata": manifest["metadata"] | patch["metadata"]})
    found = [
        template["objectDefinition"]
        for policy in generated()
        for each in policy.spec.policy_templates
        for template in each.object_definition["spec"]["object-templates"]
    ]
    assert found == wanted
    assert [policy.metadata.annotations[WAVE] for policy in generated()] == [
        each["policyAnnotations"][WAVE] for each in policies
    ]


def test_the_generated_policies_are_those_of_the_real_generator() -> None:
    if not (program := os.environ.get(GENERATOR)):
        pytest.skip(f"{GENERATOR} names no program")
    source = EXAMPLES / "policies" / "policygenerator.yaml"
    done = subprocess.run(
        [program, source.name], cwd=source.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout == GENERATED.read_text()


def test_the_older_template_labels_as_many() -> None:
    files = example("policies/policygentemplate.yaml")["spec"]["sourceFiles"]
    labels = [each["metadata"]["labels"][TARGET] for each in files]
    assert str(len(labels)) == ROLLOUT["metadata"]["annotations"][MANIFEST_COUNT]
    assert set(labels) <= set(label_values(RELEASE))
