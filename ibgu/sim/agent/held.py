"""Holds what the work agent knows about one ManifestWork."""

from random import Random

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.agent.apply import Applied
from ibgu.sim.agent.timing import AgentTiming
from ibgu.sim.clock import NEVER
from ibgu.sim.spoke import Key
from ibgu.sim.wire import WORK_FINALIZER, FullWork, ManifestConfig


class HeldWork:
    """HeldWork is the agent's state of one work.

    `busy`: a write to the hub is in progress, and nothing else is done until it is answered.
    `finalized` holds the finalizer back; `applied` are results that the hub has not received yet.
    """

    def __init__(self, work: FullWork, timing: AgentTiming, rng: Random, now: float) -> None:
        self.work = work
        self.timing = timing
        self.rng = rng
        self.busy = False
        self.retries = 0
        self.applied: list[Applied] | None = None
        self.read_version = -1
        self.applied_version = -1
        self.watched: dict[Key, str] = {}
        """The objects that a watch has begun on, with the versions that were read."""
        self.apply_at = now + (timing.apply if self.finalizer else timing.first_apply)
        self.read_at = NEVER
        self.reapply_at = NEVER
        self.poll_at = now + timing.next_poll(rng)
        self.delete_at = now + timing.delete

    @property
    def finalizer(self) -> bool:
        return WORK_FINALIZER in self.work.metadata.finalizers

    @property
    def deleting(self) -> bool:
        return self.work.metadata.deletion_timestamp is not None

    def watches(self, config: ManifestConfig) -> bool:
        return self.timing.watches and config.feedback_scrape_type == "Watch"

    @property
    def next_at(self) -> float:
        if self.busy:
            return NEVER
        if self.deleting:
            return self.delete_at
        if not self.finalizer or self.applied is not None:
            return 0.0
        return min(self.apply_at, self.read_at, self.reapply_at, self.poll_at)

    def update(self, work: FullWork, now: float) -> None:
        """Takes a newer version of the work. Changes of spec or labels are applied at once, any
        other makes the agent read."""
        old, self.work = self.work.metadata, work
        meta = work.metadata
        if meta.deletion_timestamp and not old.deletion_timestamp:
            self.delete_at = now + self.timing.delete
        if (meta.generation, meta.labels) != (old.generation, old.labels):
            self._changed(now)
        self.read_at = min(self.read_at, now + self.timing.read)

    def _changed(self, now: float) -> None:
        self.retries, self.applied, self.read_version = 0, None, -1
        self.apply_at = min(self.apply_at, now + self.timing.apply)
        if self.rng.random() < self.timing.early_read:
            self.read_at = now

    def restart(self, now: float) -> None:
        """Restarts the agent: everything is applied and read once more, in either order. What is
        read first is reported, and read again because of that, before it is applied."""
        self.retries, self.applied, self.watched = 0, None, {}
        self.read_version = self.applied_version = -1
        self.apply_at = self.delete_at = now + self.timing.restart
        early = self.rng.random() < self.timing.early_read
        self.read_at = now if early else self.apply_at + self.timing.read

    def note_applied(self, results: list[Applied], version: int, now: float) -> None:
        """Takes the results of an apply. A clean one starts no read by itself: its report does, if
        it says anything new."""
        clean = not any(result.error for result in results)
        self.applied, self.applied_version = results, version if clean else -1
        failed = any(result.error and result.retried for result in results)
        self.apply_at = now + self.timing.retry(self.retries) if failed else NEVER
        self.retries = self.retries + 1 if failed else 0
        self.reapply_at = now + self.timing.next_reapply(self.rng)
        self.read_version = -1
        if not clean:
            self.read_at = min(self.read_at, now + self.timing.read)

    def note_read(self, version: int, now: float) -> None:
        self.read_version, self.read_at = version, NEVER
        self.poll_at = now + self.timing.next_poll(self.rng)

    def patch_body(self, **fields: object) -> JsonObject:
        """Returns a merge patch that only fits the version that the agent has seen."""
        meta: JsonObject = {
            "uid": self.work.metadata.uid,
            "resourceVersion": self.work.metadata.resource_version,
        }
        if "finalizers" in fields:
            meta["finalizers"] = fields.pop("finalizers")
        return {"metadata": meta, **fields}
