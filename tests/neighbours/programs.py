"""Finds the real programs of the systems that ibgu lives beside, and their CRDs."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

REQUIRE = "REQUIRE_NEIGHBOURS"
"""A variable; where it is set, a test that lacks a neighbour, or what a test beside neighbours
needs of the machine, fails instead of being skipped."""
_BESIDE = Path(__file__).parents[3] / "shared" / "neighbours"
"""A folder beside the repository that may have them built."""
_BUILD = "CGO_ENABLED=0 go build -mod=vendor -o"
_TALM = (
    "https://github.com/openshift-kni/cluster-group-upgrades-operator at "
    "dacf199e595c7aa5185ae7b4361ac73f8c7bb87b"
)
_OCM = (
    "https://github.com/open-cluster-management-io/ocm at 00f84c32b03b813ca504809bc526f59ec6c5df8b"
)
UPSTREAM = {
    "OCM_WORK_AGENT": f"{_OCM}: {_BUILD} ocm-work-agent ./cmd/work",
    "TALM": f"{_TALM}: {_BUILD} talm .",
    "NEIGHBOUR_CRDS": (
        "a folder with config/crd/bases/*.yaml, deploy/acm/crds/*.yaml and "
        f"vendor/open-cluster-management.io/api/work/v1/*.crd.yaml of {_TALM}, "
        f"vendor/open-cluster-management.io/api/cluster/v1/*managedclusters.crd.yaml of {_OCM}, "
        "and config/crd/bases/lca.openshift.io_imagebasedupgrades.yaml of "
        "https://github.com/openshift-kni/lifecycle-agent at "
        "0e1bf182c39277769d07966e97d55aaf924e3abb"
    ),
}
"""Variables that name a program (or a folder), and where it comes from."""


def program(variable: str) -> Path:
    """Returns the program that the environment's variable names, or that is built beside the
    repository; skips the test where there is none, or fails it (`REQUIRE`)."""
    found = find(variable)
    if found is None:
        lack(f"{variable} names nothing. {how_to_have_them()}")
    return found


def find(variable: str) -> Path | None:
    found = os.environ.get(variable) or _beside().get(variable)
    return Path(found) if found else None


def how_to_have_them() -> str:
    """Returns one line: what is missing, and how to build it from upstream."""
    missing = [variable for variable in UPSTREAM if find(variable) is None]
    ways = "; ".join(f"{variable}: {UPSTREAM[variable]}" for variable in missing)
    every = ", ".join(UPSTREAM)
    return (
        f"The tests with real neighbours need all three, {every}. To have what is missing: {ways}"
    )


def crd(kind: str) -> Path:
    """Returns the file of a neighbour's CRD, `kind` in the plural; skips or fails the test without
    it."""
    found = next(_crds(program("NEIGHBOUR_CRDS"), kind), None)
    if found is None:
        lack(f"no CRD of {kind}; to have it: {UPSTREAM['NEIGHBOUR_CRDS']}")
    return found


def crd_if_there(kind: str) -> Path | None:
    """Returns the file of a neighbour's CRD, for a test that has another one without it; fails the
    test that lacks it where it must be there (`REQUIRE`)."""
    return crd(kind) if required() or find("NEIGHBOUR_CRDS") is not None else None


def required() -> bool:
    return os.environ.get(REQUIRE, "") not in ("", "0")


def lack(words: str) -> NoReturn:
    """Skips the test for what this machine does not have, or fails it (`REQUIRE`)."""
    if required():
        pytest.fail(f"{words} ({REQUIRE} is set)", pytrace=False)
    pytest.skip(words)


def _crds(folder: Path, kind: str) -> Iterator[Path]:
    return (path for path in sorted(folder.glob("*.yaml")) if kind in path.name)


@cache
def _beside() -> dict[str, str]:
    if not (_BESIDE / "unpack").exists():
        return {}
    told = subprocess.run([_BESIDE / "unpack"], capture_output=True, text=True, check=True).stdout
    named = (word.partition("=") for word in shlex.split(told) if "=" in word)
    return {name: path for name, _, path in named} | {"NEIGHBOUR_CRDS": str(_BESIDE / "crds")}
