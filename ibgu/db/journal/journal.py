"""Keeps the journal: what ibgu decided, committed before it is done (R29)."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec import Struct, to_builtins
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.core.model.rollout_policy import RolloutPolicy
from ibgu.core.recover import Versions
from ibgu.db.engine import at_one_moment, raw
from ibgu.db.errors import ReloadNeeded, is_answer, is_refused, is_transient, unavailable_from
from ibgu.db.journal.batch import Batch, gather
from ibgu.db.journal.changeset import Changeset, Loaded, MemberKey, rollout_of
from ibgu.db.journal.deletion import BATCH, DeletedHistory, forget_rollouts
from ibgu.db.journal.fencing import ascend, landed, newest, not_begun, note
from ibgu.db.journal.load import NewestToAct, foreign_runs, newest_to_act
from ibgu.db.journal.policies import JournaledPolicy, note_policies, policies_in_force
from ibgu.db.journal.read_ahead import ReadAhead, read_ahead, still
from ibgu.db.journal.unreadable import find_unreadable, load_readable
from ibgu.db.journal.write import write

FORGOTTEN = 5000
"""The most events that one transaction deletes."""
_FORGET = text("SELECT ibgu_forget_events(:hub, :at, :most)")


class _UnconfirmedTurn(Struct, frozen=True):
    """_UnconfirmedTurn is a turn that was sent and has no response."""

    changeset: Changeset
    lost: frozenset[MemberKey]
    number: int


class Journal:
    """Journal is one hub's journal; call `lead` before the first `commit`. Commits run one at a
    time."""

    def __init__(self, engine: AsyncEngine, hub: str, name: str = "") -> None:
        """`hub` is the uid of its namespace kube-system, `name` is for people."""
        self._engine = engine
        self._hub = hub
        self._name = name
        self._epoch = 0
        self._number: int | None = None
        """The number of the hub's newest turn, as this leader has read or written it."""
        self._doubt: _UnconfirmedTurn | None = None
        self._ahead: ReadAhead | None = None
        self._busy = asyncio.Lock()

    async def lead(self, holder: str) -> int:
        """Begins a new epoch and returns it; every journal of an older one is deposed from then on.
        Raises SchemaMismatch if the tables are not this version's, JournalUnavailable."""
        async with self._busy:
            with unavailable_from("taking the lead"):
                async with self._engine.begin() as db:
                    self._epoch = await ascend(db, self._hub, self._name, holder)
            self._number = self._doubt = None
            return self._epoch

    async def now(self) -> datetime:
        """Returns the time by the database's clock."""
        with unavailable_from("reading its clock"):
            async with self._engine.connect() as db:
                now: datetime = (await db.execute(select(func.clock_timestamp()))).scalar_one()
                return now

    async def forget(self, before: datetime, most: int = FORGOTTEN) -> int:
        """Deletes the oldest events, at most so many, if they are older than `before`; returns how
        many. Needs no lead, since repeating it finds nothing. Raises JournalUnavailable."""
        with unavailable_from("forgetting old events"):
            async with self._engine.begin() as db:
                found = await db.execute(_FORGET, {"hub": self._hub, "at": before, "most": most})
                return int(found.scalar_one())

    async def forget_rollouts(
        self, before: datetime, kept: Collection[str] = (), most: int = BATCH
    ) -> DeletedHistory:
        """Deletes some records of rollouts whose IBGU is gone since before `before`, and which
        nothing needs any more; counts what went, and nothing once all is done. `kept`: uids of
        rollouts that stay. Raises LeadershipLost, JournalUnavailable."""
        with unavailable_from("forgetting old rollouts"):
            return await forget_rollouts(self._engine, self._hub, self._epoch, before, kept, most)

    async def load_ahead(self) -> None:
        """Loads, without a lead, what the first `load` returns unless a turn is committed until
        then. Raises JournalUnavailable."""
        async with self._busy:
            with unavailable_from("loading the journal"):
                async with at_one_moment(self._engine) as db:
                    self._ahead = await read_ahead(db, self._hub)

    def forget_ahead(self) -> None:
        """Frees what was loaded ahead: a whole journal in memory, useless without a lead."""
        self._ahead = None

    async def load(self, wanted: Collection[str] = (), shown: Collection[str] = ()) -> Loaded:
        """Loads the journal. `wanted`: uids of rollouts to include although nothing is left to do;
        `shown`: the runs that works on the hub carry. Raises JournalUnavailable, and
        UnreadableJournal if what can't be read belongs to no rollout."""
        async with self._busy:
            with unavailable_from("loading the journal"):
                return await self._load(wanted, shown)

    async def _load(self, wanted: Collection[str], shown: Collection[str]) -> Loaded:
        if self._doubt:
            await self._landed(self._doubt)
        ahead, self._ahead = self._ahead, None
        async with at_one_moment(self._engine) as db:
            last = await newest(db, self._hub)
            if ahead is not None and ahead.last == last and not wanted:
                loaded = await still(db, self._hub, ahead.loaded, shown)
            else:
                loaded = await load_readable(db, self._hub, wanted, shown)
            self._number = last.changeset if last else None
        self._doubt = None
        return loaded

    async def unreadable(self, among: Collection[str]) -> set[str]:
        """Returns those of the rollouts, by uid, that still have records which can't be read.
        Raises JournalUnavailable."""
        with unavailable_from("looking for what can't be read"):
            async with at_one_moment(self._engine) as db:
                return set(await find_unreadable(db, self._hub, among))

    async def foreign_runs(self, shown: Collection[str]) -> frozenset[str]:
        """Returns the ids that no run of this hub ever had. Raises JournalUnavailable."""
        with unavailable_from("looking for runs"):
            async with self._engine.connect() as db:
                return await foreign_runs(db, self._hub, shown)

    async def newest_to_act(self) -> NewestToAct:
        """Returns which rollout was the newest to act on each cluster. Raises
        JournalUnavailable."""
        with unavailable_from("looking for the newest rollout of each cluster"):
            async with self._engine.connect() as db:
                return await newest_to_act(db, self._hub)

    async def note(self, versions: Versions) -> None:
        """Records the newest resourceVersions seen, for the next start. Raises LeadershipLost,
        JournalUnavailable."""
        async with self._busy:
            with unavailable_from("noting the hub's versions"):
                async with self._engine.begin() as db:
                    await note(db, self._hub, self._epoch, to_builtins(versions))

    async def note_policies(self, policies: Sequence[RolloutPolicy]) -> None:
        """Records that these policies are in force from now on, and no others. Raises
        LeadershipLost, JournalUnavailable."""
        async with self._busy:
            with unavailable_from("noting the policies"):
                async with self._engine.begin() as db:
                    await note_policies(db, self._hub, self._epoch, policies)

    async def policies_in_force(self) -> list[JournaledPolicy]:
        """Returns the policies that were noted last, by name. Raises JournalUnavailable."""
        with unavailable_from("reading the policies"):
            async with self._engine.connect() as db:
                return await policies_in_force(db, self._hub)

    async def commit(self, changeset: Changeset) -> frozenset[MemberKey]:
        """Writes the turn, all or nothing, except members whose claim is another's; returns the
        keys of those. Raises LeadershipLost (nothing was written), JournalUnavailable (commit the
        same turn again), ReloadNeeded."""
        async with self._busy:
            with unavailable_from("writing decisions"):
                return await self._commit(changeset)

    async def refused(self, changeset: Changeset) -> dict[str, Exception]:
        """Returns the rollouts, by uid, whose part of the turn Postgres would refuse also without
        the others, each with the error. Nothing is written. Raises JournalUnavailable."""
        async with self._busy:
            with unavailable_from("looking for what it refuses"):
                number = await self._newest() + 1
                found = {}
                for uid in dict.fromkeys(map(rollout_of, changeset.decisions)):
                    error = await self._refusal(changeset.of_rollout(uid), number)
                    if error is not None:
                        found[uid] = error
                return found

    async def _refusal(self, changeset: Changeset, number: int) -> Exception | None:
        async with raw(self._engine) as db:
            trial = db.transaction()
            await trial.start()
            try:
                batch = gather(changeset, ())
                await write(db, self._hub, self._epoch, number, batch, changeset.at)
            except Exception as error:
                if not is_refused(error):
                    raise
                return error
            finally:
                await trial.rollback()
        return None

    async def _commit(self, changeset: Changeset) -> frozenset[MemberKey]:
        if doubt := self._doubt:
            if await self._landed(doubt):
                return self._answer_late(doubt, changeset)
            self._doubt = None
        return await self._write_without_lost_claims(changeset)

    async def _write_without_lost_claims(self, changeset: Changeset) -> frozenset[MemberKey]:
        """Writes the turn, again without the members whose claim was refused: a refusal undoes all
        of it."""
        lost: frozenset[MemberKey] = frozenset()
        while not (batch := gather(changeset, lost)).empty:
            refused = await self._attempt(changeset, lost, batch)
            if not refused:
                break
            lost |= refused
        return lost

    async def _attempt(
        self, changeset: Changeset, lost: frozenset[MemberKey], batch: Batch
    ) -> frozenset[MemberKey]:
        doubt = _UnconfirmedTurn(changeset, lost, await self._newest() + 1)
        refused = await self._tried(doubt, batch)
        if refused is None:
            async with self._engine.connect() as db:
                raise await not_begun(db, self._hub, self._epoch, doubt.number)
        return refused

    async def _tried(self, doubt: _UnconfirmedTurn, batch: Batch) -> frozenset[MemberKey] | None:
        try:
            return await self._sent(doubt, batch)
        except Exception as error:
            if not is_transient(error):
                raise
            return await self._sent(doubt, batch)

    async def _sent(self, doubt: _UnconfirmedTurn, batch: Batch) -> frozenset[MemberKey] | None:
        """Sends the turn; it stays in doubt until there is a response. A lost connection is
        none."""
        async with raw(self._engine) as db:
            self._doubt = doubt
            try:
                refused = await write(
                    db, self._hub, self._epoch, doubt.number, batch, doubt.changeset.at
                )
            except Exception as error:
                if is_answer(error):
                    self._doubt = None
                raise
            self._doubt = None
            if refused == frozenset():
                self._number = doubt.number
            return refused

    async def _newest(self) -> int:
        """Returns the number of the turn that was written last."""
        if self._number is None:
            async with self._engine.connect() as db:
                last = await newest(db, self._hub)
            self._number = last.changeset if last else 0
        return self._number

    async def _landed(self, doubt: _UnconfirmedTurn) -> bool:
        async with self._engine.connect() as db:
            return await landed(db, self._hub, self._epoch, doubt.number)

    def _answer_late(self, doubt: _UnconfirmedTurn, changeset: Changeset) -> frozenset[MemberKey]:
        if changeset is not doubt.changeset:
            raise ReloadNeeded(
                f"turn {doubt.number} of hub {self._hub} was written though the answer was lost; "
                "load the journal before the next commit"
            )
        self._number, self._doubt = doubt.number, None
        return doubt.lost
