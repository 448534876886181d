"""Invariants that hold after every cycle, whatever happens."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from msgspec import to_builtins

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.driver import JudgementKind
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import (
    Decision,
    Kind,
    Member,
    MemberState,
    OnMember,
    OnRollout,
    OnStep,
    Outcome,
    Reason,
    ReasonKind,
    RunResult,
    RunState,
)
from tests.core.engine.decide.fleet import InMemoryEngine

WAITING = {
    ReasonKind.SLOT,
    ReasonKind.CLAIM,
    ReasonKind.PREEMPTING,
    ReasonKind.UNREACHABLE,
    ReasonKind.REBOOTING,
    ReasonKind.PROBING,
    ReasonKind.READY,
    ReasonKind.START_JITTER,
    ReasonKind.NO_ANSWER,
    ReasonKind.BUSY,
    ReasonKind.ABSENT,
    ReasonKind.WRONG_STATE,
    ReasonKind.TERMINATING,
    ReasonKind.REOPENING,
    ReasonKind.FORBIDDEN,
    ReasonKind.MALFORMED,
    ReasonKind.UNBOUND,
    ReasonKind.GATE,
    ReasonKind.WARNING,
    ReasonKind.PREFLIGHT,
    ReasonKind.INVALID_PLAN,
    ReasonKind.PAUSED,
    ReasonKind.TALM,
    ReasonKind.ADOPTION,
    ReasonKind.ADOPTING,
    ReasonKind.TALM_WORK,
    ReasonKind.RESTORED,
}
INSIDE_CHAIN = {
    ReasonKind.CIRCUIT_BREAKER,
    ReasonKind.SEED_BREAKER,
    ReasonKind.FAILURE_BUDGET,
    ReasonKind.SEEDS_UNKNOWN,
    ReasonKind.PREFLIGHT_PLAN,
    ReasonKind.PREFLIGHT_PENDING,
    ReasonKind.BACKUP_NOT_POSSIBLE,
}
"""They keep members from the next action of a chain, also one that has lost its slot before it."""
IN_FLIGHT = INSIDE_CHAIN | {
    ReasonKind.PREPARING,
    ReasonKind.ARMING,
    ReasonKind.APPLY_ERROR,
    ReasonKind.REFUSED,
    ReasonKind.PAYLOAD_ERROR,
    ReasonKind.RUNNING,
    ReasonKind.REBOOTING,
    ReasonKind.DIVERGED,
    ReasonKind.SOAKING,
    ReasonKind.DISARMING,
    ReasonKind.FORBIDDEN,
    ReasonKind.MALFORMED,
    ReasonKind.UNREACHABLE,
    ReasonKind.BUSY,
    ReasonKind.TALM_WORK,
    ReasonKind.RESTORED,
    ReasonKind.GATE,
    ReasonKind.WARNING,
    ReasonKind.PREFLIGHT,
}
ORDER = list(RunState)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def reasons_of(member: Member) -> set[ReasonKind]:
    """The reasons that a member in its state may have."""
    if member.state is MemberState.IN_FLIGHT:
        return IN_FLIGHT
    return WAITING | INSIDE_CHAIN if member.action_index else WAITING


def picture(fleet: FleetState) -> dict[str, Any]:
    """Everything in it, as plain data, except members, which are immutable."""
    return {
        "books": {uid: _tracked(tracked) for uid, tracked in fleet.rollouts.items()},
        "claims": {uid: to_builtins(holder) for uid, holder in fleet.claims.items()},
        "debts": {uid: to_builtins(pending) for uid, pending in fleet.pending_patches.items()},
        "pending": {name: sorted(uids) for name, uids in fleet.pending_uids.items()},
        "foreign": sorted(fleet.foreign_runs),
        "cancellers": {k: to_builtins(v) for k, v in fleet.cancellers.items() if v},
        "preempts": dict(fleet.preempts),
        "left": {uid: dict(members) for uid, members in fleet.occupancy.left.items()},
        "starts": list(fleet.starts.recent(LONG_AGO)),
        "last starts": {uid: fleet.starts.last(uid) for uid in fleet.rollouts},
        "rollouts": {name: sorted(uids) for name, uids in fleet.rollouts_of.items() if uids},
    }


def _tracked(tracked: Any) -> list[Any]:
    steps = [
        {
            "step": to_builtins(step.step),
            "members": dict(step.members),
            "queue": list(step.queue),
            "in flight": sorted(step.in_flight),
            "watched": sorted(step.watched),
            "reopening": sorted(step.reopening),
            "slots": dict(step.slots),
            "ends": [to_builtins(end) for end in step.ends],
            "counts": {key: count for key, count in step.counts.items() if count},
        }
        for step in tracked.steps
    ]
    return [to_builtins(tracked.rollout), steps]


class Invariants:
    """Installed in an engine; every turn is checked, before and after its decisions apply."""

    def __init__(self, engine: InMemoryEngine) -> None:
        self.engine = engine
        self.before: dict[str, Any] = {}
        self.hold: Reason | None = None
        self.members: dict[tuple[str, int, str], Member] = {}
        self.outcomes: dict[tuple[str, int, str], Outcome | None] = {}
        engine.watchers.append(self)

    def deciding(self) -> None:
        self.before = picture(self.engine.fleet)

    def decided(self, snapshot: Snapshot, decisions: Iterable[Decision]) -> None:
        assert picture(self.engine.fleet) == self.before, "decide changed the world"
        self.hold = snapshot.tracked.rollout.hold
        found = {each.step.index: each.step.preflight for each in snapshot.tracked.steps}
        for decision in decisions:
            if isinstance(decision, OnStep):
                # The journal writes preflight's record with this kind of decision alone.
                step = decision.step
                if decision.kind is not Kind.PREFLIGHT:
                    assert step.preflight == found.get(step.index)
                found[step.index] = step.preflight
            if isinstance(decision, OnRollout):
                self.hold = decision.rollout.hold
            elif isinstance(decision, OnMember):
                self._said(snapshot, decision)

    def turned(self) -> None:
        held: Counter[str] = Counter()
        for tracked in self.engine.fleet.rollouts.values():
            for step in tracked.steps:
                self._step(step)
                held.update(m.uid for m in step.members.values() if m.slot is not None)
        assert all(count == 1 for count in held.values()), held
        assert set(held) == set(self.engine.fleet.claims)
        self._armed_once()
        self._jobs()

    def _step(self, step: Any) -> None:
        bound = step.step.max_concurrency
        holding = {m.slot: m.cluster for m in step.members.values() if m.slot is not None}
        assert holding == step.slots
        assert len(step.slots) <= bound
        assert all(1 <= slot <= bound for slot in step.slots)
        for member in step.members.values():
            self._member(member)

    def _member(self, member: Member) -> None:
        run = member.run
        assert (member.state is MemberState.IN_FLIGHT) == (member.slot is not None)
        assert (member.outcome is not None) == member.finished
        assert member.finished or member.reason.kind in reasons_of(member), member
        if member.state is MemberState.IN_FLIGHT:
            assert run is not None
        elif run is not None:
            assert not run.open
            assert run.disarmed, "a claim was freed before the work was disarmed"
        if member.finished:
            known = self.outcomes.setdefault(member.key, member.outcome)
            assert known is member.outcome, "a finished member has changed"

    def _armed_once(self) -> None:
        armed = Counter(
            name
            for (_, name), work in self.engine.works.items()
            if work.wanted.armed and not work.terminating and not work.edited
        )
        assert all(count == 1 for count in armed.values()), armed

    def _jobs(self) -> None:
        """A Job is on the hub while its run has the cluster, or is on its way out."""
        for (uid, name), work in self.engine.jobs.items():
            tracked = self.engine.fleet.rollouts.get(uid)
            member = tracked.latest(name) if tracked else None
            if member is not None and not work.terminating:
                run = member.run
                needed = run is not None and (run.open or not run.disarmed)
                assert needed or self.engine.job_writes

    def _said(self, snapshot: Snapshot, decision: OnMember) -> None:
        member, before = decision.member, self.members.get(decision.member.key)
        self.members[member.key] = member
        if decision.kind is Kind.RUN_INTENDED:
            self._start(snapshot, member, before)
        elif before and before.run and member.run and before.run.id == member.run.id:
            reopened = decision.kind is Kind.RUN_REOPENED
            forward = ORDER.index(member.run.state) >= ORDER.index(before.run.state)
            assert forward or reopened, (before.run, member.run)

    def _start(self, snapshot: Snapshot, member: Member, before: Member | None) -> None:
        """The cluster was probed, and is in the state that the action needs (R8.1)."""
        run = member.run
        assert run is not None
        seen = snapshot.observe(member.cluster)
        work = seen.stage
        assert seen.cluster is not None
        assert seen.cluster.reachable
        assert work is not None
        assert work.up_to_date
        assert work.feedback is not None
        found = snapshot.driver.judge(work.feedback, run.action, snapshot.tracked.rollout)
        assert found.kind is JudgementKind.STARTABLE, found
        looked = member.probe is not None and member.probe.id in work.feedback.probes
        assert looked or member.step > 0 or run.attempt > 1
        assert self.hold is None or member.completed or member.part_at
        if before is not None and before.run is not None:
            result = before.run.result
            over = result is RunResult.WITHDRAWN or (result is not None and result.success)
            assert over, "started again what had ended"

    # -- at the end ------------------------------------------------------------------------

    def at_rest(self) -> None:
        """Nothing is left over once everything is quiet."""
        fleet = self.engine.fleet
        assert not fleet.claims
        assert not fleet.preempts
        assert not self.engine.jobs, "a Job's work is left"
        assert not any(work.wanted.armed for work in self.engine.works.values() if not work.edited)
        for spoke in self.engine.spokes.values():
            runs = Counter(run for run, _ in spoke.executed if run)
            assert all(count == 1 for count in runs.values()), "an action was executed twice"


def executed(engine: InMemoryEngine, name: str) -> list[Action | str]:
    """Returns what runs did on the cluster, in order: its stages."""
    return [stage for run, stage in engine.spokes[name].executed if run]
