"""A fleet with planted defects: ten clusters for each of six kinds, drawn by a seed."""

from collections.abc import Sequence
from random import Random

PLANTED = (
    "disk-full",
    "oadp-old",
    "dpa-missing",
    "lca-old",
    "partition-missing",
    "topology-wrong",
)
EACH = 10


def planted_defects(
    clusters: Sequence[str], seed: int, *, kinds: Sequence[str] = PLANTED, each: int = EACH
) -> dict[str, str]:
    """Returns the defect of each cluster that has one. No cluster has two, and the same seed gives
    the same clusters."""
    chosen = Random(f"{seed}/planted").sample(sorted(clusters), len(kinds) * each)
    return {name: kinds[number // each] for number, name in enumerate(chosen)}


def defect_rules(planted: dict[str, str]) -> list[str]:
    """Returns the rules for FleetSpec.parse, or for `ibgu simulate --defect`."""
    return [
        f"{defect}@{','.join(name for name, has in planted.items() if has == defect)}"
        for defect in dict.fromkeys(planted.values())
    ]
