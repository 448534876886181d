"""Declares what the REST API takes and returns: one struct per schema of /openapi.json.

`make client` generates this module.

The first field of a response is required: what lacks it is no answer of ibgu's. The others have a
default where their type has a value that says nothing, as an older server may not send them. Names
that the server takes from a list (states, causes, reasons) are plain strings: newer servers may
know more of them.
"""

from datetime import datetime
from typing import Any

from msgspec import field

from ibgu.client.base import Response


class NewStepRequest(Response, frozen=True, kw_only=True):
    actions: tuple[str, ...]
    max_concurrency: int | None = None
    timeout: int | None = None


class ProposalRequest(Response, frozen=True, kw_only=True):
    """Either a rollout by `namespace` and `name`, with steps to append, or a `manifest`."""

    namespace: str | None = None
    name: str | None = None
    append: tuple[NewStepRequest, ...] = ()
    manifest: dict[str, Any] | None = None


class PreflightSubjectRequest(Response, frozen=True, kw_only=True):
    """Either a rollout by `namespace` and `name`, a `manifest`, or clusters by a `selector`."""

    namespace: str | None = None
    name: str | None = None
    manifest: dict[str, Any] | None = None
    selector: str | None = None
    target: str = ""
    inspect: bool = False


class PauseRequest(Response, frozen=True, kw_only=True):
    why: str = ""


class SkipRequest(Response, frozen=True, kw_only=True):
    """A skip; both fields null: all that wait."""

    clusters: tuple[str, ...] | None = None
    reason: str | None = None
    if_waiting: bool = False


class ApproveRequest(Response, frozen=True, kw_only=True):
    """An approval of what a policy lets start only then."""

    step: int | None = None
    before: str
    comment: str = ""
    minutes: int | None = None


class BreakGlassRequest(Response, frozen=True, kw_only=True):
    """A request to let the rollout pass gates of policies for a while."""

    gates: tuple[str, ...]
    reason: str
    minutes: int


class CancelRequest(Response, frozen=True, kw_only=True):
    clusters: tuple[str, ...] | None = None
    label: str = ""
    max_concurrency: int | None = None
    timeout: int | None = None
    which: str = "all"


class RollBackRequest(Response, frozen=True, kw_only=True):
    clusters: tuple[str, ...] | None = None
    label: str = ""
    max_concurrency: int | None = None
    timeout: int | None = None
    finalize: bool = False
    failed: bool = False


class OfClustersRequest(Response, frozen=True, kw_only=True):
    clusters: tuple[str, ...] | None = None
    label: str = ""
    max_concurrency: int | None = None
    timeout: int | None = None


class RetryRequest(Response, frozen=True, kw_only=True):
    clusters: tuple[str, ...] | None = None
    label: str = ""
    max_concurrency: int | None = None
    timeout: int | None = None
    cause: str | None = None
    abort_first: bool = False


class ConfirmCleanupRequest(Response, frozen=True, kw_only=True):
    clusters: tuple[str, ...] | None = None
    label: str = ""
    max_concurrency: int | None = None
    timeout: int | None = None
    reason: str
    action: str | None = None


class WhoamiResponse(Response, frozen=True, kw_only=True):
    username: str
    hub: str = ""


class LeadershipResponse(Response, frozen=True, kw_only=True):
    leader: str | None
    epoch: int = 0
    since: datetime | None = None
    before: str | None = None
    changes: int = 0
    flaps: bool = False
    words: str = ""
    remedy: str | None = None


class DurationResponse(Response, frozen=True, kw_only=True):
    """The durations of an action in seconds, from when it went to the cluster to its end."""

    action: str
    result: str = ""
    count: int = 0
    p50: float = 0.0
    p90: float = 0.0
    p95: float = 0.0
    max: float = 0.0


class DurationsResponse(Response, frozen=True, kw_only=True):
    items: tuple[DurationResponse, ...]


class OverdueResponse(Response, frozen=True, kw_only=True):
    """A reason that lasts longer than usual."""

    since: datetime
    usual: float = 0.0
    check: str = ""


class ReasonResponse(Response, frozen=True, kw_only=True):
    kind: str
    since: datetime
    until: datetime | None = None
    who: str = ""
    message: str = ""
    overdue: OverdueResponse | None = None
    policy: str | None = None


class ReleaseResponse(Response, frozen=True, kw_only=True):
    """The release that the clusters are to run in the end."""

    image: str
    version: str = ""


class PlanItemResponse(Response, frozen=True, kw_only=True):
    actions: tuple[str, ...]
    max_concurrency: int = 0
    timeout_minutes: int = 0


class CountsResponse(Response, frozen=True, kw_only=True):
    """Clusters of a whole rollout, as in its object's `status.summary`, or members of one step.

    total = waiting + running + succeeded + failed + skipped + cancelled.
    """

    total: int
    waiting: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    cancelled: int = 0


class ReasonCountResponse(Response, frozen=True, kw_only=True):
    kind: str
    who: str = ""
    count: int = 0
    overdue: int = 0
    policy: str | None = None
    holder: str | None = None
    until: datetime | None = None
    approval: bool = False
    message: str | None = None
    alike: bool = False


class CurrentStepResponse(Response, frozen=True, kw_only=True):
    step: int
    actions: tuple[str, ...] = ()
    counts: CountsResponse
    reasons: tuple[ReasonCountResponse, ...] = ()


class RollbackResponse(Response, frozen=True, kw_only=True):
    """The way back of upgraded clusters that are not finalized."""

    clusters: int
    until: datetime


class EtaResponse(Response, frozen=True, kw_only=True):
    """The time when a running step will be over."""

    at: datetime
    earliest: datetime
    latest: datetime
    basis: str = ""
    stuck: int = 0
    limit: datetime


class ApprovalResponse(Response, frozen=True, kw_only=True):
    """An approval of what a policy lets start only then."""

    name: str
    user: str = ""
    step: int = 0
    before: str = ""
    comment: str = ""
    until: datetime | None = None
    refused: str = ""


class BrokenGlassResponse(Response, frozen=True, kw_only=True):
    """A BreakGlass that lets the rollout pass gates of policies now."""

    name: str
    user: str = ""
    gates: tuple[str, ...] = ()
    reason: str = ""
    until: datetime


class RolloutResponse(Response, frozen=True, kw_only=True):
    namespace: str
    name: str = ""
    uid: str = ""
    kind: str = ""
    phase: str = ""
    state: str = ""
    hold: ReasonResponse | None = None
    release: ReleaseResponse
    plan: tuple[PlanItemResponse, ...] = ()
    generation: int = 0
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    deleted_at: datetime | None = None
    counts: CountsResponse
    current: CurrentStepResponse | None = None
    waits_for: tuple[ReasonCountResponse, ...] = ()
    stalled: int = 0
    warned: int = 0
    annotation_mistakes: tuple[str, ...] = ()
    rollback: RollbackResponse | None = None
    eta: EtaResponse | None = None
    created_by: str | None = None
    approvals: tuple[ApprovalResponse, ...] = ()
    broken_glass: tuple[BrokenGlassResponse, ...] = ()


class NewerRolloutResponse(Response, frozen=True, kw_only=True):
    namespace: str | None
    name: str | None = None
    uid: str = ""
    actions: tuple[str, ...] = ()
    leads_back: bool = False
    clusters: int = 0
    acting: int = 0


class NewerRolloutsResponse(Response, frozen=True, kw_only=True):
    """The rollouts, of the newest 20 that came later, that have begun an action on clusters of a
    rollout.
    """

    clusters: int
    items: tuple[NewerRolloutResponse, ...] = ()


class RunningActionResponse(Response, frozen=True, kw_only=True):
    action: str
    count: int = 0


class PolicyFollowUpResponse(Response, frozen=True, kw_only=True):
    """A second rollout that a RolloutPolicy asks for."""

    policy: str
    action: str = ""
    clusters: tuple[str, ...] = ()
    total: int = 0
    attempt: int = 0
    due: datetime | None = None
    name: str | None = None
    refused: str | None = None
    message: str = ""


class StepResponse(Response, frozen=True, kw_only=True):
    step: int
    actions: tuple[str, ...] = ()
    state: str = ""
    hold: ReasonResponse | None = None
    rate_limit: ReasonResponse | None = None
    max_concurrency: int = 0
    timeout_minutes: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    counts: CountsResponse
    stalled: int = 0
    eta: EtaResponse | None = None
    actions_running: tuple[RunningActionResponse, ...] = ()
    reasons: tuple[ReasonCountResponse, ...] = ()
    follow_ups: tuple[PolicyFollowUpResponse, ...] = ()


class StepsResponse(Response, frozen=True, kw_only=True):
    items: tuple[StepResponse, ...]


class ChangeResponse(Response, frozen=True, kw_only=True):
    done: str
    kubectl: str = ""
    danger: str = ""
    lost: str = ""
    uid: str = ""


class ReportsResponse(Response, frozen=True, kw_only=True):
    """Clusters of one step that report something at the end of their actions."""

    step: int
    warned: int = 0
    rollback: int = 0


class GridResponse(Response, frozen=True, kw_only=True):
    """One entry a member in each list, in the order in which they start."""

    step: int | None
    seq: int = 0
    clusters: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    reasons: tuple[str | None, ...] = ()
    causes: tuple[str | None, ...] = ()
    failures: tuple[str | None, ...] = ()
    since: tuple[datetime | None, ...] = ()
    stalled: tuple[bool, ...] = ()
    overdue: tuple[bool, ...] = ()
    warned: tuple[bool, ...] = ()
    rollback: tuple[bool, ...] = ()


class SelectedResponse(Response, frozen=True, kw_only=True):
    """The rollout over the clusters with the labels that were asked for, and no others."""

    counts: CountsResponse
    steps: tuple[StepResponse, ...] = ()


class FailureGroupResponse(Response, frozen=True, kw_only=True):
    step: int
    action: str | None = None
    outcome: str = ""
    cause: str | None = None
    failure: str | None = None
    specific: bool = False
    means: str | None = None
    remedy: str | None = None
    message: str = ""
    message_of: str | None = None
    count: int = 0
    clusters: tuple[str, ...] = ()
    aborted: tuple[str, ...] = ()


class FailuresResponse(Response, frozen=True, kw_only=True):
    total: int
    items: tuple[FailureGroupResponse, ...] = ()


class StalledClusterResponse(Response, frozen=True, kw_only=True):
    """A cluster whose action is in flight for longer than usual here."""

    cluster: str
    action: str = ""
    reason: str = ""
    since: datetime
    usual: float = 0.0


class PointResponse(Response, frozen=True, kw_only=True):
    at: datetime
    succeeded: int = 0
    failed: int = 0
    in_flight: int = 0


class TimelineResponse(Response, frozen=True, kw_only=True):
    step: int | None
    slots: int | None = None
    points: tuple[PointResponse, ...] = ()


class ViewResponse(Response, frozen=True, kw_only=True):
    """All of it is as of one moment: whatever is counted twice in it is counted alike."""

    seq: int
    now: datetime
    rollout: RolloutResponse
    steps: tuple[StepResponse, ...] = ()
    reports: tuple[ReportsResponse, ...] = ()
    grid: GridResponse
    labelled: tuple[bool, ...] | None = None
    selected: SelectedResponse | None = None
    failures: FailuresResponse
    stalled: tuple[StalledClusterResponse, ...] = ()
    timeline: TimelineResponse


class StalledResponse(Response, frozen=True, kw_only=True):
    """An action in flight that takes longer than usual."""

    since: datetime
    usual: float = 0.0


class CompletedActionResponse(Response, frozen=True, kw_only=True):
    action: str
    at: datetime
    note: str = ""


class RunResponse(Response, frozen=True, kw_only=True):
    """One attempt of one action on one member."""

    id: str
    action: str = ""
    attempt: int = 0
    state: str = ""
    intended_at: datetime
    arming_at: datetime | None = None
    armed_at: datetime | None = None
    accepted_at: datetime | None = None
    ended_at: datetime | None = None
    result: str | None = None
    cause: str | None = None
    message: str = ""


class MemberResponse(Response, frozen=True, kw_only=True):
    cluster: str
    step: int = 0
    position: int = 0
    state: str = ""
    action: str | None = None
    attempt: int = 0
    reason: ReasonResponse | None = None
    stalled: StalledResponse | None = None
    slot: int | None = None
    limit: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str | None = None
    cause: str | None = None
    message: str = ""
    failed_action: str | None = None
    failure: str | None = None
    means: str | None = None
    fix: str | None = None
    remedy: str | None = None
    completed: tuple[CompletedActionResponse, ...] = ()
    late: str = ""
    warning: str = ""
    rollback_until: datetime | None = None
    paused_since: datetime | None = None
    run: RunResponse | None = None


class MemberAttemptsResponse(Response, frozen=True, kw_only=True):
    """One member with all attempts on its cluster."""

    member: MemberResponse
    runs: tuple[RunResponse, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)


class EventResponse(Response, frozen=True, kw_only=True):
    seq: int
    at: datetime
    kind: str = ""
    why: str = ""
    cause: str | None = None
    warning: bool = False
    actor: str = ""
    rollout: str = ""
    step: int | None = None
    cluster: str | None = None
    run: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


class ActivityEntryResponse(Response, frozen=True, kw_only=True):
    seq: int
    at: datetime
    kind: str = ""
    title: str = ""
    text: str = ""
    who: str | None = None
    via: str | None = None
    step: int | None = None
    hold: str | None = None
    warning: bool = False


class RolloutNameResponse(Response, frozen=True, kw_only=True):
    namespace: str | None
    name: str | None = None
    uid: str = ""


class VisitResponse(Response, frozen=True, kw_only=True):
    """One step of one rollout that the cluster was a member of."""

    rollout: RolloutNameResponse
    member: MemberResponse
    runs: tuple[RunResponse, ...] = ()


class ClaimResponse(Response, frozen=True, kw_only=True):
    """The right of one rollout to work on the cluster."""

    rollout: RolloutNameResponse
    step: int = 0
    slot: int = 0
    taken_at: datetime


class ClusterResponse(Response, frozen=True, kw_only=True):
    name: str
    newest: VisitResponse
    claim: ClaimResponse | None = None
    labels: dict[str, str] | None = None
    labels_pending: dict[str, str | None] = field(default_factory=dict)
    annotations_pending: dict[str, str | None] = field(default_factory=dict)
    newest_event: int = 0


class EvidenceObjectResponse(Response, frozen=True, kw_only=True):
    object: str
    phase: str = ""
    errors: int = 0
    warnings: int = 0
    messages: tuple[str, ...] = ()


class EvidenceCauseResponse(Response, frozen=True, kw_only=True):
    failure: str
    means: str = ""
    remedy: str = ""


class EvidenceResponse(Response, frozen=True, kw_only=True):
    read_at: datetime | None
    problem: str = ""
    objects: tuple[EvidenceObjectResponse, ...] = ()
    cause: EvidenceCauseResponse | None = None
    commands: tuple[str, ...] = ()


class LineResponse(Response, frozen=True, kw_only=True):
    at: datetime
    text: str = ""


class ExplainedResponse(Response, frozen=True, kw_only=True):
    cluster: str
    rollout: str = ""
    step: int = 0
    state: str = ""
    headline: str = ""
    why: str | None = None
    kind: str | None = None
    policy: str | None = None
    since: datetime | None = None
    ends: str | None = None
    until: datetime | None = None
    who: str | None = None
    overdue: datetime | None = None
    means: str | None = None
    do: str | None = None
    words: str | None = None
    remedy: str | None = None
    guide: str | None = None
    limit: datetime | None = None
    late: str | None = None
    warning: str | None = None
    rollback_until: datetime | None = None
    paused_since: datetime | None = None
    preflight: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()
    evidence: EvidenceResponse | None = None
    follow_ups: tuple[str, ...] = ()
    history: tuple[LineResponse, ...] = ()
    newest_event: int = 0


class RecoveryStepResponse(Response, frozen=True, kw_only=True):
    text: str
    commands: tuple[str, ...] = ()


class RecoveryResponse(Response, frozen=True, kw_only=True):
    cluster: str
    rollout: str = ""
    kind: str = ""
    headline: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    steps: tuple[RecoveryStepResponse, ...] = ()
    guide: str = ""
    newest_event: int = 0


class WorkRunResponse(Response, frozen=True, kw_only=True):
    id: str
    action: str = ""
    attempt: int = 0
    started_at: datetime | None = None
    limit: datetime | None = None
    result: str | None = None


class IbuResponse(Response, frozen=True, kw_only=True):
    """The cluster's ImageBasedUpgrade, as the values tell it."""

    state: str
    stage: str = ""
    generation: int = 0
    observed_generation: int = 0
    available: str = ""
    next_stages: tuple[str, ...] = ()
    seed: str = ""
    run: str = ""


class ConditionResponse(Response, frozen=True, kw_only=True):
    type: str
    status: str = ""
    reason: str = ""
    message: str = ""
    observed_generation: int = 0
    last_transition_time: datetime | None = None


class ManifestResponse(Response, frozen=True, kw_only=True):
    """One object that the work brings to the cluster; its content is not shown."""

    kind: str
    namespace: str = ""
    name: str = ""
    conditions: tuple[ConditionResponse, ...] = ()
    feedback: dict[str, str] = field(default_factory=dict)


class WorkResponse(Response, frozen=True, kw_only=True):
    name: str
    part: str = ""
    rollout: str = ""
    rollout_uid: str = ""
    asks: str = ""
    agent: str = ""
    stands: str = ""
    generation: int = 0
    created_at: datetime | None = None
    terminating: bool = False
    edited: bool = False
    armed: bool = False
    run: WorkRunResponse | None = None
    applied: bool = False
    apply_error: str = ""
    ibu: IbuResponse | None = None
    conditions: tuple[ConditionResponse, ...] = ()
    manifests: tuple[ManifestResponse, ...] = ()


class WorksResponse(Response, frozen=True, kw_only=True):
    cluster: str
    read_at: datetime
    items: tuple[WorkResponse, ...] = ()


class SeedOriginResponse(Response, frozen=True, kw_only=True):
    """The origin of the seed; empty: unknown."""

    cluster: str
    lifecycle_agent: str = ""
    oadp: str = ""
    time: str = ""


class SeedCircuitBreakerResponse(Response, frozen=True, kw_only=True):
    """The limits at which Upgrades to the image stop, in all rollouts that use it."""

    same_cause: int | None
    percent: int | None = None
    minimum_upgrades: int = 0
    window_minutes: int = 0


class SeedFailureResponse(Response, frozen=True, kw_only=True):
    action: str
    failure: str | None = None
    cause: str | None = None
    specific: bool = False
    message: str = ""
    count: int = 0


class SeedResultsResponse(Response, frozen=True, kw_only=True):
    """Results in the rollouts that the caller may read. Each cluster counts once."""

    rollouts: int
    counted: int = 0
    images: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    held: int = 0
    upgraded: int = 0
    rolled_back: int = 0
    failed: int = 0
    failures: tuple[SeedFailureResponse, ...] = ()


class SeedImageResponse(Response, frozen=True, kw_only=True):
    name: str | None
    image: str = ""
    release: str = ""
    profile: dict[str, str] = field(default_factory=dict)
    cluster_labels: dict[str, str] = field(default_factory=dict)
    generated_from: SeedOriginResponse
    circuit_breaker: SeedCircuitBreakerResponse | None = None
    results: SeedResultsResponse


class SeedImagesResponse(Response, frozen=True, kw_only=True):
    installed: bool
    truncated: bool = False
    items: tuple[SeedImageResponse, ...] = ()


class SeedCheckResponse(Response, frozen=True, kw_only=True):
    title: str
    outcome: str = ""
    message: str = ""
    remedy: str = ""


class SeedCandidateResponse(Response, frozen=True, kw_only=True):
    cluster: str
    release: str = ""
    checks: tuple[SeedCheckResponse, ...] = ()


class PolicyResponse(Response, frozen=True, kw_only=True):
    """A policy, with what it holds in rollouts that the caller may read."""

    name: str
    generation: int | None = None
    since: datetime | None = None
    allows: tuple[str, ...] = ()
    clusters: int = 0
    rollouts: int = 0
    opens: datetime | None = None
    message: str | None = None


class PoliciesResponse(Response, frozen=True, kw_only=True):
    problem: str | None
    items: tuple[PolicyResponse, ...] = ()


class PolicyHoldResponse(Response, frozen=True, kw_only=True):
    """Clusters of a step that a policy holds for one reason."""

    namespace: str
    name: str = ""
    uid: str = ""
    step: int = 0
    clusters: int = 0
    names: tuple[str, ...] = ()
    in_flight: bool = False
    since: datetime
    until: datetime | None = None
    who: str = ""
    message: str = ""
    ends: str = ""


class PolicyDetailResponse(Response, frozen=True, kw_only=True):
    name: str
    generation: int | None = None
    since: datetime | None = None
    allows: tuple[str, ...] = ()
    clusters: int = 0
    rollouts: int = 0
    opens: datetime | None = None
    message: str | None = None
    spec: dict[str, Any] | None = None
    holds: tuple[PolicyHoldResponse, ...] = ()


class ExcludedResponse(Response, frozen=True, kw_only=True):
    why: str
    count: int = 0
    clusters: tuple[str, ...] = ()


class MeasuredResponse(Response, frozen=True, kw_only=True):
    p50: float
    p95: float = 0.0
    count: int = 0


class StepPreviewResponse(Response, frozen=True, kw_only=True):
    step: int
    actions: tuple[str, ...] = ()
    clusters: int = 0
    waves: int = 0
    slots: int = 0
    timeout_minutes: int = 0
    allowed_minutes_per_site: float = 0.0
    measured: MeasuredResponse | None = None
    enough: bool | None = None
    advice: str = ""
    order: tuple[str, ...] = ()
    starts_per_minute: int = 0
    ramp_up: bool = False
    jitter_seconds: int = 0


class EndsResponse(Response, frozen=True, kw_only=True):
    likely: datetime | None
    slow: datetime | None = None
    latest: datetime | None = None
    basis: tuple[str, ...] = ()
    unreached: tuple[ExcludedResponse, ...] = ()


class PreviewResponse(Response, frozen=True, kw_only=True):
    selected: int
    excluded: tuple[ExcludedResponse, ...] = ()
    steps: tuple[StepPreviewResponse, ...] = ()
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    ends: EndsResponse | None = None
    valid: bool = False
    problems: tuple[str, ...] = ()


class PreflightRuleResponse(Response, frozen=True, kw_only=True):
    rule: str
    title: str = ""
    outcome: str = ""
    source: str = ""
    fact: str = ""


class PreflightFindingResponse(Response, frozen=True, kw_only=True):
    rule: str
    severity: str = ""
    object: str = ""
    field: str = ""
    file: str = ""
    line: int = 0
    message: str = ""
    remedy: str = ""
    reference: str = ""
    count: int = 0
    clusters: tuple[str, ...] = ()


class PreflightResponse(Response, frozen=True, kw_only=True):
    clusters: int
    blocked: int = 0
    blocked_clusters: tuple[str, ...] = ()
    inspectable: bool = False
    inspected: int = 0
    inspecting: int = 0
    inspected_at: datetime | None = None
    rules: tuple[PreflightRuleResponse, ...] = ()
    findings: tuple[PreflightFindingResponse, ...] = ()


class RecordedFindingResponse(Response, frozen=True, kw_only=True):
    rule: str
    severity: str = ""
    message: str = ""
    remedy: str = ""
    count: int = 0
    clusters: tuple[str, ...] = ()


class RecalledFailureResponse(Response, frozen=True, kw_only=True):
    """The clusters of one failure, by what preflight had found of them before."""

    action: str | None
    failure: str | None = None
    rules: tuple[str, ...] = ()
    count: int = 0
    found: int = 0
    not_checked: int = 0
    missed: int = 0


class StepPreflightResponse(Response, frozen=True, kw_only=True):
    """The findings of preflight when the step's clusters could start, beside what came."""

    step: int
    actions: tuple[str, ...] = ()
    at: datetime
    findings: tuple[RecordedFindingResponse, ...] = ()
    unknown: tuple[str, ...] = ()
    failed: int = 0
    found: int = 0
    not_checked: int = 0
    missed: int = 0
    unforeseeable: int = 0
    succeeded_in_spite: int = 0
    failures: tuple[RecalledFailureResponse, ...] = ()


class StepPreflightsResponse(Response, frozen=True, kw_only=True):
    items: tuple[StepPreflightResponse, ...]


class AwaitedApprovalResponse(Response, frozen=True, kw_only=True):
    """An approval for which clusters wait, or that a policy asks for of the running or next
    step.
    """

    step: int
    before: str = ""
    what: str = ""
    danger: str = ""
    ahead: bool = False


class PermitResponse(Response, frozen=True, kw_only=True):
    name: str
    allowed: bool = False
    why: str = ""
    plans: tuple[tuple[str, ...], ...] = ()
    approvals: tuple[AwaitedApprovalResponse, ...] = ()
    danger: str = ""


class PermitsResponse(Response, frozen=True, kw_only=True):
    items: tuple[PermitResponse, ...]
    dangers: dict[str, str] = field(default_factory=dict)


class ApprovedResponse(Response, frozen=True, kw_only=True):
    done: str
    kubectl: str = ""
    danger: str = ""
    lost: str = ""
    uid: str = ""
    step: int = 0


class FollowUpResponse(Response, frozen=True, kw_only=True):
    done: str
    kubectl: str = ""
    danger: str = ""
    lost: str = ""
    uid: str = ""
    rollout: str = ""
    clusters: int = 0
    preview: PreviewResponse
    again: bool = False


class NeedsPersonResponse(Response, frozen=True, kw_only=True):
    namespace: str
    name: str = ""
    kind: str = ""
    policy: str | None = None
    since: datetime
    message: str = ""
    members: int = 0
    overdue: bool = False


class RollbackDeadlineResponse(Response, frozen=True, kw_only=True):
    """The way back of a rollout's clusters, where it closes soon for the first of them."""

    clusters: int
    until: datetime
    namespace: str = ""
    name: str = ""


class RolloutsResponse(Response, frozen=True, kw_only=True):
    items: tuple[RolloutResponse, ...]
    next_cursor: str | None = None
    seq: int = 0
    needs_person: tuple[NeedsPersonResponse, ...] | None = None
    rollback_deadlines: tuple[RollbackDeadlineResponse, ...] | None = None
