"""Manifests and patches as the OpenShift manual gives them, with the real kubectl.

Only the manual's placeholders are filled: names in angle brackets, and the numbers of its notes.
"""

import json
from collections.abc import Callable

import pytest
import yaml

from ibgu.sandbox.kubectl import Kubectl

pytestmark = pytest.mark.hub

MANIFEST = """
apiVersion: lcm.openshift.io/v1alpha1
kind: ImageBasedGroupUpgrade
metadata:
  name: {name}
  namespace: default
spec:
  clusterLabelSelectors:
    - matchExpressions:
      - key: name
        operator: In
        values:
{values}
  ibuSpec:
    seedImageRef:
      image: quay.io/seed/image:{version}
      version: {version}
      pullSecretRef:
        name: "seed-pull-secret"
    extraManifests:
      - name: example-extra-manifests
        namespace: openshift-lifecycle-agent
    oadpContent:
      - name: oadp-cm
        namespace: openshift-adp
  plan:
    - actions: {actions}
      rolloutStrategy:
        maxConcurrency: {most}
        timeout: {minutes}
"""
THREE, ONE = ("spoke1", "spoke4", "spoke6"), ("spoke4",)


def manifest(
    name: str, clusters: tuple[str, ...], version: str, actions: list[str], most: int, minutes: int
) -> str:
    return MANIFEST.format(
        name=name,
        values="\n".join(f"        - {cluster}" for cluster in clusters),
        version=version,
        actions=json.dumps(actions),
        most=most,
        minutes=minutes,
    )


@pytest.mark.parametrize(
    ("clusters", "version", "actions", "most", "minutes"),
    [
        pytest.param(
            *(THREE, "4.17.0-rc.1", ["Prep", "Upgrade", "FinalizeUpgrade"], 200, 2400),
            id="at once (15.4.1, 15.4.3)",
        ),
        pytest.param(*(THREE, "4.16.0-rc.1", ["Prep"], 2, 2400), id="first step (15.4.2)"),
        pytest.param(*(ONE, "4.16.0-rc.1", ["Abort"], 5, 10), id="cancel (15.4.4)"),
        pytest.param(
            *(ONE, "4.17.0-rc.1", ["Rollback", "FinalizeRollback"], 200, 2400),
            id="roll back (15.4.5)",
        ),
    ],
)
def test_manifests(
    kubectl: Kubectl,
    unique_name: Callable[[str], str],
    clusters: tuple[str, ...],
    version: str,
    actions: list[str],
    most: int,
    minutes: int,
) -> None:
    text = manifest(unique_name("manual"), clusters, version, actions, most, minutes)
    name = yaml.safe_load(text)["metadata"]["name"]
    assert kubectl("apply", "-f", "-", stdin=text).endswith(f"/{name} created\n")
    assert kubectl.get("ibgu", name)["spec"] == yaml.safe_load(text)["spec"]


PLANS_OF_THE_TABLE = """
- plan:
  - actions: ["Prep", "Upgrade", "FinalizeUpgrade"]
    rolloutStrategy:
      maxConcurrency: 200
      timeout: 60
- plan:
  - actions: ["Prep", "Upgrade"]
    rolloutStrategy:
      maxConcurrency: 200
      timeout: 60
  - actions: ["FinalizeUpgrade"]
    rolloutStrategy:
      maxConcurrency: 500
      timeout: 10
- plan:
  - actions: ["Prep"]
    rolloutStrategy:
      maxConcurrency: 200
      timeout: 60
  - actions: ["Upgrade"]
    rolloutStrategy:
      maxConcurrency: 200
      timeout: 20
  - actions: ["FinalizeUpgrade"]
    rolloutStrategy:
      maxConcurrency: 500
      timeout: 10
"""


@pytest.mark.parametrize("example", yaml.safe_load(PLANS_OF_THE_TABLE))
def test_example_plans(
    kubectl: Kubectl, unique_name: Callable[[str], str], example: dict[str, object]
) -> None:
    body = yaml.safe_load(manifest(unique_name("table"), ONE, "4.17.0", ["Prep"], 1, 1))
    body["spec"] |= example
    assert "created" in kubectl.apply(body)


PATCHES = (
    '[{"op": "add", "path": "/spec/plan/-", "value": {"actions": ["AbortOnFailure"], '
    '"rolloutStrategy": {"maxConcurrency": 5, "timeout": 10}}}]',
    '[{"op": "add", "path": "/spec/plan/-", "value": {"actions": ["Upgrade"], '
    '"rolloutStrategy": {"maxConcurrency": 2, "timeout": 30}}}]',
    '[{"op": "add", "path": "/spec/plan/-", "value": {"actions": ["AbortOnFailure"], '
    '"rolloutStrategy": {"maxConcurrency": 5, "timeout": 10}}}]',
    '[{"op": "add", "path": "/spec/plan/-", "value": {"actions": ["FinalizeUpgrade"], '
    '"rolloutStrategy": {"maxConcurrency": 10, "timeout": 3}}}]',
)


@pytest.mark.parametrize(
    "taken", [(0, 1, 2, 3), (1, 2, 3), (1, 3), (1, 2), (0, 1, 2)], ids=lambda taken: str(taken)
)
def test_patches_with_and_without_the_optional_ones(
    kubectl: Kubectl, unique_name: Callable[[str], str], taken: tuple[int, ...]
) -> None:
    name = unique_name("patched")
    kubectl("apply", "-f", "-", stdin=manifest(name, THREE, "4.16.0-rc.1", ["Prep"], 2, 2400))
    for index in taken:
        kubectl("patch", "ibgu", name, "--type=json", "-p", PATCHES[index])
    assert len(kubectl.get("ibgu", name)["spec"]["plan"]) == 1 + len(taken)
