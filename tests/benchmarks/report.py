"""The figures beside their bounds."""

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from tests.benchmarks.audit import writes
from tests.benchmarks.bound import percentile
from tests.benchmarks.rollout import STAGES, Result

THRESHOLDS = Path(__file__).with_name("thresholds.toml")

JUDGED: dict[str, float] = {}
"""Every figure of this process: by part, what it is about, and name, with spaces between."""


def figures(result: Result) -> dict[str, float]:
    actions = result.clusters * len(STAGES)
    return {
        "makespan_ratio": result.makespan / result.bound,
        "handover_p50_ms": percentile(result.handovers, 0.50) * 1000,
        "handover_p99_ms": percentile(result.handovers, 0.99) * 1000,
        "writes_per_action": writes(result.requests) / actions,
        "cpu_seconds_per_1000_actions": result.around.usage.cpu / actions * 1000,
        "peak_rss_mib": result.around.usage.peak / 2**20,
    }


def show(result: Result) -> bool:
    """Print a table; True if every figure is within its bound."""
    print(f"\n{result.clusters} clusters, {result.slots} at a time, plan [Prep][Upgrade]")
    print(f"  makespan {result.makespan:.1f} s, bound {result.bound:.1f} s, failed {result.failed}")
    good = judge(figures(result), about=f"{result.clusters}x{result.slots}")
    _surroundings(result)
    _requests(result)
    return good and result.failed == 0


def judge(found: dict[str, float], part: str = "", about: str = "") -> bool:
    """Print each figure beside its bound; True if all are within.

    `part` is the table of thresholds.toml that has the bounds, none: they stand at the top;
    `about` tells figures apart that a part has more than once.
    """
    JUDGED.update({" ".join(filter(None, (part, about, name))): found[name] for name in found})
    known = bounds(part)
    within = [_judge(name, value, known[name]) for name, value in found.items()]
    return all(within)


def more_is_better(figure: str) -> bool:
    """Of a figure as JUDGED names it."""
    part, _, name = figure.rpartition(" ")
    known = bounds()
    table = known.get(part.partition(" ")[0], known)
    return bool(table.get(name, {}).get("least"))


def bounds(part: str = "") -> dict[str, Any]:
    """By the figures' names."""
    found: dict[str, Any] = tomllib.loads(THRESHOLDS.read_text())
    return dict(found[part]) if part else found


def _judge(name: str, value: float, bound: dict[str, Any]) -> bool:
    """`least = true`: the bound is the least that is good, not the most."""
    limit: float = bound["bound"]
    within = value >= limit if bound.get("least") else value <= limit
    word = "least" if bound.get("least") else "bound"
    print(f"  {name:34} {value:10.2f}   {word} {limit:9.2f}   {'ok' if within else 'OVER'}")
    return within


def _surroundings(result: Result) -> None:
    """Of no bound: what the machine and the API server had left, and what Postgres was told."""
    actions, journal = result.clusters * len(STAGES), result.around.journal
    p50, p99 = (percentile(result.answers, share) * 1000 for share in (0.50, 0.99))
    print(f"    {'the machine was idle':44} {100 * result.around.idle:6.0f} %")
    print(f"    {'agents feedback answered, p50 and p99':44} {p50:6.0f} ms {p99:6.0f} ms")
    for what, count in (
        ("journal: events", journal.events),
        ("journal: rows written", journal.rows),
        ("journal: transactions", journal.transactions),
        ("journal: KiB", journal.bytes / 1024),
        ("journal: pages written", journal.pages),
    ):
        print(f"    {what:44} {count:7.0f}  {count / actions:7.2f} per action")


def _requests(result: Result) -> None:
    actions = result.clusters * len(STAGES)
    by_verb: Counter[str] = Counter()
    for (verb, resource), count in result.requests.items():
        by_verb[f"{verb} {resource}"] += count
    for name, count in by_verb.most_common(12):
        print(f"    {name:44} {count:7}  {count / actions:7.3f} per action")
