"""The versions that the hub has been seen at: a restored one falls behind them."""

from collections.abc import Iterable

from msgspec import Struct

from ibgu.core.model.kinds import RolloutObject


class Versions(Struct, frozen=True):
    """Resource versions as numbers, which for one object or kind never go back on one hub."""

    lists: dict[str, int] = {}
    """Keyed by kind (plural): the version up to which the mirror was complete."""
    objects: dict[str, int] = {}
    """Keyed by uid of the IBGU."""


def versions_of(ibgus: Iterable[RolloutObject], lists: dict[str, int]) -> Versions:
    return Versions(lists, {obj.metadata.uid: _version(obj) for obj in ibgus})


def _version(obj: RolloutObject) -> int:
    version = obj.metadata.resource_version
    return int(version) if version.isdecimal() else 0
