"""A whole release, made twice from one commit of a repository that the test makes."""

import hashlib
import json
import re
import tarfile
import time
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.release.build import SUMS, release
from tests.release.conftest import ROOT, VERSION
from tests.release.errors import ReleaseError
from tests.release.packages import LOCK, shipped
from tests.release.source import changed


@pytest.fixture(scope="module")
def dist(repository: Path) -> Path:
    release(repository, repository.parent / "first")
    return repository.parent / "first"


@pytest.fixture(scope="module")
def bill(dist: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((dist / f"ibgu-{VERSION}.cdx.json").read_text())
    return found


def test_all_files_are_there(dist: Path) -> None:
    assert {path.name.replace(VERSION, "V") for path in dist.iterdir()} == {
        "ibgu-V-py3-none-any.whl",
        "ibgu-V.tar.gz",
        "ibgu-V.tgz",
        "ibgu-V.cdx.json",
        "ibgu-V-licences.md",
        "ibgu-V-notes.md",
        SUMS,
    }


def test_the_same_commit_gives_the_same_files(repository: Path, dist: Path) -> None:
    """The files are the same seconds later, in another folder, with files that nobody committed."""
    time.sleep(1.1 - time.time() % 1)
    (repository / "ibgu/left.py").write_text("raise SystemExit\n")
    assert [line[3:] for line in changed(repository)] == ["ibgu/left.py"]
    again = release(repository, repository.parent / "second")
    (repository / "ibgu/left.py").unlink()
    assert again
    for path in again:
        assert path.read_bytes() == (dist / path.name).read_bytes(), path.name


def test_checksums_are_of_all_files(dist: Path) -> None:
    lines = (dist / SUMS).read_text().splitlines()
    told = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = [path for path in dist.iterdir() if path.name != SUMS]
    assert told == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_bill_has_exactly_what_is_locked(bill: dict[str, Any]) -> None:
    packages = shipped(ROOT)
    assert len(packages) > 40
    told = {(each["name"], each["version"]) for each in bill["components"]}
    assert told == {(each.name, each.version) for each in packages}
    assert bill["metadata"]["component"]["version"] == VERSION
    assert bill["metadata"]["timestamp"] == "2026-11-20T12:00:00+00:00"


def test_the_bill_lists_the_dependencies_of_each_package(bill: dict[str, Any]) -> None:
    needs = {each["ref"]: set(each.get("dependsOn", ())) for each in bill["dependencies"]}
    names = {each["bom-ref"]: each["name"] for each in bill["components"]}
    reached: set[str] = set()
    todo = ["ibgu"]
    while todo:
        new = needs[todo.pop()] - reached
        reached |= new
        todo += new
    assert reached == set(names)
    assert {"sqlalchemy", "uvloop", "preact"} <= {names[ref] for ref in needs["ibgu"]}
    (sqlalchemy,) = (ref for ref, name in names.items() if name == "sqlalchemy")
    assert "greenlet" in {names[ref] for ref in needs[sqlalchemy]}, "by the extra asyncio"


def test_the_bills_files_are_those_of_the_wheel(dist: Path, bill: dict[str, Any]) -> None:
    files = [file for each in bill["components"] for file in each.get("components", ())]
    assert len(files) == 8
    with ZipFile(dist / f"ibgu-{VERSION}-py3-none-any.whl") as wheel:
        for file in files:
            digest = hashlib.sha256(wheel.read(file["name"])).hexdigest()
            assert [digest] == [each["content"] for each in file["hashes"]]


def test_the_bills_archives_are_those_that_the_lock_allows(bill: dict[str, Any]) -> None:
    lock = (ROOT / LOCK).read_text()
    for each in bill["components"]:
        if each["purl"].startswith("pkg:pypi/"):
            (archives,) = each["externalReferences"]
            assert all(found["content"] in lock for found in archives["hashes"])


def test_the_chart_is_the_checkouts(dist: Path) -> None:
    with tarfile.open(dist / f"ibgu-{VERSION}.tgz") as chart:
        packed = {name.removeprefix("ibgu/") for name in chart.getnames()}
    here = ROOT / "charts/ibgu"
    assert {"Chart.yaml", "values.schema.json"} <= packed
    assert {p for p in packed if not (here / p).exists()} == set()
    assert {str(p.relative_to(here)) for p in here.rglob("*.yaml")} <= packed


def test_the_wheel_asks_for_what_the_bill_has(dist: Path, bill: dict[str, Any]) -> None:
    with ZipFile(dist / f"ibgu-{VERSION}-py3-none-any.whl") as wheel:
        metadata = wheel.read(f"ibgu-{VERSION}.dist-info/METADATA").decode()
        names = set(wheel.namelist())
    assert {"ibgu/cli/__init__.py", "ibgu/charts/ibgu/Chart.yaml", "ibgu/web/index.html"} <= names
    assert "ibgu/cli/report/page.html" in names
    required = [Requirement(line) for line in re.findall(r"^Requires-Dist: (.+)", metadata, re.M)]
    runtime = {canonicalize_name(r.name) for r in required if "extra" not in str(r.marker)}
    assert "fastapi" in runtime
    assert runtime <= {each["name"] for each in bill["components"]}


def test_notes_and_licences_can_be_read(dist: Path) -> None:
    notes = (dist / f"ibgu-{VERSION}-notes.md").read_text()
    assert notes == f"# ibgu {VERSION}\n\n- All of it.\n"
    licences = (dist / f"ibgu-{VERSION}-licences.md").read_text()
    assert "| preact |" in licences
    assert "| fastapi |" in licences


def test_a_failed_release_leaves_the_last_one_unchanged(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    with pytest.raises(ReleaseError, match="nothing under '## Unreleased'"):
        release(repository, tmp_path, unreleased=True)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_release_is_made_from_a_commit(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="git rev-parse failed"):
        release(tmp_path, tmp_path / "dist")
