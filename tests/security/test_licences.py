"""What ships with ibgu may be used by anybody: no copyleft, read from what is installed."""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PERMISSIVE = {
    "Apache 2.0",
    "Apache-2.0",
    "Apache Software License",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD License",
    "ISC",
    "ISC License",
    "ISC License (ISCL)",
    "MIT",
    "MIT License",
    "PSF-2.0",
    "Python Software Foundation License",
    "Unlicense",
}
APART = {"certifi": "MPL-2.0"}
"""The CA certificates of Mozilla, taken unchanged: the MPL asks nothing of what stands beside."""


def shipped(name: str = "ibgu", extras: tuple[str, ...] = ("",)) -> Iterator[Distribution]:
    """What `pip install ibgu` brings, on this platform."""
    todo: list[tuple[str, tuple[str, ...]]] = [(name, extras)]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while todo:
        name, extras = todo.pop()
        if (canonicalize_name(name), extras) in seen:
            continue
        seen.add((canonicalize_name(name), extras))
        found = distribution(name)
        yield found
        for line in found.requires or ():
            wanted = Requirement(line)
            marker = wanted.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                todo.append((wanted.name, ("", *wanted.extras)))


def licences(found: Distribution) -> set[str]:
    """Of any of the three places in which packages tell it; the first that says something."""
    told = _field(found, "license_expression")
    if not told:
        named = [c for c in found.metadata.get_all("Classifier") or () if c.startswith("License")]
        told = " AND ".join(each.rpartition(" :: ")[2] for each in named)
    told = told or _field(found, "license")
    return {each.strip() for each in re.split(r"\s+(?:AND|OR)\s+", told) if each.strip()}


def _field(found: Distribution, name: str) -> str:
    return str(found.metadata.json.get(name, ""))


SHIPPED: dict[str, Distribution] = {
    canonicalize_name(each.metadata["Name"]): each for each in shipped()
}


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_it_is_permissive(name: str) -> None:
    told = licences(SHIPPED[name])
    assert told, f"{name} tells no licence"
    if name in APART:
        assert APART[name] in str(SHIPPED[name].metadata.json)
    else:
        assert told <= PERMISSIVE


def test_all_is_looked_at() -> None:
    assert {"sqlalchemy", "greenlet", "fastapi", "uvloop", "starlette"} <= set(SHIPPED)
    assert len(SHIPPED) > 40
    assert "pytest" not in SHIPPED
