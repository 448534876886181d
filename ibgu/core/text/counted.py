"""A number with its noun, and the first of many names."""

from collections.abc import Iterable


def counted(number: int, noun: str, nouns: str = "", *, spec: str = "") -> str:
    """Returns the number with its noun: 1 cluster, 2 clusters. `nouns`: the plural, if it is not
    the noun with an s; `spec`: how the number is formatted."""
    return f"{number:{spec}} {noun if number == 1 else nouns or f'{noun}s'}"


def first_names(names: Iterable[str], most: int) -> str:
    """Returns the first names, and how many there are beside them: a, b and 3 more."""
    found = list(names)
    shown = ", ".join(found[:most])
    return f"{shown} and {len(found) - most} more" if len(found) > most else shown
