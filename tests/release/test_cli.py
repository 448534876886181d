"""The commands as one file, run by a Python that has nothing installed, against a served API."""

import asyncio
import hashlib
import json
import platform
import subprocess
import sys
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml

from ibgu.db import Journal
from ibgu.sandbox.hub import SandboxHub
from tests.api.fleet import fleet
from tests.cli.conftest import app, context, engine, hub_client, journal, served, server
from tests.release.build import SUMS, sums
from tests.release.cli import LOCK, Wanted, cli
from tests.release.conftest import ROOT, VERSION
from tests.release.packages import LOCK as IMAGE_LOCK

__all__ = ["app", "context", "engine", "hub_client", "journal", "served", "server"]

MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
HERE = f"{sys.platform}-{MACHINE}"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
URL = "https://mirror.example.com/ibgu"


@pytest.fixture(scope="module")
def dist(repository: Path) -> Path:
    cli(repository, repository.parent / "cli", Wanted(URL, (HERE,), (PYTHON,)))
    return repository.parent / "cli"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def bare(file: Path, home: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A Python without the packages of the tests: not even those of its own site."""
    python = Path(sys.base_prefix, "bin", f"python{PYTHON}")
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", **env}
    command = [str(python), "-I", "-S", str(file), *args]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def program(dist: Path) -> Path:
    return dist / f"ibgu-{VERSION}-{HERE}.pyz"


def unpacked(home: Path) -> list[Path]:
    return [path for path in (home / ".cache/ibgu/cli").iterdir() if path.is_dir()]


def test_the_program_unpacks_once_and_for_its_user_only(dist: Path, home: Path) -> None:
    first = bare(program(dist), home, "--version")
    assert first.stdout.startswith(f"ibgu {VERSION} (Python {PYTHON}."), first.stderr
    (folder,) = unpacked(home)
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "here").touch()
    assert "Look:" in bare(program(dist), home, "--help").stdout
    assert unpacked(home) == [folder]
    assert (folder / "here").exists()


async def test_the_program_reads_a_served_api(
    dist: Path, home: Path, server: str, journal: Journal, sandbox_hub: SandboxHub
) -> None:
    await fleet(journal)
    env = {"IBGU_SERVER": server, "IBGU_TOKEN": sandbox_hub.token("alice")}
    found = await asyncio.to_thread(bare, program(dist), home, "get", "-A", "-o", "json", **env)
    assert found.returncode == 0, found.stderr
    assert "ran-r1" in found.stdout
    page = await asyncio.to_thread(bare, program(dist), home, "report", "ran-r1", **env)
    assert "<title>Report on default/ran-r1</title>" in page.stdout, page.stderr


async def test_the_program_reaches_the_hub_directly(
    dist: Path, home: Path, sandbox_hub: SandboxHub
) -> None:
    env = {"KUBECONFIG": str(sandbox_hub.kubeconfig("olga"))}
    told = await asyncio.to_thread(bare, program(dist), home, "pause", "gone", "--direct", **env)
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
    assert "gone" in told.stderr


@pytest.mark.parametrize("command", ["run", "doctor"])
def test_commands_left_out_of_the_program_name_the_image(
    dist: Path, home: Path, command: str
) -> None:
    told = bare(program(dist), home, *command.split())
    assert told.returncode == 1
    assert "which the single-file CLI does not contain. Run it in ibgu's image" in told.stderr
    assert "Traceback" not in told.stderr


def test_another_python_is_named(dist: Path, home: Path) -> None:
    assert bare(program(dist), home, "--version").returncode == 0
    (folder,) = unpacked(home)
    made_for = folder / "site-packages/made-for.json"
    known = made_for.read_text()
    assert json.loads(known) == {"platform": HERE, "pythons": [PYTHON]}
    made_for.write_text(json.dumps({"platform": HERE, "pythons": ["3.99"]}))
    told = bare(program(dist), home, "--version")
    made_for.write_text(known)
    assert told.returncode == 1
    assert told.stderr.startswith("ibgu: this file needs one of Python 3.99, and this is Python 3.")
    assert told.stderr.endswith(f"by one of them: python3.99 {program(dist)}\n")


def test_krew_finds_what_its_manifest_names(dist: Path) -> None:
    manifest = yaml.safe_load((dist / "ibgu-krew.yaml").read_text())
    assert manifest["apiVersion"] == "krew.googlecontainertools.github.com/v1alpha2"
    assert (manifest["kind"], manifest["metadata"]["name"]) == ("Plugin", "ibgu")
    assert manifest["spec"]["version"] == f"v{VERSION}"
    assert manifest["spec"]["shortDescription"]
    (found,) = manifest["spec"]["platforms"]
    assert found["selector"]["matchLabels"] == {"os": sys.platform, "arch": MACHINE}
    archive = dist / found["uri"].removeprefix(f"{URL}/")
    assert found["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    with tarfile.open(archive) as packed:
        members = {each.name: each for each in packed}
        assert set(members) == {each["from"] for each in found["files"]}
        assert members[found["bin"]].mode == 0o755
        binary = packed.extractfile(found["bin"])
        assert binary is not None
        assert binary.read() == program(dist).read_bytes()


def test_checksums_are_of_all_files(dist: Path) -> None:
    assert (dist / SUMS).read_text() == sums(dist)
    assert len(sums(dist).splitlines()) == 3


def test_the_program_contains_the_packages_of_the_image(dist: Path) -> None:
    def pins(file: str) -> set[str]:
        lines = (ROOT / file).read_text().splitlines()
        return {line.split()[0] for line in lines if "==" in line}

    assert pins(LOCK) <= pins(IMAGE_LOCK), "so that bill and licences of a release have them"
    with ZipFile(program(dist)) as packed:
        assert "site-packages/LICENSE-shiv" in packed.namelist()
