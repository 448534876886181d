"""Writes sparse Events on IBGUs and on ibgu's Lease: what a person wants to read, once."""

from collections.abc import Iterable

from ibgu.controller.clock import Clock
from ibgu.controller.mirror.mirror import Mirror
from ibgu.core.engine.state import FleetState
from ibgu.core.model import (
    Decision,
    Kind,
    OnMember,
    OnPendingPatch,
    OnRollout,
    OnStep,
    Outcome,
    Preempt,
    is_warning,
)
from ibgu.core.model.kinds import ObjectMeta, RolloutObject
from ibgu.core.views.leadership import REMEDY, Leadership
from ibgu.db.journal import rollout_of
from ibgu.hub import paths
from ibgu.hub.writing.events import LEASE, event
from ibgu.hub.writing.writer import Writer

REPORTED = frozenset(
    {
        Kind.ROLLOUT_STARTED,
        Kind.ROLLOUT_COMPLETED,
        Kind.ROLLOUT_RELEASED,
        Kind.PLAN_ACCEPTED,
        Kind.ADOPTED,
        Kind.STEP_STARTED,
        Kind.STEP_RELEASED,
        Kind.STEP_FINISHED,
        Kind.CONTROL,
        Kind.APPROVAL,
        Kind.APPROVAL_ASKED,
        Kind.BREAK_GLASS,
        Kind.COMPLETED_LATE,
    }
)
"""Kinds reported as Normal Events; warnings are reported whatever their kind."""
LEADER_ELECTION = "LeaderElection"
"""The reason of Events on the Lease, as of Kubernetes' own controllers."""
FAILURES = 5
"""Failed clusters per step that get an Event of their own; status and history have the rest."""


class EventWriter:
    def __init__(self, mirror: Mirror, clock: Clock, writer: Writer, *, instance: str) -> None:
        self._mirror = mirror
        self._clock = clock
        self._writer = writer
        self._instance = instance
        self._failures: dict[tuple[str, int], int] = {}

    def forget(self, rollout: str) -> None:
        for step in [step for step in self._failures if step[0] == rollout]:
            del self._failures[step]

    def write(self, fleet: FleetState, decisions: Iterable[Decision]) -> None:
        for decision in decisions:
            if self._is_reported(decision):
                self._write_event(fleet, decision)

    def _is_reported(self, decision: Decision) -> bool:
        match decision:
            case OnPendingPatch() | Preempt():
                return False
            case OnMember(kind=Kind.FINISHED):
                return self._one_of_the_first(decision)
        return is_warning(decision) or decision.kind in REPORTED

    def _one_of_the_first(self, decision: OnMember) -> bool:
        member = decision.member
        if decision.cause is None or member.failed_action is None:
            return False
        step = (member.rollout, member.step)
        self._failures[step] = self._failures.get(step, 0) + 1
        return self._failures[step] <= FAILURES

    def _write_event(self, fleet: FleetState, decision: Decision) -> None:
        rollout = rollout_of(decision)
        found = self._mirror.rollout_object(rollout)
        if (
            found is None
            or rollout not in fleet.rollouts
            or isinstance(decision, (OnPendingPatch, Preempt))
        ):
            return
        now = self._clock.now()
        note = note_of(decision)
        self._writer.submit(
            event(
                found.metadata,
                decision.kind,
                note,
                key=f"{now.isoformat()} {note}",
                now=now,
                instance=self._instance,
                warning=is_warning(decision),
                of=_kind_of(found),
            )
        )

    def leads(self, lease: ObjectMeta, found: Leadership) -> None:
        """Writes one Event per lead on the Lease: a Warning where leadership changes too often."""
        self._writer.submit(
            event(
                lease,
                LEADER_ELECTION,
                f"{found.words}; {REMEDY}" if found.flaps else found.words,
                key=str(found.epoch),
                now=self._clock.now(),
                instance=self._instance,
                warning=found.flaps,
                of=LEASE,
            )
        )

    def warn(self, rollout: str, reason: str, note: str) -> None:
        """Writes a Warning that belongs to no decision; the same words are written once."""
        found = self._mirror.rollout_object(rollout)
        if found is not None:
            self._writer.submit(
                event(
                    found.metadata,
                    reason,
                    note,
                    key=note,
                    now=self._clock.now(),
                    instance=self._instance,
                    warning=True,
                    of=_kind_of(found),
                )
            )


def _kind_of(found: RolloutObject) -> tuple[str, str]:
    return paths.ROLLOUT_KINDS[found.kind][0], found.kind


def note_of(decision: OnRollout | OnStep | OnMember) -> str:
    """Returns the words of the Event: "spoke6: Prep failed: precache job failed"."""
    if not isinstance(decision, OnMember):
        return decision.why
    member, why = decision.member, decision.why
    is_left = decision.kind is Kind.COMPLETED_LATE and decision.cause is not None
    if member.failed_action is None or is_left:
        return f"{member.cluster}: {why}"
    if decision.kind is Kind.FINISHED and member.outcome is Outcome.FAILED:
        failed = f"{member.cluster}: {member.failed_action} failed"
        return failed if why == Outcome.FAILED else f"{failed}: {why}"
    return f"{member.cluster}: {member.failed_action} {why}"
