"""Packages that ship with ibgu: the locked ones that it needs to run, and the page's modules."""

import re
import tomllib
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.release.errors import ReleaseError
from tests.release.licences import expression

LOCK = "requirements-image.lock"
IN_IMAGE = ("otel",)
"""Extras of ibgu, as `make lock` has them."""
VENDORED = "ibgu/web/vendor"
LINUX = {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux"}
"""Where ibgu runs, wherever the release is made."""


@dataclass(frozen=True)
class Package:
    kind: str
    """The type of a package URL: pypi or npm."""
    name: str
    version: str
    licence: str
    needs: frozenset[str] = frozenset()
    """Names of others of the same kind."""
    archives: tuple[str, ...] = ()
    """SHA-256 of each archive of which the lock allows any one to be installed."""
    files: tuple[tuple[str, str], ...] = ()
    """Path and SHA-256 of each file that lies in ibgu's own package."""


def shipped(folder: Path) -> list[Package]:
    return [*locked(folder), *vendored(folder)]


def direct(folder: Path) -> list[Requirement]:
    """Returns what pyproject.toml asks for, on Linux, with the extras that the image has."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"]]
    for extra in IN_IMAGE:
        lines += project.get("optional-dependencies", {}).get(extra, [])
    wanted = map(Requirement, lines)
    return [each for each in wanted if _applies(each, frozenset())]


def locked(folder: Path) -> list[Package]:
    """The lock's packages; that they are exactly those which ibgu needs is checked."""
    pins = _pins((folder / LOCK).read_text())
    needs = _closure(direct(folder), pins)
    if surplus := pins.keys() - needs.keys():
        raise ReleaseError(f"nothing needs {', '.join(sorted(surplus))} of {LOCK}: make lock")
    return [_package(name, *pins[name], needs[name]) for name in sorted(pins)]


def _pins(lock: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Version and SHA-256s by name."""
    found = {}
    for line in lock.replace("\\\n", " ").splitlines():
        head, *hashes = re.split(r"\s+--hash=sha256:", line.strip())
        if head and not head.startswith("#"):
            pin = Requirement(head)
            version = str(pin.specifier).removeprefix("==")
            if _applies(pin, frozenset()):
                found[canonicalize_name(pin.name)] = (version, tuple(sorted(hashes)))
    return {str(name): pin for name, pin in found.items()}


def _closure(
    wanted: list[Requirement], pins: dict[str, tuple[str, tuple[str, ...]]]
) -> dict[str, set[str]]:
    """Each package's needs, by name, for all that the wanted ones bring with them."""
    todo = [(str(canonicalize_name(each.name)), frozenset(each.extras)) for each in wanted]
    needs: dict[str, set[str]] = {}
    seen = set()
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        if name not in pins:
            raise ReleaseError(f"{name} is needed, but not in {LOCK}: make lock")
        required = map(Requirement, _installed(name, pins[name][0]).requires or ())
        found = [each for each in required if _applies(each, extras)]
        needs.setdefault(name, set()).update(str(canonicalize_name(each.name)) for each in found)
        todo += [(str(canonicalize_name(each.name)), frozenset(each.extras)) for each in found]
    return needs


def _applies(wanted: Requirement, extras: frozenset[str]) -> bool:
    marker = wanted.marker
    return marker is None or any(
        marker.evaluate({**LINUX, "extra": extra}) for extra in ("", *sorted(extras))
    )


def _installed(name: str, version: str) -> Distribution:
    try:
        found = distribution(name)
    except PackageNotFoundError as error:
        raise ReleaseError(f"{name} {version} of {LOCK} is not installed: make setup") from error
    if found.version != version:
        raise ReleaseError(
            f"{name} is installed as {found.version}, and in {LOCK} as {version}: make setup"
        )
    return found


def _package(name: str, version: str, archives: tuple[str, ...], needs: set[str]) -> Package:
    licence = expression(_installed(name, version))
    return Package("pypi", name, version, licence, frozenset(needs), archives)


def vendored(folder: Path) -> list[Package]:
    """The page's modules, by the table and the checksums that lie beside them."""
    here = folder / VENDORED
    rows = re.findall(
        r"^\| (\w+) \| ([\d.]+) \| (\S+) \|", (here / "README.md").read_text(), re.MULTILINE
    )
    sums = re.findall(r"^([0-9a-f]{64})  \./(.+)$", (here / "SHA256SUMS").read_text(), re.MULTILINE)
    found = [
        Package("npm", name, version, licence, files=_files(name, sums))
        for name, version, licence in sorted(rows)
    ]
    if unknown := {path.partition("/")[0] for _, path in sums} - {each.name for each in found}:
        raise ReleaseError(f"{VENDORED}/README.md has no row for {', '.join(sorted(unknown))}")
    return found


def _files(name: str, sums: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"{VENDORED}/{path}", digest) for digest, path in sums if path.startswith(f"{name}/")
    )
