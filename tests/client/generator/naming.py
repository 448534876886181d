"""Names of the document as Python's."""

import re


def snake(name: str) -> str:
    """Returns `needs_person` for `needsPerson`."""
    return re.sub("([A-Z])", r"_\1", name).lower()
