"""Finds the real programs of the systems that ibgu lives beside."""

import os
import shlex
import subprocess
from functools import cache
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[2] / "shared" / "neighbours"
"""A folder beside the repository that may have them built."""
_UPSTREAM = {
    "TALM": (
        "https://github.com/openshift-kni/cluster-group-upgrades-operator at "
        "dacf199e595c7aa5185ae7b4361ac73f8c7bb87b: CGO_ENABLED=0 go build -mod=vendor -o talm ."
    )
}


def program(variable: str) -> Path:
    """Returns the program that the environment's variable names, or that is built beside the
    repository; skips the test where there is none."""
    found = os.environ.get(variable) or _unpacked().get(variable)
    if not found:
        pytest.skip(f"{variable} names no program; to build it: {_UPSTREAM[variable]}")
    return Path(found)


@cache
def _unpacked() -> dict[str, str]:
    if not (_BESIDE / "unpack").exists():
        return {}
    told = subprocess.run([_BESIDE / "unpack"], capture_output=True, text=True, check=True).stdout
    named = (word.partition("=") for word in shlex.split(told) if "=" in word)
    return {name: path for name, _, path in named}
