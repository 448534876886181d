"""What goes wrong in one simulation, and when: a list that depends on the seed alone.

Every entry stands for itself, so that a failing list can be cut down to what the failure needs.
"""

from collections.abc import Sequence
from random import Random

from msgspec import Struct


class Fault(Struct, frozen=True):
    """`at` and `seconds` are virtual seconds, `at` from the simulation's beginning.

    `cluster` is the number of a cluster, `rollout` of an IBGU, `n` counts (a write, a commit, a
    line) or chooses (a status, a label).
    """

    at: float
    kind: str
    seconds: float = 0.0
    cluster: int = 0
    rollout: int = 0
    n: int = 0

    def __str__(self) -> str:
        parts = [f"{self.at:7.1f} s  {self.kind}"]
        parts += [f"for {self.seconds:.1f} s"] if self.seconds else []
        parts += [f"cluster={self.cluster} rollout={self.rollout} n={self.n}"]
        return "  ".join(parts)


PROCESS = (
    "kill",
    "kill-before-write",
    "kill-after-write",
    "kill-before-commit",
    "kill-after-commit",
    "pause",
    "pause-before-write",
    "pause-before-commit",
)
JOURNAL = ("journal-away", "journal-slow", "commit-refused", "commit-in-doubt", "clock-jump")
HUB = (
    "hub-away",
    "hub-slow",
    "hub-throttles",
    "hub-errors",
    "write-refused",
    "write-forbidden",
    "answer-lost",
    "write-lands-late",
)
WATCH = ("watch-late", "watch-repeats", "watch-silent", "watch-cut", "history-forgotten")
CLUSTER = (
    "dark",
    "dark-for-ever",
    "dark-when-armed",
    "flapping",
    "feedback-frozen",
    "finalizer-stuck",
    "stage-by-hand",
    "ibu-deleted",
)
PEOPLE = (
    "work-edited",
    "work-armed-by-hand",
    "work-deleted",
    "work-unlabelled",
    "label-set",
    "label-removed",
    "annotation-removed",
    "status-edited",
    "cluster-deleted",
    "cluster-recreated",
    "cluster-added",
    "step-appended",
    "ibgu-deleted",
    "ibgu-reapplied",
    "skip-waiting",
    "resumed",
)
KINDS = PROCESS + JOURNAL + HUB + WATCH + CLUSTER + PEOPLE

_WEIGHTS = {PROCESS: 6, JOURNAL: 4, HUB: 4, WATCH: 3, CLUSTER: 4, PEOPLE: 4}


def draw(rng: Random, *, clusters: int, rollouts: int, until: float, most: int) -> list[Fault]:
    """In the order in which they happen."""
    count = rng.choice((0, rng.randint(1, most), rng.randint(1, most), rng.randint(1, 3)))
    return sorted(
        (_one(rng, clusters, rollouts, until) for _ in range(count)), key=lambda fault: fault.at
    )


def _one(rng: Random, clusters: int, rollouts: int, until: float) -> Fault:
    groups: list[Sequence[str]] = list(_WEIGHTS)
    [group] = rng.choices(groups, weights=list(_WEIGHTS.values()))
    return Fault(
        at=round(rng.uniform(2.0, until), 1),
        kind=rng.choice(group),
        seconds=round(rng.choice([rng.uniform(1, 15), rng.uniform(15, 200), 400.0, 1500.0]), 1),
        cluster=rng.randrange(clusters),
        rollout=rng.randrange(rollouts),
        n=rng.randrange(12),
    )
