"""Removes what TALM has left behind when ibgu takes over a rollout (R20.3).

The order is fixed: ManifestWorks get Orphan, so that no cluster changes. Then ClusterGroupUpgrades
are deleted, since a live TALM makes the works of one again. A live TALM deletes their works itself,
and ibgu waits until they are gone. Then works and templates go, and last the finalizers of a TALM
that is gone. Every step follows from what the hub shows, so repeating one is safe, and the next
controller resumes here.
"""

import asyncio
from collections.abc import Callable, Coroutine
from math import inf

import structlog
from msgspec import Struct, json
from msgspec.structs import replace

from ibgu.controller.facts import TermFacts
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import attributed_to
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import MemberState, Rollout, names
from ibgu.core.model.kinds import ClusterGroupUpgrade, ClusterGroupUpgradeMeta, JsonObject
from ibgu.core.model.names import stage_name
from ibgu.core.talm import TalmWork
from ibgu.core.talm import names as talm
from ibgu.core.talm.adopt import (
    Removal,
    harmless,
    left_to_talm,
    may_remove,
    works_to_remove,
)
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.hub.writing.writer import Write, Writer, WriteResult

log = structlog.get_logger("ibgu.controller")

KEY = "talm"
"""The first part of the key of every write of this module."""
RETRY_SECONDS = 15.0
"""Seconds until a write that the hub refused is retried."""
CHECK = 0.3
"""Seconds between two checks of templates that are being deleted."""


class _RemovalRequest(Struct, frozen=True):
    version: str
    """The resourceVersion that the write was based on."""
    again: float = inf
    """When the write may be retried, by the event loop's clock."""


class _Template(Struct, frozen=True):
    metadata: ClusterGroupUpgradeMeta


class Adoption:
    def __init__(
        self,
        client: Hub,
        mirror: Mirror,
        payloads: Payloads,
        writer: Writer,
        tasks: asyncio.TaskGroup,
        touch: Callable[[str], None],
        facts: TermFacts,
    ) -> None:
        self._client = client
        self._mirror = mirror
        self._payloads = payloads
        self._writer = writer
        self._tasks = tasks
        self._touch = touch
        self._facts = facts
        self._asked: dict[str, dict[tuple[str, ...], _RemovalRequest]] = {}
        """Submitted writes by rollout uid, then by the key of the write."""
        self._cleared: set[str] = set()
        """Rollouts whose templates are gone."""
        self._busy: set[str] = set()
        self._now = asyncio.get_running_loop().time

    def reconcile(self, tracked: TrackedRollout) -> None:
        """Advances the takeover by what is possible now; called in every turn of the rollout in
        which writing is allowed."""
        rollout = tracked.rollout
        if may_remove(rollout):
            self._remove(tracked)
        elif rollout.adopting_since is not None:
            return
        elif rollout.uid in self._asked or rollout.uid in self._cleared:
            self.forget(rollout.uid)
        elif not tracked.steps and self._requested(rollout):
            self._read_payload(rollout)

    def answered(self, result: WriteResult) -> bool:
        """Returns True if the hub refused the write and it has to be retried after
        `RETRY_SECONDS`. This includes a conflict, unless the watch shows another version
        first."""
        error, asked = result.error, self._asked.get(result.write.owner, {})
        known = asked.get(result.write.key)
        if known is None or error is None or error.not_found:
            return False
        if result.superseded:
            del asked[result.write.key]
            return False
        asked[result.write.key] = replace(known, again=self._now() + RETRY_SECONDS)
        return True

    def forget(self, rollout: str) -> None:
        """Drops the state of a rollout that is taken over or deleted."""
        self._asked.pop(rollout, None)
        self._cleared.discard(rollout)

    # -- before --------------------------------------------------------------------------------

    def _requested(self, rollout: Rollout) -> bool:
        found = self._mirror.rollout_object(rollout.uid)
        wish = found.metadata.annotations.get(names.ADOPT) if found else None
        return wish is not None and names.journaled(wish) != rollout.controls.get(names.ADOPT)

    def _read_payload(self, rollout: Rollout) -> None:
        """Reads the payload: what a step with Prep carries must be known before ibgu continues the
        step."""
        if not self._payloads.state(rollout.uid).read:
            self._begin(rollout, self._payload(rollout))

    async def _payload(self, rollout: Rollout) -> None:
        await self._payloads.read(rollout)

    # -- what goes -----------------------------------------------------------------------------

    def _remove(self, tracked: TrackedRollout) -> None:
        rollout = tracked.rollout
        traces, cgus = self._mirror.traces(rollout), self._mirror.cgus_left(rollout)

        def watched(work: TalmWork) -> bool:
            return self._watched(tracked, work)

        active = [cgu for cgu in cgus if _active(cgu)]
        may_go = harmless(traces, watched)
        for cgu in active if may_go else ():
            self._remove_group(rollout, cgu)
        waits = bool(active) or left_to_talm(traces, beside=self._facts.beside_talm)
        for work, removal in works_to_remove(traces, watched):
            if removal is Removal.ORPHAN or not waits:
                self._remove_work(rollout, work, removal)
        if waits:
            return
        if self.templates_left(rollout):
            self._begin(rollout, self._templates(tracked))
        elif not any(not work.terminating for works in traces.works.values() for work in works):
            for cgu in cgus:
                self._remove_group(rollout, cgu)

    def templates_left(self, rollout: Rollout) -> bool:
        """Returns whether templates of a rollout that is being taken over may be left."""
        return rollout.adopting_since is not None and rollout.uid not in self._cleared

    def _watched(self, tracked: TrackedRollout, work: TalmWork) -> bool:
        """Returns whether TALM's work may go: an action that TALM started must be followed by our
        own work first."""
        member, rollout = tracked.latest(work.cluster), tracked.rollout
        if member is None or member.state is not MemberState.IN_FLIGHT:
            return True
        key = (work.cluster, stage_name(rollout.uid, rollout.name))
        return self._mirror.work(key) is not None

    def _remove_work(self, rollout: Rollout, work: TalmWork, removal: Removal) -> None:
        key = (KEY, work.cluster, work.name)
        path = paths.work(work.cluster, work.name)
        if removal is Removal.DELETE:
            self._submit(_deletion(key, path, work.uid, rollout), work.resource_version)
            return
        orphan = {"deleteOption": {"propagationPolicy": "Orphan", "selectivelyOrphans": None}}
        self._submit(_patch(key, path, work, rollout, {"spec": orphan}), work.resource_version)

    def _remove_group(self, rollout: Rollout, cgu: ClusterGroupUpgrade) -> None:
        """Deletes the ClusterGroupUpgrade and then takes off TALM's finalizer, which only a running
        TALM would remove. Finalizers of others stay."""
        meta = cgu.metadata
        key = (KEY, meta.namespace, meta.name)
        path = paths.cgu(meta.namespace, meta.name)
        if meta.deletion_timestamp is None:
            self._submit(_deletion(key, path, meta.uid, rollout), meta.resource_version)
        elif talm.FINALIZER in meta.finalizers:
            left = [finalizer for finalizer in meta.finalizers if finalizer != talm.FINALIZER]
            body = {"metadata": {"finalizers": left}}
            self._submit(_patch(key, path, meta, rollout, body), meta.resource_version)

    def _submit(self, write: Write, version: str) -> None:
        """Submits the write once per version that the hub shows, and again after a refusal."""
        asked = self._asked.setdefault(write.owner, {})
        known = asked.get(write.key)
        if known is None or known.version != version or known.again <= self._now():
            asked[write.key] = _RemovalRequest(version)
            self._writer.submit(write)

    # -- in the background ---------------------------------------------------------------------

    def _begin(self, rollout: Rollout, task: Coroutine[None, None, None]) -> None:
        """Starts a background task, at most one per rollout; its end triggers the rollout's next
        turn."""
        if rollout.uid in self._busy:
            task.close()
            return
        self._busy.add(rollout.uid)
        self._tasks.create_task(self._run(rollout, task))

    async def _run(self, rollout: Rollout, task: Coroutine[None, None, None]) -> None:
        try:
            with attributed_to(rollout.uid):
                await task
        except HubError as error:
            log.warning("can't adopt yet", rollout=rollout.full_name, error=str(error))
            await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._busy.discard(rollout.uid)
        self._touch(rollout.uid)

    async def _templates(self, tracked: TrackedRollout) -> None:
        """Deletes the templates that TALM made for this IBGU, and returns once none is left."""
        rollout = tracked.rollout
        actions = {action for item in rollout.spec.plan for action in item.actions}
        left = {talm.template_name(rollout.name, action) for action in actions}
        while left:
            held = self._facts.talm_hold_in(rollout.namespace)
            if held or not may_remove(tracked.rollout):
                return
            for name in sorted(left):
                if await self._template_gone(rollout, name):
                    left.discard(name)
            await asyncio.sleep(CHECK if left else 0)
        self._cleared.add(rollout.uid)

    async def _template_gone(self, rollout: Rollout, name: str) -> bool:
        path = paths.work_replica_set(rollout.namespace, name)
        try:
            meta = (await self._client.get(path, _Template)).metadata
        except HubError as error:
            if error.not_found:
                return True
            raise
        if rollout.uid not in {owner.uid for owner in meta.owner_references}:
            return True
        if meta.deletion_timestamp is None:
            key = (KEY, rollout.namespace, "template", name)
            self._submit(_deletion(key, path, meta.uid, rollout), meta.resource_version)
        return meta.deletion_timestamp is not None


def _active(cgu: ClusterGroupUpgrade) -> bool:
    """Whether TALM may work on it. Its finalizer comes first; one that has none would be gone at
    once, and with it the trace of its works."""
    return cgu.metadata.deletion_timestamp is None and bool(cgu.metadata.finalizers)


def _deletion(key: tuple[str, ...], path: str, uid: str, rollout: Rollout) -> Write:
    """Returns the deletion of this object only, by a precondition on its uid."""
    body = json.encode({"preconditions": {"uid": uid}})
    return Write(key=key, method="DELETE", path=path, body=body, owner=rollout.uid)


def _patch(
    key: tuple[str, ...],
    path: str,
    found: TalmWork | ClusterGroupUpgradeMeta,
    rollout: Rollout,
    body: JsonObject,
) -> Write:
    """Returns a merge patch that applies only to the version that was seen."""
    meta = {"uid": found.uid, "resourceVersion": found.resource_version}
    merged = {**body, "metadata": {**body.get("metadata", {}), **meta}}
    return Write(
        key=key,
        method="PATCH",
        path=path,
        body=json.encode(merged),
        content_type=paths.MERGE_PATCH,
        owner=rollout.uid,
    )
