"""The IBGU's status on the hub: coalesced, at most once a second, slower as it grows."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, json

from ibgu.controller.clock import Clock
from ibgu.controller.denials import Refusals
from ibgu.controller.mirror import Mirror
from ibgu.controller.payloads import Payloads
from ibgu.controller.quarantine import Quarantine
from ibgu.core.fleet import FleetState, TrackedRollout
from ibgu.core.kinds import Condition, Ibgu, JsonObject
from ibgu.core.status import Listing, held_status, status_of
from ibgu.hub import paths
from ibgu.hub.decode import decode_answer
from ibgu.hub.errors import HubError
from ibgu.hub.fair import interleaved
from ibgu.hub.store import version_of
from ibgu.hub.writer import Write, Writer, WriteResult

TICK = 0.1
"""Seconds between two looks at what has to be written, while there is something."""
AT_ONCE = 50
"""Statuses that are made at a time: meanwhile nothing else is done."""
PER_BYTE = 1 / 100_000
"""Seconds that a status waits more, for each byte it has: to make one costs CPU, written or not."""


class _StatusView(Struct, frozen=True):
    conditions: list[Condition] = []


class Statuses:
    def __init__(
        self,
        mirror: Mirror,
        payloads: Payloads,
        clock: Clock,
        writer: Writer,
        quarantine: Quarantine,
        *,
        served: frozenset[str],
        settled: Callable[[], bool],
    ) -> None:
        """`served`: optional status fields that the hub's CRD declares. `settled`: what the world
        tells is in the journal. Where it is not, nothing is written: a start takes a status that
        tells more than the journal for the proof that the journal was lost."""
        self._mirror = mirror
        self._payloads = payloads
        self._clock = clock
        self._writer = writer
        self._quarantine = quarantine
        self._served = served
        self._settled = settled
        self._dirty: dict[str, datetime] = {}
        self._written: dict[str, bytes] = {}
        self._answered: dict[str, Ibgu] = {}
        self._due: dict[str, datetime] = {}
        self._listings: dict[str, Listing] = {}
        self._refusals = Refusals()
        self._touched = asyncio.Event()
        self.writes_suspended = False
        """A live TALM is on the hub: nothing is written, not what was due before either (R20.1)."""

    def touch(self, rollout: str) -> None:
        now = self._clock.now()
        self._dirty[rollout] = max(now, self._due.get(rollout, now))
        self._touched.set()

    def forget(self, rollout: str) -> None:
        """The IBGU is gone, and with it its status."""
        for kept in (self._written, self._answered, self._due, self._listings):
            kept.pop(rollout, None)
        self._refusals.forget(_key(rollout))

    async def run(self, fleet: FleetState) -> None:
        try:
            while True:
                if not self._dirty:
                    self._touched.clear()
                    await self._touched.wait()
                await asyncio.sleep(TICK)
                self.flush(fleet)
        finally:
            self._listings.clear()  # they hold the books of a world that is over

    def flush(self, fleet: FleetState) -> None:
        now = self._clock.now()
        if self.writes_suspended:
            self._dirty.clear()
            return
        if not self._settled():
            return
        due = [uid for uid, due in self._dirty.items() if due <= now]
        for uid in interleaved(due, fleet.namespace_of)[:AT_ONCE]:
            del self._dirty[uid]
            if uid in fleet.rollouts:
                with self._quarantine.best_effort(uid):
                    self._write(fleet.rollouts[uid], now)

    def _write(self, tracked: TrackedRollout, now: datetime) -> None:
        rollout = tracked.rollout
        found = self._mirror.ibgu(rollout.uid)
        if found is None:
            return
        status = self._status(tracked, found, now)
        body = json.encode({"metadata": {"uid": rollout.uid}, "status": status})
        cost = len(body) * PER_BYTE
        written = self._written.get(rollout.uid)
        if written == body:
            self._due[rollout.uid] = now + timedelta(seconds=cost)
            return
        if written is None and _shows(found, body):
            # Written before a restart: ours all the same, and to be written over if it changes.
            self._written[rollout.uid], self._answered[rollout.uid] = body, found
            return
        self._written[rollout.uid] = body
        self._due[rollout.uid] = now + timedelta(seconds=1 + cost)
        self._writer.submit(_status_write(tracked, body))

    def _status(self, tracked: TrackedRollout, found: Ibgu, now: datetime) -> JsonObject:
        uid, shown = tracked.rollout.uid, _conditions(found)
        if uid in self._quarantine:
            return held_status(tracked, shown, self._served, now)
        payload, annotations = self._payloads.state(uid), found.metadata.annotations
        listing = self._listings.setdefault(uid, Listing())
        return status_of(*(tracked, payload, shown, self._served, now, listing, annotations))

    def answered(self, result: WriteResult) -> bool:
        """A status that was not written is written anew, from what is so by then; after a refusal
        ever more seldom. True: it was refused, and not so before; somebody should know."""
        uid, error = result.write.owner, result.error
        if self._mirror.ibgu(uid) is None:
            return False
        if result.body is not None:
            self._taken(uid, result.body)
            return False
        if result.superseded and self._writer.queued(result.write.key):
            return False  # a newer one has taken its place
        self._written.pop(uid, None)
        handlers = error is not None and not result.superseded and self._put_off(uid, error)
        if error is None or not error.not_found:
            self.touch(uid)
        return handlers

    def _taken(self, uid: str, body: bytes) -> None:
        self._refusals.forget(_key(uid))
        answer = decode_answer(body, Ibgu)
        if answer is not None:
            self._answered[uid] = answer
            self.seen(uid)

    def _put_off(self, uid: str, error: HubError) -> bool:
        """The words may differ each time (how large it was); what the answer is does not."""
        key, kind = _key(uid), f"{error.status} {error.reason}"
        before = self._refusals.words(*key)
        self._refusals.note(key, kind)
        self._due[uid] = self._clock.now() + timedelta(seconds=self._refusals.left(key))
        return kind != before

    def seen(self, rollout: str) -> None:
        """The hub shows another status than before: one that is not ours is written over.

        While a write is on its way nobody can tell whose it is; its answer brings us here again.
        """
        ours, shown = self._answered.get(rollout), self._mirror.ibgu(rollout)
        if ours is None or shown is None or self._writer.pending(_key(rollout)):
            return
        if version_of(shown) > version_of(ours) and shown.status != ours.status:
            self._written.pop(rollout, None)
            self.touch(rollout)


def _key(rollout: str) -> tuple[str, ...]:
    return ("status", rollout)


def _shows(found: Ibgu, body: bytes) -> bool:
    shown = decode_answer(found.status, dict[str, Any])
    status: JsonObject = json.decode(body)["status"]
    return shown == {key: value for key, value in status.items() if value is not None}


def _conditions(found: Ibgu) -> list[Condition]:
    """None where somebody has written what is no status: ours then replaces it."""
    known = decode_answer(found.status, _StatusView)
    return known.conditions if known else []


def _status_write(tracked: TrackedRollout, body: bytes) -> Write:
    """By merge patch. The API server takes it whatever the uid is: what hits another object of
    the same name is written over by that one's own rollout (`Statuses.seen`)."""
    rollout = tracked.rollout
    return Write(
        key=_key(rollout.uid),
        method="PATCH",
        path=paths.ibgu_status(rollout.namespace, rollout.name),
        body=body,
        content_type=paths.MERGE_PATCH,
        owner=rollout.uid,
    )
