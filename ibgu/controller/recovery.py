"""At the start of leading: do journal and hub belong together, or was one of them restored?

All is well: one pass over the mirror in memory, and no request. What looks like a restore is
compared again with fresh lists first, because a standby's mirror may be a moment behind.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial

import structlog

from ibgu.controller.aside import Aside, about, storing
from ibgu.controller.commit import Draft, Ledger
from ibgu.controller.mirror import Mirror
from ibgu.controller.watches import Watches
from ibgu.core.book import World
from ibgu.core.kinds import Ibgu
from ibgu.core.model import Decision, RolloutState
from ibgu.core.recover import (
    Found,
    Versions,
    behind,
    find,
    generation_back,
    hold_all,
    lost,
    rebuild,
    returned,
    runs_back,
    versions_back,
)
from ibgu.db.journal import Journal, Loaded

log = structlog.get_logger("ibgu.recovery")


def found_of(mirror: Mirror, obj: Ibgu) -> Found:
    """All that the hub shows of the IBGU's rollout."""
    return find(obj, mirror.works_of(obj.metadata.uid), mirror.cluster)


class WentBack(Exception):
    """The hub was restored while this controller leads: it has to begin anew."""


class Recovery:
    def __init__(
        self,
        journal: Journal,
        ledger: Ledger,
        mirror: Mirror,
        watches: Watches,
        aside: Aside,
        *,
        across_namespaces: bool,
    ) -> None:
        """`across_namespaces`: whom steps cancel that open from now on."""
        self._journal = journal
        self._ledger = ledger
        self._mirror = mirror
        self._watches = watches
        self._aside = aside
        self._across_namespaces = across_namespaces

    async def load(self, now: datetime, proof: str = "") -> tuple[World, list[Decision]]:
        """The journal's world, brought up to what the hub shows, and what was decided for that.

        `proof`: that the hub was restored, where that is known already.
        """
        world, versions = await self._read()
        if proof or self._proof(world, versions):
            await self._watches.relist()
            world, versions = await self._read()
            proof = proof or self._proof(world, versions)
        self._mirror.went_back = ""
        if proof:
            world, decisions = await self._hold(proof, now)
        else:
            decisions = []
        decisions += await self._import(world, now)
        return world, decisions

    async def _read(self, wanted: Iterable[str] = ()) -> tuple[World, Versions]:
        """Again where works came to carry other runs meanwhile: of those nobody was asked, and
        what was not asked for is not told from what the journal knows."""
        chosen = frozenset(wanted)
        while True:
            shown = self._mirror.runs()
            loaded = await self._ledger.survive(partial(self._journal.load, chosen, shown))
            if self._mirror.runs() <= shown:
                return _world(loaded, self._across_namespaces), loaded.versions

    # -- the hub went back -----------------------------------------------------------------

    def _proof(self, world: World, versions: Versions) -> str:
        return next(self._proofs(world, versions), "")

    def _proofs(self, world: World, versions: Versions) -> Iterator[str]:
        yield from versions_back(versions, self._mirror.versions())
        deleted = world.deleted
        for found in self._mirror.ibgus:
            yield from returned(found, deleted)
        for uid, book in world.books.items():
            shown = self._mirror.ibgu(uid)
            if shown is not None and uid not in self._aside:
                with about(uid):
                    yield from generation_back(book, shown)
                    yield from runs_back(book, self._mirror.works_of(uid), world.foreign_runs)

    async def _hold(self, proof: str, now: datetime) -> tuple[World, list[Decision]]:
        """With the rollouts that the journal had done with, if the restore brought them back."""
        ibgus = {found.metadata.uid: found for found in self._mirror.ibgus}
        world, _ = await self._read(ibgus)
        log.error("the hub was restored from a backup", proof=proof)
        books = list(world.books.values())
        held = hold_all(books, ibgus, proof, now)
        owed = lost(books, world.debts, self._mirror.cluster)
        return world, await self._commit(_taken(world, [*held, *owed]), now)

    # -- the journal is behind -------------------------------------------------------------

    async def _import(self, world: World, now: datetime) -> list[Decision]:
        said: list[Decision] = []
        for found in list(self._mirror.ibgus):
            if found.metadata.uid not in self._aside:
                with about(found.metadata.uid):
                    draft = _taken(world, self._rebuilt(world, found, now))
                with storing(found.metadata.uid):
                    said += await self._commit(draft, now)
        return said

    def _rebuilt(self, world: World, found: Ibgu, now: datetime) -> list[Decision]:
        """Empty: the journal knows all that the hub shows of it."""
        seen = found_of(self._mirror, found)
        why = self._unknown(world, seen)
        if not why:
            return []
        rollout = world.books[found.metadata.uid].rollout
        log.error("the journal is behind the hub", rollout=rollout.full_name, why=why)
        return list(rebuild(rollout, seen, world, why, now))

    def _unknown(self, world: World, seen: Found) -> str:
        book = world.books.get(seen.object.metadata.uid)
        if book is None or book.rollout.state is RolloutState.DELETED:
            return ""
        return behind(book, seen, world.foreign_runs)

    async def _commit(self, draft: Draft, now: datetime) -> list[Decision]:
        if draft.decisions:
            await self._ledger.commit(draft, now)
        return draft.decisions


def _taken(world: World, decisions: Iterable[Decision]) -> Draft:
    draft = Draft(world)
    for decision in decisions:
        draft.take(decision)
    return draft


def _world(loaded: Loaded, across_namespaces: bool) -> World:
    world = World(across_namespaces=across_namespaces)
    world.load(
        loaded.rollouts,
        loaded.steps,
        loaded.members,
        loaded.debts,
        loaded.foreign_runs,
        loaded.handled,
        loaded.started,
    )
    return world
