"""Queues what the watches show as changed."""

from msgspec import Struct

from ibgu.controller.facts import TermFacts
from ibgu.controller.loop.deferred_errors import DeferredErrors
from ibgu.controller.loop.work_queue import WorkQueue
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.reports.reporter import Reporter
from ibgu.core.engine.decide import expedited
from ibgu.core.engine.driver import Drivers
from ibgu.core.engine.gates import under_policies
from ibgu.core.engine.state import FleetState
from ibgu.core.model.names import stage_name


class ChangeHandlers(Struct, frozen=True, eq=False):
    """ChangeHandlers raises no error of ibgu's own to the watches: it is deferred."""

    _fleet: FleetState
    _drivers: Drivers
    _mirror: Mirror
    _work_queue: WorkQueue
    _errors: DeferredErrors
    _facts: TermFacts
    _reporter: Reporter

    def touched(self, rollout: str, cluster: str) -> None:
        """Queues what the mirror reports as changed; `rollout` "" means every rollout that has the
        cluster."""
        if rollout and not cluster:
            self._work_queue.touch(rollout)
            return
        if rollout:
            self._touch(rollout, cluster)
            return
        for uid in self._fleet.rollouts_of.get(cluster, ()):
            self._touch(uid, cluster)
        for uid in self._fleet.note_cluster(cluster):
            self._work_queue.touch(uid)
        # The mirror may show a cluster that was created again, and not that the former one is gone.
        for uid in tuple(self._fleet.pending_uids.get(cluster, ())):
            self._work_queue.touch_patch(uid)

    def _touch(self, rollout: str, cluster: str) -> None:
        """Queues the cluster, expedited if what its work reports may count now."""
        self._work_queue.touch(rollout, [cluster])
        tracked = self._fleet.rollouts.get(rollout)
        if tracked is None:
            return
        work = self._mirror.work((cluster, stage_name(rollout, tracked.rollout.name)))
        with self._errors.of(rollout):
            if expedited(self._drivers[tracked.rollout.kind], tracked, cluster, work):
                self._work_queue.expedite()

    def changed_by_person(self, rollout: str) -> None:
        """Expedites a change that a person made to the IBGU; the mirror calls this after
        `touched`."""
        self._work_queue.expedite()
        tracked = self._fleet.rollouts.get(rollout)
        if tracked is not None and tracked.current is not None:
            # Another label of the object may have other policies hold the rollout.
            self._work_queue.touch(rollout, under_policies(tracked.current))
        if not self._facts.talm_hold:
            self._reporter.changed_by_person(rollout)

    def status_changed(self, rollout: str) -> None:
        """Handles a status change from the mirror: our own write or another one's, which ibgu does
        not overwrite while TALM writes there as well."""
        tracked = self._fleet.rollouts.get(rollout)
        if tracked is not None and self._facts.talm_hold_in(tracked.rollout.namespace):
            return
        with self._errors.of(rollout):
            self._reporter.status_changed(rollout)
