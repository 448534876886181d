"""Manifests and patches that the pages tell a person to apply are taken by a real API server."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from ibgu.sandbox.kubectl import Kubectl
from tests.docs.site import DOCS, fences

Object = dict[str, Any]
ELSEWHERE = frozenset({"ArgoCD", "Kustomization", "PolicyGenerator", "PolicyGenTemplate"})
"""Kinds that the hub of the tests does not serve."""
OURS = frozenset({"ImageBasedGroupUpgrade", "FleetUpdate"})


class Guide(NamedTuple):
    manifests: list[Object]
    commands: list[list[str]]
    """`oc` lines about objects of ours that change something, in the page's order, without `oc`."""


def guide(page: Path) -> Guide:
    written = fences(page)
    found = [
        document
        for fence in written
        if fence.language == "yaml"
        for document in yaml.safe_load_all(fence.text)
        if "kind" in document and document["kind"] not in ELSEWHERE
    ]
    shell = "".join(fence.text for fence in written if not fence.language)
    lines = shell.replace("\\\n", " ").splitlines()
    return Guide(found, [shlex.split(line, comments=True)[1:] for line in lines if _changes(line)])


def _changes(line: str) -> bool:
    return bool(re.match(r"(oc|kubectl) (patch|annotate) (ibgu|fu) ", line))


def pages() -> list[Path]:
    return [page for page in sorted(DOCS.rglob("*.md")) if any(guide(page))]


def in_namespace(manifest: Object, namespace: str) -> Object:
    if manifest["kind"] == "Namespace":
        return manifest
    return manifest | {"metadata": manifest["metadata"] | {"namespace": namespace}}


@pytest.fixture
def apply(kubectl: Kubectl, namespace: str) -> Callable[[Object], None]:
    def apply(manifest: Object) -> None:
        kubectl.apply(in_namespace(manifest, namespace))

    return apply


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_manifests_of_the_guides_are_valid(page: Path, kubectl: Kubectl, namespace: str) -> None:
    for manifest in guide(page).manifests:
        body = yaml.safe_dump(in_namespace(manifest, namespace))
        kubectl("apply", "--dry-run=server", "-f", "-", stdin=body)


def plan_of(ibgu: Object) -> list[list[str]]:
    return [step["actions"] for step in ibgu["spec"]["plan"]]


PLANS = {
    "cancel": {"ran-417": [["Prep"], ["Abort"]]},
    "first-rollout": {"first-417": [["Prep"], ["Upgrade"]]},
    "getting-started": {"demo": [["Prep"], ["AbortOnFailure"], ["Upgrade"]]},
    "in-steps": {
        "ran-417": [
            *(["Prep"], ["AbortOnFailure"]),
            *(["Upgrade"], ["AbortOnFailure"], ["FinalizeUpgrade"]),
        ]
    },
    "update-clusters": {"z-stream": [["Check", "Mirror"], ["Update"], ["RetractOnFailure"]]},
    "roll-back": {"ran-417-back": [["Rollback"], ["FinalizeRollback"]]},
}
"""Page -> what its plans are in the end, where it appends steps."""


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_the_lines_bring_the_plan_where_the_page_says(
    page: Path, kubectl: Kubectl, namespace: str, apply: Callable[[Object], None]
) -> None:
    told = guide(page)
    shown = {each["metadata"]["name"]: each for each in told.manifests if each["kind"] in OURS}
    for command in told.commands:
        kind, name = command[1:3]
        selected = ("--field-selector", f"metadata.name={name}")
        if not kubectl.get(kind, "-n", namespace, *selected)["items"]:
            apply(shown.get(name) or named(name))
        kubectl(*there(command, namespace))
    found = [
        each for kind in ("ibgu", "fu") for each in kubectl.get(kind, "-n", namespace)["items"]
    ]
    grown = {each["metadata"]["name"]: plan_of(each) for each in found}
    assert {n: plan for n, plan in grown.items() if len(plan) > 1} == PLANS.get(page.stem, {})


def is_ibgu(manifest: Object) -> bool:
    return bool(manifest["kind"] == "ImageBasedGroupUpgrade")


def named(name: str) -> Object:
    """The IBGU of the first guide, for a page that speaks of one without showing it."""
    first = next(filter(is_ibgu, guide(DOCS / "guides" / "in-steps.md").manifests))
    return first | {"metadata": {"name": name}}


def there(command: list[str], namespace: str) -> list[str]:
    """`command` in the test's namespace."""
    at = command.index("-n") if "-n" in command else len(command)
    return [*command[:at], *command[at + 2 :], "-n", namespace]


def test_every_guide_is_tried() -> None:
    assert {page.stem for page in pages()} >= set(PLANS) | {"gitops", "in-one-step"}
