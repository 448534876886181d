"""Rollouts on the real API server and the simulated fleet, as ratios."""

from argparse import ArgumentParser, Namespace

from tests.benchmarks.report import show
from tests.benchmarks.rollout import DURATIONS, measure


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clusters", default="200,500", help="fleet sizes, with commas between")
    parser.add_argument("--share", type=float, default=0.1, help="maxConcurrency / clusters")
    parser.add_argument("--durations", default=DURATIONS, help="of every stage, as 40s-120s")
    parser.add_argument("--seed", type=int, default=1)


def run(options: Namespace) -> bool:
    good = True
    for text in options.clusters.split(","):
        clusters = int(text)
        slots = max(1, round(clusters * options.share))
        good = show(measure(clusters, slots, options.seed, options.durations)) and good
    return good
