"""Checks at the start of a lead whether journal and hub belong together, or one of them was
restored.

Normally this is one pass over the mirror in memory, with no request. What looks like a restore is
checked again with fresh lists, because a standby's mirror may be slightly behind.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache, partial

import structlog

from ibgu.controller.loop.commit import Draft, JournalWriter
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.mirror.watches import Watches
from ibgu.controller.quarantine import Quarantine, attributed_to
from ibgu.core.engine.driver import Drivers
from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.model import Decision, OnMember, RolloutState
from ibgu.core.model.kinds import RolloutObject
from ibgu.core.model.names import DISABLE_AUTO_IMPORT, IBGU
from ibgu.core.recover import (
    FoundRollout,
    Versions,
    behind,
    generation_back,
    hold_all,
    left_off,
    lost,
    paused_again,
    rebuild,
    returned,
    runs_back,
    turn_on,
    versions_back,
)
from ibgu.db.journal import Journal, Loaded

log = structlog.get_logger("ibgu.recovery")

STAYS_OFF = (
    "no rollout watches the cluster; once it is out of its upgrade, remove the annotation "
    f"{DISABLE_AUTO_IMPORT} from its ManagedCluster"
)
MAX_ROUNDS = 10
"""The most questions about runs that works carry since the journal was read."""


class Recovery:
    def __init__(
        self,
        drivers: Drivers,
        journal: Journal,
        journal_writer: JournalWriter,
        mirror: Mirror,
        watches: Watches,
        quarantine: Quarantine,
        *,
        across_namespaces: bool,
    ) -> None:
        """`across_namespaces`: whether steps that open from now on preempt rollouts of other
        namespaces."""
        self._drivers = drivers
        self._journal = journal
        self._journal_writer = journal_writer
        self._mirror = mirror
        self._watches = watches
        self._quarantine = quarantine
        self._across_namespaces = across_namespaces

    async def load(self, now: datetime, proof: str = "") -> tuple[FleetState, list[Decision]]:
        """Returns the journal's FleetState, updated to what the hub shows, and the decisions made
        for that.

        `proof`: the proof that the hub was restored, if known already.
        """
        fleet, versions = await self._read()
        if await self._watches.require(_present(fleet)):
            fleet, versions = await self._read()
        if proof or self._proof(fleet, versions):
            await self._watches.relist()
            fleet, versions = await self._read()
            proof = proof or self._proof(fleet, versions)
        self._mirror.restore_handled()
        if proof:
            fleet, decisions = await self._hold(proof, now)
        else:
            decisions = []
        decisions += await self._import(fleet, now)
        decisions += await self._turn_import_on(fleet, now)
        return fleet, decisions

    async def _read(self, wanted: Iterable[str] = ()) -> tuple[FleetState, Versions]:
        """Reads the journal, and asks it about runs that works have come to carry meanwhile:
        nothing would distinguish them from foreign ones."""
        chosen, shown = frozenset(wanted), frozenset(self._mirror.runs())
        loaded = await self._journal_writer.with_retries(partial(self._journal.load, chosen, shown))
        foreign = await self._foreign_since(shown)
        self._quarantine.unreadable(loaded.unreadable)
        fleet = _fleet(loaded, self._across_namespaces)
        fleet.foreign_runs |= foreign
        return fleet, loaded.versions

    async def _foreign_since(self, shown: frozenset[str]) -> frozenset[str]:
        """Returns the foreign ones of the runs that works carry now and did not before. A cluster's
        agent may write new ones for ever: those that are still unknown after some rounds are
        foreign."""
        foreign, asked = frozenset[str](), shown
        for _ in range(MAX_ROUNDS):
            if not (later := self._mirror.runs() - asked):
                return foreign
            foreign |= await self._journal_writer.foreign_runs(later)
            asked |= later
        return foreign | (self._mirror.runs() - asked)

    # -- the hub was restored --------------------------------------------------------------

    def _proof(self, fleet: FleetState, versions: Versions) -> str:
        return next(self._proofs(fleet, versions), "")

    def _proofs(self, fleet: FleetState, versions: Versions) -> Iterator[str]:
        yield from versions_back(versions, self._mirror.versions())
        deleted = fleet.deleted
        for found in self._mirror.objects:
            yield from returned(found, deleted)
        for uid, tracked in fleet.rollouts.items():
            shown = self._mirror.rollout_object(uid)
            if shown is not None and uid not in self._quarantine:
                with attributed_to(uid):
                    yield from generation_back(tracked, shown)
                    yield from runs_back(tracked, self._mirror.works_of(uid), fleet.foreign_runs)

    async def _hold(self, proof: str, now: datetime) -> tuple[FleetState, list[Decision]]:
        """Holds all rollouts, including finished ones that the restore brought back."""
        objects = {found.metadata.uid: found for found in self._mirror.objects}
        fleet, _ = await self._read(objects)
        log.error("the hub was restored from a backup", proof=proof)
        tracked_rollouts = [
            tracked
            for uid, tracked in fleet.rollouts.items()
            if not self._quarantine.untouchable(uid)
        ]
        held = hold_all(tracked_rollouts, objects, proof, now)
        newest = await self._journal_writer.with_retries(self._journal.newest_to_act)
        relabelled = lost(tracked_rollouts, fleet.pending_patches, self._mirror.cluster, newest)
        paused = self._paused_again(tracked_rollouts, objects, now)
        return fleet, await self._commit(_taken(fleet, [*held, *relabelled, *paused]), now)

    def _paused_again(
        self,
        tracked_rollouts: Iterable[TrackedRollout],
        objects: Mapping[str, RolloutObject],
        now: datetime,
    ) -> Iterator[OnMember]:
        for tracked in tracked_rollouts:
            found = objects.get(tracked.rollout.uid)
            if found is not None:
                with attributed_to(tracked.rollout.uid):
                    driver = self._drivers[tracked.rollout.kind]
                    yield from paused_again(driver, tracked, self._mirror.found(found), now)

    # -- the journal is behind -------------------------------------------------------------

    async def _import(self, fleet: FleetState, now: datetime) -> list[Decision]:
        said: list[Decision] = []
        for found in list(self._mirror.objects):
            if found.metadata.uid not in self._quarantine:
                with attributed_to(found.metadata.uid):
                    draft = _taken(fleet, self._rebuilt(fleet, found, now))
                said += await self._commit(draft, now)
        return said

    def _rebuilt(self, fleet: FleetState, found: RolloutObject, now: datetime) -> list[Decision]:
        """Returns the decisions that rebuild the rollout; empty if the journal knows all that the
        hub shows."""
        seen = self._mirror.found(found)
        why = self._unknown(fleet, seen)
        if not why:
            return []
        rollout = fleet.rollouts[found.metadata.uid].rollout
        log.error("the journal is behind the hub", rollout=rollout.full_name, why=why)
        driver = self._drivers[rollout.kind]
        return list(rebuild(driver, rollout, seen, fleet, why, now))

    def _unknown(self, fleet: FleetState, seen: FoundRollout) -> str:
        tracked = fleet.rollouts.get(seen.object.metadata.uid)
        if tracked is None or tracked.rollout.state is RolloutState.DELETED:
            return ""
        return behind(tracked, seen, fleet.foreign_runs)

    # -- automatic import ------------------------------------------------------------------

    async def _turn_import_on(self, fleet: FleetState, now: datetime) -> list[Decision]:
        """Turns automatic import on where nothing else would, and says where that is up to a
        person. While an object can't be read, the rollout may be its."""
        if self._mirror.objects.any_unread:
            return []
        driver, views = self._drivers[IBGU], (found.view for found in self._mirror.clusters)
        works = cache(self._mirror.stage_works)  # one rollout may have left thousands
        over: list[Decision] = []
        for found in left_off(driver, fleet, views, lambda uid, name: works(uid).get(name)):
            if found.rollout not in fleet.rollouts and self._mirror.rollout_object(found.rollout):
                continue
            if found.over:
                over.append(turn_on(found))
            else:
                fields = {"cluster": found.cluster.name, "rollout": found.rollout}
                log.warning("automatic import stays off", do=STAYS_OFF, **fields)
        return await self._commit(_taken(fleet, over), now)

    async def _commit(self, draft: Draft, now: datetime) -> list[Decision]:
        if draft.decisions:
            await self._journal_writer.commit(draft, now)
        return draft.decisions


def _present(fleet: FleetState) -> set[str]:
    """Returns the kinds of the rollouts that were not deleted."""
    found = (tracked.rollout for tracked in fleet.rollouts.values())
    return {each.kind for each in found if each.state is not RolloutState.DELETED}


def _taken(fleet: FleetState, decisions: Iterable[Decision]) -> Draft:
    draft = Draft(fleet)
    for decision in decisions:
        draft.apply(decision)
    return draft


def _fleet(loaded: Loaded, across_namespaces: bool) -> FleetState:
    fleet = FleetState(across_namespaces=across_namespaces)
    fleet.load(
        loaded.rollouts,
        loaded.steps,
        loaded.members,
        loaded.pending_patches,
        loaded.foreign_runs,
        loaded.handled,
        loaded.started,
        loaded.seed_ends,
        loaded.failures,
        loaded.release_changes,
    )
    fleet.keep_claims(loaded.unreadable)
    return fleet
