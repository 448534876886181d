"""Writes the IBGU's status: coalesced, at most once a second, slower as it grows, and slower still
while it has nothing new to say of the rollout as a whole."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from msgspec import Struct, json

from ibgu.controller.clock import Clock
from ibgu.controller.effects.refusals import Refusals
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import Quarantine
from ibgu.core.engine.gates import internal_error
from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.model import Rollout, names
from ibgu.core.model.kinds import Condition, JsonObject, RolloutObject
from ibgu.core.views.status import (
    OPTIONAL_FIELDS,
    Headline,
    StatusListing,
    headline_of,
    held_status,
    status_of,
)
from ibgu.flowcontrol.fair import interleaved
from ibgu.hub import paths
from ibgu.hub.decode import decode_answer
from ibgu.hub.errors import HubError
from ibgu.hub.watching.store import version_of
from ibgu.hub.writing.writer import Write, Writer, WriteResult

TICK = 0.1
"""Seconds between two flushes while a status is due."""
BATCH_LIMIT = 50
"""Statuses per flush at most: meanwhile the process does nothing else."""
BATCH_MEMBERS = 1_000
"""Members of a flush's rollouts, after which the others wait for the next one. To build the first
status after a start takes some 10 us a member."""
PER_BYTE = 1 / 100_000
"""Additional delay in seconds per byte of a status: building it costs CPU, written or not."""
HUB_PER_BYTE = 1 / 5_000
"""The same between two writes with one headline: a byte of a status costs the API server about a
microsecond of CPU, so that a status takes no more than a two-hundredth of a core."""
MAX_WAIT = 30.0
"""Seconds between two such writes at most."""


class _StatusView(Struct, frozen=True):
    conditions: list[Condition] = []


class _Sent(Struct, frozen=True):
    """The status that was sent last."""

    headline: Headline
    next_at: datetime
    """When one with the same headline may follow."""
    pace: timedelta
    """How long another headline may be unnoticed."""


class Statuses:
    """Statuses builds and writes the status of each IBGU that is due, and keeps what it wrote last:
    the same body is not sent twice, and what someone else wrote is overwritten."""

    def __init__(
        self,
        mirror: Mirror,
        payloads: Payloads,
        clock: Clock,
        writer: Writer,
        quarantine: Quarantine,
        *,
        served: frozenset[str],
        committed: Callable[[], bool],
        talm_live: Callable[[], bool],
        rng: Random,
    ) -> None:
        """`served`: optional status fields that the hub's CRD declares. `committed`: whether the
        FleetState is in the journal. While it is not, no status is written: a start takes a status
        that is ahead of the journal as proof that the journal was lost. `talm_live`: whether a
        live TALM is on the hub: then none is written, not even one that was due (R20.1)."""
        self._mirror = mirror
        self._payloads = payloads
        self._clock = clock
        self._writer = writer
        self._quarantine = quarantine
        self._served = served
        self._committed = committed
        self._talm_live = talm_live
        self._dirty: dict[str, datetime] = {}
        self._written: dict[str, bytes] = {}
        self._sent: dict[str, _Sent] = {}
        self._answered: dict[str, RolloutObject] = {}
        self._due: dict[str, datetime] = {}
        self._listings: dict[str, StatusListing] = {}
        self._refusals = Refusals(rng)
        self._changed = asyncio.Event()

    def mark_due(self, rollout: str) -> None:
        now = self._clock.now()
        self._dirty[rollout] = max(now, self._due.get(rollout, now))
        self._changed.set()

    def forget(self, rollout: str) -> None:
        """Drops what is kept of an IBGU that is gone."""
        for kept in (self._written, self._sent, self._answered, self._due, self._listings):
            kept.pop(rollout, None)
        self._refusals.forget(_key(rollout))

    async def run(self, fleet: FleetState) -> None:
        while True:
            if not self._dirty:
                self._changed.clear()
                await self._changed.wait()
            await asyncio.sleep(TICK)
            self.flush(fleet)

    def flush(self, fleet: FleetState) -> None:
        now = self._clock.now()
        if self._talm_live():
            self._dirty.clear()
            return
        if not self._committed():
            return
        due = [uid for uid, due in self._dirty.items() if due <= now]
        members = 0
        for uid in interleaved(due, fleet.namespace_of)[:BATCH_LIMIT]:
            del self._dirty[uid]
            tracked = fleet.rollouts.get(uid) or self._unreadable(uid, now)
            if tracked is not None:
                with self._quarantine.best_effort(uid):
                    self._write(tracked, now)
                members += sum(len(step.members) for step in tracked.steps)
            if members >= BATCH_MEMBERS:
                return

    def _unreadable(self, uid: str, now: datetime) -> TrackedRollout | None:
        """Returns what the status of a rollout is made of that can't be read: its hold alone."""
        found = self._mirror.rollout_object(uid)
        if found is None or uid not in self._quarantine:
            return None
        meta, words = found.metadata, self._quarantine.error_of(uid)
        return TrackedRollout(
            Rollout(
                uid=uid,
                namespace=meta.namespace,
                name=meta.name,
                created_at=now,
                kind=found.kind,
                spec=found.spec,
                generation=meta.generation,
                hold=internal_error(words, now),
            )
        )

    def _write(self, tracked: TrackedRollout, now: datetime) -> None:
        """Submits the status if it differs from the last one; the next may follow after a second,
        later the longer the status is, and much later if its headline is the same."""
        rollout = tracked.rollout
        found = self._mirror.rollout_object(rollout.uid)
        if found is None or self._waits(tracked, found, now):
            return
        status = self._status(tracked, found, now)
        body = json.encode({"metadata": {"uid": rollout.uid}, "status": status})
        cost = len(body) * PER_BYTE
        written = self._written.get(rollout.uid)
        if written == body:
            self._due[rollout.uid] = now + timedelta(seconds=cost)
            return
        if written is None and _shows(found, body):
            # Written before a restart: still ours, so others' changes are overwritten.
            self._written[rollout.uid], self._answered[rollout.uid] = body, found
            return
        self._due[rollout.uid] = now + timedelta(seconds=1 + cost)
        self._send(tracked, found, body, now)

    def _waits(self, tracked: TrackedRollout, found: RolloutObject, now: datetime) -> bool:
        """Returns whether the status has the headline of the one that was sent last, and follows it
        too soon: the larger it is, the later. Then it is due by then, and not even built."""
        uid = tracked.rollout.uid
        sent = self._sent.get(uid) if uid in self._written else None
        if sent is None or now >= sent.next_at or uid in self._quarantine:
            return False
        if sent.headline != self._headline(tracked, found, now):
            return False
        self._due[uid] = now + sent.pace
        self._dirty[uid] = sent.next_at
        return True

    def _headline(self, tracked: TrackedRollout, found: RolloutObject, now: datetime) -> Headline:
        payload = self._payloads.state(tracked.rollout.uid)
        return headline_of(tracked, payload, found.metadata.annotations, now)

    def _send(
        self, tracked: TrackedRollout, found: RolloutObject, body: bytes, now: datetime
    ) -> None:
        uid = tracked.rollout.uid
        # The status of a quarantined rollout is not what the headline is made of.
        size = 0 if uid in self._quarantine else len(body)
        next_at = now + timedelta(seconds=min(1 + size * HUB_PER_BYTE, MAX_WAIT))
        pace = timedelta(seconds=1 + len(body) * PER_BYTE)
        self._sent[uid] = _Sent(self._headline(tracked, found, now), next_at, pace)
        self._written[uid] = body
        self._writer.submit(_status_write(tracked, body))

    def _status(self, tracked: TrackedRollout, found: RolloutObject, now: datetime) -> JsonObject:
        uid, shown = tracked.rollout.uid, _conditions(found)
        served = self._served if tracked.rollout.kind == names.IBGU else OPTIONAL_FIELDS
        if uid in self._quarantine:
            return held_status(tracked, shown, served, now)
        payload, annotations = self._payloads.state(uid), found.metadata.annotations
        listing = self._listings.setdefault(uid, StatusListing())
        return status_of(*(tracked, payload, shown, served, now, listing, annotations))

    def answered(self, result: WriteResult) -> bool:
        """Handles the response to a status write; a failed one is built and written again, with
        backoff after a refusal. Returns True for a new refusal, which someone should know of."""
        uid, error = result.write.owner, result.error
        if self._mirror.rollout_object(uid) is None:
            return False
        if result.body is not None:
            self._taken(uid, result.body)
            return False
        if result.superseded and self._writer.queued(result.write.key):
            return False  # a newer one has taken its place
        self._written.pop(uid, None)
        is_new = error is not None and not result.superseded and self._put_off(uid, error)
        if error is None or not error.not_found:
            self.mark_due(uid)
        return is_new

    def _taken(self, uid: str, body: bytes) -> None:
        self._refusals.forget(_key(uid))
        answer = decode_answer(body, RolloutObject)
        if answer is not None:
            self._answered[uid] = answer
            self.seen(uid)

    def _put_off(self, uid: str, error: HubError) -> bool:
        """Delays the next write; returns whether the refusal differs in kind. Its message may
        differ each time (by the size, for example)."""
        key, kind = _key(uid), f"{error.status} {error.reason}"
        before = self._refusals.refusal(*key)
        self._refusals.note(key, kind)
        self._due[uid] = self._clock.now() + timedelta(seconds=self._refusals.left(key))
        return kind != before

    def seen(self, rollout: str) -> None:
        """Overwrites a changed status on the hub that is not ours.

        While a write is in progress its author is unclear; the response calls this again.
        """
        ours, shown = self._answered.get(rollout), self._mirror.rollout_object(rollout)
        if ours is None or shown is None or self._writer.pending(_key(rollout)):
            return
        if version_of(shown) > version_of(ours) and shown.status != ours.status:
            self._written.pop(rollout, None)
            self.mark_due(rollout)


def _key(rollout: str) -> tuple[str, ...]:
    return ("status", rollout)


def _shows(found: RolloutObject, body: bytes) -> bool:
    shown = decode_answer(found.status, dict[str, Any])
    status: JsonObject = json.decode(body)["status"]
    return shown == {key: value for key, value in status.items() if value is not None}


def _conditions(found: RolloutObject) -> list[Condition]:
    """Returns the conditions shown; empty if the status is malformed: ours then replaces it."""
    known = decode_answer(found.status, _StatusView)
    return known.conditions if known else []


def _status_write(tracked: TrackedRollout, body: bytes) -> Write:
    """Returns a merge patch. The API server applies it whatever the uid: a status that hits another
    object of the same name is overwritten by that object's rollout (`Statuses.seen`)."""
    rollout = tracked.rollout
    return Write(
        key=_key(rollout.uid),
        method="PATCH",
        path=paths.rollout_status(rollout.kind, rollout.namespace, rollout.name),
        body=body,
        content_type=paths.MERGE_PATCH,
        owner=rollout.uid,
    )
