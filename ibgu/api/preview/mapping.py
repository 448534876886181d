"""Maps previews."""

from collections.abc import Iterable, Sequence

from ibgu.api.preview.schemas import (
    EndsBody,
    ExcludedBody,
    MeasuredBody,
    PreviewBody,
    StepPreviewBody,
)
from ibgu.core.drivers.ibu.preflight import PreflightReport, finding_sentences
from ibgu.core.views.forecast import Unreached
from ibgu.core.views.preview import Excluded, Preview, StepPreview, TimeNeeded

_NAMED = 10
_ORDER = 50


def preview_body(
    found: Preview, report: PreflightReport, problems: Sequence[str], warnings: Sequence[str]
) -> PreviewBody:
    """Returns the preview's body; `problems` and `warnings`: those that are not of preflight."""
    judged = finding_sentences(report)
    wrong = [*judged.problems, *problems]
    return PreviewBody(
        selected=len(found.selected),
        excluded=_named(found.excluded),
        steps=[_step(step) for step in found.steps],
        errors=judged.errors,
        warnings=[*judged.warnings, *found.warnings, *warnings],
        ends=_ends(found) if found.steps else None,
        valid=not wrong,
        problems=wrong,
    )


def _named(groups: Iterable[Excluded | Unreached]) -> list[ExcludedBody]:
    return [
        ExcludedBody(why=each.why, count=len(each.clusters), clusters=[*each.clusters[:_NAMED]])
        for each in groups
    ]


def _ends(found: Preview) -> EndsBody:
    return EndsBody(
        likely=found.forecast.likely,
        slow=found.forecast.slow,
        latest=found.latest,
        basis=[*found.forecast.basis],
        unreached=_named(found.forecast.unreached),
    )


def _step(step: StepPreview) -> StepPreviewBody:
    return StepPreviewBody(
        step=step.index + 1,
        actions=list(step.actions),
        clusters=len(step.clusters),
        waves=step.waves,
        slots=step.slots,
        timeout_minutes=round(step.timeout.total_seconds() / 60),
        allowed_minutes_per_site=round(step.allowed.total_seconds() / 60, 1),
        measured=_measured(step.measured),
        enough=step.enough,
        advice=step.advice,
        order=list(step.clusters[:_ORDER]),
        starts_per_minute=step.rate_limits.starts_per_minute,
        ramp_up=step.rate_limits.ramp_up,
        jitter_seconds=round(step.rate_limits.jitter.total_seconds()),
    )


def _measured(found: TimeNeeded | None) -> MeasuredBody | None:
    if found is None:
        return None
    return MeasuredBody(
        p50=found.p50.total_seconds(), p95=found.p95.total_seconds(), count=found.count
    )
