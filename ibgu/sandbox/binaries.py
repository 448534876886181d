"""The hub's binaries: from KUBEBUILDER_ASSETS, else from the cache, else built into it once."""

import hashlib
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from ibgu.sandbox import golang
from ibgu.sandbox.cache import made_once
from ibgu.sandbox.errors import SandboxError
from ibgu.sandbox.progress import TaskProgress

ASSETS_VARIABLE = "KUBEBUILDER_ASSETS"

_PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}
_OCM_API = "open-cluster-management.io/api"
_OCM_CRDS = (
    "cluster/v1/0000_00_clusters.open-cluster-management.io_managedclusters.crd.yaml",
    "cluster/v1beta2/0000_00_clusters.open-cluster-management.io_managedclustersets.crd.yaml",
    "cluster/v1beta2/0000_01_clusters.open-cluster-management.io_managedclustersetbindings.crd.yaml",
    "work/v1/0000_00_work.open-cluster-management.io_manifestworks.crd.yaml",
)


class HubBinaries(NamedTuple):
    kube_apiserver: Path
    etcd: Path
    kubectl: Path
    crds: Path
    """The folder with OCM's CRDs."""


def hub_binaries() -> HubBinaries:
    """Find them, or build them (minutes, with progress on standard error)."""
    folder = _assets() or made_once(f"hub-{_digest()}", _build)
    crds = made_once(f"crds-{golang.required(_OCM_API)}-{len(_OCM_CRDS)}", _copy_crds)
    return HubBinaries(folder / "kube-apiserver", folder / "etcd", folder / "kubectl", crds)


def _assets() -> Path | None:
    value = os.environ.get(ASSETS_VARIABLE)
    if not value:
        return None
    missing = [name for name in _PACKAGES if not os.access(Path(value) / name, os.X_OK)]
    if missing:
        raise SandboxError(
            f"{ASSETS_VARIABLE} is {value}, but there is no executable {' or '.join(missing)} in "
            f"that folder. Correct it, or unset it to have the binaries built."
        )
    return Path(value)


def _digest() -> str:
    """Changes with every version of everything that is built, and with the machine's kind."""
    digest = hashlib.sha256(f"{sys.platform}/{platform.machine()}".encode())
    for name in ("go.mod", "go.sum"):
        digest.update((golang.MODULE / name).read_bytes())
    return digest.hexdigest()[:12]


def _build(folder: Path) -> None:
    print(
        "Building kube-apiserver, kubectl and etcd for the sandbox hub. This happens once and "
        "takes about 4 minutes on 2 cores.",
        file=sys.stderr,
    )
    for step, (name, package) in enumerate(_PACKAGES.items(), 1):
        with TaskProgress(f"{step}/{len(_PACKAGES)} {name}") as progress:
            _build_one(folder / name, package, progress)


def _build_one(target: Path, package: str, progress: TaskProgress) -> None:
    compiled = 0

    def show(line: str) -> None:
        nonlocal compiled
        if line.startswith("go: downloading"):
            progress.detail = line.removeprefix("go: ")
        else:
            compiled += 1
            progress.detail = f"{compiled} packages compiled, now {line}"

    golang.run(
        ["build", "-v", "-trimpath", "-ldflags", _linker_flags(), "-o", str(target), package], show
    )


def _linker_flags() -> str:
    """Smaller binaries, and a /version that tells the truth (a plain build says v0.0.0)."""
    version = golang.required("k8s.io/kubernetes")
    major, minor, _ = version.removeprefix("v").split(".", 2)
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    settings = [f"-X k8s.io/component-base/version.{key}={values[key]}" for key in values]
    return " ".join(["-s", "-w", *settings])


def _copy_crds(folder: Path) -> None:
    sources = golang.module_folder(_OCM_API)
    for path in _OCM_CRDS:
        shutil.copyfile(sources / path, folder / Path(path).name)
