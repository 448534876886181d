"""The hub's binaries: where they come from, and what a person reads when they can't."""

import os
import re
import shutil
import stat
from pathlib import Path

import pytest

from ibgu.sandbox import golang, prepare
from ibgu.sandbox.binaries import ASSETS_VARIABLE, hub_binaries
from ibgu.sandbox.errors import SandboxError


def executable(path: Path, script: str = "") -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_folder_with_binaries_is_taken_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("kube-apiserver", "etcd", "kubectl"):
        executable(tmp_path / name)
    monkeypatch.setenv(ASSETS_VARIABLE, str(tmp_path))
    found = hub_binaries()
    assert {found.kube_apiserver, found.etcd, found.kubectl} == set(tmp_path.iterdir())
    assert len(list(found.crds.glob("*.crd.yaml"))) == 4


def test_a_folder_that_lacks_a_binary_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    executable(tmp_path / "etcd")
    (tmp_path / "kubectl").touch()  # there, but not to be run
    monkeypatch.setenv(ASSETS_VARIABLE, str(tmp_path))
    assert prepare.main() == 1
    error = capsys.readouterr().err
    assert f"{ASSETS_VARIABLE} is {tmp_path}" in error
    assert "no executable kube-apiserver or kubectl" in error


def test_prepare_says_where_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare.main() == 0
    folder = capsys.readouterr().out.split()[-1]
    assert os.access(Path(folder) / "kube-apiserver", os.X_OK)


def test_the_versions_belong_together() -> None:
    """Kubernetes v1.x.y is built with the libraries v0.x.y."""
    libraries = golang.required("k8s.io/kubernetes").replace("v1.", "v0.")
    text = (golang.MODULE / "go.mod").read_text()
    replaced = re.findall(r"^\t(\S+) => (\S+) (\S+)$", text, re.MULTILINE)
    assert len(replaced) > 25
    for module, target, version in replaced:
        assert (module, version) == (target, libraries)
    assert golang.required("go.etcd.io/etcd/server/v3").startswith("v3.6.")


def test_an_unknown_module_is_an_error() -> None:
    with pytest.raises(LookupError, match=r"example\.org/none is not in"):
        golang.required("example.org/none")


@pytest.mark.parametrize(
    ("answer", "enough"),
    [
        ("go1.26.0 local", True),
        ("go1.27.3 local", True),
        ("go1.25.9 local", False),
        ("go1.21.0 auto", True),
        ("go1.19.8", False),
        ("devel", False),
        ("", False),
    ],
)
def test_go_versions_are_compared_with_the_minimum(
    tmp_path: Path, answer: str, enough: bool
) -> None:
    go = executable(tmp_path / "go", f"printf '%s\\n' {answer}")
    assert golang.can_build(go) is enough


def test_no_network_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real Go command, without anything fetched and without a place to fetch from."""
    monkeypatch.setenv("GOMODCACHE", str(tmp_path))
    monkeypatch.setenv("GOPROXY", "off")
    with pytest.raises(SandboxError, match="check the network, HTTPS_PROXY and GOPROXY"):
        golang.module_folder("open-cluster-management.io/api")


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = executable(tmp_path / "go", "echo 'write x: no space left on device' >&2; exit 1")
    monkeypatch.setattr(golang, "go_command", lambda: go)
    with pytest.raises(SandboxError, match=r"go build failed: the disk is full.*\nwrite x"):
        golang.run(["build"])


def test_every_line_of_a_build_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = executable(tmp_path / "go", "echo one >&2; echo two >&2; echo result")
    monkeypatch.setattr(golang, "go_command", lambda: go)
    lines: list[str] = []
    assert golang.run(["build"], lines.append) == "result\n"
    assert lines == ["one", "two"]


@pytest.mark.slow("release")
def test_the_real_build_starts_from_our_module(tmp_path: Path) -> None:
    """The smallest package of the module, with the settings of the real ones."""
    target = tmp_path / "sandbox.a"
    golang.run(["build", "-o", str(target), "ibgu.dev/sandbox"])
    assert target.stat().st_mode & stat.S_IRUSR


def test_without_go_and_without_pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    golang.go_command.cache_clear()
    try:
        with pytest.raises(SandboxError, match="install Go, or point KUBEBUILDER_ASSETS"):
            golang.go_command()
    finally:
        golang.go_command.cache_clear()
    assert shutil.which("go") is None
