"""Refusals before anything is built: versions that differ, licences that may not ship."""

import json
from pathlib import Path

import pytest

from tests.release import changelog, packages, report, sbom, versions
from tests.release.errors import ReleaseError
from tests.release.packages import Package

ROOT = Path(__file__).parents[2]
HISTORY = """\
# Changelog

## Unreleased

## 1.1.0 (2027-01-02)

- Newer.
- And newer.

## 1.0.0

- Old.
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.1.0"\n')
    (tmp_path / "charts/ibgu").mkdir(parents=True)
    (tmp_path / "charts/ibgu/Chart.yaml").write_text("version: 1.1.0\nappVersion: 1.1.0\n")
    (tmp_path / "CHANGELOG.md").write_text(HISTORY)
    return tmp_path


def test_notes_are_the_versions_part_of_the_changelog() -> None:
    text = changelog.notes(HISTORY, "1.1.0", section="1.1.0")
    assert text == "# ibgu 1.1.0\n\n- Newer.\n- And newer.\n"


@pytest.mark.parametrize("section", ["Unreleased", "1.2.0", "1.1"])
def test_a_release_without_notes_is_refused(section: str) -> None:
    with pytest.raises(ReleaseError, match=f"nothing under '## {section}'"):
        changelog.notes(HISTORY, "1.2.0", section=section)


def test_one_version_everywhere(checkout: Path) -> None:
    assert versions.agreed(checkout) == "1.1.0"


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("charts/ibgu/Chart.yaml", "appVersion: 1.1.0", "appVersion: 1.0.0", "appVersion 1.0.0"),
        ("charts/ibgu/Chart.yaml", "version: 1.1.0\n", "version: 1.0.9\n", "version 1.0.9"),
        ("CHANGELOG.md", "## 1.1.0 (2027-01-02)", "## 1.0.5", "1.0.5 as its newest version"),
        ("CHANGELOG.md", HISTORY, "# Changelog\n\n## Unreleased\n\n- New.\n", "no version yet"),
        ("CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n- Newest.\n", "still has entries"),
        ("pyproject.toml", "1.1.0", "1.2.0", "pyproject.toml has version 1.2.0"),
    ],
)
def test_versions_that_differ_are_named(
    checkout: Path, file: str, old: str, new: str, told: str
) -> None:
    text = (checkout / file).read_text()
    assert old in text
    (checkout / file).write_text(text.replace(old, new, 1))
    with pytest.raises(ReleaseError, match=told):
        versions.agreed(checkout)


def test_the_versions_of_package_and_chart_agree() -> None:
    assert versions.agreed(ROOT, unreleased=True)


@pytest.mark.parametrize(
    "licence",
    ["GPL-3.0-only", "MIT AND LGPL-2.1-or-later", "(MPL-2.0)", "AGPL-3.0-only OR MIT", "Own", ""],
)
def test_copyleft_and_the_unknown_do_not_ship(licence: str) -> None:
    with pytest.raises(ReleaseError, match=r"- greedy 1\.0: "):
        report.written("1.1.0", [Package("pypi", "greedy", "1.0", licence)])


def test_an_exception_is_for_one_package_and_one_licence() -> None:
    text = report.written("1.1.0", [Package("pypi", "certifi", "1.0", "MPL-2.0")])
    assert "| certifi | 1.0 | MPL-2.0 |" in text
    with pytest.raises(ReleaseError, match="certifi"):
        report.written("1.1.0", [Package("pypi", "certifi", "1.0", "GPL-3.0-only")])


@pytest.mark.parametrize("licence", ["MIT", "MIT AND (Apache-2.0 OR PSF-2.0)"])
def test_the_permissive_ships(licence: str) -> None:
    assert licence in report.written("1.1.0", [Package("npm", "kind", "1.0", licence)])


def _lock(folder: Path, lock: str, *needed: str) -> Path:
    listed = json.dumps(needed)
    (folder / "pyproject.toml").write_text(f"[project]\ndependencies = {listed}\n")
    (folder / packages.LOCK).write_text(lock)
    return folder


INSTALLED = {each.name: each for each in packages.locked(ROOT)}


def pin(name: str, version: str = "") -> str:
    return f"{name}=={version or INSTALLED[name].version} \\\n    --hash=sha256:{'0' * 64}\n"


def test_the_lock_is_read_with_its_needs(tmp_path: Path) -> None:
    lock = pin("rich") + pin("pygments") + pin("markdown-it-py") + pin("mdurl")
    found = {each.name: each for each in packages.locked(_lock(tmp_path, lock, "rich"))}
    assert found["rich"].needs == {"pygments", "markdown-it-py"}
    assert found["markdown-it-py"].needs == {"mdurl"}
    assert found["mdurl"].archives == ("0" * 64,)


@pytest.mark.parametrize(
    ("lock", "needed", "told"),
    [
        (pin("h11") + pin("idna"), ["h11"], "nothing needs idna"),
        (pin("h11"), ["h11", "idna"], "idna is needed, but not in"),
        (pin("markdown-it-py"), ["markdown-it-py"], "mdurl is needed, but not in"),
        (pin("h11", "0.0.1"), ["h11"], "h11 is installed as"),
        (pin("no-such-package-here", "1"), ["no-such-package-here"], "is not installed"),
    ],
)
def test_a_lock_that_is_not_what_ibgu_needs(
    tmp_path: Path, lock: str, needed: list[str], told: str
) -> None:
    with pytest.raises(ReleaseError, match=told):
        packages.locked(_lock(tmp_path, lock, *needed))


def test_packages_for_other_platforms_are_left_out(tmp_path: Path) -> None:
    other = "colorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n"
    found = packages.locked(_lock(tmp_path, pin("h11") + other, "h11"))
    assert [each.name for each in found] == ["h11"]


def test_vendored_modules_have_a_row_each(tmp_path: Path) -> None:
    here = tmp_path / packages.VENDORED
    here.mkdir(parents=True)
    (here / "README.md").write_text("| htm | 3.1.1 | Apache-2.0 | `htm.mjs` |\n")
    (here / "SHA256SUMS").write_text(f"{'1' * 64}  ./htm/htm.mjs\n")
    (found,) = packages.vendored(tmp_path)
    assert found.files == ((f"{packages.VENDORED}/htm/htm.mjs", "1" * 64),)
    with (here / "SHA256SUMS").open("a") as sums:
        sums.write(f"{'2' * 64}  ./other/other.mjs\n")
    with pytest.raises(ReleaseError, match="no row for other"):
        packages.vendored(tmp_path)


def test_an_sbom_that_is_not_valid_is_refused() -> None:
    with pytest.raises(ReleaseError, match="not valid"):
        sbom.check('{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{}]}')
