"""Rollouts on the real API server and the simulated fleet, as ratios."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from tests.benchmarks.case import CASES, CHAIN, DURATIONS, STEPS, Case
from tests.benchmarks.rollout import measure
from tests.benchmarks.rollout_figures import show


def arguments(parser: ArgumentParser) -> None:
    named = ", ".join(CASES)
    parser.add_argument("--cases", default=",".join(CASES), help=f"of {named}; separated by commas")
    parser.add_argument("--clusters", help="cases of your own: fleet sizes, separated by commas")
    parser.add_argument("--share", type=float, default=0.1, help="maxConcurrency / clusters")
    parser.add_argument("--durations", default=DURATIONS, help="of every stage, as 40s-120s")
    parser.add_argument("--chain", action="store_true", help="both actions in one step")
    parser.add_argument("--payload", action="store_true", help="pull secret, manifests, OADP")
    parser.add_argument(
        "--faults", action="append", default=[], help="as prep.precache=0.05; may be given again"
    )
    parser.add_argument("--seed", type=int, default=1)


def run(options: Namespace) -> bool:
    cases = own(options) if options.clusters else named(options.cases)
    results = [show(measure(case)) for case in cases]
    return all(results)


def named(names: str) -> Iterator[Case]:
    for name in names.split(","):
        yield CASES[name]


def own(options: Namespace) -> Iterator[Case]:
    """Judged by what is bounded for every case, and for what is special about it."""
    special = {"chain": options.chain, "payload": options.payload, "failing": options.faults}
    for text in options.clusters.split(","):
        clusters = int(text)
        yield Case(
            clusters,
            max(1, round(clusters * options.share)),
            "_".join(name for name, given in special.items() if given),
            plan=CHAIN if options.chain else STEPS,
            durations=options.durations,
            seed=options.seed,
            faults=tuple(options.faults),
            payload=options.payload,
        )
