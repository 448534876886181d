"""The image runs without simulator, sandbox, and the packages that only they need."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ibgu.sandbox.hub import SandboxHub
from tests.cli.test_processes import env, finished, get, running
from tests.image.test_image import ROOT, pins, stages

__all__ = ["env"]

_LOCKED_ONLY = """
import sys
from importlib.metadata import packages_distributions

LOCKED = {locked!r}


class LockedOnly:
    _of = packages_distributions()

    def find_spec(self, name, path=None, target=None):
        if path is None and (of := self._of.get(name)) and not LOCKED & {{*map(plain, of)}}:
            raise ModuleNotFoundError(f"no module named {{name!r}}", name=name)


def plain(name):
    return name.lower().replace("_", "-").replace(".", "-")


sys.meta_path.insert(0, LockedOnly())
"""
"""Hides all packages of the tests' environment that the image does not have."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The wheel as the image's stage `build` makes it from what it copies, unpacked."""
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    steps = stages()["build"]
    for part in (part for name, rest in steps if name == "COPY" for part in rest.split()[:-1]):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, source / part)
    [removed] = (found[1] for _, rest in steps if (found := re.match(r"rm -r ([\w/ ]+) +&&", rest)))
    for part in removed.split():
        shutil.rmtree(source / part)
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(source)]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    [wheel] = source.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    locked = {"ibgu", *pins("requirements-image.lock")}
    (site / "sitecustomize.py").write_text(_LOCKED_ONLY.format(locked=locked))
    yield site
    shutil.rmtree(site)


@pytest.fixture
def there(
    installed: Path, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    return env | {"PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}


def test_the_installed_package_without_the_sandbox_is_tested(
    installed: Path, there: dict[str, str]
) -> None:
    code = "import ibgu.cli; print(ibgu.cli.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=there, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).is_relative_to(installed)
    assert {path.name for path in (installed / "ibgu").iterdir()} >= {"api", "controller", "hub"}
    assert not {"sim", "sandbox"} & set(os.listdir(installed / "ibgu"))


def test_help_and_doctor(there: dict[str, str]) -> None:
    code, told, _ = finished(there, "--help")
    assert (code, "simulate" in told) == (0, True)
    code, told, said = finished(there, "doctor")
    assert (code, said) == (2, "")
    assert "run `ibgu migrate`" in told


def test_controller_and_api(there: dict[str, str], sandbox_hub: SandboxHub) -> None:
    with running(there, "run", "--migrate"):
        assert get(there, "/api/v1/rollouts", sandbox_hub.token("alice")).status_code == 200


@pytest.mark.parametrize(
    ("command", "module"), [("simulate", "ibgu.sim"), ("demo", "ibgu.sandbox")]
)
def test_commands_that_need_the_sandbox_name_the_extra(
    there: dict[str, str], command: str, module: str
) -> None:
    code, _, said = finished(there, command)
    assert (code, said) == (
        1,
        "ibgu: this command needs ibgu[sandbox], which is not installed here: there is no "
        f"{module}. Run pip install '.[sandbox]' in ibgu's checkout\n",
    )
