"""Natural order of names: "site-9" before "site-10" (R4.1)."""

import re

_NUMBER = re.compile(r"([0-9]+)")

NaturalKey = tuple[tuple[str | int, ...], str]


def natural_key(name: str) -> NaturalKey:
    """Returns a key of a total order; equal only for equal names ("a01" comes before "a1")."""
    parts = _NUMBER.split(name)
    return (tuple(int(part) if i % 2 else part for i, part in enumerate(parts)), name)
