"""Compares at the end what the journal says of updates to another release with what happened at the
clusters."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import datetime, timedelta

from ibgu.core.drivers.cluster_version.actions import UPDATE_ACTIONS, UpdateAction, UpdateStage
from ibgu.core.drivers.cluster_version.names import PAUSE_MANAGER, UPDATE_MANAGER
from ibgu.core.model import Cause
from ibgu.core.model.kinds import JsonObject
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.cluster_version import UpdateTimeline
from ibgu.sim.cluster_version.objects import pool_key
from ibgu.sim.cluster_version.refusals import numbers
from ibgu.sim.cluster_version.timeline import ReleaseRequest, StartedUpdate
from tests.simulation.checks import Found
from tests.simulation.checks.history import Event
from tests.simulation.checks.truth import Run

PASSED_ON = 5.0
"""Seconds after which an agent that reaches the hub has a work as the hub has it."""
PAUSED_FIELD = "\0".join(("spec", "paused"))
"""The path of a pool's pause, among the fields that managers own."""
_PREPARES = {UpdateAction.CHECK.value, UpdateAction.MIRROR.value}
_WITHDRAWS = {name for name in UPDATE_ACTIONS.names if name.startswith(UpdateStage.RETRACT)}


class UpdateTruth:
    """UpdateTruth is for simulations in which the database's clock showed the loop's time."""

    def __init__(
        self,
        found: Found,
        runs: Iterable[Run],
        events: Iterable[Event],
        clusters: Iterable[SimulatedCluster],
        asked: Mapping[str, JsonObject],
    ) -> None:
        """`asked`: what rollouts ask for, by uid."""
        self._asked = asked
        self._check = found.check
        self._runs = {run.id: run for run in runs if run.action in UPDATE_ACTIONS.names}
        self._timelines = {c.name: c.operator.timeline for c in clusters if c.operator is not None}
        self._paused = {c.name for c in clusters if _has(c, "pool-paused")}
        history = list(events)
        self._disarmed = _disarmed(history)
        self._mended = _mended(history)

    def check(self, *, late: bool, labels_kept: bool, pauses: bool) -> None:
        """`late`: a write may land after its sender's end. `labels_kept`: nobody but ibgu has
        changed labels. `pauses`: updates pause pools of workers, which they do not wait for."""
        self._pauses = pauses
        for cluster, timeline in self._timelines.items():
            for update in timeline.updates:
                self._asked_for(cluster, timeline, update)
            self._hops(cluster, timeline)
            if not late:
                self._not_again(cluster, timeline)
            self._not_behind(cluster, timeline)
        self._prepared(across_steps=labels_kept)
        for run in self._runs.values():
            if run.ended_at is not None and run.cluster in self._timelines:
                self._honest(run, self._timelines[run.cluster])

    def paid(self, clusters: Iterable[SimulatedCluster], unreachable: Set[str]) -> None:
        """Checks at the end that no cluster is left with a pause of ibgu's, except in the middle of
        an update that outlasts its limit."""
        for cluster in clusters:
            if cluster.name in unreachable or not cluster.connected:
                continue
            if any(update.completed is None for update in _updates(cluster)):
                continue
            owners = cluster.spoke.managers.get(pool_key("worker"), {})
            ours = PAUSE_MANAGER in owners.get(PAUSED_FIELD, frozenset())
            pool = cluster.spoke.get(pool_key("worker")) or {"spec": {}}
            left = ours and pool["spec"].get("paused") and cluster.name not in self._paused
            self._check("no pause is left", not left, cluster.name, pool)

    def backups(self, clusters: Iterable[SimulatedCluster]) -> None:
        """Checks that no Job makes a backup in the middle of an update, and none runs twice."""
        for cluster in clusters:
            if cluster.operator is None:
                continue
            jobs = cluster.operator.jobs
            once = len(set(jobs.made)) == len(jobs.made)
            self._check("a backup is made once", once, cluster.name, jobs.made)
            for name, at in zip(jobs.made, jobs.made_at, strict=True):
                within = [u for u in cluster.operator.timeline.updates if _under_way(u, at)]
                self._check("no backup in mid-update", not within, cluster.name, name, within)

    def _asked_for(self, cluster: str, timeline: UpdateTimeline, update: StartedUpdate) -> None:
        request = _in_force(timeline, update.started)
        words = (cluster, update, request)
        asked = request is not None and request.image == update.image
        self._check("a cluster begins only the update that it was asked for", asked, words)
        if request is None or UPDATE_MANAGER not in request.managers:
            return
        run = self._runs.get(request.run)
        intended = (
            run is not None
            and run.action == UpdateAction.UPDATE
            and run.arming_at is not None
            and run.arming_at.timestamp() <= update.started
        )
        self._check("an update begins only by a run that asked for it", intended, words, run)
        if run is not None and (run.ended_at is None or run.ended_at.timestamp() > update.started):
            self._ready(run, update)

    def _ready(self, run: Run, update: StartedUpdate) -> None:
        """Checks what comes before an update that begins while its run goes on."""
        asked = self._asked.get(run.rollout, {})
        if "pause" in asked and run.cluster not in self._paused:
            paused = "worker" in update.paused
            self._check("an update begins with its pools paused", paused, run, update)
        if "backup" in asked:
            age = timedelta(minutes=asked["backup"]["maxAgeMinutes"])
            began = self._first_hop(run).intended_at
            recent = any(age >= began - at for at in self._backed_up(run))
            self._check("an update begins after a recent backup", recent, run, update)

    def _first_hop(self, run: Run) -> Run:
        """Returns the run that took the cluster to the intermediate release in the same step, whose
        backup serves the second hop however long a hold lies between (R49.6); else the run."""
        hops = [
            each
            for each in self._runs.values()
            if (each.rollout, each.step) == (run.rollout, run.step)
            and (each.cluster_uid, each.action) == (run.cluster_uid, run.action)
            and each.result == "continued"
        ]
        return min((*hops, run), key=lambda each: each.attempt)

    def _backed_up(self, run: Run) -> Iterator[datetime]:
        """Yields when the run's rollout had taken a backup of the cluster before."""
        for each in self._runs.values():
            same = (each.rollout, each.cluster_uid) == (run.rollout, run.cluster_uid)
            done = each.action == UpdateAction.BACKUP and each.result == "succeeded"
            if same and done and each.ended_at and each.ended_at <= run.intended_at:
                yield each.ended_at

    def _hops(self, cluster: str, timeline: UpdateTimeline) -> None:
        """Checks that ibgu asks no cluster for two minor releases at once (R49), nor for one after
        the minor release that the cluster still applies."""
        for request in timeline.requests:
            if UPDATE_MANAGER not in request.managers or request.booted:
                continue
            wanted, running = numbers(request.version), numbers(request.running)
            one = wanted[:2] <= (running[0], running[1] + 1)
            self._check("R49 one minor release at once", one, cluster, request)
            early = request.partial and wanted[:2] > running[:2]
            self._check("R49 no hop before the last one is complete", not early, cluster, request)

    def _not_again(self, cluster: str, timeline: UpdateTimeline) -> None:
        """Checks that an agent enforces no request any more once its run is disarmed (R9): what
        people ask for meanwhile stays."""
        for request in timeline.requests:
            if UPDATE_MANAGER not in request.managers or request.booted:
                continue
            changes = self._disarmed[request.run]
            before = [reopened for at, reopened in changes if at < request.at - PASSED_ON]
            again = bool(before) and not before[-1]
            self._check("R9 nothing is asked again after the disarm", not again, cluster, request)

    def _not_behind(self, cluster: str, timeline: UpdateTimeline) -> None:
        """Checks that a withdrawn request does not begin later by itself."""
        ends = [
            run.ended_at.timestamp()
            for run in self._runs.values()
            if run.cluster == cluster
            and run.action in _WITHDRAWS
            and run.result == "succeeded"
            and run.ended_at is not None
        ]
        for update in timeline.updates:
            request = _in_force(timeline, update.started)
            if request is not None and UPDATE_MANAGER in request.managers:
                behind = any(request.at < end < update.started for end in ends)
                self._check("no update behind a withdrawn one", not behind, cluster, update)

    def _prepared(self, *, across_steps: bool) -> None:
        """Checks that no cluster is updated behind a failure of its own rollout, unless a later
        step finds by any rollout that it is sound again."""
        failed = [
            run
            for run in self._runs.values()
            if run.action in _PREPARES and run.result in ("failed", "limit")
        ]
        for run in self._runs.values():
            if run.action == UpdateAction.UPDATE and run.arming_at is not None:
                behind = [each for each in failed if self._bars(each, run, across_steps)]
                self._check("no update behind a refused one", not behind, run, behind)

    def _bars(self, failed: Run, run: Run, across_steps: bool) -> bool:
        member = (run.rollout, run.cluster_uid)
        if (failed.rollout, failed.cluster_uid) != member or failed.step > run.step:
            return False
        if failed.step == run.step:
            return True
        assert failed.ended_at is not None
        assert run.arming_at is not None
        mended = self._mended[run.cluster_uid]
        return across_steps and not any(failed.ended_at < at <= run.arming_at for at in mended)

    def _honest(self, run: Run, timeline: UpdateTimeline) -> None:
        assert run.ended_at is not None
        ended, images = run.ended_at.timestamp() + 0.001, set(_images(run, timeline))
        if run.action == UpdateAction.UPDATE and run.result == "succeeded":
            paused = self._pauses or run.cluster in self._paused
            applied = [u for u in timeline.updates if u.image in images]
            done = [u for u in applied if _over(u.completed if paused else u.settled, ended)]
            words = (run, timeline.updates)
            self._check("R7 an update succeeds once its nodes have it", bool(done), words)
        if run.cause == Cause.UPDATE_REFUSED and run.result == "failed":
            refused = any(at <= ended and image in images for at, image in timeline.refusals)
            self._check("R10 a refusal is the cluster's", refused, run, timeline.refusals)


def _disarmed(events: Iterable[Event]) -> defaultdict[str, list[tuple[float, bool]]]:
    """Returns when each run was disarmed (False), or begun and reopened (True), in order."""
    found: defaultdict[str, list[tuple[float, bool]]] = defaultdict(list)
    for event in events:
        if event.kind in ("RunIntended", "RunArming", "RunReopened"):
            found[str(event.run)].append((event.at.timestamp(), True))
        elif event.kind == "RunDisarmed" or event.data.get("disarmed"):
            found[str(event.run)].append((event.at.timestamp(), False))
    return found


def _mended(events: Iterable[Event]) -> defaultdict[str, list[datetime]]:
    """Returns when each cluster was found to be sound, by the uid of the cluster."""
    found: defaultdict[str, list[datetime]] = defaultdict(list)
    for event in events:
        succeeded = event.kind == "RunEnded" and event.data.get("result") == "succeeded"
        if succeeded or event.kind == "CompletedLate":
            found[str(event.cluster_uid)].append(event.at)
    return found


def _in_force(timeline: UpdateTimeline, at: float) -> ReleaseRequest | None:
    """Returns the request that the cluster had at that time."""
    return next((each for each in reversed(timeline.requests) if each.at <= at), None)


def _images(run: Run, timeline: UpdateTimeline) -> Iterator[str]:
    """Yields the images that the cluster was asked for while the run was in flight."""
    began = (run.arming_at or run.intended_at).timestamp()
    if first := _in_force(timeline, began):
        yield first.image
    assert run.ended_at is not None
    yield from (q.image for q in timeline.requests if began <= q.at <= run.ended_at.timestamp())


def _updates(cluster: SimulatedCluster) -> list[StartedUpdate]:
    return cluster.operator.timeline.updates if cluster.operator is not None else []


def _under_way(update: StartedUpdate, at: float) -> bool:
    return update.started <= at and (update.completed is None or at < update.completed)


def _over(end: float | None, at: float) -> bool:
    return end is not None and end <= at


def _has(cluster: SimulatedCluster, *faults: str) -> bool:
    known: Set[str] = {fault.name for fault in cluster.faults}
    return not known.isdisjoint(faults)
