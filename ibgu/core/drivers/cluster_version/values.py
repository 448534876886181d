"""The feedback rules of the objects that an update reads, and the values that come back."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from msgspec import Raw, Struct, json

from ibgu.core.model.kinds import FieldValue
from ibgu.core.text.cut import cut

Values = Mapping[str, FieldValue]
PARTS = ("status", "reason", "message")
SAID = ("status", "message")
"""The parts of a condition that are read."""
_NOTHING = FieldValue()
_MAX = 32
"""The objects of one kind that are read of a cluster's values."""
_MAX_NAME = 400
"""Characters of a value's name: namespace, name and what stands around them."""


class ClusterCondition(Struct, frozen=True):
    status: str = ""
    reason: str = ""
    message: str = ""

    @property
    def true(self) -> bool:
        return self.status == "True"

    @property
    def false(self) -> bool:
        return self.status == "False"


def annotation_path(key: str) -> str:
    escaped = key.replace(".", r"\.")
    return f".metadata.annotations.{escaped}"


def condition_paths(prefix: str, types: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Returns a path for each part of the conditions, by the value's name."""
    return {
        f"{prefix}{type_}{part.capitalize()}": f'.status.conditions[?(@.type=="{type_}")].{part}'
        for type_, parts in types.items()
        for part in parts
    }


def rules(paths: Mapping[str, str]) -> tuple[Raw, ...]:
    """Returns the feedback rules, encoded."""
    found = ({"name": name, "path": path} for name, path in paths.items())
    return tuple(Raw(json.encode(rule)) for rule in found)


def condition(found: Values, prefix: str) -> ClusterCondition:
    return ClusterCondition(*(string(found, f"{prefix}{part.capitalize()}") for part in PARTS))


def string(found: Values, name: str) -> str:
    return cut(found.get(name, _NOTHING).string or "")


def number(found: Values, name: str) -> int:
    return found.get(name, _NOTHING).integer or 0


def flag(found: Values, name: str) -> bool:
    return bool(found.get(name, _NOTHING).boolean)


def reported(found: Values, prefix: str) -> list[str]:
    """Returns the names of the objects that report a generation."""
    return list(islice(_names(found, prefix), _MAX))


def _names(found: Values, prefix: str) -> Iterator[str]:
    suffix = ".Generation"
    for name in found:
        ours = len(name) <= _MAX_NAME and name.startswith(prefix) and name.endswith(suffix)
        if ours and number(found, name):
            yield name.removeprefix(prefix).removesuffix(suffix)
