"""`python -m tests.bad_seed`: how many clusters a bad seed image reaches, as the table of
docs/reliability.md.
"""

from collections.abc import Callable, Sequence
from statistics import median_low

from tests.bad_seed.rollouts import Figures, example, part, roll_out

SHARES = (0.2, 0.4, 1.0)
SEEDS = range(1, 12)
Roll = Callable[[float, int], Figures]
ROLLOUTS: dict[str, Roll] = {
    "nothing, as with TALM": lambda share, seed: roll_out(share, seed, breaker=False),
    "the step's circuit breaker, without a policy": roll_out,
    "`breaker`": lambda share, seed: roll_out(share, seed, part("breaker")),
    "`failureBudget`": lambda share, seed: roll_out(share, seed, part("failure_budget")),
    "`canaries`": lambda share, seed: roll_out(share, seed, part("canaries")),
    "all three": lambda share, seed: roll_out(share, seed, example()),
}


def main() -> None:
    print(table(), end="")


def table() -> str:
    heads = (f"{share:.0%} fail: reached | failed" for share in SHARES)
    rows = "".join(f"| {name} | {_cells(roll)} |\n" for name, roll in ROLLOUTS.items())
    return f"| what stops it | {' | '.join(heads)} |\n|---|{'---|' * 2 * len(SHARES)}\n{rows}"


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
