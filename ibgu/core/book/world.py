"""Everything in memory: the rollouts' books, and what they share."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from msgspec import Struct

from ibgu.core.book.step import StepBook
from ibgu.core.model import (
    Debt,
    Decision,
    Member,
    OnDebt,
    OnMember,
    OnRollout,
    OnStep,
    Preempt,
    Rollout,
    Step,
    StepState,
)

Undo = Callable[[], object]


class Book:
    """One rollout: its record and its steps, each with its members."""

    def __init__(self, rollout: Rollout) -> None:
        self.rollout = rollout
        self.steps: list[StepBook] = []

    @property
    def current(self) -> StepBook | None:
        """The step that runs or opens; None before the first and after the last one."""
        if self.steps and self.steps[-1].step.state is not StepState.FINISHED:
            return self.steps[-1]
        return None

    def latest(self, cluster: str) -> Member | None:
        """The cluster's member in the newest step that has it."""
        found = (step.members.get(cluster) for step in reversed(self.steps))
        return next((member for member in found if member), None)

    def unfinished(self) -> Iterator[Member]:
        for step in self.steps:
            if step.unfinished:
                yield from (m for m in step.members.values() if not m.finished)

    def watched(self) -> Iterator[Member]:
        for step in self.steps:
            yield from (step.members[name] for name in step.watched)


class Canceller(Struct, frozen=True):
    """A step that begins with Abort or Rollback, seen from a cluster of it (R6)."""

    age: tuple[object, str]
    rollout: str
    name: str


class Holder(Struct, frozen=True):
    rollout: str
    step: int
    cluster: str


class World:
    def __init__(self) -> None:
        self.books: dict[str, Book] = {}
        self.holds: dict[str, Holder] = {}
        """By ManagedCluster uid: who has the claim (R6)."""
        self.debts: dict[str, Debt] = {}
        """By ManagedCluster uid."""
        self.run_ids: set[str] = set()
        self.cancellers: dict[str, list[Canceller]] = {}
        """By ManagedCluster uid, oldest rollout first."""
        self.preempts: dict[str, str] = {}
        """By ManagedCluster uid: namespace/name of the canceller whose slot reached it."""
        self.rollouts_of: dict[str, set[str]] = {}
        """By cluster name: the rollouts that have or had it as a member."""

    # -- filling ---------------------------------------------------------------------------

    def load(
        self,
        rollouts: Iterable[Rollout],
        steps: Iterable[Step],
        members: Iterable[Member],
        debts: Iterable[Debt],
        run_ids: Iterable[str],
    ) -> None:
        """Fill an empty world from the journal's records; steps come in order."""
        for rollout in rollouts:
            self._put_rollout(rollout)
        for step in steps:
            self._put_step(step)
        for member in members:
            self._put_member(member)
        self.debts = {debt.uid: debt for debt in debts}
        self.run_ids.update(run_ids)

    def apply(self, decision: Decision) -> Undo:
        """Make it so in memory; the answer takes it back."""
        match decision:
            case OnMember(member=member):
                return self._put_member(member)
            case OnStep(step=step):
                return self._put_step(step)
            case OnRollout(rollout=rollout):
                return self._put_rollout(rollout)
            case OnDebt(debt=debt):
                return self._put_debt(debt)
            case Preempt(uid=uid, by=by):
                return self._put_preempt(uid, by)

    @contextmanager
    def draft(self) -> Iterator[list[Undo]]:
        """What is applied inside (its undo appended to the list) is taken back at the end."""
        undo: list[Undo] = []
        try:
            yield undo
        finally:
            for step in reversed(undo):
                step()

    def forget(self, uid: str) -> None:
        """Drop a deleted rollout that has nothing left to do; its cancels stay in force."""
        del self.books[uid]
        for rollouts in self.rollouts_of.values():
            rollouts.discard(uid)

    # -- asking ----------------------------------------------------------------------------

    def canceller(self, member: Member) -> Canceller | None:
        """The newer rollout that took this cluster from the member's rollout (R6)."""
        mine = self.books[member.rollout].rollout.age
        found = self.cancellers.get(member.uid, ())
        return next((c for c in found if c.age > mine and c.rollout != member.rollout), None)

    def barred(self, rollout: Rollout) -> set[str]:
        """uids of the clusters that a newer rollout has cancelled for this one."""
        return {
            uid
            for uid, found in self.cancellers.items()
            if any(c.age > rollout.age and c.rollout != rollout.uid for c in found)
        }

    def step_of(self, member: Member) -> StepBook:
        return self.books[member.rollout].steps[member.step]

    # -- changing, each with its undo ------------------------------------------------------

    def _put_rollout(self, rollout: Rollout) -> Undo:
        book = self.books.get(rollout.uid)
        if book is None:
            self.books[rollout.uid] = Book(rollout)
            return partial(self.books.pop, rollout.uid)
        before, book.rollout = book.rollout, rollout
        return partial(setattr, book, "rollout", before)

    def _put_step(self, step: Step) -> Undo:
        steps = self.books[step.rollout].steps
        if step.index == len(steps):
            steps.append(StepBook(step))
            return steps.pop
        book = steps[step.index]
        before, book.step = book.step, step
        return partial(setattr, book, "step", before)

    def _put_member(self, member: Member) -> Undo:
        book = self.step_of(member)
        before = book.put(member)
        self.rollouts_of.setdefault(member.cluster, set()).add(member.rollout)
        if member.run:
            self.run_ids.add(member.run.id)
        self._claim(before, member)
        if before is None:
            return self._join(book, member)
        return partial(self._put_member, before)

    def _join(self, book: StepBook, member: Member) -> Undo:
        if not book.step.first.cancels:
            return partial(book.remove, member.cluster)
        rollout = self.books[member.rollout].rollout
        mine = Canceller(rollout.age, rollout.uid, rollout.full_name)
        found = self.cancellers.setdefault(member.uid, [])
        found.append(mine)

        def undo() -> None:
            found.remove(mine)
            book.remove(member.cluster)

        return undo

    def _claim(self, before: Member | None, member: Member) -> None:
        mine = Holder(member.rollout, member.step, member.cluster)
        if member.slot is not None:
            self.holds[member.uid] = mine
        elif before and before.slot is not None and self.holds.get(member.uid) == mine:
            del self.holds[member.uid]
            self.preempts.pop(member.uid, None)

    def _put_debt(self, debt: Debt) -> Undo:
        before = self.debts.pop(debt.uid, None)
        if not debt.empty:
            self.debts[debt.uid] = debt
        if before is None:
            return partial(self.debts.pop, debt.uid, None)
        return partial(self._put_debt, before)

    def _put_preempt(self, uid: str, by: str) -> Undo:
        self.preempts[uid] = by
        return partial(self.preempts.pop, uid, None)
