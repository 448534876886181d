"""Handles what reaches the loop between its turns: changes of the mirror, responses to writes."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import structlog

from ibgu import telemetry
from ibgu.controller import naming
from ibgu.controller.effects import adopting
from ibgu.controller.effects.requests import REFRESH
from ibgu.controller.loop.deps import LoopDeps
from ibgu.controller.quarantine import Broken
from ibgu.core.engine.decide import expedited
from ibgu.core.model.names import stage_name
from ibgu.core.views.mistakes import mistakes
from ibgu.hub.errors import HubError
from ibgu.hub.writing.writer import Write, WriteResult

log = structlog.get_logger("ibgu.controller")

PATCH_RETRY = timedelta(seconds=30)
"""The delay until a write to a ManagedCluster is retried that the hub refused or did not answer."""
STATUS_REFUSED = "StatusRefused"
NOT_UNDERSTOOD = "AnnotationNotUnderstood"
"""Reasons of Warning Events that belong to no decision."""


class EventHandlers:
    """EventHandlers never raises an error of ibgu's own to its callers: `broken` keeps the first
    one for the next turn to raise."""

    def __init__(self, deps: LoopDeps, talm_live: Callable[[], bool]) -> None:
        self._deps = deps
        self._talm_live = talm_live
        self.broken: Broken | None = None

    def touched(self, rollout: str, cluster: str) -> None:
        """Queues what the mirror reports as changed; `rollout` "" means every rollout that has the
        cluster."""
        if rollout and not cluster:
            self._deps.work_queue.touch(rollout)
            return
        if rollout:
            self._touch(rollout, cluster)
            return
        for uid in self._deps.fleet.rollouts_of.get(cluster, ()):
            self._touch(uid, cluster)
        found = self._deps.mirror.clusters.get(("", cluster))
        for uid in self._pending(cluster, found.metadata.uid if found else ""):
            self._deps.work_queue.touch_patch(uid)

    def _touch(self, rollout: str, cluster: str) -> None:
        """Queues the cluster, expedited if what its work reports may count now."""
        self._deps.work_queue.touch(rollout, [cluster])
        tracked = self._deps.fleet.rollouts.get(rollout)
        if tracked is None:
            return
        work = self._deps.mirror.work((cluster, stage_name(rollout, tracked.rollout.name)))
        with self.outside(rollout):
            if expedited(self._deps.driver, tracked, cluster, work):
                self._deps.work_queue.expedite()

    @contextmanager
    def outside(self, rollout: str) -> Iterator[None]:
        """Records an error about the rollout that occurs outside a turn."""
        try:
            with self._deps.quarantine.tolerate(rollout):
                yield
        except Broken as broken:
            self.broken = self.broken or broken
            self._deps.work_queue.touch_now(rollout)

    def changed_by_person(self, rollout: str) -> None:
        """Expedites a change that a person made to the IBGU; the mirror calls this after
        `touched`."""
        self._deps.work_queue.expedite()
        found = self._deps.mirror.ibgu(rollout)
        if found is None or self._talm_live():
            return
        self._deps.statuses.touch(rollout)
        with self._deps.quarantine.best_effort(rollout):
            for words in mistakes(found.metadata.annotations):
                self._deps.notices.warn(rollout, NOT_UNDERSTOOD, words)

    def _pending(self, cluster: str, uid: str) -> list[str]:
        """Returns the uids with a pending patch; for a cluster that is gone, those of every uid it
        had."""
        if uid:
            return [uid] if uid in self._deps.fleet.pending_patches else []
        return list(self._deps.fleet.pending_uids.get(cluster, ()))

    def answered(self, result: WriteResult) -> None:
        """Handles the response to a write."""
        telemetry.count_write(result)
        owner = result.write.owner
        with self.outside(owner) if owner else nullcontext():
            self._answered(result)

    def _answered(self, result: WriteResult) -> None:
        kind, *rest = result.write.key
        self._deps.effects.answered(result)
        if kind == "status":
            self._status_answered(result)
        elif kind == "work":
            self._work_answered(rest[0], result)
        elif kind == "cluster":
            self._cluster_answered(rest[0], result)
        elif kind == adopting.KEY:
            self._talm_answered(result)
        if kind in (REFRESH, "status"):
            return  # the next refresh comes by itself, and a work that is gone needs none
        if result.error is not None and not result.error.conflict and not result.superseded:
            self._log_failed(result.write, result.error)

    def _log_failed(self, write: Write, error: HubError) -> None:
        log.warning("write failed", **naming.of_write(self._deps.fleet, write), error=str(error))

    def _status_answered(self, result: WriteResult) -> None:
        """Reports a refused status once; it is retried, and refused again, until somebody acts."""
        error = result.error
        if not self._deps.statuses.answered(result) or error is None:
            return
        self._log_failed(result.write, error)
        if not error.transient:
            self._deps.notices.warn(result.write.owner, STATUS_REFUSED, _outdated(error))

    def _work_answered(self, cluster: str, result: WriteResult) -> None:
        owner = result.write.owner
        self._touch(owner, cluster)
        mirror, write = self._deps.mirror, result.write
        pause = max(mirror.denials.left(write.key), mirror.refusals.left(write.key))
        if result.error is not None and pause:
            again = asyncio.get_running_loop()
            again.call_later(pause + 0.1, self._deps.work_queue.touch, owner, [cluster])

    def _talm_answered(self, result: WriteResult) -> None:
        """Queues the rollout, after a delay if an object of TALM's could not be removed."""
        if self._deps.adopting.answered(result):
            again = self._deps.clock.now() + PATCH_RETRY
            self._deps.work_queue.at(again, result.write.owner, "")
        else:
            self._deps.work_queue.touch(result.write.owner)

    def _cluster_answered(self, cluster: str, result: WriteResult) -> None:
        """Queues the cluster; a write that was refused or not answered is retried after a delay."""
        if result.error is None or result.superseded or result.error.conflict:
            self.touched("", cluster)
            return
        fleet, work_queue = self._deps.fleet, self._deps.work_queue
        for rollout in fleet.rollouts_of.get(cluster, ()):
            work_queue.touch(rollout, [cluster])
        for uid in fleet.pending_uids.get(cluster, ()):
            work_queue.at(self._deps.clock.now() + PATCH_RETRY, "", uid)

    def status_changed(self, rollout: str) -> None:
        """Handles a status change from the mirror: our own write or another one's."""
        with self.outside(rollout):
            self._deps.statuses.seen(rollout)


def _outdated(error: HubError) -> str:
    return (
        f"the hub does not take this status, which shows an earlier time: {error.message}; the "
        "rollout goes on, and `ibgu status` shows it; do: mend what refuses, it is tried again"
    )
