"""`make cli`: the commands as one file for each platform of laptops, and krew's manifest."""

import argparse
import gzip
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

from tests.release import krew, versions
from tests.release.build import SUMS, run, sums
from tests.release.errors import ReleaseError
from tests.release.source import Source, changed, exported

ROOT = Path(__file__).parents[2]
LOCK = "requirements-cli.lock"
START = Path(__file__).with_name("cli_start.py")
UNPACKED = "~/.cache/ibgu/cli"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = {
    "linux-amd64": ("manylinux2014_x86_64", "manylinux_2_28_x86_64"),
    "linux-arm64": ("manylinux2014_aarch64", "manylinux_2_28_aarch64"),
    "darwin-amd64": ("macosx_13_0_x86_64",),
    "darwin-arm64": ("macosx_13_0_arm64",),
}
"""Tags of the wheels that run there, as pip knows them."""


class Wanted(NamedTuple):
    url: str
    """The address of the folder that the files are downloaded from."""
    platforms: Sequence[str] = tuple(PLATFORMS)
    pythons: Sequence[str] = PYTHONS


def cli(checkout: Path, dist: Path, wanted: Wanted) -> list[Path]:
    """Replaces `dist` once everything that goes into it is made, and returns its files."""
    with tempfile.TemporaryDirectory(prefix="ibgu-cli-") as scratch:
        source = exported(checkout, Path(scratch) / "source")
        version = versions.agreed(source.folder, unreleased=True)
        made = Path(scratch) / "dist"
        made.mkdir()
        archives = {}
        for platform in wanted.platforms:
            site = _site(source, Path(scratch) / platform, platform, wanted.pythons)
            file = made / f"ibgu-{version}-{platform}.pyz"
            _zipapp(source, site, file)
            archives[platform] = _archive(source, file)
        manifest = krew.manifest(version, wanted.url, wanted.pythons, archives)
        (made / "ibgu-krew.yaml").write_text(manifest)
        (made / SUMS).write_text(sums(made))
        shutil.rmtree(dist, ignore_errors=True)
        shutil.copytree(made, dist)
    return sorted(dist.iterdir())


def _site(source: Source, scratch: Path, platform: str, pythons: Iterable[str]) -> Path:
    """All that is unpacked there: a compiled module's name has its Python, so all fit in one."""
    site = scratch / "site"
    for python in pythons:
        installed = scratch / python
        _install(source, installed, platform, python)
        _merge(installed, site)
    _add_ibgu(source, scratch, site)
    made_for = {"platform": platform, "pythons": list(pythons)}
    (site / "made-for.json").write_text(json.dumps(made_for))
    # Its start is part of the file, so its licence has to be.
    (site / "LICENSE-shiv").write_text(distribution("shiv").read_text("LICENSE") or "")
    return site


def _install(source: Source, target: Path, platform: str, python: str) -> None:
    tags = [part for tag in PLATFORMS[platform] for part in ("--platform", tag)]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    checked = ["--no-deps", "--no-compile", "--only-binary", ":all:", "--require-hashes"]
    where = ["--implementation", "cp", "--python-version", python, "--target", str(target)]
    run(source, [*pip, *checked, *tags, *where, "-r", LOCK])


def _merge(installed: Path, site: Path) -> None:
    shutil.rmtree(installed / "bin", ignore_errors=True)
    for path in sorted(installed.rglob("*.py")):
        same = site / path.relative_to(installed)
        if same.exists() and same.read_bytes() != path.read_bytes():
            raise ReleaseError(f"{same.relative_to(site)} differs between versions of Python")
    shutil.copytree(installed, site, dirs_exist_ok=True)


def _add_ibgu(source: Source, scratch: Path, site: Path) -> None:
    run(source, [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(scratch)])
    (wheel,) = scratch.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site, [name for name in archive.namelist() if not played(name)])


def played(file: str) -> bool:
    """Whether it belongs to the extra `sandbox`, which neither laptops nor the image carry."""
    return file.startswith(("ibgu/sim/", "ibgu/sandbox/"))


def _zipapp(source: Source, site: Path, file: Path) -> None:
    shiv = [sys.executable, "-m", "shiv", "--reproducible", "--site-packages", str(site)]
    start = ["--entry-point", "ibgu.cli:main", "--preamble", str(START), "--root", UNPACKED]
    run(source, [*shiv, *start, "--output-file", str(file)])


def _archive(source: Source, file: Path) -> Path:
    """Packs the file as krew takes it: the same file under the name by which kubectl finds it, and
    the licence."""
    at = int(source.at.timestamp())
    archive = file.with_suffix(".tar.gz")
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=at) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for name, path, mode in (
            (krew.BINARY, file, 0o755),
            (krew.LICENCE, source.folder / krew.LICENCE, 0o644),
        ):
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode = path.stat().st_size, at, mode
            tar.addfile(member, io.BytesIO(path.read_bytes()))
    return archive


def main() -> int:
    parser = argparse.ArgumentParser(prog="make cli", description=__doc__)
    parser.add_argument("--url", default="https://downloads.example.com/ibgu")
    parser.add_argument("--platform", action="append", choices=PLATFORMS)
    parser.add_argument("--python", action="append", choices=PYTHONS)
    given = parser.parse_args()
    wanted = Wanted(given.url, given.platform or tuple(PLATFORMS), given.python or PYTHONS)
    try:
        files = cli(ROOT, ROOT / "dist/cli", wanted)
        left_out = changed(ROOT)
    except (ReleaseError, subprocess.SubprocessError) as error:
        print(f"The commands were not packed: {error}", file=sys.stderr)
        return 1
    for path in files:
        print(f"{path.stat().st_size:>10,}  {path.relative_to(ROOT)}")
    if left_out:
        print(f"Not in it, because not committed: {len(left_out)} files", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
