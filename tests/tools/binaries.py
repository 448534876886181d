"""helm, kubeconform, Prometheus with promtool, and Compose's own loader: from the cache, else built
into it once."""

import hashlib
import platform
import sys
from pathlib import Path
from typing import NamedTuple

from ibgu.sandbox import golang
from ibgu.sandbox.cache import made_once
from ibgu.sandbox.progress import TaskProgress

MODULE = Path(__file__).with_name("gomod")

_PACKAGES = {
    "helm": "helm.sh/helm/v4/cmd/helm",
    "kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform",
    "promtool": "github.com/prometheus/prometheus/cmd/promtool",
    "prometheus": "github.com/prometheus/prometheus/cmd/prometheus",
    "compose-spec": "github.com/compose-spec/compose-go/v2/cmd",
}
_TAGS = "remove_all_sd"
"""Prometheus without its ways to discover targets in clouds: tests need none of their SDKs."""


class Tools(NamedTuple):
    helm: Path
    kubeconform: Path
    promtool: Path
    prometheus: Path
    compose_spec: Path


def tools() -> Tools:
    """Find them, or build them (two minutes on 2 cores, with progress on standard error)."""
    folder = made_once(f"tools-{_digest()}", _build)
    return Tools(*(folder / name for name in _PACKAGES))


def _digest() -> str:
    """Changes with every version of everything that is built, and with the machine's kind."""
    digest = hashlib.sha256(f"{sys.platform}/{platform.machine()}/{_TAGS}".encode())
    for name in ("go.mod", "go.sum"):
        digest.update((MODULE / name).read_bytes())
    return digest.hexdigest()[:12]


def _build(folder: Path) -> None:
    for step, (name, package) in enumerate(_PACKAGES.items(), 1):
        with TaskProgress(f"{step}/{len(_PACKAGES)} {name}, for the tests") as progress:

            def show(line: str, progress: TaskProgress = progress) -> None:
                progress.detail = line

            flags = ["-trimpath", "-tags", _TAGS, "-ldflags", "-s -w"]
            arguments = ["build", "-v", *flags, "-o", str(folder / name), package]
            golang.run(arguments, show, module=MODULE)
