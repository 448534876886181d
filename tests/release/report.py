"""The licence report: every package that ships, and an end of the release at the first copyleft."""

from collections.abc import Sequence

from tests.release.errors import ReleaseError
from tests.release.licences import APART, allowed, is_spdx
from tests.release.packages import Package

_HEAD = """\
# Licences of what ships with ibgu {version}

ibgu itself: Apache-2.0. {number} packages that it needs to run:

| package | version | licence |
|---|---|---|
"""
_APART = """
{package} ({licence}) holds the CA certificates of Mozilla, unchanged: its licence asks nothing of
what stands beside it.
"""


def written(version: str, packages: Sequence[Package]) -> str:
    if refused := [each for each in packages if not _passes(each)]:
        raise ReleaseError(
            "\n".join(
                [
                    "these may not ship: their licences are not permissive, or not known",
                    *(
                        f"- {each.name} {each.version}: {each.licence or 'none'}"
                        for each in refused
                    ),
                    "replace them, or add a permissive licence to tests/release/licences.py",
                ]
            )
        )
    rows = [f"| {each.name} | {each.version} | {each.licence} |\n" for each in packages]
    apart = [
        _APART.format(package=each.name, licence=each.licence)
        for each in packages
        if each.name in APART
    ]
    return _HEAD.format(version=version, number=len(packages)) + "".join([*rows, *apart])


def _passes(package: Package) -> bool:
    return is_spdx(package.licence) and allowed(package.name, package.licence)
