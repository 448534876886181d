"""The cost of a rollout on the sandbox hub, beside the bounds."""

from collections.abc import Iterable, Iterator, Sequence

from tests.benchmarks.audit import WORKS, writes
from tests.benchmarks.bound import percentile
from tests.benchmarks.report import judge
from tests.benchmarks.rollout import Result
from tests.benchmarks.servers import Histogram

_OF_MEMBERS = (WORKS, "managedclusters")
_OF_STATUS = ("imagebasedgroupupgrades/status", "events")


def figures(result: Result) -> dict[str, float]:
    done, around = result.work, result.around
    actions, journal = done.actions, around.journal
    return {
        "makespan_ratio": done.makespan / done.bound,
        "makespan_at_clusters_ratio": done.at_clusters[0] / done.at_clusters[1],
        **delays("handover", done.handovers, around.echoes),
        **delays("next_action", done.next_actions),
        "writes_per_action": writes(result.requests) / actions,
        "reads_not_allowed": result.not_allowed.total(),
        "work_kib_per_member": _kib(result, _OF_MEMBERS) / result.case.clusters,
        "status_kib_per_member": _kib(result, _OF_STATUS) / result.case.clusters,
        "events_per_action": journal.events / actions,
        "rows_per_action": journal.rows / actions,
        "transactions_per_action": journal.transactions / actions,
        "cpu_seconds_per_1000_actions": around.usage.cpu / actions * 1000,
        "cpu_to_hub_cpu": around.usage.cpu / around.servers["kube-apiserver"],
        "peak_rss_mib": around.usage.peak / 2**20,
        "ended_otherwise": len(result.otherwise),
    }


_SHARES = {"p50": 0.50, "p99": 0.99}


def delays(name: str, seconds: list[float], echoes: Sequence[float] = ()) -> dict[str, float]:
    """Returns the delays in milliseconds, and by the same percentile of the echoes, if there are
    any; nothing where there are no delays."""
    found = {}
    for word, share in _SHARES.items():
        if seconds:
            found[f"{name}_{word}_ms"] = percentile(seconds, share) * 1000
        if seconds and echoes:
            echo = percentile(list(echoes), share)
            found[f"{name}_{word}_echoes"] = percentile(seconds, share) / echo
    return found


def _kib(result: Result, resources: Iterable[str]) -> float:
    sent = result.around.own.sent
    return sum(size for (_, resource), size in sent.items() if resource in resources) / 1024


def show(result: Result) -> bool:
    """Print it; True if every figure is within its bound."""
    done, case = result.work, result.case
    print(f"\n{case.description}")
    print(f"  makespan {done.makespan:.1f} s, bound {done.bound:.1f} s, failed {result.failed}")
    good = judge(figures(result), case.name, case.size)
    for words in _unexpected(result):
        print(f"  {words}")
    tables = (*_table(result), "", *_senders(result), "", *_for_sizing(result))
    for words in (*_surroundings(result), "", *tables):
        print(f"    {words}")
    return good


def _unexpected(result: Result) -> Iterator[str]:
    for (verb, resource), count in result.not_allowed.items():
        yield f"not allowed: {count} more of {verb} {resource}"
    for name, words in list(result.otherwise.items())[:5]:
        yield f"{name}: {words}"


def _surroundings(result: Result) -> Iterator[str]:
    """Yields figures without a bound: each step for itself, and what the machine and the API server
    had left."""
    done = result.work
    for step, delays in zip(result.case.plan, done.by_step, strict=True):
        yield f"hand-over to {step[0]}: {percentiles(delays)}"
    yield f"agents took {percentiles(done.taking)} to pass an arming on,"
    yield f"  and {percentiles(done.reporting)} from an end to the report that proves it"
    own = result.around.own
    yield f"ibgu's turns took {_quantiles(own.turns)}, of which commits {_quantiles(own.commits)}"
    yield f"the hub's echo took {percentiles(result.around.echoes)}"
    yield f"to start took the controller {result.around.began:.1f} s of CPU, once"
    yield f"the machine was idle for {100 * result.around.idle:.0f}% of the time"
    yield f"agents' feedback was answered in {percentiles(result.answers)}"
    per_action, size = len(result.answers) / done.actions, result.work_bytes
    yield f"agents patched the status of works {per_action:.1f} times an action,"
    told = result.reports.most_common()
    yield "  of stage works: " + ", ".join(f"{n / done.actions:.1f} {what}" for what, n in told)
    hub = 1000 * result.around.servers["kube-apiserver"] / done.actions
    yield f"the API server took {hub:.1f} ms of CPU an action"
    yield f"a stage work at the end: {size.spec:.0f} bytes of spec, {size.status:.0f} of status,"
    yield f"  {size.whole:.0f} in all"


def percentiles(seconds: list[float]) -> str:
    return _told(*(percentile(seconds, share) for share in _SHARES.values()))


def _quantiles(histogram: Histogram) -> str:
    return _told(*(histogram.quantile(share) for share in _SHARES.values()))


def _told(p50: float, p99: float) -> str:
    return f"{1000 * p50:.0f} ms (p50), {1000 * p99:.0f} ms (p99)"


def _table(result: Result) -> Iterator[str]:
    """Markdown, for docs/performance.md."""
    yield f"| {result.case.size} | requests | per member | per action | KiB per member |"
    yield "|---|---|---|---|---|"
    for key, _ in result.requests.most_common():
        yield _row(result, *key)


def _row(result: Result, verb: str, resource: str) -> str:
    count, members = result.requests[verb, resource], result.case.clusters
    size = result.around.own.sent.get((verb, resource), 0.0) / members / 1024
    per_action = count / result.work.actions
    name = f"{verb} {resource or 'the API itself'}"
    sized = f"{size:.2f}" if size else ""
    return f"| {name} | {count:,} | {count / members:.3f} | {per_action:.3f} | {sized} |"


def _senders(result: Result) -> Iterator[str]:
    """Markdown: what everybody asked of the hub while the rollout went on."""
    yield f"| {result.case.size} | from | requests | per action |"
    yield "|---|---|---|---|"
    for (user, verb, resource), count in result.senders.most_common():
        per_action = count / result.work.actions
        if per_action >= _SELDOM:
            yield f"| {verb} {resource} | {user} | {count:,} | {per_action:.2f} |"


_SELDOM = 0.05
"""Requests an action that the table does not show."""


def _for_sizing(result: Result) -> Iterator[str]:
    """Yields what sizing.toml holds of an action."""
    around, actions = result.around, result.work.actions
    yield "[action], for sizing.toml"
    for name, value in (
        ("cpu_ms", around.usage.cpu * 1000),
        ("writes", writes(result.requests)),
        ("feedback", len(result.answers)),
        ("hub_cpu_ms", around.servers["kube-apiserver"] * 1000),
        ("etcd_cpu_ms", around.servers["etcd"] * 1000),
        ("events", around.journal.events),
        ("rows", around.journal.rows),
        ("transactions", around.journal.transactions),
        ("pages", around.journal.pages),
        ("journal_kib", around.journal.bytes / 1024),
    ):
        yield f"{name} = {value / actions:.1f}"
