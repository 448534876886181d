"""Manifests and patches as the OpenShift manual gives them, with the real kubectl.

Only the manual's placeholders are filled: names in angle brackets, and the numbers of its notes.
"""

import json
from collections.abc import Callable

import pytest
import yaml

from ibgu.sandbox.kubectl import Kubectl
from tests.e2e.manifests import SPOKES, appended, as_object, documented

ONE = ("spoke4",)


def item(actions: list[str], most: int, minutes: int) -> str:
    return f"""
    - actions: {json.dumps(actions)}
      rolloutStrategy:
        maxConcurrency: {most}
        timeout: {minutes}
"""


@pytest.mark.parametrize(
    ("clusters", "version", "actions", "most", "minutes"),
    [
        pytest.param(
            *(SPOKES, "4.17.0-rc.1", ["Prep", "Upgrade", "FinalizeUpgrade"], 200, 2400),
            id="at once (15.4.1, 15.4.3)",
        ),
        pytest.param(*(SPOKES, "4.16.0-rc.1", ["Prep"], 2, 2400), id="first step (15.4.2)"),
        pytest.param(*(ONE, "4.16.0-rc.1", ["Abort"], 5, 10), id="cancel (15.4.4)"),
        pytest.param(
            *(ONE, "4.17.0-rc.1", ["Rollback", "FinalizeRollback"], 200, 2400),
            id="roll back (15.4.5)",
        ),
    ],
)
def test_manifests_of_the_manual_are_accepted(
    kubectl: Kubectl,
    unique_name: Callable[[str], str],
    clusters: tuple[str, ...],
    version: str,
    actions: list[str],
    most: int,
    minutes: int,
) -> None:
    plan = item(actions, most, minutes)
    text = documented(unique_name("manual"), plan, clusters, version)
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
def test_example_plans_of_the_manual_are_accepted(
    kubectl: Kubectl, unique_name: Callable[[str], str], example: dict[str, object]
) -> None:
    body = as_object(documented(unique_name("table"), item(["Prep"], 1, 1), ONE, "4.17.0"))
    body["spec"] |= example
    assert "created" in kubectl.apply(body)


PATCHES = (
    appended("AbortOnFailure", 5, 10),
    appended("Upgrade", 2, 30),
    appended("AbortOnFailure", 5, 10),
    appended("FinalizeUpgrade", 10, 3),
)


@pytest.mark.parametrize(
    "taken", [(0, 1, 2, 3), (1, 2, 3), (1, 3), (1, 2), (0, 1, 2)], ids=lambda taken: str(taken)
)
def test_patches_with_and_without_the_optional_ones(
    kubectl: Kubectl, unique_name: Callable[[str], str], taken: tuple[int, ...]
) -> None:
    name = unique_name("patched")
    kubectl(
        "apply", "-f", "-", stdin=documented(name, item(["Prep"], 2, 2400), version="4.16.0-rc.1")
    )
    for index in taken:
        kubectl("patch", "ibgu", name, "--type=json", "-p", PATCHES[index])
    assert len(kubectl.get("ibgu", name)["spec"]["plan"]) == 1 + len(taken)
