"""One version everywhere: package, chart, what the chart installs, and the changelog."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.release import changelog
from tests.release.errors import ReleaseError


def agreed(folder: Path, *, unreleased: bool = False) -> str:
    """The version of a checkout; that the changelog has it is not asked of an unreleased one."""
    version: str = tomllib.loads((folder / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((folder / "charts/ibgu/Chart.yaml").read_text())
    told = list(_of_chart(version, chart))
    if not unreleased:
        told += _of_changelog(version, (folder / "CHANGELOG.md").read_text())
    if told:
        raise ReleaseError("\n".join([f"pyproject.toml has version {version}, but", *told]))
    return version


def _of_chart(version: str, chart: dict[str, object]) -> Iterator[str]:
    for field in ("version", "appVersion"):
        if chart.get(field) != version:
            yield f"- charts/ibgu/Chart.yaml has {field} {chart.get(field)}: make them the same"


def _of_changelog(version: str, text: str) -> Iterator[str]:
    newest = changelog.newest(text)
    if newest != version:
        told = f"has {newest} as its newest version" if newest else "has no version yet"
        yield (
            f"- CHANGELOG.md {told}: move what is under '## {changelog.UNRELEASED}' "
            f"to '## {version}'"
        )
    elif changelog.sections(text).get(changelog.UNRELEASED):
        yield f"- CHANGELOG.md still has entries under '## {changelog.UNRELEASED}': move them"
