"""Maps outlooks to bodies."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from heapq import nlargest

from ibgu.api.preview.proposals import RequestedPreview
from ibgu.api.rehearsal.schemas import (
    HeldBody,
    LoadBody,
    PercentilesBody,
    RegionBody,
    RehearsalBody,
    RehearsedApprovalBody,
    RehearsedPlanBody,
    RehearsedPolicyBody,
    RehearsedStepBody,
    TripBody,
)
from ibgu.core.rehearsal.outlook import (
    ApprovalOutlook,
    Outlook,
    PolicyOutlook,
    StepOutlook,
    TripOutlook,
)
from ibgu.core.rehearsal.planned import LEFT_OUT
from ibgu.core.rehearsal.spread import Percentiles
from ibgu.core.rehearsal.timeline import LoadPoint
from ibgu.core.text.natural import natural_key

MAX_REGIONS = 200


def rehearsal_body(begin: datetime, plans: Sequence[RehearsedPlanBody], runs: int) -> RehearsalBody:
    return RehearsalBody(begin=begin, runs=runs, plans=list(plans), left_out=LEFT_OUT)


def plan_body(
    asked: RequestedPreview, begun: int, found: Outlook, warnings: Sequence[str]
) -> RehearsedPlanBody:
    """Returns the body; `begun`: the steps of the plan that come before those rehearsed."""
    regions = _last(found.regions)
    return RehearsedPlanBody(
        namespace=asked.namespace,
        name=asked.name,
        clusters=found.clusters,
        end=_percentiles(found.end),
        ends=list(found.ends),
        held=[HeldBody(by=by, share=share) for by, share in found.held.items()],
        trips=[_trip(each, begun) for each in found.trips],
        steps=[_step(number, each) for number, each in enumerate(found.steps, begun + 1)],
        policies=[_policy(each) for each in found.policies],
        approvals=[_approval(each, begun) for each in found.approvals],
        endless=list(found.endless),
        assumed=list(found.assumed),
        slots=found.slots,
        pulls=_percentiles(found.pulls),
        regions=regions,
        more_regions=len(found.regions) - len(regions),
        load=[_load(each) for each in found.load],
        warnings=list(warnings),
    )


def _trip(found: TripOutlook, begun: int) -> TripBody:
    return TripBody(
        rule=found.rule,
        policy=found.policy,
        step=begun + found.step,
        share=found.share,
        failed=_percentiles(found.failed),
        started=_percentiles(found.started),
    )


def _policy(found: PolicyOutlook) -> RehearsedPolicyBody:
    return RehearsedPolicyBody(
        name=found.name,
        clusters=_percentiles(found.clusters),
        hours=_percentiles(found.hours),
        missed=_percentiles(found.missed),
        missed_windows=_percentiles(found.missed_windows),
    )


def _approval(found: ApprovalOutlook, begun: int) -> RehearsedApprovalBody:
    return RehearsedApprovalBody(
        policy=found.policy,
        step=begun + found.step,
        before=found.before,
        share=found.share,
        asked=_percentiles(found.asked),
    )


def _load(found: LoadPoint) -> LoadBody:
    return LoadBody(
        at=found.at,
        slots=_percentiles(found.slots),
        starts=_percentiles(found.starts),
        pulls=_percentiles(found.pulls),
    )


def _step(number: int, found: StepOutlook) -> RehearsedStepBody:
    return RehearsedStepBody(
        step=number,
        actions=list(found.actions),
        begun=found.begun,
        end=None if found.end is None else _percentiles(found.end),
        succeeded=found.succeeded,
        failed=found.failed,
        never_started=found.never_started,
        timed_out=found.timed_out,
    )


def _last(regions: Mapping[str, Percentiles]) -> list[RegionBody]:
    """Returns the regions that end last, in order of their names."""
    last = nlargest(MAX_REGIONS, regions, key=lambda value: regions[value].p50)
    return [
        RegionBody(value=value, end=_percentiles(regions[value]))
        for value in sorted(last, key=natural_key)
    ]


def _percentiles(found: Percentiles) -> PercentilesBody:
    return PercentilesBody(p5=found.p5, p50=found.p50, p95=found.p95)
