"""Queues everything: at the start, after a gap, and when TALM comes or goes."""

from collections.abc import Container, Mapping
from datetime import datetime

from ibgu.controller.effects.effects import Effects
from ibgu.controller.facts import TermFacts
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.loop.work_queue import WorkQueue
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.reports.reporter import Reporter
from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.model import Decision


class Resync:
    def __init__(
        self,
        fleet: FleetState,
        mirror: Mirror,
        work_queue: WorkQueue,
        facts: TermFacts,
        effects: Effects,
        reporter: Reporter,
        payloads: Payloads,
    ) -> None:
        self._fleet = fleet
        self._mirror = mirror
        self._work_queue = work_queue
        self._facts = facts
        self._effects = effects
        self._reporter = reporter
        self._payloads = payloads
        self._recovered: list[Decision] = []
        """Decisions of the start that are reported once no live TALM is on the hub."""

    def begin(self, recovered: list[Decision]) -> None:
        """Queues everything, and reports what the start decided after a restore."""
        self._report(recovered)
        self.touch_everything()
        self._report_quarantine()

    def touch_everything(self) -> None:
        """Queues everything, at the start and whenever the mirror is in sync again."""
        for tracked in self._fleet.rollouts.values():
            self._touch(tracked)
        for obj in self._mirror.objects:
            self._work_queue.touch(obj.metadata.uid)
        for uid in self._fleet.pending_patches:
            self._work_queue.touch_patch(uid)
        self._work_queue.expedite()  # nothing was decided for a while

    def _touch(self, tracked: TrackedRollout) -> None:
        uid = tracked.rollout.uid
        # Members in flight come first: their reports may speak against new starts.
        running = {name: None for step in tracked.steps for name in step.in_flight}
        everybody = {name: None for step in tracked.steps for name in step.members}
        self._work_queue.touch(uid, running | everybody)
        if not self._facts.talm_hold:
            self._reporter.status_due(uid)

    def granted(self, rollouts: Container[tuple[str, str, str]] | None) -> None:
        """Queues the rollouts, by namespace, kind and name, whose grants have changed; None:
        everything. What they carry is read again first: who approves has seen that."""
        for uid, tracked in self._fleet.rollouts.items():
            rollout = tracked.rollout
            if rollouts is None or (rollout.namespace, rollout.kind, rollout.name) in rollouts:
                self._payloads.outdate(uid)
                self._work_queue.touch_now(uid)
        if rollouts is None:
            self.touch_everything()

    def after_gap(self, now: datetime) -> None:
        """Resumes after a gap: mirror and journal are complete again since `now`."""
        self._facts.closed(now)
        self.touch_everything()
        if not self._facts.talm_hold:
            self._effects.remove_orphans(self._fleet)

    def talm(self, hold: str, beside: bool, breaches: Mapping[str, str]) -> None:
        """Stops what is written because of a live TALM, or resumes it."""
        if self._facts.talm_seen(hold, beside=beside):
            if hold:
                self._effects.drop_queued()
            self._report(self._recovered)
            self.touch_everything()
            self._report_quarantine()
        if namespaces := self._facts.breaches_seen(breaches):
            for tracked in self._fleet.rollouts.values():
                if tracked.rollout.namespace in namespaces:
                    self._touch(tracked)
            self._work_queue.expedite()

    def _report(self, recovered: list[Decision]) -> None:
        """Reports what the start decided, and removes works without an owner; waits while a live
        TALM is on the hub."""
        self._recovered = recovered if self._facts.talm_hold else []
        if not self._facts.talm_hold:
            self._reporter.recovered(recovered)
            self._effects.remove_orphans(self._fleet)

    def _report_quarantine(self) -> None:
        if not self._facts.talm_hold:
            self._reporter.quarantined()
