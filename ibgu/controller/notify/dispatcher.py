"""Follows the journal for one receiver, notifies it in order, and saves a cursor."""

import asyncio
from random import Random
from typing import NoReturn

import structlog
from msgspec import Struct
from msgspec.structs import replace

from ibgu.controller.notify.delivery_status import DeliveryStatus
from ibgu.controller.notify.secrets import SecretUnavailable
from ibgu.controller.notify.sending import Sender, sender
from ibgu.core.drivers import KIND_TEXTS
from ibgu.core.notify import (
    READ,
    REPEAT_AFTER,
    DeliveryResponse,
    Format,
    NotificationRequest,
    NotificationState,
    Receiver,
    advance,
    overdue,
    pause,
    request_of,
    request_of_alerts,
    wanted,
)
from ibgu.core.notify.message import Message, without_quotes
from ibgu.db.errors import JournalUnavailable, LeadershipLost
from ibgu.db.notify import Cursor, Cursors, UnreadableMemory
from ibgu.db.reads import Reads
from ibgu.db.reads.feed import FactPage

log = structlog.get_logger("ibgu.notify")

POLL = 2.0
"""Seconds between two reads of the journal."""
SAVE = 10.0
"""Seconds between two saves of the cursor while nothing is sent: facts that are read twice make the
same messages again."""
RETRY = 5.0
"""Seconds until a retry after an error that is not the receiver's."""
REFUSALS = 3
"""Refusals of one message in a row after which it is also sent without quoted words."""
REOPEN = 5
"""Attempts in a row without any answer after which the connection is made again: the file of
trusted certificates may have changed."""


class _ReopenDue(Exception):
    """_ReopenDue ends a connection that does not get through."""


class DispatchContext(Struct, frozen=True):
    """DispatchContext holds what all dispatchers share."""

    hub: str
    reads: Reads
    cursors: Cursors
    rng: Random


class Dispatcher:
    def __init__(self, receiver: Receiver, context: DispatchContext, epoch: int) -> None:
        self._receiver = receiver
        self._context = context
        self._epoch = epoch
        self._trouble = DeliveryStatus(receiver.name)
        self._cursor: Cursor | None = None
        """The cursor in memory; ahead of the journal's while the journal is away, so that nothing
        is sent twice without need."""
        self._saved = (Cursor(0, NotificationState()), 0.0)
        self._failures = 0
        self._alerted = 0.0
        self._delivered_ids: set[str] = set()
        """The messages since the cursor that a new connection must not bring again."""

    async def run(self) -> None:
        """Notifies until cancelled or until another controller leads. Nothing else ends it."""
        try:
            while True:
                try:
                    async with sender(self._receiver) as way:
                        await self._follow(way)
                except LeadershipLost:
                    return
                except _ReopenDue:
                    continue
                except (JournalUnavailable, SecretUnavailable) as error:
                    self._trouble.stuck(str(error))
                except Exception as error:
                    # An error in here must not end the lead, and its message may quote a secret.
                    self._trouble.stuck(f"{type(error).__name__} in following the journal")
                    log.debug("following the journal", exc_info=error)
                await asyncio.sleep(RETRY)
        finally:
            self._trouble.over()

    async def _follow(self, way: Sender) -> NoReturn:
        context = self._context
        cursor = self._cursor or await self._load() or await self._begin()
        while True:
            feed = await context.reads.feed(cursor.seq, READ)
            cursor = self._cursor = await self._deal(feed, cursor, way)
            await self._save_at_times(cursor)
            self._trouble.follows()
            if not feed.more:
                await asyncio.sleep(POLL)

    async def _load(self) -> Cursor | None:
        """Returns the receiver's cursor; None if it has none. What can't be read of it is made
        again from the events."""
        try:
            return await self._context.cursors.load(self._receiver.name)
        except UnreadableMemory as error:
            log.warning("makes the memory of a receiver again", error=str(error))
            return await self._remembered(error.seq)

    async def _remembered(self, upto: int | None = None) -> Cursor:
        """Returns a cursor at that event (None: at the newest): unfinished rollouts are read for
        what has to be remembered."""
        reads = self._context.reads
        first = await reads.first_unfinished()
        seq = first - 1 if first else await reads.last_seq()
        memory, more = NotificationState(), True
        while more:
            feed = await reads.feed(seq, READ)
            for fact in feed.facts:
                if upto is not None and fact.seq > upto:
                    return Cursor(upto, memory)
                memory, _ = advance(KIND_TEXTS, memory, fact)
            seq, more = feed.upto, feed.more
        return Cursor(seq if upto is None else upto, memory)

    async def _begin(self) -> Cursor:
        """Returns the first cursor of a new receiver: it is notified from now on."""
        cursor = await self._remembered()
        await self._save(cursor)
        name, seq = self._receiver.name, cursor.seq
        log.info("a new receiver gets notifications from now on", receiver=name, after=seq)
        return cursor

    async def _deal(self, feed: FactPage, cursor: Cursor, way: Sender) -> Cursor:
        for fact in feed.facts:
            memory, messages = advance(KIND_TEXTS, cursor.memory, fact)
            cursor = await self._deliver(messages, Cursor(fact.seq, memory), way)
        cursor = Cursor(feed.upto, cursor.memory)
        if feed.more:
            return cursor
        memory, messages = overdue(cursor.memory, feed.now, self._receiver.patience)
        cursor = await self._deliver(messages, Cursor(feed.upto, memory), way)
        return await self._alert(feed, cursor, way)

    # -- messages ------------------------------------------------------------------------------

    async def _deliver(self, messages: tuple[Message, ...], after: Cursor, way: Sender) -> Cursor:
        """Delivers the messages, however long that takes."""
        to = self._receiver
        if to.format is Format.ALERTMANAGER:
            return after
        handlers = [message for message in messages if to.wants(message)]
        for message in handlers:
            if message.id not in self._delivered_ids:
                await self._deliver_one(message, way)
                self._delivered_ids.add(message.id)
        if handlers:
            self._delivered_ids.clear()
            self._cursor = after
            await self._save(after)
        return after

    async def _deliver_one(self, message: Message, way: Sender) -> None:
        """Delivers the message. If the receiver goes on refusing it, each try is followed by one
        without quoted words, so that nobody's words keep the later messages from it."""
        full, plain = (
            request_of(each, self._receiver, self._context.hub)
            for each in (message, without_quotes(message))
        )
        refused = 0
        while True:
            answer = await way.send(full)
            refused = refused + 1 if answer.may_refuse_content else 0
            if refused >= REFUSALS and (await way.send(plain)).delivered:
                self._trouble.delivered_without_quotes(message.id)
                self._failures = 0
                return
            if await self._settled(answer, full):
                return

    async def _delivered(self, sent: NotificationRequest, way: Sender) -> bool:
        """Tries to deliver once; returns False, after a pause, if another try is due."""
        return await self._settled(await way.send(sent), sent)

    async def _settled(self, answer: DeliveryResponse, sent: NotificationRequest) -> bool:
        """Returns whether the answer ends the tries, after a pause if it does not. Raises
        _ReopenDue."""
        if answer.delivered:
            self._failures = 0
            self._trouble.delivered()
            return True
        self._failures += 1
        status = f"{answer.status} " if answer.status else ""
        self._trouble.wrong(f"{status}{answer.words}", sent.at)
        await asyncio.sleep(pause(self._failures, answer, self._context.rng.random()))
        if not answer.status and self._failures % REOPEN == 0:
            raise _ReopenDue
        return False

    # -- alerts --------------------------------------------------------------------------------

    async def _alert(self, feed: FactPage, cursor: Cursor, way: Sender) -> Cursor:
        """Sends the alerts that hold now; after a failure the next round sends those that hold
        then."""
        if self._receiver.format is not Format.ALERTMANAGER:
            return cursor
        memory, clock = cursor.memory, asyncio.get_running_loop().time()
        fires = wanted(memory, self._receiver, self._context.hub, feed.now)
        again = bool(fires) and clock - self._alerted >= REPEAT_AFTER.total_seconds()
        if fires == memory.firing and not again:
            return cursor
        if not await self._delivered(request_of_alerts(fires, memory.firing, feed.now), way):
            return cursor
        self._alerted = clock
        updated = Cursor(cursor.seq, replace(memory, firing=fires))
        if updated != cursor:
            self._cursor = updated
            await self._save(updated)
        return updated

    # -- the cursor ----------------------------------------------------------------------------

    async def _save_at_times(self, cursor: Cursor) -> None:
        saved, when = self._saved
        if cursor != saved and asyncio.get_running_loop().time() - when >= SAVE:
            await self._save(cursor)

    async def _save(self, cursor: Cursor) -> None:
        await self._context.cursors.save(self._receiver.name, cursor, self._epoch)
        self._saved = (cursor, asyncio.get_running_loop().time())
