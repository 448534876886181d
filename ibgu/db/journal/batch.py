"""Turns a changeset into the rows that one transaction writes."""

from collections.abc import Collection
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.model import (
    Decision,
    Kind,
    Member,
    OnMember,
    OnPendingPatch,
    OnRollout,
    OnStep,
    PendingPatch,
    Preempt,
    RecordedDecision,
    Rollout,
    Run,
    Step,
)
from ibgu.core.model.start_facts import Labels
from ibgu.db.journal.changeset import Changeset, MemberKey, concerns


class Batch(Struct):
    """Batch holds the last record of each key; dicts keep one row per key, so that one statement
    can write all."""

    rollouts: dict[str, Rollout] = {}
    steps: dict[tuple[str, int], Step] = {}
    members: dict[MemberKey, Member] = {}
    runs: dict[str, tuple[Member, Run]] = {}
    pending_patches: dict[str, PendingPatch] = {}
    taken: list[Member] = []
    freed: list[Member] = []
    judged: set[tuple[str, int]] = set()
    """The steps with a new record of preflight. It may name thousands of clusters, and the journal
    has that of the other steps already."""
    recorded: list[RecordedDecision] = []

    @property
    def empty(self) -> bool:
        return not any(getattr(self, field) for field in self.__struct_fields__)

    def add(self, decision: Decision) -> None:
        match decision:
            case OnMember(member=member):
                self.members[member.key] = member
                if member.run:
                    self.runs[member.run.id] = (member, member.run)
            case OnStep(step=step):
                self.steps[step.key] = step
                if decision.kind is Kind.PREFLIGHT:
                    self.judged.add(step.key)
            case OnRollout(rollout=rollout):
                self.rollouts[rollout.uid] = rollout
            case OnPendingPatch(kind=Kind.LABELS_UNCHANGED):
                pass
            case OnPendingPatch(pending=pending):
                self.pending_patches[pending.uid] = pending
            case Preempt():
                return
            case _:
                assert_never(decision)
        if not decision.kind.silent:
            self.recorded.append(decision)

    @property
    def closed_runs(self) -> list[tuple[Member, Run]]:
        """Runs that need no claim."""
        return [pair for pair in self.runs.values() if not needs_claim(pair[1])]

    @property
    def open_runs(self) -> list[tuple[Member, Run]]:
        return [pair for pair in self.runs.values() if needs_claim(pair[1])]


def needs_claim(run: Run) -> bool:
    """Returns whether the run is open or its work may still be armed (as in the column
    `runs.claim_uid`)."""
    return run.open or not run.disarmed


def gather(changeset: Changeset, without: Collection[MemberKey]) -> Batch:
    """Returns the turn's rows, without those of the members in `without`. What a start among these
    would have recorded of other clusters, the next one records: it rests on that, too."""
    batch, unrecorded = Batch(), dict[str, Labels | None]()
    for decision in changeset.decisions:
        facts = decision.facts if isinstance(decision, OnMember) else None
        beside = facts.beside if facts is not None else None
        if concerns(decision, without):
            unrecorded |= beside or {}
            continue
        if unrecorded and isinstance(decision, OnMember) and facts and beside is not None:
            facts = replace(facts, beside={**unrecorded, **beside})
            decision, unrecorded = replace(decision, facts=facts), {}
        batch.add(decision)
    batch.taken = [member for member in changeset.taken if member.key not in without]
    batch.freed = [member for member in changeset.freed if member.key not in without]
    return batch
