"""Offers one method per route of the REST API.

`make client` generates this module.
"""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from ibgu.client.responses import (
    ActivityEntryResponse,
    ApprovedResponse,
    ApproveRequest,
    BreakGlassRequest,
    CancelRequest,
    ChangeResponse,
    ClusterResponse,
    ConfirmCleanupRequest,
    DurationsResponse,
    EventResponse,
    ExplainedResponse,
    FailuresResponse,
    FollowUpResponse,
    GridResponse,
    LeadershipResponse,
    MemberAttemptsResponse,
    MemberResponse,
    NewerRolloutsResponse,
    NewStepRequest,
    OfClustersRequest,
    PauseRequest,
    PermitsResponse,
    PoliciesResponse,
    PolicyDetailResponse,
    PreflightResponse,
    PreflightSubjectRequest,
    PreviewResponse,
    ProposalRequest,
    RecoveryResponse,
    RetryRequest,
    RollBackRequest,
    RolloutResponse,
    RolloutsResponse,
    SeedCandidateResponse,
    SeedImageResponse,
    SeedImagesResponse,
    SkipRequest,
    StepPreflightsResponse,
    StepsResponse,
    TimelineResponse,
    ViewResponse,
    VisitResponse,
    WhoamiResponse,
    WorksResponse,
)
from ibgu.client.sse import messages
from ibgu.client.wire import Wire


class Routes:
    """Routes raises RestError from every method; iterators raise it while they are read."""

    _wire: Wire

    def whoami(self) -> WhoamiResponse:
        """Requests `GET whoami`: get the caller's user name, and the hub."""
        return self._wire.get(WhoamiResponse, "whoami")

    def leadership(self) -> LeadershipResponse:
        """Requests `GET leadership`: get the leading controller, and how often it has changed."""
        return self._wire.get(LeadershipResponse, "leadership")

    def durations(
        self, *, action: str | None = None, namespace: str | None = None, label: str | None = None
    ) -> DurationsResponse:
        """Requests `GET durations`: get the durations of actions, by result."""
        return self._wire.get(
            DurationsResponse, "durations", action=action, namespace=namespace, label=label
        )

    def rollouts(
        self, *, state: Collection[str] | None = None, namespace: str | None = None
    ) -> Iterator[RolloutResponse]:
        """Requests `GET rollouts`: list rollouts, newest first."""
        return self._wire.pages(RolloutResponse, "rollouts", state=state, namespace=namespace)

    def rollouts_page(
        self,
        *,
        state: Collection[str] | None = None,
        limit: int | None = None,
        needs_person: bool | None = None,
        namespace: str | None = None,
    ) -> RolloutsResponse:
        """Requests `GET rollouts`: list rollouts, newest first; the first page, with what stands
        beside its items."""
        return self._wire.get(
            RolloutsResponse,
            "rollouts",
            state=state,
            limit=limit,
            needsPerson=needs_person,
            namespace=namespace,
        )

    def rollout(self, namespace: str, name: str, *, uid: str | None = None) -> RolloutResponse:
        """Requests `GET rollouts/{namespace}/{name}`: one rollout."""
        return self._wire.get(RolloutResponse, "rollouts", namespace, name, uid=uid)

    def newer(self, namespace: str, name: str, *, uid: str | None = None) -> NewerRolloutsResponse:
        """Requests `GET rollouts/{namespace}/{name}/newer`: list the newer rollouts that act, or
        have acted, on clusters of a rollout."""
        return self._wire.get(NewerRolloutsResponse, "rollouts", namespace, name, "newer", uid=uid)

    def steps(self, namespace: str, name: str, *, uid: str | None = None) -> StepsResponse:
        """Requests `GET rollouts/{namespace}/{name}/steps`: list the steps of a rollout, in
        order."""
        return self._wire.get(StepsResponse, "rollouts", namespace, name, "steps", uid=uid)

    def append_step(
        self,
        namespace: str,
        name: str,
        body: NewStepRequest,
        *,
        dry_run: bool | None = None,
        uid: str | None = None,
    ) -> ChangeResponse:
        """Requests `POST rollouts/{namespace}/{name}/steps`: append a step to the plan."""
        return self._wire.post(
            ChangeResponse, "rollouts", namespace, name, "steps", body=body, dryRun=dry_run, uid=uid
        )

    def view(
        self,
        namespace: str,
        name: str,
        *,
        points: int | None = None,
        failures: str | None = None,
        uid: str | None = None,
        label: str | None = None,
        step: int | None = None,
    ) -> ViewResponse:
        """Requests `GET rollouts/{namespace}/{name}/view`: get all that a page shows of a rollout,
        at one moment."""
        return self._wire.get(
            ViewResponse,
            "rollouts",
            namespace,
            name,
            "view",
            points=points,
            failures=failures,
            uid=uid,
            label=label,
            step=step,
        )

    def grid(
        self,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        label: str | None = None,
        step: int | None = None,
    ) -> GridResponse:
        """Requests `GET rollouts/{namespace}/{name}/grid`: get all members of a step, in
        columns."""
        return self._wire.get(
            GridResponse, "rollouts", namespace, name, "grid", uid=uid, label=label, step=step
        )

    def timeline(
        self,
        namespace: str,
        name: str,
        *,
        points: int | None = None,
        uid: str | None = None,
        label: str | None = None,
        step: int | None = None,
    ) -> TimelineResponse:
        """Requests `GET rollouts/{namespace}/{name}/timeline`: get the progress of a step, as
        points for a chart."""
        return self._wire.get(
            TimelineResponse,
            "rollouts",
            namespace,
            name,
            "timeline",
            points=points,
            uid=uid,
            label=label,
            step=step,
        )

    def members(
        self,
        namespace: str,
        name: str,
        *,
        state: str | None = None,
        outcome: str | None = None,
        cause: str | None = None,
        cluster: str | None = None,
        clusters: Collection[str] | None = None,
        reason: str | None = None,
        stalled: bool | None = None,
        warned: bool | None = None,
        rollback: bool | None = None,
        sort: str | None = None,
        uid: str | None = None,
        step: int | None = None,
        label: str | None = None,
    ) -> Iterator[MemberResponse]:
        """Requests `GET rollouts/{namespace}/{name}/members`: list the clusters in the steps of a
        rollout."""
        return self._wire.pages(
            MemberResponse,
            "rollouts",
            namespace,
            name,
            "members",
            state=state,
            outcome=outcome,
            cause=cause,
            cluster=cluster,
            clusters=clusters,
            reason=reason,
            stalled=stalled,
            warned=warned,
            rollback=rollback,
            sort=sort,
            uid=uid,
            step=step,
            label=label,
        )

    def attempts(
        self,
        namespace: str,
        name: str,
        *,
        uid: str | None = None,
        labels: Collection[str] | None = None,
    ) -> Iterator[MemberAttemptsResponse]:
        """Requests `GET rollouts/{namespace}/{name}/attempts`: list the clusters in the steps of a
        rollout, with all attempts."""
        return self._wire.pages(
            MemberAttemptsResponse, "rollouts", namespace, name, "attempts", uid=uid, labels=labels
        )

    def events(
        self, namespace: str, name: str, *, after: int | None = None, uid: str | None = None
    ) -> Iterator[EventResponse]:
        """Requests `GET rollouts/{namespace}/{name}/events`: list the events of a rollout, oldest
        first."""
        return self._wire.pages(
            EventResponse, "rollouts", namespace, name, "events", after=after, uid=uid
        )

    def cluster_events(self, name: str) -> Iterator[EventResponse]:
        """Requests `GET clusters/{name}/events`: list the events of a cluster, newest first."""
        return self._wire.pages(EventResponse, "clusters", name, "events")

    def activity(
        self, namespace: str, name: str, *, uid: str | None = None
    ) -> Iterator[ActivityEntryResponse]:
        """Requests `GET rollouts/{namespace}/{name}/activity`: the changes of a rollout: by whom,
        from where, and with what result, newest first."""
        return self._wire.pages(
            ActivityEntryResponse, "rollouts", namespace, name, "activity", uid=uid
        )

    def failures(
        self, namespace: str, name: str, *, uid: str | None = None, step: int | None = None
    ) -> FailuresResponse:
        """Requests `GET rollouts/{namespace}/{name}/failures`: list failed and cancelled members,
        grouped by cause."""
        return self._wire.get(
            FailuresResponse, "rollouts", namespace, name, "failures", uid=uid, step=step
        )

    def clusters(
        self,
        *,
        prefix: str | None = None,
        namespace: str | None = None,
        rollout: str | None = None,
        label: str | None = None,
    ) -> Iterator[str]:
        """Requests `GET clusters`: list the names of clusters."""
        return self._wire.pages(
            str, "clusters", prefix=prefix, namespace=namespace, rollout=rollout, label=label
        )

    def cluster(self, name: str) -> ClusterResponse:
        """Requests `GET clusters/{name}`: get a cluster as the journal knows it."""
        return self._wire.get(ClusterResponse, "clusters", name)

    def cluster_history(self, name: str) -> Iterator[VisitResponse]:
        """Requests `GET clusters/{name}/history`: list the steps that a cluster was in, newest
        first."""
        return self._wire.pages(VisitResponse, "clusters", name, "history")

    def explain(
        self, name: str, *, namespace: str | None = None, rollout: str | None = None
    ) -> ExplainedResponse:
        """Requests `GET clusters/{name}/explain`: explain why a cluster waits or failed, and what
        to do."""
        return self._wire.get(
            ExplainedResponse, "clusters", name, "explain", namespace=namespace, rollout=rollout
        )

    def cluster_recovery(
        self, name: str, *, namespace: str | None = None, rollout: str | None = None
    ) -> RecoveryResponse:
        """Requests `GET clusters/{name}/recovery`: get the way back of a cluster after a change
        that failed."""
        return self._wire.get(
            RecoveryResponse, "clusters", name, "recovery", namespace=namespace, rollout=rollout
        )

    def cluster_works(self, name: str) -> WorksResponse:
        """Requests `GET clusters/{name}/works`: show what ibgu's ManifestWorks request from a
        cluster, and what its agent reports."""
        return self._wire.get(WorksResponse, "clusters", name, "works")

    def seed_images(self, *, namespace: str | None = None) -> SeedImagesResponse:
        """Requests `GET seed-images`: list seed images with their results."""
        return self._wire.get(SeedImagesResponse, "seed-images", namespace=namespace)

    def seed_image(self, name: str, *, namespace: str | None = None) -> SeedImageResponse:
        """Requests `GET seed-images/{name}`: get an entry of the catalogue with its results."""
        return self._wire.get(SeedImageResponse, "seed-images", name, namespace=namespace)

    def seed_candidate(self, name: str) -> SeedCandidateResponse:
        """Requests `GET clusters/{name}/seed`: check a cluster before a seed image is generated
        from it."""
        return self._wire.get(SeedCandidateResponse, "clusters", name, "seed")

    def policies(self, *, namespace: str | None = None) -> PoliciesResponse:
        """Requests `GET policies`: list policies with what they hold."""
        return self._wire.get(PoliciesResponse, "policies", namespace=namespace)

    def policy(self, name: str, *, namespace: str | None = None) -> PolicyDetailResponse:
        """Requests `GET policies/{name}`: get a policy with the rollouts that it holds."""
        return self._wire.get(PolicyDetailResponse, "policies", name, namespace=namespace)

    def stream(
        self, namespace: str, name: str, *, uid: str | None = None, after: int | None = None
    ) -> Iterator[EventResponse]:
        """Requests `GET rollouts/{namespace}/{name}/stream`: stream the events of a rollout."""
        return _events(
            self._wire.lines("rollouts", namespace, name, "stream", uid=uid, after=after)
        )

    def stream_all(self, *, after: int | None = None) -> Iterator[EventResponse]:
        """Requests `GET stream`: stream the events of all rollouts."""
        return _events(self._wire.lines("stream", after=after))

    def preview(self, body: ProposalRequest) -> PreviewResponse:
        """Requests `POST preview`: preview what a plan would do, without changing anything."""
        return self._wire.post(PreviewResponse, "preview", body=body)

    def preflight(self, body: PreflightSubjectRequest) -> PreflightResponse:
        """Requests `POST preflight`: check what would fail, without changing anything."""
        return self._wire.post(PreflightResponse, "preflight", body=body)

    def preflight_of_steps(
        self, namespace: str, name: str, *, uid: str | None = None
    ) -> StepPreflightsResponse:
        """Requests `GET rollouts/{namespace}/{name}/preflight`: show what preflight found before
        each step, and which failures it had found."""
        return self._wire.get(
            StepPreflightsResponse, "rollouts", namespace, name, "preflight", uid=uid
        )

    def actions(self, namespace: str, name: str, *, uid: str | None = None) -> PermitsResponse:
        """Requests `GET rollouts/{namespace}/{name}/actions`: list the changes that are possible
        now, and why others are not."""
        return self._wire.get(PermitsResponse, "rollouts", namespace, name, "actions", uid=uid)

    def pause(
        self,
        namespace: str,
        name: str,
        body: PauseRequest | None = None,
        *,
        dry_run: bool | None = None,
        uid: str | None = None,
    ) -> ChangeResponse:
        """Requests `POST rollouts/{namespace}/{name}/pause`: pause a rollout."""
        return self._wire.post(
            ChangeResponse, "rollouts", namespace, name, "pause", body=body, dryRun=dry_run, uid=uid
        )

    def resume(
        self, namespace: str, name: str, *, dry_run: bool | None = None, uid: str | None = None
    ) -> ChangeResponse:
        """Requests `POST rollouts/{namespace}/{name}/resume`: resume a rollout."""
        return self._wire.post(
            ChangeResponse, "rollouts", namespace, name, "resume", dryRun=dry_run, uid=uid
        )

    def skip(
        self,
        namespace: str,
        name: str,
        body: SkipRequest | None = None,
        *,
        dry_run: bool | None = None,
        uid: str | None = None,
    ) -> ChangeResponse:
        """Requests `POST rollouts/{namespace}/{name}/skip`: skip waiting clusters."""
        return self._wire.post(
            ChangeResponse, "rollouts", namespace, name, "skip", body=body, dryRun=dry_run, uid=uid
        )

    def adopt(
        self, namespace: str, name: str, *, dry_run: bool | None = None, uid: str | None = None
    ) -> ChangeResponse:
        """Requests `POST rollouts/{namespace}/{name}/adopt`: adopt a rollout from TALM."""
        return self._wire.post(
            ChangeResponse, "rollouts", namespace, name, "adopt", dryRun=dry_run, uid=uid
        )

    def approve(
        self,
        namespace: str,
        name: str,
        body: ApproveRequest,
        *,
        dry_run: bool | None = None,
        uid: str | None = None,
    ) -> ApprovedResponse:
        """Requests `POST rollouts/{namespace}/{name}/approve`: approve a step."""
        return self._wire.post(
            ApprovedResponse,
            "rollouts",
            namespace,
            name,
            "approve",
            body=body,
            dryRun=dry_run,
            uid=uid,
        )

    def break_glass(
        self,
        namespace: str,
        name: str,
        body: BreakGlassRequest,
        *,
        dry_run: bool | None = None,
        uid: str | None = None,
    ) -> ChangeResponse:
        """Requests `POST rollouts/{namespace}/{name}/break-glass`: pass gates of policies."""
        return self._wire.post(
            ChangeResponse,
            "rollouts",
            namespace,
            name,
            "break-glass",
            body=body,
            dryRun=dry_run,
            uid=uid,
        )

    def cancel(
        self,
        namespace: str,
        name: str,
        body: CancelRequest | None = None,
        *,
        uid: str | None = None,
        dry_run: bool | None = None,
    ) -> FollowUpResponse:
        """Requests `POST rollouts/{namespace}/{name}/cancel`: cancel: return clusters to Idle."""
        return self._wire.post(
            FollowUpResponse,
            "rollouts",
            namespace,
            name,
            "cancel",
            body=body,
            uid=uid,
            dryRun=dry_run,
        )

    def rollback(
        self,
        namespace: str,
        name: str,
        body: RollBackRequest | None = None,
        *,
        uid: str | None = None,
        dry_run: bool | None = None,
    ) -> FollowUpResponse:
        """Requests `POST rollouts/{namespace}/{name}/rollback`: roll back upgraded clusters to
        their previous release."""
        return self._wire.post(
            FollowUpResponse,
            "rollouts",
            namespace,
            name,
            "rollback",
            body=body,
            uid=uid,
            dryRun=dry_run,
        )

    def finalize(
        self,
        namespace: str,
        name: str,
        body: OfClustersRequest | None = None,
        *,
        uid: str | None = None,
        dry_run: bool | None = None,
    ) -> FollowUpResponse:
        """Requests `POST rollouts/{namespace}/{name}/finalize`: finalize upgrades or rollbacks."""
        return self._wire.post(
            FollowUpResponse,
            "rollouts",
            namespace,
            name,
            "finalize",
            body=body,
            uid=uid,
            dryRun=dry_run,
        )

    def retry(
        self,
        namespace: str,
        name: str,
        body: RetryRequest | None = None,
        *,
        uid: str | None = None,
        dry_run: bool | None = None,
    ) -> FollowUpResponse:
        """Requests `POST rollouts/{namespace}/{name}/retry`: retry failed clusters."""
        return self._wire.post(
            FollowUpResponse,
            "rollouts",
            namespace,
            name,
            "retry",
            body=body,
            uid=uid,
            dryRun=dry_run,
        )

    def confirm_cleanup(
        self,
        namespace: str,
        name: str,
        body: ConfirmCleanupRequest,
        *,
        uid: str | None = None,
        dry_run: bool | None = None,
    ) -> FollowUpResponse:
        """Requests `POST rollouts/{namespace}/{name}/confirm-cleanup`: confirm a manual cleanup,
        and repeat the abort or finalize."""
        return self._wire.post(
            FollowUpResponse,
            "rollouts",
            namespace,
            name,
            "confirm-cleanup",
            body=body,
            uid=uid,
            dryRun=dry_run,
        )


def _events(lines: Iterable[str]) -> Iterator[EventResponse]:
    for message in messages(lines):
        if message.event == "event":
            yield msgspec.json.decode(message.data, type=EventResponse)
