"""Turns what the records want into requests: the thin layer around `engine.works`."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog

from ibgu.controller.effects import requests
from ibgu.controller.effects.outcomes import WriteOutcomes
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.mirror.mirror import Mirror, WorkKey
from ibgu.controller.quarantine import attributed_to
from ibgu.core.engine.decide import (
    DeleteWork,
    decide_pending_patch,
    desired_stage_work,
    disarm_accepted,
    disarm_quarantined,
    hidden_job,
    hidden_stage,
    job_run,
    payload_kept,
    payload_wanted,
    shows_what_was_judged,
)
from ibgu.core.engine.driver import Drivers
from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.engine.works import DesiredWork
from ibgu.core.model import (
    Member,
    Observation,
    PendingPatch,
    Rollout,
    Run,
    RunState,
    WorkView,
    names,
)
from ibgu.core.model.names import job_name, payload_name, stage_name
from ibgu.hub.writing.writer import Write, Writer

log = structlog.get_logger("ibgu.controller")


JudgedClusters = Mapping[str, Observation | None]
"""Clusters, each with the observation that its decisions rest on; None: there is none."""


class Effects:
    """Effects submits the writes of works and clusters."""

    def __init__(
        self,
        drivers: Drivers,
        mirror: Mirror,
        payloads: Payloads,
        writer: Writer,
        outcomes: WriteOutcomes,
        *,
        watch: bool,
        remove_secrets: bool = False,
        upgrade_backups: bool = False,
    ) -> None:
        """`watch`: the hub's ManifestWork declares feedbackScrapeType (R21.1). `remove_secrets`:
        remove pull secrets from clusters after Prep. `upgrade_backups`: annotations may ask for a
        backup before Upgrade."""
        self._upgrade_backups = upgrade_backups
        self._remove_secrets = remove_secrets
        self._drivers = drivers
        self._mirror = mirror
        self._payloads = payloads
        self._watch = watch
        self._writer = writer
        self._outcomes = outcomes
        self._observe = outcomes.observer

    def reconcile(
        self, fleet: FleetState, tracked: TrackedRollout, clusters: JudgedClusters, now: datetime
    ) -> list[str]:
        """Makes the hub show what the records want; returns the clusters to judge again first."""
        observe, again = self._observe(tracked.rollout), []
        for cluster, judged in clusters.items():
            self._drop_ended_arming(tracked, cluster)
            seen = observe(cluster)
            if not self._stage_as_wanted(tracked, cluster, seen, judged, now):
                again.append(cluster)
            self._payload(fleet, tracked, cluster, seen)
            self._job(tracked, cluster, seen)
        return again

    def _stage_as_wanted(
        self,
        tracked: TrackedRollout,
        cluster: str,
        seen: Observation,
        judged: Observation | None,
        now: datetime,
    ) -> bool:
        """Returns False, and sends nothing, if it would arm what has changed since it was
        judged."""
        wanted = desired_stage_work(tracked, cluster, seen, now)
        if _arms(wanted) and not shows_what_was_judged(seen, judged):
            return False
        if wanted is None:
            self._ask_for_stage(tracked, cluster, seen)
        elif not self._recently_refused(tracked, cluster, wanted):
            self._stage(tracked, cluster, wanted, seen.stage)
        return True

    def _ask_for_stage(self, tracked: TrackedRollout, cluster: str, seen: Observation) -> None:
        """Asks the hub for the stage work of an ended run by its name if none is shown."""
        key = (cluster, stage_name(tracked.rollout.uid, tracked.rollout.name))
        self._ask_for(key, tracked.rollout, hidden_stage(tracked, cluster, seen), names.STAGE)

    def _ask_for(self, key: WorkKey, rollout: Rollout, run: Run | None, part: str) -> None:
        """Asks the hub for the work of the run, if there is one, by its name."""
        if run is not None and not self._outcomes.waits(key):
            self._submit(requests.work_question(key, rollout, run, part))

    def _recently_refused(
        self, tracked: TrackedRollout, cluster: str, wanted: DesiredWork | DeleteWork
    ) -> bool:
        """Returns whether the hub has just refused the work for good. An arming is refused once,
        and the refusal ends its run."""
        if _arms(wanted):
            return False
        name = stage_name(tracked.rollout.uid, tracked.rollout.name)
        return self._outcomes.refused((cluster, name))

    def _drop_ended_arming(self, tracked: TrackedRollout, cluster: str) -> None:
        """Drops an arming that is still queued after its run has ended (R9.2)."""
        key = ("work", cluster, stage_name(tracked.rollout.uid, tracked.rollout.name))
        queued, member = self._writer.queued(key), tracked.latest(cluster)
        if queued is None or not isinstance(queued.token, str):
            return
        run = member.run if member else None
        if run is None or run.id != queued.token or not run.on_hub:
            self._writer.drop(key)

    def drop_queued(self) -> None:
        """Gives up the writes of rollouts that are not sent yet, or wait for a retry."""
        self._writer.drop_owned()

    def remove_orphans(self, fleet: FleetState) -> None:
        """Removes works of all rollouts that neither the hub nor the journal knows."""
        for uid in list(self._mirror.works.values_of("rollout")):
            if uid not in fleet.rollouts and uid not in fleet.unreadable:
                self.remove_orphans_of(uid)

    def remove_orphans_of(self, uid: str) -> None:
        """Removes the works of a rollout that the FleetState does not hold and whose IBGU is not on
        the hub. No controller watches such works, and an armed one would go on to enforce its
        stage. A work that someone edited is left alone, unless it brings a Job, which the cluster
        would make again and again. While an IBGU can't be read, the works may be its."""
        if self._mirror.rollout_object(uid) is not None or self._mirror.objects.any_unread:
            return
        for key in list(self._mirror.works.keys_by("rollout", uid)):
            found = self._mirror.works.get(key)
            if found is None or found.view.terminating or self._outcomes.waits(key):
                continue
            view = found.view
            if view.edited and found.metadata.labels.get(names.PART) != names.JOB:
                continue
            # Only the uid of the rollout is known.
            fields = {"rollout": uid, "cluster": key[0], "run": view.run, "work": key[1]}
            log.warning("removing a work without an owner", **fields)
            self._submit(requests.deletion(key, uid, view))

    def disarm_accepted(self, tracked: TrackedRollout, cluster: str) -> None:
        """Disarms an accepted run while the journal is away."""
        seen = self._observe(tracked.rollout)(cluster)
        if wanted := disarm_accepted(tracked, cluster, seen):
            self._stage(tracked, cluster, wanted, seen.stage)

    def disarm_quarantined(self, tracked: TrackedRollout, cluster: str, now: datetime) -> None:
        """Disarms the run of a quarantined rollout if nothing needs it any more."""
        rollout = tracked.rollout
        if self._outcomes.refused((cluster, stage_name(rollout.uid, rollout.name))):
            return
        seen = self._observe(rollout)(cluster)
        if self._job_run(tracked, cluster, seen) is None:
            self._job(tracked, cluster, seen)
        found = self._mirror.rollout_object(rollout.uid)
        asked_for = found is not None and found.metadata.deletion_timestamp is None
        if wanted := disarm_quarantined(tracked, cluster, seen, now, asked_for=asked_for):
            self._stage(tracked, cluster, wanted, seen.stage)
        else:
            self._ask_for_stage(tracked, cluster, seen)

    def send_patches(
        self, fleet: FleetState, pending_uids: Iterable[str], touched: Iterable[str]
    ) -> list[str]:
        """Sends the pending patches of clusters; the newest of a cluster includes all earlier ones.

        Returns the uids of the clusters about which something must be decided first.
        `pending_uids`: uids of clusters with a new pending patch. `touched`: uids of clusters whose
        earlier patch may still be unapplied, or unsent because ibgu was stopped.
        """
        unsent = [
            uid
            for uid in touched
            if uid in fleet.pending_patches
            and not self._outcomes.patch_in_progress(fleet.pending_patches[uid])
        ]
        undecided = []
        for uid in dict.fromkeys((*pending_uids, *unsent)):
            pending = fleet.pending_patches.get(uid)
            if pending is None:
                continue
            with attributed_to(pending.rollout):
                if not self._submit_patch(pending):
                    undecided.append(uid)
        return undecided

    def _submit_patch(self, pending: PendingPatch) -> bool:
        """Submits the patch unless the cluster differs from what the patch was decided on: the
        cluster has changed since, or its earlier patch was never sent."""
        found = self._mirror.clusters.get(("", pending.cluster))
        if found is None:
            return True  # its deletion is decided on when the watch shows it
        if decide_pending_patch(pending, self._mirror.cluster(pending.cluster)) is not None:
            return False
        self._submit(requests.metadata_patch(pending, found.metadata.resource_version))
        return True

    def _stage(
        self,
        tracked: TrackedRollout,
        cluster: str,
        wanted: DesiredWork | DeleteWork,
        view: WorkView | None,
    ) -> None:
        rollout = tracked.rollout
        driver = self._drivers[rollout.kind]
        key = (cluster, stage_name(rollout.uid, rollout.name))
        self._outcomes.refusals.tried(("work", *key))
        if isinstance(wanted, DeleteWork):
            assert view is not None
            self._submit(requests.deletion(key, rollout.uid, view))
        elif view is None:
            self._submit(requests.stage_creation(driver, key, wanted, rollout, watch=self._watch))
        else:
            watch = self._watch
            self._submit(requests.stage_change(driver, key, wanted, rollout, view, watch=watch))

    def refresh(self, rollout: Rollout, cluster: str, now: datetime) -> None:
        """Touches the stage work so that the agent reads the cluster now, or that of a Job, which
        then says how the run goes (R21.3)."""
        for named in (job_name, stage_name):
            key = (cluster, named(rollout.uid, rollout.name))
            view = self._mirror.work(key)
            if view is not None:
                self._submit(requests.refresh(key, rollout, view, now))
                return

    def _payload(
        self, fleet: FleetState, tracked: TrackedRollout, cluster: str, seen: Observation
    ) -> None:
        rollout, view = tracked.rollout, seen.payload
        member = tracked.latest(cluster)
        key = (cluster, payload_name(rollout.uid, rollout.name))
        if member is None or self._outcomes.waits(key):
            return
        if payload_wanted(tracked, member):
            self._carry(tracked, member, key, seen)
        elif view is not None and not view.terminating and not payload_kept(fleet, member):
            self._submit(requests.deletion(key, rollout.uid, view))

    def _carry(
        self, tracked: TrackedRollout, member: Member, key: WorkKey, seen: Observation
    ) -> None:
        """Creates the payload work. A work with other content is deleted first, but not while Prep
        runs: with it the pull secret might leave the cluster."""
        view = seen.payload
        digest = tracked.steps[member.step].step.payload_digest
        content = self._payloads.content(tracked.rollout.uid)
        begins = member.run is not None and member.run.state is RunState.INTENDED
        if view is not None and view.digest != digest and not view.terminating and begins:
            self._submit(requests.deletion(key, tracked.rollout.uid, view))
        elif view is None and content is not None and content.digest == digest and seen.cluster:
            rollout, remove = tracked.rollout, self._remove_secrets
            self._submit(requests.payload_creation(key, content, rollout, remove_secrets=remove))

    def _job(self, tracked: TrackedRollout, cluster: str, seen: Observation) -> None:
        """Creates the work with the Job of the cluster's run, and deletes that of any other run.
        Such a work is never changed; one that is not shown is asked for before it counts as
        gone."""
        rollout, view = tracked.rollout, seen.job
        run = self._job_run(tracked, cluster, seen)
        key = (cluster, job_name(rollout.uid, rollout.name))
        if run is None and view is None and not seen.job_writing:
            self._ask_for(key, rollout, hidden_job(tracked, cluster, seen), names.JOB)
            return
        if run is None:
            self._drop_creation(key)
        if self._outcomes.waits(key):
            return
        if view is not None:
            if not view.terminating and (run is None or view.run != run.id):
                self._submit(requests.deletion(key, rollout.uid, view))
        elif run is not None and seen.stage is not None and (shown := seen.stage.feedback):
            driver, create = self._drivers[rollout.kind], requests.job_creation
            self._outcomes.refusals.tried(("work", *key))
            self._submit(create(driver, key, rollout, run, shown, watch=self._watch))

    def _job_run(self, tracked: TrackedRollout, cluster: str, seen: Observation) -> Run | None:
        driver = self._drivers[tracked.rollout.kind]
        return job_run(driver, tracked, cluster, seen, upgrade_backups=self._upgrade_backups)

    def _drop_creation(self, key: WorkKey) -> None:
        """Drops the creation of a job work that is still queued after its run has ended."""
        queued = self._writer.queued(("work", *key))
        if queued is not None and queued.method == "POST":
            self._writer.drop(("work", *key))

    def _submit(self, write: Write) -> None:
        self._writer.submit(write)


def _arms(wanted: DesiredWork | DeleteWork | None) -> bool:
    return isinstance(wanted, DesiredWork) and wanted.armed
