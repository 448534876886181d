"""The context of one decision cycle: each decision is applied at once, and seen by the next
ones."""

import uuid
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.engine.decide.prerequisites import has_part, lacks
from ibgu.core.engine.driver import Driver, Judgement, JudgementKind
from ibgu.core.engine.state import Apply, FleetState, TrackedRollout, TrackedStep
from ibgu.core.engine.state.snapshot import Consent, Facts, Snapshot, StartingMember
from ibgu.core.engine.works.evidence import judged
from ibgu.core.model import (
    ActingParty,
    ActionName,
    Cause,
    ClusterView,
    Decision,
    FeedbackView,
    InFlight,
    Intended,
    Kind,
    Member,
    Observation,
    OnMember,
    OnRollout,
    OnStep,
    Reason,
    ReasonKind,
    Rollout,
    Step,
    Unfinished,
    names,
    traits,
)
from ibgu.core.model.claims import name_within
from ibgu.core.model.run_transitions import intended_run
from ibgu.core.model.transitions import M, U, give_reason
from ibgu.core.plan.grants import proven
from ibgu.core.text.cut import cut

_PROVEN = frozenset(
    {
        Kind.RUN_INTENDED,
        Kind.RUN_ACCEPTED,
        Kind.RUN_ENDED,
        Kind.RUN_REOPENED,
        Kind.ACTION_SKIPPED,
        Kind.FINISHED,
        Kind.COMPLETED_LATE,
        Kind.AUTO_IMPORT_OFF,
        Kind.RESUME_DUE,
        Kind.RESUMED,
    }
)
"""Kinds that are journaled together with the observation."""
_RUN_IDS = uuid.UUID("6c0f2f0e-8a57-4f0c-9c39-6a6f5b5d1c55")


MEMBERS_PER_CYCLE = 1_000
"""Members that one cycle decides on when a whole rollout is concerned: the loop does nothing else
meanwhile, and a leader has to renew its Lease."""


class DecisionResult(Struct):
    """The decisions of a cycle in order, and when to decide again though nothing has changed.

    `requeue_at` is by cluster name; "" is the rollout itself. `remaining` names the clusters to
    decide on next, because one cycle for all of them would take too long. `joining` holds the
    members of the step that has started. They follow the decisions of the same cycle and are not
    applied yet: there may be thousands, and the caller may yield in between.
    """

    decisions: list[Decision]
    requeue_at: dict[str, datetime]
    remaining: list[str] = []
    joining: list[Decision] = []


class DecisionContext:
    """DecisionContext applies every decision to the draft, and reads members from there."""

    def __init__(self, snapshot: Snapshot, now: datetime, apply: Apply) -> None:
        self.snapshot = snapshot
        self.now = now
        self.before = snapshot.tracked.rollout
        """The rollout as the cycle has found it."""
        self.result = DecisionResult([], {})
        self._apply = apply

    # -- reading ---------------------------------------------------------------------------

    @property
    def fleet(self) -> FleetState:
        return self.snapshot.fleet

    @property
    def tracked(self) -> TrackedRollout:
        return self.snapshot.tracked

    @property
    def rollout(self) -> Rollout:
        return self.tracked.rollout

    @property
    def facts(self) -> Facts:
        return self.snapshot.facts

    @property
    def driver(self) -> Driver:
        return self.snapshot.driver

    def observe(self, cluster: str) -> Observation:
        return self.snapshot.observe(cluster)

    def step(self, member: Member) -> TrackedStep:
        return self.tracked.steps[member.step]

    def action(self, member: Member) -> ActionName:
        """The member's current or next action."""
        return self.step(member).step.actions[member.action_index]

    def startability(self, member: Member, feedback: FeedbackView) -> Judgement:
        """Returns whether the member's next action may start on a cluster that reports this."""
        action = self.action(member)
        found = judged(self.driver, feedback, action, self.rollout, self.now)
        needed = (
            self.driver.prerequisite(feedback, action, self.rollout)
            if found.kind is JudgementKind.STARTABLE
            else None
        )
        lack = needed and lacks(self.fleet, self.tracked, member, action, needed, self.now)
        if not lack:
            return found
        return Judgement(
            kind=JudgementKind.FAILED,
            cause=Cause.WRONG_STATE,
            message=lack.message,
            outdated=lack.outdated,
        )

    def latest(self, member: Member) -> Member:
        """Returns the member as the cycle has left it so far."""
        return self.step(member).members[member.cluster]

    @property
    def talm_hold(self) -> str:
        """Why nothing of the rollout starts beside a live TALM; empty: it may."""
        return self.facts.talm_hold_in(self.rollout.namespace)

    def consent(self) -> Consent:
        """Returns what people allow the rollout. An author stands for what they have written."""
        grants, named = self.rollout.grants, self.named_authors() or {}
        former = {each.step: each.user for each in grants.authors if each.changed}
        gone = {index: user for index, user in named.items() if former.get(index) == user}
        return Consent(
            grants=grants,
            namespace=self.rollout.namespace,
            rollout=self.rollout.name,
            authors={index: user for index, user in named.items() if index not in gone},
            former_authors=gone,
            can_prove=self._proves_authors,
            problem=self.snapshot.grants_problem,
        )

    def named_authors(self) -> dict[int, str] | None:
        """Returns who say that they are the authors of steps, by the step's index; None: the hub
        does not show it, or does not prove it."""
        found = self.snapshot.object
        if found is None or not self._proves_authors:
            return None
        given = found.metadata.annotations
        keys = [(index, names.step_author(index)) for index in range(len(self.rollout.spec.plan))]
        return {index: given[key] for index, key in keys if given.get(key)}

    @property
    def _proves_authors(self) -> bool:
        """Whether the admission policy has seen the rollout from its beginning."""
        return proven(self.rollout.created_at, self.snapshot.authors_since)

    def canceller(self, member: Member) -> str:
        """Returns namespace/name of the newer rollout that cancels what has not begun yet
        (R6.4)."""
        if traits(self.step(member).step.first).cancels:
            return ""
        found = self.fleet.canceller(member)
        return self.named(found.name) if found else ""

    def preemptor(self, member: Member) -> str:
        """Returns the canceller whose slot has reached the member's cluster; empty: none."""
        return self.named(self.fleet.preempts.get(member.uid, ""))

    def named(self, other: str) -> str:
        """Returns the rollout's namespace/name as users of this rollout's namespace may read it."""
        return name_within(self.rollout.namespace, other) if other else ""

    def stands_since(self, reason: Reason) -> datetime:
        """Returns since when the reason stands: never from before everything was in sync (R11.7),
        nor from the future of a clock that was set back."""
        known = self.facts.in_sync_since
        return known if reason.since > self.now else max(reason.since, known)

    # -- deciding --------------------------------------------------------------------------

    def decide(self, decision: Decision) -> None:
        """Decides, and applies the decision at once.

        Raises InvariantViolation if the records do not allow it.
        """
        self._apply(decision)
        self.result.decisions.append(decision)

    def on_rollout(
        self,
        kind: Kind,
        rollout: Rollout,
        why: str,
        *,
        warning: bool = False,
        actor: str = "",
        failed: int = 0,
    ) -> None:
        self.decide(OnRollout(kind, rollout, cut(why), warning, actor, failed))

    def on_step(self, kind: Kind, step: Step, why: str, *, warning: bool = False) -> None:
        self.decide(OnStep(kind, step, cut(why), warning))

    def on_member(self, kind: Kind, member: M, why: str, *, warning: bool = False) -> M:
        """Decides that the member's record is `member` now."""
        seen = self.observe(member.cluster) if kind in _PROVEN else None
        facts = None
        if kind is Kind.RUN_INTENDED and seen is not None and seen.cluster is not None:
            facts = self.snapshot.start_facts(self._starting(member, seen.cluster))
        cause = _cause(kind, member)
        self.decide(OnMember(kind, member, cut(why), cause, warning, seen, facts=facts))
        return member

    def _starting(self, member: Member, cluster: ClusterView) -> StartingMember:
        author = self.consent().authors.get(member.step, "")
        return StartingMember(
            action=self.action(member),
            cluster=cluster,
            fleet=self.fleet,
            tracked=self.tracked,
            step=self.step(member),
            author=author,
            now=self.now,
        )

    def set_reason(
        self,
        member: M,
        kind: ReasonKind,
        message: str,
        *,
        who: ActingParty = ActingParty.IBGU,
        until: datetime | None = None,
    ) -> M:
        """Notes why the member has not finished, or what is awaited after its end (R17.2); the same
        reason keeps its `since`."""
        return self.note_reason(member, Reason(kind, self.now, message, until, who))

    def note_reason(self, member: M, given: Reason) -> M:
        """Notes a reason that a gate has given, say; the same one keeps its `since`."""
        old = member.reason
        same = (old.kind, old.gate) == (given.kind, given.gate)
        reason = replace(given, since=old.since if same else self.now)
        if reason == old:
            return member
        under_way = isinstance(member, InFlight) and member.run.open
        said = Kind.RUN_PROGRESS if under_way else Kind.WAITS
        why = f"{reason.gate}: {reason.message}" if reason.gate else reason.message
        return self.on_member(said, give_reason(member, reason), why)

    def set_reason_for_hub(self, member: U, denied: str, kind: ReasonKind, message: str) -> U:
        """Notes `kind` and `message` as the member's reason, or `denied` (of the observation): the
        right that ibgu lacks, which no cluster can give it (R17.3)."""
        if denied:
            return self.set_reason(member, ReasonKind.FORBIDDEN, denied, who=ActingParty.PERSON)
        return self.set_reason(member, kind, message)

    def requeue_at(self, cluster: str, when: datetime) -> None:
        """Requests another decision at `when`, at the latest; a time that has passed is ignored."""
        if when <= self.now:
            return
        known = self.result.requeue_at.get(cluster)
        if known is None or when < known:
            self.result.requeue_at[cluster] = when

    def new_run(self, member: Unfinished) -> Intended:
        """Returns the run of the member's next action."""
        attempt = member.attempts + 1
        run_id = self.run_id(member, attempt)
        return intended_run(run_id, self.run_action(member), attempt, self.now)

    def run_action(self, member: Unfinished) -> ActionName:
        """Returns what the member's next run does: its action, or the part that comes before."""
        action = self.action(member)
        part = self.driver.part(action, self.rollout.controls)
        if part is None or has_part(member, part, self.now):
            return action
        return part.action

    def lacks_backup(self, action: ActionName) -> str:
        """Returns why the rollout makes no backup before the action; see `Driver.lacks_backup`."""
        return self.driver.lacks_backup(action, self.rollout.spec, self.rollout.controls)

    def run_id(self, member: Member, attempt: int) -> str:
        seed = f"{member.rollout}/{member.step}/{member.uid}/{attempt}/{self.now.isoformat()}"
        return uuid.uuid5(_RUN_IDS, seed).hex[:20]


def _cause(kind: Kind, member: Member) -> Cause | None:
    never_begun = member.failed_action is not None and member.cause is Cause.NEVER_STARTED
    if kind is Kind.FINISHED or (kind is Kind.COMPLETED_LATE and never_begun):
        return member.cause
    return member.run.cause if kind is Kind.RUN_ENDED and member.run else None
