"""A fleet on the real API server: start, rest, and whether a turn costs more in a larger one."""

import os
from argparse import ArgumentParser, Namespace

from tests.benchmarks.fleet.measure import Rest, Size, Work, measure
from tests.benchmarks.report import judge


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clusters", default="1000,10000", help="two sizes of a fleet")
    parser.add_argument("--heads", type=int, default=400, help="clusters that work")
    parser.add_argument("--slots", type=int, default=50, help="maxConcurrency")
    parser.add_argument("--rest", type=float, default=60.0, help="seconds of rest, with none: 0")
    parser.add_argument("--seed", type=int, default=1)


def run(options: Namespace) -> bool:
    os.environ.setdefault("GOGC", "400")
    small, large = (int(text) for text in options.clusters.split(","))
    common = {"heads": options.heads, "slots": options.slots, "seed": options.seed}
    _, few = measure(Size(small, **common))
    rest, many = measure(Size(large, rest=options.rest, **common))
    for work in (few, many):
        print(f"\n{work.clusters} clusters: {work.actions} actions, {_each(work):.1f} ms of CPU")
        print(f"each; {work.peak / 2**20:.0f} MiB at most")
    if rest is not None:
        print(f"{rest.clusters} clusters, {rest.works} works at rest: {rest.peak / 2**20:.0f} MiB")
        print(f"to who only counts lines the API server sends them in {rest.bare:.1f} s")
    return judge(figures(few, many, rest), "fleet")


def figures(few: Work, many: Work, rest: Rest | None) -> dict[str, float]:
    found = {"turn_ratio": _each(many) / _each(few), "peak_rss_mib": many.peak / 2**20}
    if rest is not None:
        found |= {
            "in_sync_seconds": rest.in_sync,
            "cpu_at_rest_percent": rest.cpu * 100,
        }
    return found


def _each(work: Work) -> float:
    """Milliseconds of CPU for one action."""
    return work.cpu / work.actions * 1000
