"""The manifest by which krew, kubectl's manager of plugins, installs the commands."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

BINARY = "kubectl-ibgu"
LICENCE = "LICENSE"
DESCRIPTION = (
    "Looks at rollouts of image-based upgrades of single-node OpenShift clusters, and changes "
    "them: what is under way, who failed and why, what to do next. Begin with: kubectl ibgu login"
)
CAVEATS = (
    "Needs Python {pythons} as python3. Unpacks itself into ~/.cache/ibgu/cli at its first start."
)


def manifest(version: str, url: str, pythons: Sequence[str], archives: Mapping[str, Path]) -> str:
    """`archives` by platform, as in linux-amd64; `url` is the folder that has them all."""
    body = {
        "apiVersion": "krew.googlecontainertools.github.com/v1alpha2",
        "kind": "Plugin",
        "metadata": {"name": "ibgu"},
        "spec": {
            "version": f"v{version}",
            "shortDescription": "Image-based upgrades of OpenShift fleets",
            "description": DESCRIPTION,
            "caveats": CAVEATS.format(pythons=" or ".join(pythons)),
            "platforms": [_platform(name, url, file) for name, file in archives.items()],
        },
    }
    return yaml.safe_dump(body, sort_keys=False, width=100)


def _platform(name: str, url: str, archive: Path) -> dict[str, Any]:
    system, _, machine = name.partition("-")
    return {
        "selector": {"matchLabels": {"os": system, "arch": machine}},
        "uri": f"{url.rstrip('/')}/{archive.name}",
        "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "bin": BINARY,
        "files": [{"from": BINARY, "to": "."}, {"from": LICENCE, "to": "."}],
    }
