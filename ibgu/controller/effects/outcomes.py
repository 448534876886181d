"""Keeps what became of the writes to works and clusters: in progress, in conflict, refused, denied.

The responses go into the mirror; they usually arrive before the watch event.
"""

import asyncio
import itertools
from collections.abc import Callable
from random import Random

from msgspec import Raw

from ibgu.controller.effects import requests
from ibgu.controller.effects.refusals import Refusals, denial_text, denied
from ibgu.controller.mirror.mirror import Mirror, WorkKey
from ibgu.core.engine.driver import Drivers
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.works import work_reader
from ibgu.core.engine.works.evidence import proven
from ibgu.core.model import Observation, PendingPatch, Rollout
from ibgu.core.model.kinds import ManagedCluster, ManifestWork
from ibgu.core.model.names import job_name, payload_name, stage_name
from ibgu.core.model.shown import shown_cluster
from ibgu.hub.decode import HasMetadata, ListPage, decode_answer
from ibgu.hub.watching.store import Key
from ibgu.hub.writing.writer import Write, Writer, WriteResult

READ_AFTER = 1.0
"""Seconds from a conflict until the object is read, if the watch has shown nothing new. A work that
lost its label is not watched."""


class Conflicts:
    """Conflicts tracks the objects of one kind whose newest write met a version that the mirror had
    not seen (409).

    The watch usually shows that version within milliseconds. An immediate read would waste a
    request, and an immediate decision would repeat the conflict.
    """

    def __init__(
        self, shown: Callable[[Key], HasMetadata | None], read: Callable[[Write], None]
    ) -> None:
        """`shown` returns the mirror's object; `read` is called with the refused write."""
        self._shown = shown
        self._read = read
        self._base: dict[Key, str] = {}

    def record(self, key: Key, write: Write) -> None:
        self._base[key] = write.base
        asyncio.get_running_loop().call_later(READ_AFTER, self._give_up, key, write)

    def is_open(self, key: Key) -> bool:
        """Whether the mirror still shows the version that the refused write rests on."""
        base = self._base.get(key)
        if base is None:
            return False
        found = self._shown(key)
        if found is not None and found.metadata.resource_version == base:
            return True
        del self._base[key]
        return False

    def _give_up(self, key: Key, write: Write) -> None:
        if self.is_open(key):
            del self._base[key]
            self._read(write)


class WriteOutcomes:
    """WriteOutcomes knows of each object why it can't be written now, or why a write failed."""

    def __init__(
        self,
        drivers: Drivers,
        mirror: Mirror,
        writer: Writer,
        rng: Random,
    ) -> None:
        self._read_work = work_reader(drivers)
        self._mirror = mirror
        self._writer = writer
        self.refusals = Refusals(rng)
        """Our newest writes of works that the hub refused for good, with its message."""
        self.denials = Refusals(rng)
        """Writes that ibgu has no right to make, and what to do about it."""
        self._gone: dict[WorkKey, str] = {}
        """Works that the hub did not have when it was asked by name, with their run."""
        self._conflicts = Conflicts(
            mirror.works.get, lambda write: writer.submit(requests.found_out(write))
        )
        self._cluster_conflicts = Conflicts(
            mirror.clusters.get, lambda write: writer.submit(requests.reading(write))
        )

    # -- before a write ------------------------------------------------------------------------

    def observer(self, rollout: Rollout) -> Callable[[str], Observation]:
        """Returns a function from a cluster's name to what the hub shows of it, and what became of
        our writes."""
        mirror, refused, denied = self._mirror, self.refusals.refusal, self.denials.refusal
        stage = stage_name(rollout.uid, rollout.name)
        payload = payload_name(rollout.uid, rollout.name)
        job = job_name(rollout.uid, rollout.name)
        works = (stage, payload, job)
        restore = rollout.restore

        def observe(cluster: str) -> Observation:
            return Observation(
                cluster=mirror.cluster(cluster),
                stage=proven(mirror.work((cluster, stage)), restore),
                payload=mirror.work((cluster, payload)),
                job=mirror.work((cluster, job)),
                writing=self.pending((cluster, stage)),
                payload_writing=self.pending((cluster, payload)),
                refusal=refused("work", cluster, stage),
                stage_gone=self._gone.get((cluster, stage), ""),
                payload_refusal=refused("work", cluster, payload),
                job_writing=self.pending((cluster, job)),
                job_refusal=refused("work", cluster, job),
                job_gone=self._gone.get((cluster, job), ""),
                denied=denied("work", cluster, stage)
                or denied("work", cluster, payload)
                or denied("work", cluster, job),
                labels_denied=denied("cluster", cluster),
                talm=mirror.acting(cluster),
                unread=mirror.is_unread(cluster, works),
            )

        return observe

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

    def forget(self, tracked: TrackedRollout) -> None:
        """Forgets the hub's refusals of writes of a rollout that is gone."""
        uid, name = tracked.rollout.uid, tracked.rollout.name
        clusters = {cluster for step in tracked.steps for cluster in step.members}
        named = (stage_name(uid, name), payload_name(uid, name), job_name(uid, name))
        for key in itertools.product(clusters, named):
            self.refusals.forget(("work", *key))
            self.denials.forget(("work", *key))
            self._gone.pop(key, None)

    # -- responses -----------------------------------------------------------------------------

    def answered(self, result: WriteResult) -> None:
        """Puts the response to a write into the mirror."""
        kind, *rest = result.write.key
        if not (denied(result.error) or result.superseded):
            self.denials.forget(result.write.key)
        if result.error is None and not result.superseded:
            self.refusals.forget(result.write.key)
        if isinstance(result.write.token, requests.WorkQuestion):
            self._record_question((rest[0], rest[1]), result, result.write.token)
        elif kind == "work":
            self._record_work((rest[0], rest[1]), result)
        elif kind == "cluster":
            self._record_cluster(rest[0], result)
        elif kind == requests.REFRESH:
            self._mirror_work(result)

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

    def _record_question(
        self, key: WorkKey, result: WriteResult, question: requests.WorkQuestion
    ) -> None:
        """Handles the answer whether the hub has a work. One that has lost its label gets it back:
        the watch then shows it, and it is disarmed or deleted like any other."""
        if result.error is not None or result.superseded:
            self._record_work(key, result)
            return
        found = decode_answer(result.body or b"", ListPage[Raw])
        if found is None:
            self.refusals.note(result.write.key, "the hub's answer is not a list of works")
        elif found.items:
            self._writer.submit(requests.labelled(result.write, question.labels))
        else:
            self._gone[key] = question.run

    def _mirror_work(self, result: WriteResult) -> None:
        answer = decode_answer(result.body, ManifestWork) if result.body is not None else None
        # The response to a deletion that took effect at once is a Status, which has no name.
        if answer and answer.metadata.name:
            self._mirror.works.put_newer(self._read_work(answer))

    def _record_cluster(self, cluster: str, result: WriteResult) -> None:
        if result.error is not None and denied(result.error):
            self.denials.note(result.write.key, denial_text(result.write, result.error))
        if result.error is not None and result.error.conflict and not result.superseded:
            self._cluster_conflicts.record(("", cluster), result.write)
        answer = decode_answer(result.body, ManagedCluster) if result.body else None
        if answer is not None:
            self._mirror.clusters.put_newer(shown_cluster(answer))
