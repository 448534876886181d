"""The engine with everything around it in the small: hub, journal, clusters, in virtual time.

`Twin` carries decisions out as the controller does (decide, commit, then effects), so a test
drives the real engine from an IBGU to its end, or stops it anywhere.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.book import Book, World
from ibgu.core.decide import (
    REMOVE,
    Answer,
    Remove,
    decide,
    decide_debt,
    payload_wanted,
    stage_work,
    start_step,
)
from ibgu.core.kinds import (
    Ibgu,
    IbguSpec,
    IbuSpec,
    LabelSelector,
    IbguMeta,
    PlanItem,
    RolloutStrategy,
    SeedImageRef,
)
from ibgu.core.model import (
    Change,
    ClusterView,
    Debt,
    Decision,
    Kind,
    Member,
    Observation,
    OnDebt,
    OnMember,
    OnRollout,
    OnStep,
    Preempt,
    Rollout,
    Step,
    StepState,
    WorkView,
)
from ibgu.core.snapshot import Facts, PayloadState, Snapshot
from ibgu.core.works import Wanted
from tests.core.decide.spoke import Spoke, Work

START = datetime(2026, 1, 1, tzinfo=UTC)
SEED = SeedImageRef(image="quay.io/seed:4.18", version="4.18.1")
Key = tuple[str, str]
"""Rollout's uid, cluster."""


class Said(Struct, frozen=True):
    at: datetime
    decision: Decision


class Watcher(Protocol):
    """Checks every turn."""

    def deciding(self) -> None: ...

    def decided(self, snapshot: Snapshot, decisions: Sequence[Decision]) -> None: ...

    def turned(self) -> None: ...


class Records:
    """What the journal would give back."""

    def __init__(self) -> None:
        self.rollouts: dict[str, Rollout] = {}
        self.steps: dict[tuple[str, int], Step] = {}
        self.members: dict[tuple[str, int, str], Member] = {}
        self.debts: dict[str, Debt] = {}
        self.run_ids: set[str] = set()

    def write(self, decision: Decision) -> None:
        match decision:
            case OnRollout(rollout=rollout):
                self.rollouts[rollout.uid] = rollout
            case OnStep(step=step):
                self.steps[step.key] = step
            case OnMember(member=member):
                self.members[member.key] = replace(member, look=None)
                self.run_ids |= {member.run.id} if member.run else set()
            case OnDebt(debt=debt):
                self.debts[debt.uid] = debt

    def world(self) -> World:
        world = World()
        debts = [debt for debt in self.debts.values() if not debt.empty]
        steps = [self.steps[key] for key in sorted(self.steps)]
        members = sorted(self.members.values(), key=lambda m: (m.rollout, m.step, m.position))
        world.load(self.rollouts.values(), steps, members, debts, self.run_ids)
        return world


class Twin:
    def __init__(self, *clusters: str) -> None:
        self.now = START
        self.world = World()
        self.records = Records()
        self.spokes: dict[str, Spoke] = {}
        self.labels: dict[str, dict[str, str]] = {}
        self.annotations: dict[str, dict[str, str]] = {}
        self.ibgus: dict[str, Ibgu] = {}
        self.works: dict[Key, Work] = {}
        self.writes: dict[Key, Wanted | Remove] = {}
        self.refusals: dict[Key, str] = {}
        self.patches: dict[str, Debt] = {}
        self.payload = PayloadState()
        self.facts = Facts(in_sync_since=START)
        self.adoption: set[str] = set()
        self.loads: dict[Key, WorkView] = {}
        """Payload works."""
        self.loading: dict[Key, str] = {}
        """Payload works that are asked for, with their digest; empty: to be removed."""
        self.bad_payload = ""
        """Why no cluster can apply a payload; empty: all do."""
        self.muted: set[str] = set()
        """Clusters whose agent applies works, but can't report at the moment."""
        self.frozen: set[str] = set()
        """Clusters whose agent does nothing at the moment, though they seem reachable."""
        self.deleting: set[str] = set()
        self.stalled = START
        """Until then the hub takes no writes."""
        self.patched: list[tuple[str, str, str | None]] = []
        """Every change of a label: cluster, key, new value."""
        self.touched: dict[str, dict[str, None]] = {}
        self.timers: dict[Key, datetime] = {}
        self.said: list[Said] = []
        self.turns = 0
        self.watchers: list[Watcher] = []
        for name in clusters:
            self.join(name)

    # -- arranging -------------------------------------------------------------------------

    def join(self, name: str) -> Spoke:
        self.spokes[name] = Spoke(name, self.now)
        self.labels.setdefault(name, {})
        self.annotations.setdefault(name, {})
        return self.spokes[name]

    def apply(self, obj: Ibgu) -> str:
        """Create or change an IBGU; answers its uid."""
        self.ibgus[obj.metadata.uid] = obj
        self.touch(obj.metadata.uid)
        return obj.metadata.uid

    def annotate(self, uid: str, **annotations: str) -> None:
        obj = self.ibgus[uid]
        marks = {f"ibgu.dev/{key}": value for key, value in annotations.items()}
        meta = replace(obj.metadata, annotations={**obj.metadata.annotations, **marks})
        self.apply(replace(obj, metadata=meta))

    def append(self, uid: str, *steps: str, **strategy: int) -> None:
        obj = self.ibgus[uid]
        plan = [*obj.spec.plan, *plan_of(steps, **strategy)]
        meta = replace(obj.metadata, generation=obj.metadata.generation + 1)
        self.apply(Ibgu(meta, replace(obj.spec, plan=plan)))

    def delete(self, uid: str) -> None:
        del self.ibgus[uid]
        self.touch(uid)

    def touch(self, uid: str, *clusters: str) -> None:
        self.touched.setdefault(uid, {}).update(dict.fromkeys(clusters))

    def touch_cluster(self, name: str) -> None:
        for uid in self.world.rollouts_of.get(name, ()):
            self.touch(uid, name)

    def touch_everything(self) -> None:
        for uid, book in self.world.books.items():
            self.touch(uid, *{name for step in book.steps for name in step.members})
        for uid in self.ibgus:
            self.touch(uid)

    # -- looking ---------------------------------------------------------------------------

    def cluster(self, name: str) -> ClusterView | None:
        spoke = self.spokes.get(name)
        if spoke is None:
            return None
        return ClusterView(
            name=name,
            uid=spoke.uid,
            accepted=True,
            deleting=name in self.deleting,
            reachable=not spoke.dark,
            local=False,
            labels=dict(self.labels[name]),
            annotations=dict(self.annotations[name]),
        )

    def observe(self, uid: str, name: str) -> Observation:
        work = self.works.get((uid, name))
        return Observation(
            cluster=self.cluster(name),
            stage=work.view() if work else None,
            payload=self.loads.get((uid, name)),
            writing=(uid, name) in self.writes,
            refusal=self.refusals.get((uid, name), ""),
        )

    def snapshot(self, book: Book) -> Snapshot:
        uid = book.rollout.uid
        return Snapshot(
            world=self.world,
            book=book,
            observe=lambda name: self.observe(uid, name),
            facts=self.facts,
            object=self.ibgus.get(uid),
            payload=self.payload,
            adoption=uid in self.adoption,
        )

    def book(self, uid: str) -> Book:
        return self.world.books[uid]

    def member(self, uid: str, step: int, name: str) -> Member:
        return self.book(uid).steps[step].members[name]

    def kinds(self, name: str) -> list[Kind]:
        """What was said about a cluster so far."""
        about = (said.decision for said in self.said if isinstance(said.decision, OnMember))
        return [decision.kind for decision in about if decision.member.cluster == name]

    def told(self, kind: Kind) -> list[str]:
        """The reasons of all decisions of the kind so far."""
        decisions = (said.decision for said in self.said)
        return [d.why for d in decisions if not isinstance(d, Preempt) and d.kind is kind]

    def warnings(self) -> list[str]:
        decisions = (said.decision for said in self.said)
        loud = (OnMember, OnStep, OnRollout)
        return [d.why for d in decisions if isinstance(d, loud) and d.warning]

    def ask(self, uid: str, name: str, **seen: Any) -> list[Decision]:
        """What would be decided now if the hub showed the cluster a little differently."""
        snapshot = self.snapshot(self.book(uid))
        differently = replace(self.observe(uid, name), **seen)
        return decide(
            replace(snapshot, observe=lambda _: differently), [name], self.now
        ).decisions

    # -- a turn ----------------------------------------------------------------------------

    def turn(self) -> list[Decision]:
        """Decide for everything that was touched, commit, and ask for the effects."""
        touched, self.touched = self.touched, {}
        self.turns += 1
        said: list[Decision] = []
        for debt in list(self.world.debts.values()):
            if (settled := decide_debt(debt, self.cluster(debt.cluster))) is not None:
                self._take(settled, said)
        for uid, clusters in touched.items():
            self._decide(uid, list(clusters), said)
        for decision in said:
            self.records.write(decision)
        self._perform(touched, said)
        for watcher in self.watchers:
            watcher.turned()
        return said

    def _decide(self, uid: str, clusters: list[str], said: list[Decision]) -> None:
        if uid not in self.world.books:
            if uid in self.ibgus:
                seen = OnRollout(Kind.ROLLOUT_SEEN, rollout_of(self.ibgus[uid]), "seen")
                self._take(seen, said)
            else:
                return
        answer = self._answer(self.world.books[uid], clusters)
        for decision in answer.decisions:
            self._take(decision, said)
        for cluster, when in answer.wake.items():
            known = self.timers.get((uid, cluster))
            self.timers[uid, cluster] = when if known is None else min(known, when)

    def _answer(self, book: Book, clusters: Sequence[str]) -> Answer:
        snapshot = self.snapshot(book)
        current = book.current
        for watcher in self.watchers:
            watcher.deciding()
        if current is not None and current.step.state is StepState.OPENING:
            listed = [view for name in self.spokes if (view := self.cluster(name))]
            answer = start_step(snapshot, listed, self.now)
        else:
            answer = decide(snapshot, clusters, self.now)
        for watcher in self.watchers:
            watcher.decided(snapshot, answer.decisions)
        return answer

    def _take(self, decision: Decision, said: list[Decision]) -> None:
        said.append(decision)
        self.said.append(Said(self.now, decision))
        self.world.apply(decision)

    def _perform(self, touched: dict[str, dict[str, None]], said: Iterable[Decision]) -> None:
        concerned = {(uid, name): None for uid, names in touched.items() for name in names}
        for decision in said:
            match decision:
                case OnMember(member=member):
                    concerned[member.rollout, member.cluster] = None
                    self._others(member.cluster, member.rollout)
                case OnDebt(debt=debt):
                    self.patches[debt.uid] = debt
                case Preempt(cluster=cluster):
                    self.touch_cluster(cluster)
                case OnStep(kind=Kind.STEP_STARTED, step=step):
                    members = self.book(step.rollout).steps[step.index].members
                    self.touch(step.rollout, *members)
                    for name in members:
                        self._others(name, step.rollout)
                case OnStep(kind=Kind.STEP_OPENED, step=step):
                    self.touch(step.rollout)
                case OnRollout(kind=Kind.ROLLOUT_DELETED, rollout=rollout):
                    steps = self.book(rollout.uid).steps
                    self.touch(rollout.uid, *{name for step in steps for name in step.members})
        for uid, name in concerned:
            if uid in self.world.books and not self.facts.talm_live:
                self._follow(uid, name)

    def _others(self, name: str, but: str) -> None:
        for uid in self.world.rollouts_of.get(name, ()):
            if uid != but:
                self.touch(uid, name)

    def _follow(self, uid: str, name: str) -> None:
        wanted = stage_work(self.book(uid), name, self.observe(uid, name), self.now)
        if wanted is not None:
            self.refusals.pop((uid, name), None)
            self.writes[uid, name] = wanted
        member = self.book(uid).latest(name)
        if member is not None:
            step = self.book(uid).steps[member.step].step
            digest = step.payload_digest if payload_wanted(self.book(uid), member) else ""
            if digest != (self.loads[uid, name].digest if (uid, name) in self.loads else ""):
                self.loading[uid, name] = digest

    # -- the world around it ---------------------------------------------------------------

    def deliver(self) -> None:
        """Everything that was asked for reaches the hub, and the agents see it."""
        if self.now >= self.stalled:
            self._deliver_all()
        self.agents()

    def _deliver_all(self) -> None:
        writes, self.writes = self.writes, {}
        for (uid, name), wanted in writes.items():
            self._deliver(uid, name, wanted)
            self.touch(uid, name)
        loading, self.loading = self.loading, {}
        for key, digest in loading.items():
            self._load(key, digest)
        patches, self.patches = self.patches, {}
        for debt in patches.values():
            self._patch(debt)

    def _deliver(self, uid: str, name: str, wanted: Wanted | Remove) -> None:
        if wanted is REMOVE:
            self.works.pop((uid, name), None)
            return
        assert isinstance(wanted, Wanted)
        if name in self.spokes:
            seed = self.book(uid).rollout.spec.ibu_spec.seed_image_ref
            work = self.works.setdefault((uid, name), Work(uid))
            work.write(wanted, (seed.image, seed.version))

    def _load(self, key: Key, digest: str) -> None:
        self.loads.pop(key, None)
        if digest and key[1] in self.spokes:
            self.loads[key] = WorkView(
                name="payload",
                uid="payload",
                resource_version="1",
                generation=1,
                digest=digest,
                applied=not self.bad_payload,
                apply_error=self.bad_payload,
            )
        self.touch(*key)

    def _patch(self, debt: Debt) -> None:
        spoke = self.spokes.get(debt.cluster)
        if spoke is None or spoke.uid != debt.uid:
            return
        labels = self.labels[debt.cluster]
        for key, change in debt.labels.items():
            if labels.get(key) != change.wanted:
                self.patched.append((debt.cluster, key, change.wanted))
        merge(labels, debt.labels)
        merge(self.annotations[debt.cluster], debt.annotations)
        self.touch_cluster(debt.cluster)

    def agents(self) -> None:
        """Twice: a work applied late shows in the feedback of those before it."""
        for _ in range(2):
            for (uid, name), work in list(self.works.items()):
                spoke = self.spokes.get(name)
                if spoke is None or name in self.frozen:
                    continue
                if name in self.muted:
                    spoke.obey(work)
                elif work.terminating and not spoke.dark:
                    del self.works[uid, name]
                    self.touch(uid, name)
                elif spoke.sync(work):
                    self.touch(uid, name)

    @property
    def quiet(self) -> bool:
        asked = self.writes or self.patches or self.loading
        return not (self.touched or (asked and self.now >= self.stalled))

    def settle(self) -> None:
        """Turns, until nothing more happens at this moment."""
        for _ in range(200):
            if self.quiet:
                return
            self.turn()
            self.deliver()
        raise AssertionError(f"no end: {self.said[-5:]}")

    def step(self) -> None:
        """The smallest thing that can happen next: a turn, a delivery, or time passes."""
        if self.touched:
            self.turn()
        elif not self.quiet:
            self.deliver()
        else:
            self.advance(self.now + timedelta(hours=1))

    def advance(self, until: datetime) -> bool:
        """To the next thing that is due, at most to `until`; False: nothing is before that."""
        dues = [spoke.due for spoke in self.spokes.values()] + list(self.timers.values())
        dues += [self.stalled] if self.now < self.stalled else []
        due = min((due for due in dues if due is not None), default=until)
        self.now = max(self.now, min(due, until))
        for key in [key for key, when in self.timers.items() if when <= self.now]:
            del self.timers[key]
            self.touch(key[0], *([key[1]] if key[1] else []))
        for name, spoke in self.spokes.items():
            dark = spoke.dark
            if spoke.tick(self.now) and spoke.dark != dark:
                self.touch_cluster(name)
        self.agents()
        return due < until

    def drive(self, time: timedelta = timedelta(days=2)) -> None:
        """Go on for so long, or until nothing is due any more."""
        until = self.now + time
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
        self.timers.clear()
        self.touched.clear()
        self.world = self.records.world()
        self.patches = {debt.uid: debt for debt in self.world.debts.values()}
        self.facts = Facts(in_sync_since=self.now, talm_live=self.facts.talm_live)
        self.touch_everything()


def merge(shown: dict[str, str], owed: dict[str, Change]) -> None:
    """As a JSON merge patch does."""
    for key, change in owed.items():
        if change.wanted is None:
            shown.pop(key, None)
        else:
            shown[key] = change.wanted


# -- builders ------------------------------------------------------------------------------------


def plan_of(steps: Iterable[str], concurrency: int = 10, timeout: int = 240) -> list[PlanItem]:
    """Each step as "Prep Upgrade"; the timeout is in minutes."""
    strategy = RolloutStrategy(max_concurrency=concurrency, timeout=timeout)
    return [PlanItem(step.split(), strategy) for step in steps]


def ibgu(
    name: str,
    *steps: str,
    concurrency: int = 10,
    timeout: int = 240,
    age: int = 0,
    selectors: Sequence[LabelSelector] = (LabelSelector(),),
    generation: int = 1,
) -> Ibgu:
    """`age`: minutes before START that it was created."""
    created = (START - timedelta(minutes=age)).isoformat()
    meta = IbguMeta(
        name=name,
        namespace="fleet",
        uid=f"uid-{name}",
        generation=generation,
        creation_timestamp=created,
    )
    plan = plan_of(steps, concurrency, timeout)
    return Ibgu(meta, IbguSpec(IbuSpec(SEED), list(selectors), plan))


def rollout_of(obj: Ibgu) -> Rollout:
    meta = obj.metadata
    return Rollout(
        uid=meta.uid,
        namespace=meta.namespace,
        name=meta.name,
        created_at=datetime.fromisoformat(meta.creation_timestamp),
        spec=obj.spec,
    )
