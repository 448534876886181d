"""`ibgu shadow-report`: TALM's rollout beside ibgu's would-be one."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.table import table
from ibgu.cli.show.times import clock, duration
from ibgu.client.responses import OutcomeResponse, ShadowClusterResponse, ShadowReportResponse

_HEADINGS = ("CLUSTER", "STEP", "ACTION", "TALM", "IBGU WOULD HAVE", "EARLIER", "PLACE EMPTY")
_DETAILED = 3
"""The most lines that each come with explanation and history."""


class ShadowReport(ShadowReportResponse, frozen=True, kw_only=True):
    """ShadowReport is a report with what TALM did to each cluster."""

    clusters: tuple[ShadowClusterResponse, ...] = ()


def report_lines(report: ShadowReport, style: OutputStyle, now: datetime) -> list[str]:
    return [
        *_head(report, style),
        *_failures(report, style),
        *_policies(report, style),
        *_steps(report),
        *_clusters(report, now),
    ]


def _head(report: ShadowReportResponse, style: OutputStyle) -> Iterator[str]:
    rollout = report.rollout
    version = rollout.release.version
    target = f"  → {version}" if version else ""
    name = style.paint(f"{rollout.namespace}/{rollout.name}", bold=True)
    state = "deleted" if rollout.deleted else rollout.progress or "not begun"
    yield f"{name}{target}   shadow: TALM did this, ibgu only watched · {state}"
    ahead, saved = _span(report.ahead_seconds), _span(report.saved_seconds)
    count = sum(group.count for group in report.failures)
    if count:
        yield f"failures detected earlier by {duration(ahead)} altogether ({count} of them)"
    if saved:
        yield f"over {duration(saved)} earlier without batches (an estimate)"


def _failures(report: ShadowReportResponse, style: OutputStyle) -> Iterator[str]:
    groups = report.failures
    if groups:
        total = sum(group.count for group in groups)
        yield style.paint(f"Failures ({total})", "red", bold=True)
    for group in groups:
        named = group.failure or group.cause
        earlier = duration(_span(group.ahead_seconds / group.count))
        message = " ".join(group.message.split())
        yield f"{group.count:>5}  {group.action}: {named}  {message}".rstrip()
        more = ", …" if group.count > len(group.clusters) else ""
        yield f"       {', '.join(group.clusters)}{more}"
        yield f"       known {earlier} before TALM's time-out, on average"
        yield f"       → {group.remedy}"


def _policies(report: ShadowReportResponse, style: OutputStyle) -> Iterator[str]:
    groups = report.policies
    if groups:
        yield style.paint("Policies would have held", "yellow", bold=True)
    for group in groups:
        yield f"{group.count:>5}  {' '.join(group.message.split())}"
        more = ", …" if group.count > len(group.clusters) else ""
        yield f"       {', '.join(group.clusters)}{more}"


def _steps(report: ShadowReportResponse) -> Iterator[str]:
    for step in report.steps:
        parts = [
            f"step {step.step} {'+'.join(step.actions)}",
            f"{step.clusters} clusters in {step.batches} batches",
        ]
        if step.took_seconds is not None:
            parts.append(f"took {duration(_span(step.took_seconds))}")
        if step.sliding_seconds is not None:
            parts.append(f"without batches {duration(_span(step.sliding_seconds))}")
        yield " · ".join(parts)
        for slow in step.slow:
            yield (
                f"       batch {slow.batch} waited {duration(_span(slow.waited_seconds))} for "
                f"{slow.slowest} (places empty: {duration(_span(slow.idle_seconds))})"
            )


def _clusters(report: ShadowReport, now: datetime) -> Iterator[str]:
    rows = report.clusters
    if not rows:
        return
    yield from table(_HEADINGS, [_row(row, now) for row in rows])
    if len(rows) > _DETAILED:
        return
    for row in rows:
        yield f"{row.cluster} {row.action}: {row.explanation}"
        if row.remedy:
            yield f"  do  {row.remedy}"
        for note in row.history:
            yield f"  {clock(note.at, now)}  {note.text}"


def _row(row: ShadowClusterResponse, now: datetime) -> list[str]:
    return [
        row.cluster,
        str(row.step),
        row.action,
        _verdict(row.talm, now, failed="timed out"),
        _verdict(row.ibgu, now, failed="failed"),
        _maybe(row.ahead_seconds),
        _maybe(row.idle_seconds),
    ]


def _verdict(outcome: OutcomeResponse | None, now: datetime, *, failed: str) -> str:
    if outcome is None:
        return "-"
    words = failed if outcome.verdict == "failed" else "completed"
    return f"{words} {clock(outcome.at, now)}"


def _maybe(seconds: float | None) -> str:
    return "-" if seconds is None else duration(_span(seconds))


def _span(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)
