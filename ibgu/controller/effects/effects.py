"""Turns what the records want into requests: the thin layer around `core.works`."""

import itertools
from collections.abc import Iterable
from datetime import datetime

import structlog

from ibgu.controller.effects import requests
from ibgu.controller.effects.conflicts import Conflicts
from ibgu.controller.effects.refusals import denied, told
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.mirror.mirror import Mirror, WorkKey
from ibgu.controller.quarantine import attributed_to
from ibgu.core.drivers.ibu.observe import shown_work
from ibgu.core.engine.decide import (
    Remove,
    decide_pending_patch,
    disarm_quarantined,
    disarm_taken,
    payload_kept,
    payload_wanted,
    stage_work,
)
from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.engine.works import Wanted
from ibgu.core.model import Member, Observation, PendingPatch, Rollout, RunState, WorkView
from ibgu.core.model.kinds import ManagedCluster, ManifestWork
from ibgu.core.model.names import payload_name, stage_name
from ibgu.core.model.shown import shown_cluster
from ibgu.hub.decode import decode_answer
from ibgu.hub.writing.writer import Write, Writer, WriteResult

log = structlog.get_logger("ibgu.controller")


class Effects:
    """Effects submits writes and puts their responses into the mirror."""

    def __init__(
        self,
        mirror: Mirror,
        payloads: Payloads,
        writer: Writer,
        *,
        watch: bool,
        take_back: bool = False,
    ) -> None:
        """`watch`: the hub's ManifestWork declares feedbackScrapeType (R21.1). `take_back`: remove
        pull secrets from clusters after Prep."""
        self._take_back_secrets = take_back
        self._mirror = mirror
        self._payloads = payloads
        self._watch = watch
        self._writer = writer
        self._conflicts = Conflicts(
            mirror.works.get, lambda write: self._submit(requests.found_out(write))
        )
        self._cluster_conflicts = Conflicts(
            mirror.clusters.get, lambda write: self._submit(requests.reading(write))
        )

    @property
    def depth(self) -> int:
        """Number of objects that have a write pending."""
        return self._writer.depth

    def pending(self, key: WorkKey) -> bool:
        """Returns whether a write of the work is in progress or waits for its retry
        (`Refusals`)."""
        return (
            self._writer.pending(("work", *key))
            or self._mirror.denials.left(("work", *key)) > 0
            or self._conflicts.open(key)
        )

    # -- requesting effects -------------------------------------------------------------------

    def follow(
        self, fleet: FleetState, tracked: TrackedRollout, clusters: Iterable[str], now: datetime
    ) -> None:
        """Makes the hub show what the rollout's records want for these clusters."""
        observe = self._mirror.observe(tracked.rollout, self.pending)
        for cluster in clusters:
            self._take_back(tracked, cluster)
            seen = observe(cluster)
            wanted = stage_work(tracked, cluster, seen, now)
            if wanted is not None and not self._put_off(tracked, cluster, wanted):
                self._stage(tracked, cluster, wanted, seen.stage)
            self._payload(fleet, tracked, cluster, seen)

    def _put_off(self, tracked: TrackedRollout, cluster: str, wanted: Wanted | Remove) -> bool:
        """Returns whether the hub has just refused the work for good. An arming is refused once,
        and the refusal ends its run."""
        if isinstance(wanted, Wanted) and wanted.armed:
            return False
        name = stage_name(tracked.rollout.uid, tracked.rollout.name)
        return self._refused((cluster, name))

    def _refused(self, key: WorkKey) -> bool:
        """Returns whether the last refusal is too recent for a retry."""
        return self._mirror.refusals.left(("work", *key)) > 0

    def _waits(self, key: WorkKey) -> bool:
        return self.pending(key) or self._refused(key)

    def _take_back(self, tracked: TrackedRollout, cluster: str) -> None:
        """Drops an arming that is still queued after its run has ended (R9.2)."""
        key = ("work", cluster, stage_name(tracked.rollout.uid, tracked.rollout.name))
        queued, member = self._writer.queued(key), tracked.latest(cluster)
        if queued is None or queued.token is None:
            return
        run = member.run if member else None
        if run is None or run.id != queued.token or not run.on_hub:
            self._writer.drop(key)

    def remove_orphans(self, fleet: FleetState) -> None:
        """Removes works of all rollouts that neither the hub nor the journal knows."""
        for uid in list(self._mirror.works.values_of("rollout")):
            if uid not in fleet.rollouts and uid not in fleet.unreadable:
                self.remove_orphans_of(uid)

    def remove_orphans_of(self, uid: str) -> None:
        """Removes the works of a rollout that the FleetState does not hold and whose IBGU is not on
        the hub. Nobody watches such works, and an armed one would go on to enforce its stage. A
        work that somebody edited is left alone."""
        if self._mirror.ibgu(uid) is not None:
            return
        for key in list(self._mirror.works.keys_by("rollout", uid)):
            view = self._mirror.work(key)
            if view is None or view.edited or view.terminating or self._waits(key):
                continue
            # Only the uid of the rollout is known.
            names = {"rollout": uid, "cluster": key[0], "run": view.run, "work": key[1]}
            log.warning("a work without an owner is removed", **names)
            self._submit(requests.deletion(key, uid, view))

    def disarm_taken(self, tracked: TrackedRollout, cluster: str) -> None:
        """Disarms an accepted run while the journal is away."""
        seen = self._mirror.observe(tracked.rollout, self.pending)(cluster)
        if wanted := disarm_taken(tracked, cluster, seen):
            self._stage(tracked, cluster, wanted, seen.stage)

    def disarm_quarantined(self, tracked: TrackedRollout, cluster: str, now: datetime) -> None:
        """Disarms the run of a quarantined rollout if nothing needs it any more."""
        rollout = tracked.rollout
        if self._refused((cluster, stage_name(rollout.uid, rollout.name))):
            return
        seen = self._mirror.observe(rollout, self.pending)(cluster)
        found = self._mirror.ibgu(rollout.uid)
        asked_for = found is not None and found.metadata.deletion_timestamp is None
        if wanted := disarm_quarantined(tracked, cluster, seen, now, asked_for=asked_for):
            self._stage(tracked, cluster, wanted, seen.stage)

    def forget(self, tracked: TrackedRollout) -> None:
        """Forgets the hub's refusals of writes of a rollout that is gone."""
        uid, name = tracked.rollout.uid, tracked.rollout.name
        clusters = {cluster for step in tracked.steps for cluster in step.members}
        for key in itertools.product(clusters, (stage_name(uid, name), payload_name(uid, name))):
            self._mirror.refusals.forget(("work", *key))
            self._mirror.denials.forget(("work", *key))

    def settle(
        self, fleet: FleetState, pending_uids: Iterable[str], touched: Iterable[str]
    ) -> list[str]:
        """Sends the pending patches of clusters; the newest patch of a cluster includes all earlier
        ones.

        Returns the uids of the clusters about which something must be decided first.
        `pending_uids`: uids of clusters with a new pending patch. `touched`: uids of clusters whose
        earlier patch may still be unapplied, or unsent because ibgu was stopped.
        """
        unsent = [
            uid
            for uid in touched
            if uid in fleet.pending_patches and not self.in_progress(fleet.pending_patches[uid])
        ]
        pending_patches = [
            fleet.pending_patches.get(uid) for uid in dict.fromkeys((*pending_uids, *unsent))
        ]
        return [
            pending.uid
            for pending in pending_patches
            if pending is not None and not self._applied(pending)
        ]

    def _applied(self, pending: PendingPatch) -> bool:
        with attributed_to(pending.rollout):
            return self._apply(pending)

    def _apply(self, pending: PendingPatch) -> bool:
        """Submits the patch unless the cluster differs from what the patch was decided on: the
        cluster has changed since, or its earlier patch was never sent."""
        found = self._mirror.clusters.get(("", pending.cluster))
        if found is None:
            return True  # its deletion is decided on when the watch shows it
        if decide_pending_patch(pending, self._mirror.cluster(pending.cluster)) is not None:
            return False
        version = found.metadata.resource_version
        self._cluster_conflicts.based(("", pending.cluster), version)
        self._submit(requests.metadata_patch(pending, version))
        return True

    def in_progress(self, pending: PendingPatch) -> bool:
        """Returns whether a write of the pending patch is in progress or waits for the watch."""
        waits = self._cluster_conflicts.open(("", pending.cluster))
        return waits or self._writer.pending(("cluster", pending.cluster))

    def _stage(
        self, tracked: TrackedRollout, cluster: str, wanted: Wanted | Remove, view: WorkView | None
    ) -> None:
        rollout = tracked.rollout
        key = (cluster, stage_name(rollout.uid, rollout.name))
        self._mirror.refusals.tried(("work", *key))
        if isinstance(wanted, Remove):
            assert view is not None
            self._submit(requests.deletion(key, rollout.uid, view))
        elif view is None:
            self._submit(requests.stage_creation(key, wanted, rollout, watch=self._watch))
        else:
            self._conflicts.based(key, view.resource_version)
            self._submit(requests.stage_change(key, wanted, rollout, view, watch=self._watch))

    def refresh(self, rollout: Rollout, cluster: str, now: datetime) -> None:
        """Touches the stage work so that the agent reads the cluster now (R21.3)."""
        key = (cluster, stage_name(rollout.uid, rollout.name))
        view = self._mirror.work(key)
        if view is not None:
            self._submit(requests.touch(key, rollout, view, now))

    def _payload(
        self, fleet: FleetState, tracked: TrackedRollout, cluster: str, seen: Observation
    ) -> None:
        rollout, view = tracked.rollout, seen.payload
        member = tracked.latest(cluster)
        key = (cluster, payload_name(rollout.uid, rollout.name))
        if member is None or self._waits(key):
            return
        if payload_wanted(tracked, member):
            self._carry(tracked, member, key, view)
        elif view is not None and not view.terminating and not payload_kept(fleet, member):
            self._submit(requests.deletion(key, rollout.uid, view))

    def _carry(
        self, tracked: TrackedRollout, member: Member, key: WorkKey, view: WorkView | None
    ) -> None:
        """Creates the payload work. A work with other content is deleted first, but not while Prep
        runs: with it the pull secret might leave the cluster."""
        digest = tracked.steps[member.step].step.payload_digest
        content = self._payloads.content(tracked.rollout.uid)
        begins = member.run is not None and member.run.state is RunState.INTENDED
        if view is not None and view.digest != digest and not view.terminating and begins:
            self._submit(requests.deletion(key, tracked.rollout.uid, view))
        elif view is None and content is not None and content.digest == digest:
            rollout, take_back = tracked.rollout, self._take_back_secrets
            self._submit(requests.payload_creation(key, content, rollout, take_back=take_back))

    def _submit(self, write: Write) -> None:
        self._writer.submit(write)

    # -- responses ---------------------------------------------------------------------------

    def answered(self, result: WriteResult) -> None:
        """Puts the response to a write into the mirror; it usually arrives before the watch
        event."""
        kind, *rest = result.write.key
        if not (denied(result.error) or result.superseded):
            self._mirror.denials.forget(result.write.key)
        if result.error is None and not result.superseded:
            self._mirror.refusals.forget(result.write.key)
        self._passed(result)
        if kind == "work":
            self._work_answered((rest[0], rest[1]), result)
        elif kind == "cluster":
            self._cluster_answered(rest[0], result)
        elif kind == requests.REFRESH:
            self._work_told(result)

    def _passed(self, result: WriteResult) -> None:
        """Forgets the base version of a write once it can no longer meet a conflict."""
        kind, *rest = result.write.key
        conflict = result.error is not None and result.error.conflict and not result.superseded
        if conflict or self._writer.pending(result.write.key):
            return
        if kind == "work":
            self._conflicts.passed((rest[0], rest[1]))
        elif kind == "cluster":
            self._cluster_conflicts.passed(("", rest[0]))

    def _work_answered(self, key: WorkKey, result: WriteResult) -> None:
        """Handles the response to a write of a work. After a conflict the work differs from what
        the watch has shown."""
        self._work_told(result)
        error = result.error
        if error is None or result.superseded:
            return
        if error.conflict and result.write.method == "PATCH":
            self._conflicts.met(key, result.write)
        elif error.conflict:
            self._submit(requests.found_out(result.write))
        elif denied(error):
            self._mirror.denials.note(result.write.key, told(result.write, error))
        elif not error.transient and (result.write.method == "POST" or not error.not_found):
            # The watch is about to show a work that is gone; without a namespace there is no place.
            self._mirror.refusals.note(result.write.key, error.message)

    def _work_told(self, result: WriteResult) -> None:
        answer = decode_answer(result.body, ManifestWork) if result.body is not None else None
        # The response to a deletion that took effect at once is a Status, which has no name.
        if answer and answer.metadata.name:
            self._mirror.works.put_newer(shown_work(answer))

    def _cluster_answered(self, cluster: str, result: WriteResult) -> None:
        if result.error is not None and denied(result.error):
            self._mirror.denials.note(result.write.key, told(result.write, result.error))
        if result.error is not None and result.error.conflict and not result.superseded:
            self._cluster_conflicts.met(("", cluster), result.write)
        answer = decode_answer(result.body, ManagedCluster) if result.body else None
        if answer is not None:
            self._mirror.clusters.put_newer(shown_cluster(answer))
