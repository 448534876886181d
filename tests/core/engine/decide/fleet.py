"""The engine with its environment in miniature: hub, journal, clusters, in virtual time.

`InMemoryEngine` carries decisions out as the controller does (decide, commit, then effects), so a
test drives the real engine from an IBGU to its end, or stops it anywhere.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from msgspec.structs import replace

from ibgu.core.drivers.ibu import IBU
from ibgu.core.engine.decide import (
    DecisionResult,
    decide_pending_patch,
    desired_stage_work,
    hidden_job,
    hidden_stage,
    job_run,
    other_run,
    payload_kept,
    payload_wanted,
)
from ibgu.core.engine.driver import Driver
from ibgu.core.engine.gates import Gate
from ibgu.core.engine.gates.policies import HoldingPolicies, PolicyGates, Sources
from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.state.health_observations import HealthObservations
from ibgu.core.engine.state.snapshot import Facts, PayloadState, SeedState, Snapshot
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.model import (
    ClusterView,
    Decision,
    Kind,
    Member,
    OnMember,
    OnPendingPatch,
    OnRollout,
    OnStep,
    Preempt,
    StepState,
    names,
)
from ibgu.core.model.follow_ups import ShownFollowUp
from ibgu.core.model.grants import BreakGlass, RolloutApproval
from ibgu.core.model.kinds import RolloutObject
from ibgu.core.model.preflight import PreflightResult
from ibgu.core.model.rollout_policy import PolicyState
from ibgu.core.plan import EVERYWHERE
from ibgu.core.plan.grants import grants_of
from ibgu.core.talm.adopt import NO_TRACES, Traces
from tests.core.engine.decide.builders import START, ibgu, plan_of, rollout_of
from tests.core.engine.decide.drafts import drafted
from tests.core.engine.decide.hub import Hub, Key
from tests.core.engine.decide.records import Records
from tests.core.engine.decide.spoke import Spoke
from tests.core.engine.decide.story import RecordedEvent, Story

TALM_RUNS = "TALM is running on this hub"
"""What holds everything, in short."""

__all__ = ["START", "InMemoryEngine", "Key", "ibgu", "plan_of"]


Event = tuple[datetime, Callable[[], object]]


class Watcher(Protocol):
    """Checks every turn."""

    def deciding(self) -> None: ...

    def decided(self, snapshot: Snapshot, decisions: Sequence[Decision]) -> None: ...

    def turned(self) -> None: ...


class InMemoryEngine(Hub, Story):
    """InMemoryEngine is the engine with a hub, a journal and clusters, all in memory and in virtual
    time.

    What the tests of this package call:
    - spoke: one cluster with its agents; `dark`: it is not reachable;
    - `frozen`: clusters whose work agent does nothing, though they seem reachable;
    - `muted`: clusters whose work agent applies works and can't report;
    - hand: a person who changes a cluster beside ibgu;
    - trouble: one fault or one act of a person; storm: a rollout with random troubles.
    """

    def __init__(
        self,
        *clusters: str,
        driver: Driver = IBU,
        node: Callable[[str, datetime], Any] = Spoke,
        sources: Sources | None = None,
    ) -> None:
        """`sources` of canaries' health that are set up; None: policies are not asked about it."""
        Hub.__init__(self, node)
        self.driver = driver
        self.others: dict[str, Driver] = {}
        """Drivers of other kinds of rollouts, by kind."""
        Story.__init__(self)
        self.records = Records()
        self.payload = PayloadState()
        self.reads_payload = True
        """Whether the payload is read again once somebody is named as an author."""
        self.preflight: PreflightResult | None = None
        self.seeds = SeedState()
        self.facts = Facts(in_sync_since=START)
        self.scope = EVERYWHERE
        self.policies: tuple[Gate, ...] = ()
        """Toy gates, asked before those of `rollout_policies`."""
        self.rollout_policies = PolicyState()
        self.approvals: list[RolloutApproval] = []
        self.glasses: list[BreakGlass] = []
        self.proven_since: datetime | None = START - timedelta(days=30)
        """Since when the admission policy for grants and authors is in force."""
        self.grants_readable = True
        self.unproven = ""
        """Why it is not known who writes grants; empty: it is."""
        self.follow_ups: dict[str, ShownFollowUp] = {}
        """What the hub shows of rollouts that policies have asked for, by name."""
        self.durations: DurationsByAction = {}
        self.observations = HealthObservations()
        self.sources = sources
        self.policy_gates = self._policy_gates()
        self.adoption: set[str] = set()
        self.namesakes: dict[str, str] = {}
        """The kind of an older object of the same name, by uid."""
        self.traces: dict[str, Traces] = {}
        self.timers: dict[Key, datetime] = {}
        self.events: list[Event] = []
        """What will happen at which moment, no matter who lives then."""
        self.turns = 0
        self.watchers: list[Watcher] = []
        for name in clusters:
            self.join(name)

    # -- arranging -------------------------------------------------------------------------

    def apply(self, obj: RolloutObject) -> str:
        """Creates or changes an IBGU; returns its uid."""
        self.ibgus[obj.metadata.uid] = obj
        self.touch(obj.metadata.uid)
        return obj.metadata.uid

    def annotate(self, uid: str, **annotations: str) -> None:
        obj = self.ibgus[uid]
        marks = {f"ibgu.dev/{key.replace('_', '-')}": value for key, value in annotations.items()}
        meta = replace(obj.metadata, annotations={**obj.metadata.annotations, **marks})
        self.apply(replace(obj, metadata=meta))

    def carry(self, uid: str, **annotations: str) -> None:
        """Annotate for the clusters' IBUs; with nothing, take all of them away."""
        obj = self.ibgus[uid]
        marks = {f"{key}.lca.openshift.io/x": value for key, value in annotations.items()}
        self.apply(replace(obj, metadata=replace(obj.metadata, annotations=marks)))

    def append(self, uid: str, *steps: str, **strategy: int) -> None:
        obj = self.ibgus[uid]
        plan = [*obj.spec.plan, *plan_of(steps, **strategy)]
        meta = replace(obj.metadata, generation=obj.metadata.generation + 1)
        self.apply(replace(obj, metadata=meta, spec=replace(obj.spec, plan=plan)))

    def delete(self, uid: str) -> None:
        del self.ibgus[uid]
        self.touch(uid)

    def touch_everything(self) -> None:
        for uid, tracked in self.fleet.rollouts.items():
            self.touch(uid, *{name for step in tracked.steps for name in step.members})
        for uid in self.ibgus:
            self.touch(uid)

    # -- looking ---------------------------------------------------------------------------

    def _payload(self, uid: str) -> PayloadState:
        found = self.ibgus.get(uid)
        if found is None or not self.reads_payload:
            return self.payload
        return replace(self.payload, authors=names.step_authors(found.metadata.annotations))

    def snapshot(self, tracked: TrackedRollout) -> Snapshot:
        uid = tracked.rollout.uid
        holding = self._holding(tracked)
        return Snapshot(
            fleet=self.fleet,
            tracked=tracked,
            observe=lambda name: self.observe(uid, name),
            observe_for=lambda other, name: self.observe(other.uid, name),
            cluster=lambda name: self.observe(uid, name).cluster,
            named_alike=self._named_alike,
            facts=self.facts,
            object=self.ibgus.get(uid),
            driver=self.others.get(tracked.rollout.kind, self.driver),
            namesake=self.namesakes.get(uid, ""),
            payload=self._payload(uid),
            preflight=self.preflight,
            seeds=replace(self.seeds, breakers=(*self.seeds.breakers, *holding.breakers)),
            adoption=uid in self.adoption,
            traces=self.traces.get(uid, NO_TRACES),
            scope=self.scope,
            policies=(*self.policies, *holding.gates),
            budgets=holding.budgets,
            canaries=holding.canaries,
            follow_up=lambda name: self.follow_ups.get(name, ShownFollowUp()),
            demands=holding.demands,
            retries=holding.retries,
            start_facts=holding.start_facts,
            policies_known=holding.known,
            **self._granted(tracked),
        )

    def _named_alike(self, name: str) -> list[ClusterView]:
        others = (each for each in self.spokes if each != name)
        named = (each for each in others if self.labels[each].get("name") == name)
        return [view for each in named if (view := self.cluster(each))]

    def _granted(self, tracked: TrackedRollout) -> dict[str, Any]:
        found = grants_of(tracked.rollout, self.approvals, self.glasses, self.proven_since)
        return {
            "grants": found if self.grants_readable else None,
            "grants_problem": self.unproven or self._unreadable(),
            "authors_since": self.proven_since,
        }

    def _unreadable(self) -> str:
        return "" if self.grants_readable else "grants can't be read"

    def _holding(self, tracked: TrackedRollout) -> HoldingPolicies:
        rollout, found = tracked.rollout, self.ibgus.get(tracked.rollout.uid)
        labels = found.metadata.labels if found is not None else {}
        return self.policy_gates.of(self.rollout_policies, rollout.namespace, labels)

    def _policy_gates(self) -> PolicyGates:
        def clusters() -> list[ClusterView]:
            return [view for name in self.spokes if (view := self.cluster(name))]

        observed = self.observations.finding
        return PolicyGates(
            self.fleet, self.cluster, clusters, lambda: self.durations, observed, self.sources
        )

    def tracked(self, uid: str) -> TrackedRollout:
        return self.fleet.rollouts[uid]

    def member(self, uid: str, step: int, name: str) -> Member:
        return self.tracked(uid).steps[step].members[name]

    def ask(self, uid: str, name: str, **seen: Any) -> list[Decision]:
        """Returns what would be decided now if the hub showed the cluster a little differently."""
        snapshot = self.snapshot(self.tracked(uid))
        differently = replace(self.observe(uid, name), **seen)
        return drafted(replace(snapshot, observe=lambda _: differently), [name], self.now).decisions

    # -- a turn ----------------------------------------------------------------------------

    def turn(self) -> list[Decision]:
        """Decide for everything that was touched, commit, and ask for the effects."""
        touched, self.touched = self.touched, {}
        self.fleet.starts.drop_outdated(self.now)
        self.fleet.drop_outdated(self.now)
        self.turns += 1
        said: list[Decision] = []
        for pending in list(self.fleet.pending_patches.values()):
            if (
                updated := decide_pending_patch(pending, self.cluster(pending.cluster))
            ) is not None:
                self._take(updated, said)
        for uid in self.fleet.in_order(touched):
            self._decide(uid, list(touched[uid]), said)
        for decision in said:
            self.records.write(decision)
        self._perform(touched, said)
        for watcher in self.watchers:
            watcher.turned()
        return said

    def _decide(self, uid: str, clusters: list[str], said: list[Decision]) -> None:
        if uid not in self.fleet.rollouts:
            if uid in self.ibgus:
                seen = OnRollout(Kind.ROLLOUT_SEEN, rollout_of(self.ibgus[uid]), "seen")
                self._take(seen, said)
            else:
                return
        self._learn(uid, clusters)
        result = self._answer(self.fleet.rollouts[uid], clusters)
        for decision in result.decisions:
            self._take(decision, said)
        if result.remaining:
            self.touch(uid, *result.remaining)
        for cluster, when in result.requeue_at.items():
            known = self.timers.get((uid, cluster))
            self.timers[uid, cluster] = when if known is None else min(known, when)

    def _learn(self, uid: str, clusters: Iterable[str]) -> None:
        """Ask the journal for the runs that no one else knows."""
        tracked = self.fleet.rollouts[uid]
        found = {other_run(tracked, name, self.observe(uid, name).stage) for name in clusters}
        self.fleet.foreign_runs |= found - {""} - self.records.run_ids

    def _answer(self, tracked: TrackedRollout, clusters: Sequence[str]) -> DecisionResult:
        snapshot = self.snapshot(tracked)
        current = tracked.current
        for watcher in self.watchers:
            watcher.deciding()
        if current is not None and current.step.state is StepState.OPENING:
            listed = [view for name in self.spokes if (view := self.cluster(name))]
            result = drafted(snapshot, clusters, self.now, listed)
        else:
            result = drafted(snapshot, clusters, self.now)
        for watcher in self.watchers:
            watcher.decided(snapshot, result.decisions)
        return result

    def _take(self, decision: Decision, said: list[Decision]) -> None:
        said.append(decision)
        self.said.append(RecordedEvent(self.now, decision))
        self.fleet.apply(decision)

    def _perform(self, touched: dict[str, dict[str, None]], said: Iterable[Decision]) -> None:
        concerned = {(uid, name): None for uid, names in touched.items() for name in names}
        for decision in said:
            match decision:
                case OnMember(member=member):
                    concerned[member.rollout, member.cluster] = None
                    self._others(member.cluster, member.rollout)
                case OnPendingPatch(kind=Kind.LABELS_UNCHANGED):
                    pass
                case OnPendingPatch(pending=pending):
                    self.patches[pending.uid] = pending
                case Preempt(cluster=cluster):
                    self.touch_cluster(cluster)
                case OnStep(kind=Kind.STEP_STARTED, step=step):
                    members = self.tracked(step.rollout).steps[step.index].members
                    self.touch(step.rollout, *members)
                    for name in members:
                        self._others(name, step.rollout)
                case OnStep(kind=Kind.STEP_OPENED, step=step):
                    self.touch(step.rollout)
                case OnRollout(kind=Kind.ROLLOUT_DELETED, rollout=rollout):
                    steps = self.tracked(rollout.uid).steps
                    self.touch(rollout.uid, *{name for step in steps for name in step.members})
        for uid, concerns in self.policy_gates.to_decide_again(self.now):
            self.touch(uid, *concerns)
        for uid, name in concerned:
            if uid in self.fleet.rollouts and not self.facts.talm_hold:
                self._follow(uid, name)

    def _others(self, name: str, but: str) -> None:
        for uid in self.fleet.rollouts_of.get(name, ()):
            if uid != but:
                self.touch(uid, name)

    def _follow(self, uid: str, name: str) -> None:
        wanted = desired_stage_work(self.tracked(uid), name, self.observe(uid, name), self.now)
        if wanted is not None:
            self.refusals.pop((uid, name), None)
            self.writes[uid, name] = wanted
        elif ended := hidden_stage(self.tracked(uid), name, self.observe(uid, name)):
            self.questions[uid, name] = ended.id
        member = self.tracked(uid).latest(name)
        if member is not None:
            step = self.tracked(uid).steps[member.step].step
            digest = step.payload_digest if payload_wanted(self.tracked(uid), member) else ""
            shown = self.loads[uid, name].digest if (uid, name) in self.loads else ""
            kept = not digest and payload_kept(self.fleet, member)
            if digest != shown and not kept and (uid, name) not in self.denials:
                self.loading[uid, name] = digest
        self._follow_job(uid, name)

    def _follow_job(self, uid: str, name: str) -> None:
        seen = self.observe(uid, name)
        tracked, allowed = self.tracked(uid), self.facts.upgrade_backups
        driver = self.others.get(tracked.rollout.kind, self.driver)
        run = job_run(driver, tracked, name, seen, upgrade_backups=allowed)
        if seen.job_writing or (uid, name) in self.denials:
            return
        if seen.job is not None:
            other = run is None or seen.job.run != run.id
            if other and not seen.job.terminating:
                self.job_writes[uid, name] = None
        elif run is not None and (uid, name) not in self.job_refusals:
            self.job_writes[uid, name] = run
        elif ended := hidden_job(self.tracked(uid), name, seen):
            self.job_questions[uid, name] = ended.id

    def allow(self) -> None:
        """The missing rights are given, and what was denied is tried again."""
        self.forbidden = False
        self.denials.clear()
        self.patches.update(self.fleet.pending_patches)
        self.touch_everything()

    # -- the world around it ---------------------------------------------------------------

    def settle(self) -> None:
        """Turns, until nothing more happens at this moment."""
        for _ in range(200):
            if self.quiet:
                return
            self.turn()
            self.deliver()
        raise AssertionError(f"no end: {self.said[-5:]}")

    def until(self, kind: Kind) -> None:
        """Go on until that was decided, and not a step further."""
        known = len(self.told(kind))
        for _ in range(1000):
            self.step()
            if len(self.told(kind)) > known:
                return
        raise AssertionError(f"never said: {kind}")

    def until_started(self) -> None:
        """Drives until the first step has its members, and nothing has been asked of them."""
        self.until(Kind.STEP_STARTED)
        self.touched.clear()

    def step(self) -> None:
        """The smallest thing that can happen next: a turn, a delivery, or time passes."""
        if self.touched:
            self.turn()
        elif not self.quiet:
            self.deliver()
        else:
            self.advance(self.now + timedelta(hours=1))

    def advance(self, until: datetime) -> bool:
        """Advances to the next thing that is due, at most to `until`; False: nothing is before
        that."""
        dues = [spoke.due for spoke in self.spokes.values()] + list(self.timers.values())
        dues += [when for when, _ in self.events]
        dues += [self.stalled] if self.now < self.stalled else []
        dues.append(self.policy_gates.closing_at)
        due = min((due for due in dues if due is not None), default=until)
        self.now = max(self.now, min(due, until))
        self._happen()
        for uid, concerns in self.policy_gates.closed_meanwhile(self.now):
            self.touch(uid, *concerns)
        for key in [key for key, when in self.timers.items() if when <= self.now]:
            del self.timers[key]
            self.touch(key[0], *([key[1]] if key[1] else []))
        for name, spoke in self.spokes.items():
            dark = spoke.dark
            if spoke.tick(self.now) and spoke.dark != dark:
                self.touch_cluster(name)
        self.agents()
        return due < until

    def _happen(self) -> None:
        now = [event for event in self.events if event[0] <= self.now]
        self.events = [event for event in self.events if event not in now]
        for _, happen in now:
            happen()

    def drive(self, time: timedelta = timedelta(days=2)) -> None:
        """Go on for so long, or until nothing is due any more."""
        until = self.now + time
        self.agents()
        self.settle()
        while self.advance(until):
            self.settle()
        self.settle()

    def wait(self, **time: int) -> None:
        """`wait(minutes=3)`."""
        self.drive(timedelta(**time))

    def restart(self) -> None:
        """The controller dies and a new one comes: memory and what it had not sent are gone."""
        self.writes.clear()
        self.patches.clear()
        self.loading.clear()
        self.job_writes.clear()
        self.questions.clear()
        self.stages_gone.clear()
        self.job_questions.clear()
        self.jobs_gone.clear()
        self.timers.clear()
        self.touched.clear()
        self.fleet = self.records.fleet()
        self.observations = HealthObservations()
        self.policy_gates = self._policy_gates()
        self.patches = {pending.uid: pending for pending in self.fleet.pending_patches.values()}
        self.facts = replace(self.facts, in_sync_since=self.now)
        self.touch_everything()
