"""`python -m tests.bad_seed`: how many clusters a bad seed image reaches, as the table of
docs/reliability.md. With `--talm` the real TALM carries out one rollout for each share, on a
sandbox hub, which takes ten minutes for 100 clusters.
"""

import argparse
import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from statistics import median_low

from tests.bad_seed.rollouts import Figures, example, part, roll_out, unstopped
from tests.bad_seed.talm import roll_out_by_talm

SHARES = (0.2, 0.4, 1.0)
SEEDS = range(1, 12)
Roll = Callable[[float, int], Figures]
ROLLOUTS: dict[str, Roll] = {
    "nothing": unstopped,
    "the step's circuit breaker, without a policy": roll_out,
    "`breaker`": lambda share, seed: roll_out(share, seed, part("breaker")),
    "`failureBudget`": lambda share, seed: roll_out(share, seed, part("failure_budget")),
    "`canaries`": lambda share, seed: roll_out(share, seed, part("canaries")),
    "all three": lambda share, seed: roll_out(share, seed, example()),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bad_seed")
    parser.add_argument("--talm", action="store_true", help="only a run of the real TALM")
    parser.add_argument("--clusters", type=int, default=100, help="of each rollout of TALM's")
    given = parser.parse_args()
    if given.talm:
        print(talms_table(asyncio.run(roll_out_by_talm(SHARES, given.clusters))), end="")
    else:
        print(table(), end="")


@cache
def table() -> str:
    rows = "".join(f"| {name} | {_cells(roll)} |\n" for name, roll in ROLLOUTS.items())
    return f"{_head('what stops it')}{rows}"


def talms_table(found: Mapping[float, Figures]) -> str:
    """Returns the table of one run."""
    cells = " | ".join(_of_share([found[share]]) for share in SHARES)
    return f"{_head('a run of TALM')}| nothing | {cells} |\n"


def _head(first: str) -> str:
    heads = (f"{share:.0%} fail: reached | failed" for share in SHARES)
    return f"| {first} | {' | '.join(heads)} |\n|---|{'---|' * 2 * len(SHARES)}\n"


def _cells(roll: Roll) -> str:
    return " | ".join(_of_share([roll(share, seed) for seed in SEEDS]) for share in SHARES)


def _of_share(figures: Sequence[Figures]) -> str:
    started, failed = [each.started for each in figures], [each.failed for each in figures]
    return f"{_spread(started)} | {_spread(failed)}"


def _spread(counts: Sequence[int]) -> str:
    """Returns the median and the most, once if they are the same."""
    middle, most = median_low(counts), max(counts)
    return str(most) if middle == most else f"{middle}, {most}"


if __name__ == "__main__":
    main()
