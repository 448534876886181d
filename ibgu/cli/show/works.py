"""`ibgu works`: what is asked of a cluster on the hub, and what its agent reports."""

from collections.abc import Iterator
from datetime import datetime

from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.show.times import clock
from ibgu.client.responses import (
    ClusterResponse,
    ConditionResponse,
    ManifestResponse,
    WorkResponse,
    WorksResponse,
)


def works_lines(
    found: WorksResponse, known: ClusterResponse | None, style: OutputStyle
) -> Iterator[str]:
    """Yields the lines; `known`: the cluster in the journal; None: it is not there."""
    yield style.paint(found.cluster, bold=True)
    if known is not None and known.labels:
        labels = ", ".join(f"{key}={value}" for key, value in sorted(known.labels.items()))
        yield from style.under("labels   ", labels)
    if not found.items:
        yield (
            "ibgu has no ManifestWork for this cluster: it requests nothing, and the "
            "cluster reports nothing"
        )
    for work in found.items:
        yield ""
        yield from _work(work, found.read_at, style)


def _work(work: WorkResponse, now: datetime, style: OutputStyle) -> Iterator[str]:
    yield style.paint(f"{work.name}  ({work.rollout}, {work.part})", bold=True)
    limit = work.run.limit if work.run else None
    facts = {
        "asks": work.asks,
        "limit": clock(limit, now) if limit else "",
        "run": work.run.id if work.run else "",
        "agent": work.agent,
        "refused": work.apply_error,
        "stands": work.stands,
    }
    for name, text in facts.items():
        if text:
            yield from style.under(f"{name:<8} ", " ".join(text.split()))
    for manifest in work.manifests:
        yield from _manifest(manifest, style)


def _manifest(manifest: ManifestResponse, style: OutputStyle) -> Iterator[str]:
    where = f"{manifest.namespace}/" if manifest.namespace else ""
    yield f"  {manifest.kind} {where}{manifest.name}"
    for condition in manifest.conditions:
        yield from style.under("    ", _condition(condition))
    for name, value in manifest.feedback.items():
        yield from style.under(f"    {name} = ", " ".join(value.split()))


def _condition(found: ConditionResponse) -> str:
    words = f": {found.message}" if found.message else ""
    reason = f" ({found.reason}{words})" if found.reason else ""
    return f"{found.type} {found.status}{reason}"
