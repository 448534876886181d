"""A number with its noun."""


def counted(number: int, noun: str, nouns: str = "", *, spec: str = "") -> str:
    """Returns the number with its noun: 1 cluster, 2 clusters. `nouns`: the plural, if it is not
    the noun with an s; `spec`: how the number is formatted."""
    return f"{number:{spec}} {noun if number == 1 else nouns or f'{noun}s'}"
