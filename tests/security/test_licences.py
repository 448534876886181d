"""Packages that ship with ibgu may be used by anybody: no copyleft, read from what is installed."""

from collections.abc import Iterator
from importlib.metadata import Distribution, distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.release.licences import allowed, expression


def shipped(name: str = "ibgu", extras: tuple[str, ...] = ("", "otel")) -> Iterator[Distribution]:
    """Yields what `pip install '.[otel]'` brings, on this platform: the image has it too."""
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


SHIPPED: dict[str, Distribution] = {
    canonicalize_name(each.metadata["Name"]): each for each in shipped()
}


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_shipped_packages_have_a_permissive_licence(name: str) -> None:
    licence = expression(SHIPPED[name])
    assert allowed(name, licence), f"{name}: {licence or 'tells no licence'}"


def test_every_shipped_package_is_checked() -> None:
    assert {"sqlalchemy", "greenlet", "fastapi", "uvloop", "starlette"} <= set(SHIPPED)
    assert len(SHIPPED) > 40
    assert "pytest" not in SHIPPED
