"""Offers one method per route of the REST API."""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from ibgu.client.responses.changes import Abort, Change, NewStep, Pause, Permits, Retry, Skip
from ibgu.client.responses.clusters import Cluster
from ibgu.client.responses.durations import Durations
from ibgu.client.responses.events import Activity, Event
from ibgu.client.responses.explain import Explained
from ibgu.client.responses.failures import Failures
from ibgu.client.responses.leadership import Leadership
from ibgu.client.responses.members import Member, Visit
from ibgu.client.responses.overview import Grid, Summary, Timeline
from ibgu.client.responses.preview import Preview, PreviewOf
from ibgu.client.responses.rollouts import Rollout, Steps
from ibgu.client.responses.shadow import ShadowCluster, ShadowReport, ShadowRollout
from ibgu.client.responses.view import View
from ibgu.client.responses.whoami import Whoami
from ibgu.client.responses.works import Works
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

    def whoami(self) -> Whoami:
        return self._wire.get(Whoami, "whoami")

    def leadership(self) -> Leadership:
        return self._wire.get(Leadership, "leadership")

    def summary(self, *, namespace: str | None = None) -> Summary:
        """Returns all that is under way; None: of all namespaces that the caller may see."""
        return self._wire.get(Summary, "summary", namespace=namespace)

    def durations(
        self, *, action: str | None = None, namespace: str | None = None, label: str | None = None
    ) -> Durations:
        """Returns durations over all rollouts that the caller may see; `label`: on clusters that
        have such labels now."""
        query = {"action": action, "namespace": namespace, "label": label}
        return self._wire.get(Durations, "durations", **query)

    def stream_all(self, *, after: int | None = None) -> Iterator[Event]:
        """Yields the events of all rollouts that the caller may see, as they happen."""
        return _events(self._wire.lines("stream", after=after))

    # -- rollouts ----------------------------------------------------------------------------

    def rollouts(
        self, *, namespace: str | None = None, state: Collection[str] | None = None
    ) -> Iterator[Rollout]:
        """Yields rollouts, newest first; None: of all namespaces that the caller may see."""
        return self._wire.pages(Rollout, "rollouts", namespace=namespace, state=state)

    def rollout(self, namespace: str, name: str, *, uid: str | None = None) -> Rollout:
        return self._wire.get(Rollout, "rollouts", namespace, name, uid=uid)

    def steps(self, namespace: str, name: str, *, uid: str | None = None) -> Steps:
        return self._wire.get(Steps, "rollouts", namespace, name, "steps", uid=uid)

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
    ) -> View:
        """Returns the rollout and one step as of one moment, by default the newest one; `failures`:
        "all" for those of all steps."""
        path = ("rollouts", namespace, name, "view")
        query = {"step": step, "label": label, "points": points, "failures": failures, "uid": uid}
        return self._wire.get(View, *path, **query)

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
    ) -> Iterator[Member]:
        """Yields members, by default in the order of steps and starts; `cluster` is a prefix of
        names, `clusters` whole ones, `label` a selector as kubectl's -l takes it."""
        return self._wire.pages(
            Member,
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
    ) -> Grid:
        """Returns all members of a step, by default of the newest one."""
        path = ("rollouts", namespace, name, "grid")
        return self._wire.get(Grid, *path, step=step, label=label, uid=uid)

    def timeline(
        self,
        namespace: str,
        name: str,
        *,
        step: int | None = None,
        label: str | None = None,
        points: int | None = None,
        uid: str | None = None,
    ) -> Timeline:
        path = ("rollouts", namespace, name, "timeline")
        return self._wire.get(Timeline, *path, step=step, label=label, points=points, uid=uid)

    def events(
        self, namespace: str, name: str, *, after: int | None = None, uid: str | None = None
    ) -> Iterator[Event]:
        """Yields all events, oldest first; `after` is a `seq`."""
        return self._wire.pages(Event, "rollouts", namespace, name, "events", after=after, uid=uid)

    def activity(self, namespace: str, name: str, *, uid: str | None = None) -> Activity:
        """Returns who changed the rollout, and what became of it: the newest hundred."""
        return self._wire.get(Activity, "rollouts", namespace, name, "activity", uid=uid)

    def stream(
        self, namespace: str, name: str, *, after: int | None = None, uid: str | None = None
    ) -> Iterator[Event]:
        """Yields events as they happen, after a `seq` or from now on; the stream ends when the
        server or the network does: resume after the last one."""
        path = ("rollouts", namespace, name, "stream")
        return _events(self._wire.lines(*path, after=after, uid=uid))

    def failures(
        self, namespace: str, name: str, *, step: int | None = None, uid: str | None = None
    ) -> Failures:
        return self._wire.get(Failures, "rollouts", namespace, name, "failures", step=step, uid=uid)

    def preview(self, body: PreviewOf) -> Preview:
        """Returns what a plan would do; nothing is changed."""
        return self._wire.post(Preview, "preview", body=body)

    # -- changes -----------------------------------------------------------------------------

    def actions(self, namespace: str, name: str, *, uid: str | None = None) -> Permits:
        """Returns what the rollout's state allows to change."""
        return self._wire.get(Permits, "rollouts", namespace, name, "actions", uid=uid)

    def append_step(
        self, namespace: str, name: str, body: NewStep, *, dry_run: bool = False
    ) -> Change:
        return self._change(namespace, name, "steps", body, dry_run=dry_run)

    def abort(self, namespace: str, name: str, body: Abort, *, dry_run: bool = False) -> Change:
        return self._change(namespace, name, "abort", body, dry_run=dry_run)

    def pause(self, namespace: str, name: str, body: Pause, *, dry_run: bool = False) -> Change:
        return self._change(namespace, name, "pause", body, dry_run=dry_run)

    def resume(self, namespace: str, name: str, *, dry_run: bool = False) -> Change:
        return self._change(namespace, name, "resume", None, dry_run=dry_run)

    def skip(self, namespace: str, name: str, body: Skip, *, dry_run: bool = False) -> Change:
        return self._change(namespace, name, "skip", body, dry_run=dry_run)

    def retry(self, namespace: str, name: str, body: Retry, *, dry_run: bool = False) -> Change:
        return self._change(namespace, name, "retry", body, dry_run=dry_run)

    def adopt(self, namespace: str, name: str, *, dry_run: bool = False) -> Change:
        return self._change(namespace, name, "adopt", None, dry_run=dry_run)

    def _change(
        self, namespace: str, name: str, what: str, body: object, *, dry_run: bool
    ) -> Change:
        path = ("rollouts", namespace, name, what)
        return self._wire.post(Change, *path, body=body, dryRun="true" if dry_run else None)

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

    def cluster(self, name: str) -> Cluster:
        return self._wire.get(Cluster, "clusters", name)

    def explain(
        self, name: str, *, namespace: str | None = None, rollout: str | None = None
    ) -> Explained:
        """Explains a cluster in its newest rollout, or in the one of that namespace and name."""
        path = ("clusters", name, "explain")
        return self._wire.get(Explained, *path, namespace=namespace, rollout=rollout)

    def cluster_history(self, name: str) -> Iterator[Visit]:
        """Yields the steps that the cluster was in, newest first."""
        return self._wire.pages(Visit, "clusters", name, "history")

    def cluster_events(self, name: str) -> Iterator[Event]:
        """Yields what happened to the cluster, over all rollouts, newest first."""
        return self._wire.pages(Event, "clusters", name, "events")

    def cluster_works(self, name: str) -> Works:
        """Returns what ibgu's ManifestWorks ask of the cluster now, and what its agent reports."""
        return self._wire.get(Works, "clusters", name, "works")

    # -- shadow mode -------------------------------------------------------------------------

    def shadow_rollouts(self, *, namespace: str | None = None) -> Iterator[ShadowRollout]:
        return self._wire.pages(ShadowRollout, "shadow", "rollouts", namespace=namespace)

    def shadow_report(self, namespace: str, name: str) -> ShadowReport:
        return self._wire.get(ShadowReport, "shadow", "rollouts", namespace, name)

    def shadow_clusters(
        self, namespace: str, name: str, *, cluster: str | None = None
    ) -> Iterator[ShadowCluster]:
        """Yields a rollout's clusters in shadow mode; `cluster` is a prefix of names."""
        return self._wire.pages(
            ShadowCluster, "shadow", "rollouts", namespace, name, "clusters", cluster=cluster
        )


def _events(lines: Iterable[str]) -> Iterator[Event]:
    for message in messages(lines):
        if message.event == "event":
            yield msgspec.json.decode(message.data, type=Event)
