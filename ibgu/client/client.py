"""Offers one method per route of the REST API."""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from ibgu.client.responses.changes import (
    AbortRequest,
    ChangeResponse,
    NewStepRequest,
    PauseRequest,
    PermitsResponse,
    RetryRequest,
    SkipRequest,
)
from ibgu.client.responses.clusters import ClusterResponse
from ibgu.client.responses.durations import DurationsResponse
from ibgu.client.responses.events import ActivityResponse, EventResponse
from ibgu.client.responses.explain import ExplainedResponse
from ibgu.client.responses.failures import FailuresResponse
from ibgu.client.responses.leadership import LeadershipResponse
from ibgu.client.responses.members import MemberResponse, VisitResponse
from ibgu.client.responses.overview import GridResponse, SummaryResponse, TimelineResponse
from ibgu.client.responses.preview import PreviewRequest, PreviewResponse
from ibgu.client.responses.rollouts import RolloutResponse, StepsResponse
from ibgu.client.responses.shadow import (
    ShadowClusterResponse,
    ShadowReportResponse,
    ShadowRolloutResponse,
)
from ibgu.client.responses.view import ViewResponse
from ibgu.client.responses.whoami import WhoamiResponse
from ibgu.client.responses.works import WorksResponse
from ibgu.client.sse import messages
from ibgu.client.wire import TIMEOUT, Wire


class Client:
    """Client raises RestError from every method; iterators raise it while they are read."""

    def __init__(
        self, server: str, token: str, ca_file: str | None = None, *, seconds: float = TIMEOUT
    ) -> None:
        """Connects to `server` as http://host:port or https://host. Raises RestError if it is
        neither. `seconds`: the timeout of a response."""
        self._wire = Wire(server, token, ca_file, seconds=seconds)

    def whoami(self) -> WhoamiResponse:
        return self._wire.get(WhoamiResponse, "whoami")

    def leadership(self) -> LeadershipResponse:
        return self._wire.get(LeadershipResponse, "leadership")

    def summary(self, *, namespace: str | None = None) -> SummaryResponse:
        """Returns all that is under way; None: of all namespaces that the caller may see."""
        return self._wire.get(SummaryResponse, "summary", namespace=namespace)

    def durations(
        self, *, action: str | None = None, namespace: str | None = None, label: str | None = None
    ) -> DurationsResponse:
        """Returns durations over all rollouts that the caller may see; `label`: on clusters that
        have such labels now."""
        query = {"action": action, "namespace": namespace, "label": label}
        return self._wire.get(DurationsResponse, "durations", **query)

    def stream_all(self, *, after: int | None = None) -> Iterator[EventResponse]:
        """Yields the events of all rollouts that the caller may see, as they happen."""
        return _events(self._wire.lines("stream", after=after))

    # -- rollouts ----------------------------------------------------------------------------

    def rollouts(
        self, *, namespace: str | None = None, state: Collection[str] | None = None
    ) -> Iterator[RolloutResponse]:
        """Yields rollouts, newest first; None: of all namespaces that the caller may see."""
        return self._wire.pages(RolloutResponse, "rollouts", namespace=namespace, state=state)

    def rollout(self, namespace: str, name: str, *, uid: str | None = None) -> RolloutResponse:
        return self._wire.get(RolloutResponse, "rollouts", namespace, name, uid=uid)

    def steps(self, namespace: str, name: str, *, uid: str | None = None) -> StepsResponse:
        return self._wire.get(StepsResponse, "rollouts", namespace, name, "steps", uid=uid)

    def view(
        self,
        namespace: str,
        name: str,
        *,
        step: int | None = None,
        label: str | None = None,
        points: int | None = None,
        failures: str | None = None,
        uid: str | None = None,
    ) -> ViewResponse:
        """Returns the rollout and one step as of one moment, by default the newest one; `failures`:
        "all" for those of all steps."""
        path = ("rollouts", namespace, name, "view")
        query = {"step": step, "label": label, "points": points, "failures": failures, "uid": uid}
        return self._wire.get(ViewResponse, *path, **query)

    def members(
        self,
        namespace: str,
        name: str,
        *,
        step: int | None = None,
        state: str | None = None,
        outcome: str | None = None,
        cause: str | None = None,
        cluster: str | None = None,
        clusters: Collection[str] | None = None,
        label: str | None = None,
        reason: str | None = None,
        stalled: bool | None = None,
        sort: str | None = None,
        uid: str | None = None,
    ) -> Iterator[MemberResponse]:
        """Yields members, by default in the order of steps and starts; `cluster` is a prefix of
        names, `clusters` whole ones, `label` a selector as kubectl's -l takes it."""
        return self._wire.pages(
            MemberResponse,
            *("rollouts", namespace, name, "members"),
            step=step,
            state=state,
            outcome=outcome,
            cause=cause,
            cluster=cluster,
            clusters=clusters,
            label=label,
            reason=reason,
            stalled=stalled,
            sort=sort,
            uid=uid,
        )

    def grid(
        self,
        namespace: str,
        name: str,
        *,
        step: int | None = None,
        label: str | None = None,
        uid: str | None = None,
    ) -> GridResponse:
        """Returns all members of a step, by default of the newest one."""
        path = ("rollouts", namespace, name, "grid")
        return self._wire.get(GridResponse, *path, step=step, label=label, uid=uid)

    def timeline(
        self,
        namespace: str,
        name: str,
        *,
        step: int | None = None,
        label: str | None = None,
        points: int | None = None,
        uid: str | None = None,
    ) -> TimelineResponse:
        path = ("rollouts", namespace, name, "timeline")
        return self._wire.get(
            TimelineResponse, *path, step=step, label=label, points=points, uid=uid
        )

    def events(
        self, namespace: str, name: str, *, after: int | None = None, uid: str | None = None
    ) -> Iterator[EventResponse]:
        """Yields all events, oldest first; `after` is a `seq`."""
        return self._wire.pages(
            EventResponse, "rollouts", namespace, name, "events", after=after, uid=uid
        )

    def activity(self, namespace: str, name: str, *, uid: str | None = None) -> ActivityResponse:
        """Returns who changed the rollout, and what became of it: the newest hundred."""
        return self._wire.get(ActivityResponse, "rollouts", namespace, name, "activity", uid=uid)

    def stream(
        self, namespace: str, name: str, *, after: int | None = None, uid: str | None = None
    ) -> Iterator[EventResponse]:
        """Yields events as they happen, after a `seq` or from now on; the stream ends when the
        server or the network does: resume after the last one."""
        path = ("rollouts", namespace, name, "stream")
        return _events(self._wire.lines(*path, after=after, uid=uid))

    def failures(
        self, namespace: str, name: str, *, step: int | None = None, uid: str | None = None
    ) -> FailuresResponse:
        return self._wire.get(
            FailuresResponse, "rollouts", namespace, name, "failures", step=step, uid=uid
        )

    def preview(self, body: PreviewRequest) -> PreviewResponse:
        """Returns what a plan would do; nothing is changed."""
        return self._wire.post(PreviewResponse, "preview", body=body)

    # -- changes -----------------------------------------------------------------------------

    def actions(self, namespace: str, name: str, *, uid: str | None = None) -> PermitsResponse:
        """Returns what the rollout's state allows to change."""
        return self._wire.get(PermitsResponse, "rollouts", namespace, name, "actions", uid=uid)

    def append_step(
        self, namespace: str, name: str, body: NewStepRequest, *, dry_run: bool = False
    ) -> ChangeResponse:
        return self._change(namespace, name, "steps", body, dry_run=dry_run)

    def abort(
        self, namespace: str, name: str, body: AbortRequest, *, dry_run: bool = False
    ) -> ChangeResponse:
        return self._change(namespace, name, "abort", body, dry_run=dry_run)

    def pause(
        self, namespace: str, name: str, body: PauseRequest, *, dry_run: bool = False
    ) -> ChangeResponse:
        return self._change(namespace, name, "pause", body, dry_run=dry_run)

    def resume(self, namespace: str, name: str, *, dry_run: bool = False) -> ChangeResponse:
        return self._change(namespace, name, "resume", None, dry_run=dry_run)

    def skip(
        self, namespace: str, name: str, body: SkipRequest, *, dry_run: bool = False
    ) -> ChangeResponse:
        return self._change(namespace, name, "skip", body, dry_run=dry_run)

    def retry(
        self, namespace: str, name: str, body: RetryRequest, *, dry_run: bool = False
    ) -> ChangeResponse:
        return self._change(namespace, name, "retry", body, dry_run=dry_run)

    def adopt(self, namespace: str, name: str, *, dry_run: bool = False) -> ChangeResponse:
        return self._change(namespace, name, "adopt", None, dry_run=dry_run)

    def _change(
        self, namespace: str, name: str, what: str, body: object, *, dry_run: bool
    ) -> ChangeResponse:
        path = ("rollouts", namespace, name, what)
        return self._wire.post(ChangeResponse, *path, body=body, dryRun="true" if dry_run else None)

    # -- clusters ----------------------------------------------------------------------------

    def clusters(
        self,
        *,
        prefix: str | None = None,
        label: str | None = None,
        namespace: str | None = None,
        rollout: str | None = None,
    ) -> Iterator[str]:
        """Yields names in order; `rollout` is one of `namespace`."""
        query = {"prefix": prefix, "label": label, "namespace": namespace, "rollout": rollout}
        return self._wire.pages(str, "clusters", **query)

    def cluster(self, name: str) -> ClusterResponse:
        return self._wire.get(ClusterResponse, "clusters", name)

    def explain(
        self, name: str, *, namespace: str | None = None, rollout: str | None = None
    ) -> ExplainedResponse:
        """Explains a cluster in its newest rollout, or in the one of that namespace and name."""
        path = ("clusters", name, "explain")
        return self._wire.get(ExplainedResponse, *path, namespace=namespace, rollout=rollout)

    def cluster_history(self, name: str) -> Iterator[VisitResponse]:
        """Yields the steps that the cluster was in, newest first."""
        return self._wire.pages(VisitResponse, "clusters", name, "history")

    def cluster_events(self, name: str) -> Iterator[EventResponse]:
        """Yields what happened to the cluster, over all rollouts, newest first."""
        return self._wire.pages(EventResponse, "clusters", name, "events")

    def cluster_works(self, name: str) -> WorksResponse:
        """Returns what ibgu's ManifestWorks ask of the cluster now, and what its agent reports."""
        return self._wire.get(WorksResponse, "clusters", name, "works")

    # -- shadow mode -------------------------------------------------------------------------

    def shadow_rollouts(self, *, namespace: str | None = None) -> Iterator[ShadowRolloutResponse]:
        return self._wire.pages(ShadowRolloutResponse, "shadow", "rollouts", namespace=namespace)

    def shadow_report(self, namespace: str, name: str) -> ShadowReportResponse:
        return self._wire.get(ShadowReportResponse, "shadow", "rollouts", namespace, name)

    def shadow_clusters(
        self, namespace: str, name: str, *, cluster: str | None = None
    ) -> Iterator[ShadowClusterResponse]:
        """Yields a rollout's clusters in shadow mode; `cluster` is a prefix of names."""
        return self._wire.pages(
            ShadowClusterResponse,
            "shadow",
            "rollouts",
            namespace,
            name,
            "clusters",
            cluster=cluster,
        )


def _events(lines: Iterable[str]) -> Iterator[EventResponse]:
    for message in messages(lines):
        if message.event == "event":
            yield msgspec.json.decode(message.data, type=EventResponse)
