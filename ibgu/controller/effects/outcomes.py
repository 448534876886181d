"""Keeps what became of the writes to works and clusters: in progress, in conflict, refused, denied.

The responses go into the mirror; they usually arrive before the watch event.
"""

import itertools
from random import Random

from ibgu.controller.effects import requests
from ibgu.controller.effects.conflicts import Conflicts
from ibgu.controller.effects.refusals import Refusals, denial_text, denied
from ibgu.controller.mirror.mirror import Mirror, WorkKey
from ibgu.core.engine.driver import Driver
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.works import shown_work
from ibgu.core.model import PendingPatch
from ibgu.core.model.kinds import ManagedCluster, ManifestWork
from ibgu.core.model.names import payload_name, stage_name
from ibgu.core.model.shown import shown_cluster
from ibgu.hub.decode import decode_answer
from ibgu.hub.writing.writer import Writer, WriteResult


class WriteOutcomes:
    """WriteOutcomes knows of each object why it can't be written now, or why a write failed."""

    def __init__(self, driver: Driver, mirror: Mirror, writer: Writer, rng: Random) -> None:
        self._driver = driver
        self._mirror = mirror
        self._writer = writer
        self.refusals = Refusals(rng)
        """Our newest writes of works that the hub refused for good, with its message."""
        self.denials = Refusals(rng)
        """Writes that ibgu has no right to make, and what to do about it."""
        self._conflicts = Conflicts(
            mirror.works.get, lambda write: writer.submit(requests.found_out(write))
        )
        self._cluster_conflicts = Conflicts(
            mirror.clusters.get, lambda write: writer.submit(requests.reading(write))
        )

    # -- before a write ------------------------------------------------------------------------

    def pending(self, key: WorkKey) -> bool:
        """Returns whether a write of the work is in progress or waits for its retry
        (`Refusals`)."""
        return (
            self._writer.pending(("work", *key))
            or self.denials.left(("work", *key)) > 0
            or self._conflicts.is_open(key)
        )

    def refused(self, key: WorkKey) -> bool:
        """Returns whether the last refusal is too recent for a retry."""
        return self.refusals.left(("work", *key)) > 0

    def waits(self, key: WorkKey) -> bool:
        return self.pending(key) or self.refused(key)

    def retry_in(self, key: tuple[str, ...]) -> float:
        """Returns the seconds until a refused or denied write may be retried; 0 if it may now."""
        return max(self.denials.left(key), self.refusals.left(key))

    def patch_in_progress(self, pending: PendingPatch) -> bool:
        """Returns whether a write of the pending patch is in progress or waits for the watch."""
        waits = self._cluster_conflicts.is_open(("", pending.cluster))
        return waits or self._writer.pending(("cluster", pending.cluster))

    def work_based(self, key: WorkKey, version: str) -> None:
        """Records the resourceVersion that the work's next write is based on."""
        self._conflicts.based(key, version)

    def cluster_based(self, cluster: str, version: str) -> None:
        self._cluster_conflicts.based(("", cluster), version)

    def forget(self, tracked: TrackedRollout) -> None:
        """Forgets the hub's refusals of writes of a rollout that is gone."""
        uid, name = tracked.rollout.uid, tracked.rollout.name
        clusters = {cluster for step in tracked.steps for cluster in step.members}
        for key in itertools.product(clusters, (stage_name(uid, name), payload_name(uid, name))):
            self.refusals.forget(("work", *key))
            self.denials.forget(("work", *key))

    # -- responses -----------------------------------------------------------------------------

    def answered(self, result: WriteResult) -> None:
        """Puts the response to a write into the mirror."""
        kind, *rest = result.write.key
        if not (denied(result.error) or result.superseded):
            self.denials.forget(result.write.key)
        if result.error is None and not result.superseded:
            self.refusals.forget(result.write.key)
        self._forget_base(result)
        if kind == "work":
            self._record_work((rest[0], rest[1]), result)
        elif kind == "cluster":
            self._record_cluster(rest[0], result)
        elif kind == requests.REFRESH:
            self._mirror_work(result)

    def _forget_base(self, result: WriteResult) -> None:
        """Forgets the base version of a write once it can no longer meet a conflict."""
        kind, *rest = result.write.key
        conflict = result.error is not None and result.error.conflict and not result.superseded
        if conflict or self._writer.pending(result.write.key):
            return
        if kind == "work":
            self._conflicts.forget_base((rest[0], rest[1]))
        elif kind == "cluster":
            self._cluster_conflicts.forget_base(("", rest[0]))

    def _record_work(self, key: WorkKey, result: WriteResult) -> None:
        """Handles the response to a write of a work. After a conflict the work differs from what
        the watch has shown."""
        self._mirror_work(result)
        error = result.error
        if error is None or result.superseded:
            return
        if error.conflict and result.write.method == "PATCH":
            self._conflicts.record(key, result.write)
        elif error.conflict:
            self._writer.submit(requests.found_out(result.write))
        elif denied(error):
            self.denials.note(result.write.key, denial_text(result.write, error))
        elif not error.transient and (result.write.method == "POST" or not error.not_found):
            # The watch is about to show a work that is gone; without a namespace there is no place.
            self.refusals.note(result.write.key, error.message)

    def _mirror_work(self, result: WriteResult) -> None:
        answer = decode_answer(result.body, ManifestWork) if result.body is not None else None
        # The response to a deletion that took effect at once is a Status, which has no name.
        if answer and answer.metadata.name:
            self._mirror.works.put_newer(shown_work(self._driver, answer))

    def _record_cluster(self, cluster: str, result: WriteResult) -> None:
        if result.error is not None and denied(result.error):
            self.denials.note(result.write.key, denial_text(result.write, result.error))
        if result.error is not None and result.error.conflict and not result.superseded:
            self._cluster_conflicts.record(("", cluster), result.write)
        answer = decode_answer(result.body, ManagedCluster) if result.body else None
        if answer is not None:
            self._mirror.clusters.put_newer(shown_cluster(answer))
