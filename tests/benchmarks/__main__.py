"""`make bench`: rollouts on the real API server and the simulated fleet, as ratios."""

import argparse
import os
import sys

from tests.benchmarks.report import show
from tests.benchmarks.rollout import measure


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--clusters", default="200,500", help="fleet sizes, with commas between")
    parser.add_argument("--share", type=float, default=0.1, help="maxConcurrency / clusters")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    # By default a quarter of kube-apiserver's time is garbage collection: it has memory here.
    os.environ.setdefault("GOGC", "400")
    good = True
    for text in options.clusters.split(","):
        clusters = int(text)
        slots = max(1, round(clusters * options.share))
        good = show(measure(clusters, slots, options.seed)) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
