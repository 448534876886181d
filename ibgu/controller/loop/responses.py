"""Handles the hub's responses to writes: which rollout is queued again, and when."""

import asyncio
from contextlib import nullcontext
from datetime import timedelta

from msgspec import Struct

from ibgu import telemetry
from ibgu.controller.clock import Clock
from ibgu.controller.effects import adopting
from ibgu.controller.effects.adopting import Adoption
from ibgu.controller.effects.outcomes import WriteOutcomes
from ibgu.controller.effects.policy_follow_ups import KEY as FOLLOW_UP
from ibgu.controller.effects.policy_follow_ups import PolicyFollowUps
from ibgu.controller.effects.requests import REFRESH
from ibgu.controller.loop.changes import ChangeHandlers
from ibgu.controller.loop.deferred_errors import DeferredErrors
from ibgu.controller.loop.work_queue import WorkQueue
from ibgu.controller.reports.reporter import Reporter
from ibgu.core.engine.state import FleetState
from ibgu.hub.writing.writer import WriteResult

PATCH_RETRY = timedelta(seconds=30)
"""The delay until a write to a ManagedCluster is retried that the hub refused or did not answer."""


class ResponseHandlers(Struct, frozen=True, eq=False):
    """ResponseHandlers raises no error of ibgu's own to the writer: it is deferred."""

    _fleet: FleetState
    _clock: Clock
    _work_queue: WorkQueue
    _errors: DeferredErrors
    _outcomes: WriteOutcomes
    _adopting: Adoption
    _follow_ups: PolicyFollowUps
    _changes: ChangeHandlers
    _reporter: Reporter

    def answered(self, result: WriteResult) -> None:
        """Handles the response to a write."""
        telemetry.count_write(result)
        owner = result.write.owner
        with self._errors.of(owner) if owner else nullcontext():
            self._answered(result)

    def _answered(self, result: WriteResult) -> None:
        kind, *rest = result.write.key
        self._outcomes.answered(result)
        if kind == "status":
            self._reporter.status_answered(result)
        elif kind == "work":
            self._requeue_for_work(rest[0], result)
        elif kind == "cluster":
            self._requeue_for_patch(rest[0], result)
        elif kind == adopting.KEY:
            self._requeue_for_talm(result)
        elif kind == FOLLOW_UP:
            again = self._follow_ups.answered(result)
            self._work_queue.touch(result.write.owner)
            if again:
                due = self._clock.now() + timedelta(seconds=again)
                self._work_queue.at(due, result.write.owner, "")
        if kind in (REFRESH, "status"):
            return  # the next refresh comes by itself, and a work that is gone needs none
        if result.error is not None and not result.error.conflict and not result.superseded:
            self._reporter.write_failed(result.write, result.error)

    def _requeue_for_work(self, cluster: str, result: WriteResult) -> None:
        owner = result.write.owner
        self._changes.touched(owner, cluster)
        pause = self._outcomes.retry_in(result.write.key)
        if result.error is not None and pause:
            again = asyncio.get_running_loop()
            again.call_later(pause + 0.1, self._work_queue.touch, owner, [cluster])

    def _requeue_for_talm(self, result: WriteResult) -> None:
        """Queues the rollout, after a delay if an object of TALM's could not be removed."""
        if self._adopting.answered(result):
            again = self._clock.now() + PATCH_RETRY
            self._work_queue.at(again, result.write.owner, "")
        else:
            self._work_queue.touch(result.write.owner)

    def _requeue_for_patch(self, cluster: str, result: WriteResult) -> None:
        """Queues the cluster; a write that was refused or not answered is retried after a delay."""
        if result.error is None or result.superseded or result.error.conflict:
            self._changes.touched("", cluster)
            return
        for rollout in self._fleet.rollouts_of.get(cluster, ()):
            self._work_queue.touch(rollout, [cluster])
        for uid in self._fleet.pending_uids.get(cluster, ()):
            self._work_queue.at(self._clock.now() + PATCH_RETRY, "", uid)
