"""Implements the work agent: what it does with each work, and when."""

from random import Random

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.agent.apply import apply_work, config_for, release
from ibgu.sim.agent.held import HeldWork
from ibgu.sim.agent.report import (
    condition,
    is_available,
    manifests_of,
    put,
    was_read,
    with_applied,
    with_read,
)
from ibgu.sim.agent.timing import AgentTiming
from ibgu.sim.clock import NEVER
from ibgu.sim.spoke import Key, Spoke
from ibgu.sim.wire import WORK_FINALIZER, FullWork, Patch, WorkMeta


class WorkAgent:
    """WorkAgent is pure: works come in by `observe`, patches for the hub come out of `advance`.

    Every patch must be answered: by `observe` with the new version of the work, `forget` if it is
    gone, or `refused` if the hub did not take it.
    """

    def __init__(self, cluster: str, spoke: Spoke, timing: AgentTiming, rng: Random) -> None:
        self.cluster = cluster
        self.spoke = spoke
        self.timing = timing
        self.works: dict[str, HeldWork] = {}
        self.frozen = False
        """Whether feedback is no longer read; works are still applied."""
        self.finalizer_stuck = False
        self._rng = rng
        self._version = 0

    # -- from the hub ----------------------------------------------------------------------------

    def observe(self, work: FullWork, now: float, *, answer: bool = False) -> None:
        """Takes a version of a work, by the watch or as the `answer` to a patch; old ones are
        ignored. An answer that comes after the work was forgotten does not bring it back."""
        held = self.works.get(work.metadata.name)
        if held is None or held.work.metadata.uid != work.metadata.uid:
            if answer:
                return
            self.works[work.metadata.name] = HeldWork(work, self.timing, self._rng, now)
            return
        held.busy = held.busy and not answer
        if work.metadata.newer_than(held.work.metadata):
            held.update(work, now)

    def knows(self, meta: WorkMeta) -> bool:
        """Returns whether the agent has that version of a work, or a newer one."""
        held = self.works.get(meta.name)
        if held is None or held.work.metadata.uid != meta.uid:
            return False
        return not meta.newer_than(held.work.metadata)

    def forget(self, name: str, uid: str) -> None:
        held = self.works.get(name)
        if held is not None and held.work.metadata.uid == uid:
            del self.works[name]

    def refused(self, name: str, again_at: float) -> None:
        """Records that the hub refused a patch and nothing newer of the work is known."""
        held = self.works.get(name)
        if held is not None:
            held.busy = False
            held.apply_at = min(held.apply_at, again_at)
            held.read_version = -1
            held.read_at = again_at

    def restart(self, now: float) -> None:
        for held in self.works.values():
            held.restart(now)

    # -- time ------------------------------------------------------------------------------------

    @property
    def next_at(self) -> float:
        return min([held.next_at for held in self.works.values()], default=NEVER)

    def notice(self, now: float) -> None:
        """Records that the cluster's objects may have changed; a watch reports a change in a
        moment, but neither a deletion nor new rights."""
        if self.spoke.version == self._version:
            return
        self._version = self.spoke.version
        for held in self.works.values():
            if any(self._changed(key, version) for key, version in held.watched.items()):
                held.read_at = min(held.read_at, now + self.timing.watch)

    def _changed(self, key: Key, version: str) -> bool:
        obj = self.spoke.get(key)
        changed = obj is not None and obj["metadata"]["resourceVersion"] != version
        return changed and self.spoke.may_watch(key)

    def advance(self, now: float) -> list[Patch]:
        self.spoke.settle(now)
        patches = []
        for held in list(self.works.values()):
            if held.next_at <= now and (patch := self._turn(held, now)) is not None:
                held.busy = True
                patches.append(patch)
        return patches

    def _turn(self, held: HeldWork, now: float) -> Patch | None:
        """Returns the next patch for one work; at most one at a time."""
        if held.deleting:
            return self._delete(held, now)
        if not held.finalizer:
            finalizers = [*held.work.metadata.finalizers, WORK_FINALIZER]
            return self._patch(held, finalizers=finalizers)
        if held.reapply_at <= now:
            self._reapply(held, now)
        if held.apply_at <= now:
            results = apply_work(self.spoke, held.work, self.timing.kind_order, now)
            held.note_applied(results, self.spoke.version, now)
            if self._rng.random() < self.timing.late_report and (patch := self._read(held, now)):
                return patch
        return self._report(held, now) or self._read_if_due(held, now)

    def _reapply(self, held: HeldWork, now: float) -> None:
        """Applies periodically against drift, unless nothing has changed since."""
        if self.spoke.version != held.applied_version:
            held.apply_at = now
        held.reapply_at = now + self.timing.next_reapply(self._rng)

    def _report(self, held: HeldWork, now: float) -> Patch | None:
        if held.applied is None:
            return None
        status = with_applied(held.work, held.applied, now)
        held.applied = None
        patch = self._status_patch(held, status)
        if patch is not None:
            # A read before it knew other manifests: its result does not count for these.
            held.read_version = -1
        return patch

    def _read_if_due(self, held: HeldWork, now: float) -> Patch | None:
        return self._read(held, now) if min(held.read_at, held.poll_at) <= now else None

    def _read(self, held: HeldWork, now: float) -> Patch | None:
        # Feedback needs a reported apply; that report leads here again.
        manifests = manifests_of(held.work.status)
        unchanged = held.read_version == self.spoke.version and all(map(was_read, manifests))
        held.note_read(self.spoke.version if manifests else -1, now)
        if self.frozen or unchanged or not manifests:
            return None
        status = with_read(held.work, self.spoke, now)
        self._watch(held, status)
        return self._status_patch(held, status)

    def _watch(self, held: HeldWork, status: JsonObject) -> None:
        """Begins a watch on what was found; one on what was not found begins when it is read again
        for another reason. A deleted object stays watched."""
        for manifest in manifests_of(status):
            meta = manifest["resourceMeta"]
            key = Key(meta["group"], meta["kind"], meta["namespace"], meta["name"])
            if not held.watches(config_for(held.work, key)):
                held.watched.pop(key, None)
            elif is_available(manifest) and (found := self.spoke.get(key)) is not None:
                held.watched[key] = found["metadata"]["resourceVersion"]

    # -- deletion --------------------------------------------------------------------------------

    def _delete(self, held: HeldWork, now: float) -> Patch | None:
        """Deletes the work in order: the report, the objects it owns, then its finalizer. The
        objects may be read before each of them."""
        if patch := self._read_in_passing(held, now):
            return patch
        conditions = held.work.status.get("conditions") or []
        if not any(c["type"] == "Deleting" for c in conditions):
            said = ("Deleting", "True", "WorkDeleting", "ManifestWork is being deleted")
            deleting = condition(conditions, *said, now)
            put_in = put(conditions, deleting, held.work.metadata.generation)
            return self._status_patch(held, {**held.work.status, "conditions": put_in})
        if self.finalizer_stuck or not held.finalizer:
            held.delete_at = NEVER
            return None
        if not held.work.orphans:
            release(self.spoke, held.work.metadata.name, now)
        if patch := self._read_in_passing(held, now):
            return patch
        left = [f for f in held.work.metadata.finalizers if f != WORK_FINALIZER]
        return self._patch(held, finalizers=left)

    def _read_in_passing(self, held: HeldWork, now: float) -> Patch | None:
        return self._read(held, now) if self._rng.random() < self.timing.early_read else None

    def release_finalizers(self, now: float) -> None:
        self.finalizer_stuck = False
        for held in self.works.values():
            held.delete_at = now

    def thaw(self, now: float) -> None:
        self.frozen = False
        for held in self.works.values():
            held.read_at, held.read_version = now, -1

    # -- patches ---------------------------------------------------------------------------------

    def _patch(self, held: HeldWork, **fields: object) -> Patch:
        return Patch(self.cluster, held.work.metadata.name, held.patch_body(**fields))

    def _status_patch(self, held: HeldWork, status: JsonObject) -> Patch | None:
        if status == held.work.status:
            return None
        body = held.patch_body(status=status)
        return Patch(self.cluster, held.work.metadata.name, body, "status")
