"""Records what several runs have measured in thresholds.toml: the runs, their mean and their
spread.

    make bench BENCH_ARGS="--json 1.json rollout"        as often as it takes     python -m
tests.benchmarks.record 1.json 2.json 3.json

Figures that the files have replace those that were there; bounds and reasons are for people. Of
rollouts whose bounds are the same those of 500 clusters are kept, so that a spread is of one kind;
what comes between two actions of a cluster only the case `chain` has.
"""

import re
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from msgspec import json

from tests.benchmarks.report import THRESHOLDS, bounds

_KEPT = "500x50"
_CHAIN, _OF_CHAIN = "chain", "next_action"
_MEASURED = re.compile(r"measured = \[[^\]]*\]\n(mean = .*\n)?(spread = .*\n)?")


def spread(runs: Sequence[float]) -> float:
    """Returns the spread from the least to the most, as a share of the mean."""
    middle = mean(runs)
    return (max(runs) - min(runs)) / middle if middle else 0.0


def lines(runs: Sequence[float]) -> str:
    """Returns the lines of a table of thresholds.toml."""
    told = ", ".join(_told(run) for run in runs)
    return f"measured = [{told}]\nmean = {_told(mean(runs))}\nspread = {spread(runs):.2f}\n"


def _told(figure: float) -> str:
    """Four digits are more than any machine repeats."""
    return repr(float(f"{figure:.4g}"))


def recorded(text: str, table: str, runs: Sequence[float]) -> str:
    """The file with these runs in the table. Raises ValueError where there is no such table."""
    head = f"[{table}]\n"
    before, found, after = text.partition(head)
    if not found:
        raise ValueError(f"thresholds.toml has no [{table}]")
    return before + head + _MEASURED.sub(lines(runs), after, count=1)


def table_of(figure: str) -> str:
    """Returns the table that has its runs, of a figure as `report.JUDGED` names it; empty: none."""
    part, *_, name = figure.split(" ")
    if name in bounds().get(part, {}):
        return f"{part}.{name}"
    kept = part == _KEPT or (part == _CHAIN and name.startswith(_OF_CHAIN))
    return name if kept else ""


def main(arguments: Sequence[str]) -> None:
    parser = ArgumentParser(prog="python -m tests.benchmarks.record")
    parser.add_argument("files", nargs="+", metavar="JSON", help="what `--json` of a run has made")
    files = parser.parse_args(arguments).files
    measured = [json.decode(Path(file).read_bytes(), type=dict[str, float]) for file in files]
    text = THRESHOLDS.read_text()
    for figure in dict.fromkeys(name for found in measured for name in found):
        runs = [found[figure] for found in measured if figure in found]
        if table := table_of(figure):
            text = recorded(text, table, runs)
    THRESHOLDS.write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
