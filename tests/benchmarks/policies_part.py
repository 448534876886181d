"""The CPU that ten RolloutPolicies cost, beside the same rollout without any."""

from argparse import ArgumentParser, Namespace
from typing import Any

from msgspec.structs import replace

from tests.benchmarks.case import Case
from tests.benchmarks.report import judge
from tests.benchmarks.rollout import Result, measure


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--clusters", type=int, default=200)
    parser.add_argument("--share", type=float, default=0.1, help="maxConcurrency / clusters")
    parser.add_argument("--times", type=int, default=2, help="measured so often, by turns")


def run(options: Namespace) -> bool:
    clusters = options.clusters
    case = Case(clusters, max(1, round(clusters * options.share)))
    print(f"\n{case.description}, without policies and with ten of them, by turns")
    without, under = [], []
    for _ in range(options.times):
        without.append(measure(case))
        under.append(measure(replace(case, policies=tuple(ten()))))
    for name, found in (("without", without), ("with ten", under)):
        print(f"  {name:9}", "  ".join(f"{_cpu(each):.2f} s" for each in found))
    return judge(figures(without, under), "policies")


def figures(without: list[Result], under: list[Result]) -> dict[str, float]:
    return {
        "cpu_ratio": sum(map(_cpu, under)) / sum(map(_cpu, without)),
        "ended_otherwise": sum(len(each.otherwise) for each in under),
    }


def _cpu(result: Result) -> float:
    """Returns the seconds for a thousand actions."""
    return result.around.usage.cpu / result.work.actions * 1000


def ten() -> list[dict[str, Any]]:
    """Two policies with each bound, all of them asked and none of them narrow: what they hold would
    cost time, not CPU."""
    always = {"cron": "0 * * * *", "durationMinutes": 120}
    past = {"from": "2020-01-01T00:00:00Z", "until": "2021-01-01T00:00:00Z"}
    apart = [{"clusters": [f"site-{n:04}", f"elsewhere-{n}"]} for n in range(1, 101)]
    bounds: list[dict[str, Any]] = [
        {"inFlight": 10_000},
        {"inFlight": "100%"},
        {"perTopology": [{"label": "name", "maximum": 1}]},
        {"neverTogether": apart},
        {"windows": [{**always, "timeZone": "UTC"}]},
        {"windows": [{**always, "timeZone": "Europe/Berlin"}], "fit": False},
        {"freezes": [past]},
        {"canaries": {"selector": {"matchLabels": {"canary": "none"}}, "soakMinutes": 60}},
        {"failureBudget": {"maximum": "90%"}},
        {"breaker": {"percent": 90, "minimumUpgrades": 1000}},
    ]
    return [_policy(f"bound-{number}", spec) for number, spec in enumerate(bounds)]


def _policy(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "ibgu.dev/v1alpha1",
        "kind": "RolloutPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }
