"""The figures of one rollout, as its clusters saw it, no matter who asked them."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from msgspec import Struct

from ibgu.sim.timeline import StageRun
from tests.benchmarks.bound import handovers, list_schedule, percentile
from tests.benchmarks.case import STEPS


class Seen(Struct, frozen=True):
    """Seen is a rollout as its clusters saw it. Times are seconds."""

    actions: int
    makespan: float
    """The time from the first request to the last end."""
    bound: float
    """What list scheduling of the durations at the clusters takes."""
    handovers: list[float]
    """The times from an end to the request that takes its place."""


def seen(timelines: Mapping[str, Sequence[StageRun]], slots: int) -> Seen:
    """`timelines`: the runs of each cluster. An action that has failed takes its place, too."""
    steps = [
        [
            run
            for cluster in sorted(timelines)
            for run in timelines[cluster]
            if run.stage in step and run.ended is not None
        ]
        for step in STEPS
    ]
    every = [run for step in steps for run in step]
    return Seen(
        actions=len(every),
        makespan=max(map(_ended, every)) - min(run.requested for run in every),
        bound=sum(list_schedule(map(_seconds, step), slots) for step in steps),
        handovers=[delay for step in steps for delay in _handovers(step, slots)],
    )


def _ended(run: StageRun) -> float:
    assert run.ended is not None
    return run.ended


def _seconds(run: StageRun) -> float:
    return _ended(run) - run.requested


def _handovers(step: Sequence[StageRun], slots: int) -> list[float]:
    return handovers((run.requested for run in step), map(_ended, step), slots)


class Figures(Struct, frozen=True):
    makespan_ratio: float
    """The headline: makespan by durations at the clusters."""
    makespan_seconds: float
    handover_p50_seconds: float
    handover_p99_seconds: float
    """The time from a finished cluster to the next start; 0 where all start at once."""
    requests_per_action: float
    cpu_ms_per_action: float
    hub_cpu_ms_per_action: float
    """What kube-apiserver took."""
    peak_mib: float
    echo_p50_ms: float
    echo_p99_ms: float
    """What the hub took for a write and its way back meanwhile."""
    completed: float
    """Actions that completed."""


def figures(
    found: Seen,
    *,
    completed: int,
    requests: int,
    cpu: float,
    hub_cpu: float,
    peak: int,
    echoes: list[float],
) -> Figures:
    """`cpu`, `hub_cpu` and `echoes` in seconds, `peak` in bytes."""
    return Figures(
        makespan_ratio=found.makespan / found.bound,
        makespan_seconds=found.makespan,
        handover_p50_seconds=percentile(found.handovers, 0.50),
        handover_p99_seconds=percentile(found.handovers, 0.99),
        requests_per_action=requests / found.actions,
        cpu_ms_per_action=1000 * cpu / found.actions,
        hub_cpu_ms_per_action=1000 * hub_cpu / found.actions,
        peak_mib=peak / 2**20,
        echo_p50_ms=1000 * percentile(echoes, 0.50),
        echo_p99_ms=1000 * percentile(echoes, 0.99),
        completed=completed,
    )


_COLUMNS = {
    "makespan_ratio": ("makespan ÷ bound", "{:.2f}"),
    "makespan_seconds": ("makespan", "{:.0f} s"),
    "handover_p50_seconds": ("hand-over p50", "{:.2f} s"),
    "handover_p99_seconds": ("p99", "{:.2f} s"),
    "requests_per_action": ("requests an action", "{:.1f}"),
    "cpu_ms_per_action": ("CPU an action", "{:.1f} ms"),
    "hub_cpu_ms_per_action": ("the API server's", "{:.0f} ms"),
    "peak_mib": ("memory", "{:.0f} MiB"),
    "echo_p50_ms": ("echo p50", "{:.0f} ms"),
    "echo_p99_ms": ("p99", "{:.0f} ms"),
    "completed": ("actions", "{:.0f}"),
}


Measurements = Mapping[tuple[str, str], Sequence[Figures]]
"""The runs by the row's description and who carried it out."""


def table(measured: Measurements) -> Iterable[str]:
    """Yields Markdown lines: each row's medians; empty where nothing was handed over."""
    heads = [head for head, _ in _COLUMNS.values()]
    yield f"| rollout | by | {' | '.join(heads)} |"
    yield "|---" * (2 + len(heads)) + "|"
    for (words, who), runs in measured.items():
        medians = {name: median(getattr(run, name) for run in runs) for name in _COLUMNS}
        cells = [
            "" if name.startswith("handover") and not value else _COLUMNS[name][1].format(value)
            for name, value in medians.items()
        ]
        yield f"| {words} | {who} | {' | '.join(cells)} |"
