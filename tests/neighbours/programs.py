"""Finds the real programs of the systems that ibgu lives beside, and their CRDs."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[3] / "shared" / "neighbours"
"""A folder beside the repository that may have them built."""
_BUILD = "CGO_ENABLED=0 go build -mod=vendor -o"
UPSTREAM = {
    "OCM_WORK_AGENT": (
        "https://github.com/open-cluster-management-io/ocm at "
        f"00f84c32b03b813ca504809bc526f59ec6c5df8b: {_BUILD} ocm-work-agent ./cmd/work"
    ),
    "TALM": (
        "https://github.com/openshift-kni/cluster-group-upgrades-operator at "
        f"dacf199e595c7aa5185ae7b4361ac73f8c7bb87b: {_BUILD} talm ."
    ),
    "NEIGHBOUR_CRDS": (
        "a folder with config/crd/bases/lca.openshift.io_imagebasedupgrades.yaml of "
        "https://github.com/openshift-kni/lifecycle-agent at "
        "0e1bf182c39277769d07966e97d55aaf924e3abb, with work/v1/*appliedmanifestworks.crd.yaml, "
        "work/v1alpha1/*manifestworkreplicasets.crd.yaml and "
        "cluster/v1beta1/*placements.crd.yaml of "
        "https://github.com/open-cluster-management-io/api, with the CRDs in config/crd/bases of "
        "TALM, and with those of policies, placementbindings, managedclusterviews and "
        "managedclusteractions that Advanced Cluster Management installs"
    ),
}
"""Variables that name a program (or a folder), and where it comes from."""


def program(variable: str) -> Path:
    """Returns the program that the environment's variable names, or that is built beside the
    repository; skips the test where there is none."""
    found = find(variable)
    if found is None:
        pytest.skip(f"{variable} names nothing; to have it: {UPSTREAM[variable]}")
    return found


def find(variable: str) -> Path | None:
    found = os.environ.get(variable) or _beside().get(variable)
    return Path(found) if found else None


def crd(kind: str) -> Path:
    """Returns the file of a neighbour's CRD, `kind` in the plural; skips the test without it."""
    found = next(_crds(program("NEIGHBOUR_CRDS"), kind), None)
    if found is None:
        pytest.skip(f"no CRD of {kind}; to have it: {UPSTREAM['NEIGHBOUR_CRDS']}")
    return found


def _crds(folder: Path, kind: str) -> Iterator[Path]:
    return (path for path in sorted(folder.glob("*.yaml")) if kind in path.name)


@cache
def _beside() -> dict[str, str]:
    if not (_BESIDE / "unpack").exists():
        return {}
    told = subprocess.run([_BESIDE / "unpack"], capture_output=True, text=True, check=True).stdout
    named = (word.partition("=") for word in shlex.split(told) if "=" in word)
    return {name: path for name, _, path in named} | {"NEIGHBOUR_CRDS": str(_BESIDE / "crds")}
