"""Watches the RolloutPolicies of the hub, and brings them into force (R50)."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from typing import Unpack

import structlog
from msgspec.structs import replace

from ibgu.controller.lookups.watching import WatchingLookup, WatchOptions
from ibgu.core.model.kinds import ObjectMeta
from ibgu.core.model.rollout_policy import PolicyState, RolloutPolicy
from ibgu.core.text.harmless import one_line
from ibgu.db.errors import JournalUnavailable
from ibgu.db.journal import Journal
from ibgu.hub import paths
from ibgu.hub.decode import BadObject, HasMetadata
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.hub.watching.store import Key, Store

log = structlog.get_logger("ibgu.controller")

UNREAD = "ibgu has not read the RolloutPolicies yet, so nothing new starts"
FORBIDDEN = (
    "ibgu may not list RolloutPolicies, so nothing new starts; give the controller the ClusterRole "
    "ibgu-controller of this version"
)
UNSERVED = (
    "RolloutPolicies were in force and the hub does not serve their kind any more, so nothing new "
    "starts; install charts/ibgu/crds/rolloutpolicies.yaml again, and delete the policies if you "
    "want none"
)
MAX_PROBLEM = 300
"""Characters of why a policy can't be read; the words may quote what someone has written."""
SERVED_INTERVAL = 60.0
"""Seconds between two questions whether the hub serves the kind by now."""
RETRY = 1.0
"""Seconds between two attempts to journal the policies while Postgres is away."""
_UNSEEN = "its content can't be read"
_PLURAL = paths.resource(paths.ROLLOUT_POLICIES)
_NONE = PolicyState()


class RolloutPolicies(WatchingLookup):
    """RolloutPolicies follows the hub's policies from the controller's start. They are in force
    once the leading term has journaled them. An interrupted watch keeps what was read last."""

    def __init__(
        self, client: Hub, journal: Journal, *, served: bool, **options: Unpack[WatchOptions]
    ) -> None:
        """`served`: the hub serves RolloutPolicies; if it does not, it may later."""
        super().__init__(client, served=served, served_interval=SERVED_INTERVAL, **options)
        self.changed = asyncio.Event()
        """Set whenever what is in force, or should be, may have changed."""
        self._journal = journal
        self._unread = UNREAD
        """Why the hub's policies are not known; empty: they were read."""
        self._journaled: tuple[RolloutPolicy, ...] | None = None
        """What this term has journaled; None: nothing yet."""
        self._left_in_force = True
        """Whether the journal has policies in force that the hub does not serve; so until it is
        read."""
        self._state = PolicyState(problem=UNREAD)
        self._policies = PolicyStore(self._read)
        self._follow(paths.ROLLOUT_POLICIES, RolloutPolicy, self._policies)

    async def begin(self) -> None:
        """Brings what was read into force for a term that begins; nothing is from the last one.
        Raises LeadershipLost, JournalUnavailable."""
        self._journaled, self._left_in_force = None, True
        self._update()
        await self._bring_into_force()

    async def report(self, changed: Callable[[], None]) -> None:
        """Brings changes into force, and calls `changed` whenever what holds has changed. While the
        journal is away, what was in force stays so. Raises LeadershipLost."""
        reported, away = None, False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY if away else None):
                    await self.changed.wait()
            self.changed.clear()
            try:
                await self._bring_into_force()
                away = False
            except JournalUnavailable as error:
                away = True
                self._warn("policies are not in force yet", _PLURAL, error)
            if self._state is not reported:
                reported = self._state
                changed()

    def state(self) -> PolicyState:
        """Returns what is in force; the same object until that changes."""
        return self._state

    async def _bring_into_force(self) -> None:
        if not self._served:
            left = await self._journal.policies_in_force()
            self._left_in_force = bool(left or self._policies.unreadable())
        elif not self._unread:
            found = self._policies.in_order()
            if found != self._journaled:
                if self._journaled is None:
                    await self._warn_of_lost(found)
                await self._journal.note_policies(found)
                self._journaled = found
                log.info("policies in force", names=[each.metadata.name for each in found])
        self._update()

    async def _warn_of_lost(self, found: Collection[RolloutPolicy]) -> None:
        """Warns of policies that went while no controller of this hub was watching: somebody has
        deleted them, or the hub was restored or installed again without them."""
        there = {each.metadata.uid for each in found}
        before = await self._journal.policies_in_force()
        if lost := [each.name for each in before if each.uid not in there]:
            log.warning("policies that were in force are not on the hub any more", names=lost)

    def _update(self) -> None:
        """Renews the state, as an object of its own only if it differs."""
        found = self._found()
        if found != self._state:
            self._state = found
            self.changed.set()

    def _found(self) -> PolicyState:
        if not self._served:
            return PolicyState(problem=UNSERVED) if self._left_in_force else _NONE
        if self._unread or self._journaled is None:
            return PolicyState(problem=self._unread or UNREAD)
        return PolicyState(self._journaled, self._policies.unreadable())

    def _installed(self) -> None:
        # A policy that is written once the kind is installed must not be ignored.
        self._update()

    def _read(self, *, listed: bool) -> None:
        """Takes over what the hub has shown. `listed`: all of it."""
        if listed:
            self._served, self._unread = True, ""
        self._update()
        self.changed.set()

    def _failed(self, error: HubError) -> None:
        if error.status == 403:
            self._unread = FORBIDDEN
        elif error.not_found:
            self._served, self._unread = False, UNREAD
            if self._journaled is not None:
                self._left_in_force = bool(self._journaled or self._policies.unreadable())
            self.changed.set()
        self._update()

    def _bad(self, plural: str, bad: BadObject) -> None:
        log.error("malformed RolloutPolicy holds all rollouts", error=str(bad))
        self._policies.refuse(bad)


class PolicyStore(Store[RolloutPolicy]):
    """PolicyStore also keeps the names of policies that can't be read, until they can or are gone.
    Their last good version stays beside them."""

    def __init__(self, read: Callable[..., None]) -> None:
        super().__init__()
        self._read = read
        self._unreadable: dict[str, str] = {}

    def in_order(self) -> tuple[RolloutPolicy, ...]:
        """Returns the policies by name, with nothing but their identity and spec: a label of a
        policy changes nothing."""
        return tuple(map(_bare, sorted(self, key=lambda each: each.metadata.name)))

    def unreadable(self) -> tuple[tuple[str, str], ...]:
        return tuple(sorted(self._unreadable.items()))

    def refuse(self, bad: BadObject) -> None:
        # A watch names the object in the event's line, a list only the object.
        problem = bad.problem.replace("`$.object.", "`$.")
        self._unreadable[bad.metadata.name] = one_line(problem)[:MAX_PROBLEM]
        self._read(listed=False)

    def replace(
        self,
        items: Iterable[RolloutPolicy],
        resource_version: str,
        *,
        unread: Collection[Key] = (),
    ) -> None:
        super().replace(items, resource_version, unread=unread)
        # A version that was reported before is not reported again.
        self._unreadable = {name: self._unreadable.get(name, _UNSEEN) for _, name in unread}
        self._read(listed=True)

    def upsert(self, obj: RolloutPolicy) -> None:
        super().upsert(obj)
        self._unreadable.pop(obj.metadata.name, None)
        self._read(listed=False)

    def delete(self, obj: HasMetadata) -> None:
        super().delete(obj)
        self._unreadable.pop(obj.metadata.name, None)
        self._read(listed=False)


def _bare(policy: RolloutPolicy) -> RolloutPolicy:
    found = policy.metadata
    metadata = ObjectMeta(name=found.name, uid=found.uid, generation=found.generation)
    return replace(policy, metadata=metadata)
