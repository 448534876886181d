"""Assembles one simulation: the real controllers, a hub in memory, a fleet, people, and faults."""

import asyncio
from collections.abc import Callable
from itertools import islice
from random import Random
from typing import Any

from msgspec import json
from sqlalchemy.ext.asyncio import AsyncEngine

from ibgu.controller.term.assembly import RunningTerm
from ibgu.core.engine.gates import RESUMABLE
from ibgu.core.engine.state import TrackedRollout, TrackedStep
from ibgu.core.engine.state.step import QUEUED
from ibgu.core.model import Outcome, ReasonKind, RolloutState, Waiting, names
from ibgu.core.model.kinds import JsonObject
from ibgu.hub import paths
from ibgu.sim.cluster import SimulatedCluster
from ibgu.sim.hub import MemoryClient, MemoryHub
from ibgu.sim.hub.kinds import (
    CGUS,
    CLUSTER_SET_BINDINGS,
    CLUSTER_SETS,
    GRANTS,
    ROLLOUT_POLICIES,
    SEED_IMAGES,
    Resource,
    fleet_updates,
)
from ibgu.sim.hub.store import HubBackup
from ibgu.sim.player import Player
from ibgu.sim.player.clock import SteadyClock
from ibgu.sim.spoke.refusal import Refusal
from tests.simulation import networks
from tests.simulation.bindings import Bindings
from tests.simulation.canary_breaks import PROVEN
from tests.simulation.contention import APART, NETWORK, Change
from tests.simulation.faults import CREATION_ENDS, HUB, JOURNAL, PROCESS, WATCH, Fault
from tests.simulation.health_proofs import BOUND_POLICIES, COMPLIANCE
from tests.simulation.journal import CallQueue
from tests.simulation.loop import BEGINNING
from tests.simulation.monitoring import Monitoring
from tests.simulation.network_faults import NetworkFaults
from tests.simulation.node import Node
from tests.simulation.payload_objects import PayloadObjects
from tests.simulation.people import People, number_of
from tests.simulation.plans import SEED_IMAGE, Scenario
from tests.simulation.talm import Talm

POLICY = "network"
PATIENCE = 10_000.0
"""Virtual seconds after which an operator no longer waits for clusters that are away."""
ADMISSION = tuple(
    Resource(
        group=paths.ADMISSION_GROUP,
        version="v1",
        plural=paths.resource(path),
        kind=kind,
        namespaced=False,
    )
    for path, kind in (
        (paths.POLICIES, "ValidatingAdmissionPolicy"),
        (paths.POLICY_BINDINGS, "ValidatingAdmissionPolicyBinding"),
    )
)
"""The kinds of what proves who has written a grant."""
SHOTS = (
    "kill-before-write",
    "kill-after-write",
    "kill-before-commit",
    "kill-after-commit",
    "kill-before-arming",
    "kill-in-commit",
    "cut-in-commit",
    "pause-before-write",
    "pause-before-commit",
    "pause-in-transaction",
    "dark-when-armed",
    "commit-refused",
    "commit-in-doubt",
    "write-refused",
    "write-lands-late",
    "label-taken",
    "follow-up-taken",
    *CREATION_ENDS,
)
WINDOWS = (
    "journal-away",
    "outage",
    "journal-slow",
    "hub-away",
    "hub-slow",
    "hub-throttles",
    "hub-errors",
    "write-forbidden",
    "answer-lost",
    "watch-late",
    "watch-repeats",
    "watch-silent",
    "payload-forbidden",
    "payload-refused",
    "follow-up-forbidden",
    "own-error",
)
WATCHED = (
    "imagebasedgroupupgrades",
    "fleetupdates",
    "managedclusters",
    "manifestworks",
    "clustergroupupgrades",
)
"""Plurals of the kinds that a controller mirrors."""


class Simulation:
    def __init__(self, scenario: Scenario, seed: int, engine: AsyncEngine, journal: str) -> None:
        loop = asyncio.get_running_loop()
        self.scenario, kind = scenario, scenario.kind
        talm = (CGUS,) if scenario.talm else ()
        sets = (CLUSTER_SETS, CLUSTER_SET_BINDINGS) if scenario.tenancy else ()
        updates = (fleet_updates(),) if names.FLEET_UPDATE in kind.objects else ()
        self._catalogued = bool(scenario.seed_limit) and "breaker" not in scenario.policy
        seeds = (SEED_IMAGES,) if self._catalogued else ()
        contends = scenario.contention.changes
        breaks = scenario.canaries.policy
        again = scenario.failed_preps.policy
        policies = (ROLLOUT_POLICIES,) if scenario.policy or contends or breaks or again else ()
        grants = (*GRANTS, *ADMISSION) if contends else ()
        copies = (BOUND_POLICIES,) if scenario.canaries.proof == COMPLIANCE else ()
        more = (*talm, *sets, *updates, *seeds, *policies, *grants, *copies)
        self.hub = MemoryHub(now=loop.time, seed=seed, more=more, watched=scenario.watched)
        self.weather = NetworkFaults()
        fleet = MemoryClient(self.hub, "agents")
        self.player = Player(
            fleet, scenario.fleet, SteadyClock(offset=0.0), cluster_type=kind.cluster_type
        )
        ibgus = [body for _, body in scenario.ibgus]
        self.people = People(self.hub, self.player, ibgus)
        self.monitoring = Monitoring(
            self.hub, self.player, self.people, scenario.canaries, self.happen
        )
        self.talm = Talm(self.hub)
        self.shelf = PayloadObjects(self.hub)
        self.bindings = Bindings(self.hub, seed)
        turnstile = CallQueue()
        settings = {
            "starts_per_minute": scenario.starts_per_minute,
            "upgrade_backups": scenario.upgrade_backups,
            "tenancy": "clustersets" if scenario.tenancy else "off",
        }
        self.nodes = [
            Node(
                f"node-{number}",
                self.hub,
                engine,
                turnstile,
                self.weather,
                seed,
                journal,
                settings=settings,
                drivers=kind.drivers,
            )
            for number in range(scenario.nodes)
        ]
        self.gone_back: set[str] = set()
        """Uids of the rollouts that a controller had in memory when the hub was restored."""
        self.lost: set[str] = set()
        """Clusters that never come back."""
        self.policy_ends = scenario.policy_ends
        """When the policy is deleted, in virtual seconds; 0: it is not."""
        self.well_at = 0.0
        """Virtual seconds until the last fault of a cluster has ended."""
        self._added = 0
        self._acts = Random(f"{seed}/acts")
        self._tasks: list[asyncio.Task[Any]] = []
        self._healing: list[tuple[str, Callable[[SimulatedCluster, float], None]]] = []

    @property
    def elapsed(self) -> float:
        return asyncio.get_running_loop().time() - BEGINNING

    # -- life ------------------------------------------------------------------------------------

    async def start(self) -> None:
        await self.player.create()
        self._tasks.append(asyncio.create_task(self.player.run()))
        await self.player.synced.wait()
        if self.scenario.payloads:
            await self.shelf.fill()
        if self.scenario.tenancy:
            await self.bindings.fill(self.player.clusters)
        if self._catalogued:
            limit = self.scenario.seed_limit
            breaker = {"sameCause": limit, "windowMinutes": 10080}
            entry = {**SEED_IMAGE, "spec": {**SEED_IMAGE["spec"], "circuitBreaker": breaker}}
            await MemoryClient(self.hub, "people").request("POST", paths.SEED_IMAGES, body=entry)
        if spec := self.scenario.policy:
            begin = self.scenario.demands_begin
            await self.people.change(_policy(_frozen(spec) if begin else spec))
            if begin:
                self._tasks.append(asyncio.create_task(self._demand()))
            if self.scenario.policy_ends:
                self._tasks.append(asyncio.create_task(self._end_policy()))
        if changes := self.scenario.contention.changes:
            for change in changes:
                if change.at <= 0.0:
                    await self.people.change(change)
            self._tasks.append(asyncio.create_task(self._change()))
        if self.scenario.canaries.policy:
            await self.monitoring.start()
        if spec := self.scenario.failed_preps.policy:
            await self.people.change(_policy(spec))
            self._tasks.append(asyncio.create_task(self._end_attempts()))
            self._tasks.append(asyncio.create_task(self._pause()))
        for number, begin, end in self.scenario.held_clusters:
            self._tasks.append(asyncio.create_task(self._hold(number, begin, end)))
        if self.scenario.moved_clusters:
            self._tasks.append(asyncio.create_task(self._move()))
        for node in self.nodes:
            node.start()

    async def _move(self) -> None:
        for at, number, place in self.scenario.moved_clusters:
            await asyncio.sleep(max(0.0, at - self.elapsed))
            await self.people.change(networks.move(list(self.player.clusters)[number], place))

    async def _hold(self, number: int, begin: float, end: float) -> None:
        cluster = list(self.player.clusters)[number]
        for at, held in ((begin, True), (end, False)):
            await asyncio.sleep(max(0.0, at - self.elapsed))
            await self.people.change(networks.hold(cluster, held=held))

    async def _change(self) -> None:
        for change in self.scenario.contention.changes:
            if change.at > 0.0:
                await asyncio.sleep(max(0.0, change.at - self.elapsed))
                await self.people.change(change)

    async def _demand(self) -> None:
        await asyncio.sleep(self.scenario.demands_begin)
        await self.people.change(_policy(self.scenario.policy))

    async def _end_policy(self) -> None:
        await asyncio.sleep(self.scenario.policy_ends)
        await MemoryClient(self.hub, "people").request("DELETE", paths.rollout_policy(POLICY))

    async def _end_attempts(self) -> None:
        if ends := self.scenario.failed_preps.ends:
            await asyncio.sleep(ends)
            await self.people.change(Change(0.0, paths.ROLLOUT_POLICIES, POLICY))

    async def _pause(self) -> None:
        fault = self.scenario.failed_preps.paused
        if fault.seconds:
            await asyncio.sleep(fault.at)
            await self.people.annotate(0, pause="yes")
            await asyncio.sleep(fault.seconds)
            await self.people.annotate(0, pause=None)

    async def stop(self) -> None:
        for node in self.nodes:
            await node.stop()
        tasks = [*self._tasks, *self.monitoring.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    def check_alive(self) -> None:
        """Raises the error of a part that must not end."""
        for task in (*self._tasks, *self.monitoring.tasks):
            if task.done() and not task.cancelled():
                task.result()

    # -- what happens ----------------------------------------------------------------------------

    async def happen(self, fault: Fault) -> None:
        if fault.kind == "hub-restored":
            self._tasks.append(asyncio.create_task(self._restored(fault.seconds)))
        elif fault.kind == "talm-lives":
            self._tasks.append(asyncio.create_task(self._talm_lives(fault.seconds)))
        elif fault.kind in ("payload-changed", "payload-missing", "payload-too-large"):
            self.weather.struck[fault.kind] += 1
            self._tasks.append(asyncio.create_task(self.shelf.happen(fault)))
        elif fault.kind == "set-unbound":
            self.weather.struck[fault.kind] += 1
            self._tasks.append(asyncio.create_task(self.bindings.happen(fault)))
        elif fault.kind == "skip-first":
            self._tasks.append(asyncio.create_task(self._skip_first(fault)))
        elif fault.kind in PROCESS + JOURNAL + HUB + WATCH + SHOTS + WINDOWS:
            self._to_processes(fault)
        else:
            await self._to_objects(fault)

    def _to_processes(self, fault: Fault) -> None:
        if fault.kind in SHOTS:
            self.weather.load(fault, fault.n)
            return
        if fault.kind in WINDOWS:
            self.weather.open(fault)
            return
        self.weather.struck[fault.kind] += 1
        node = self._chosen(fault.n)
        match fault.kind:
            case "kill":
                node.kill()
            case "pause":
                node.pause(fault.seconds)
            case "watch-cut":
                self._cut()
            case "history-forgotten":
                self.hub.compact()
                self._cut()
            case "clock-jump":
                self.weather.skewed = True
                self.weather.skew += (fault.seconds % 60) * 60 * (1 if fault.n % 2 else -1)

    def _chosen(self, number: int) -> Node:
        """Returns a node, usually the leader."""
        leaders = [node for node in self.nodes if node.leading]
        others = [node for node in self.nodes if not node.leading]
        if leaders and (number % 4 or not others):
            return leaders[0]
        return (others or self.nodes)[0]

    def _cut(self) -> None:
        for node in self.nodes:
            if node.client is not None:
                node.client.cut()

    async def _restored(self, seconds: float) -> None:
        """Restores the hub to a moment at which nothing was armed: an agent that is quicker than
        ibgu would apply such a work once more, and nobody could prevent it (docs/recovery.md)."""
        await self._nothing_armed()
        saved = self.hub.back_up()
        await asyncio.sleep(seconds)
        self.weather.struck["hub-restored"] += 1
        term = self._term
        if term is not None and self._differs(saved):
            self.gone_back |= set(term.fleet.rollouts)
        self.hub.restore(saved)
        self.talm.forget()
        self._cut()
        for cluster in self.player.clusters.values():
            cluster.registration.joined(cluster.registration.uid)
            self.player.touch(cluster)

    async def _skip_first(self, fault: Fault) -> None:
        """Skips the first cluster of a step that nobody has begun yet, once the rollout has one."""
        try:
            async with asyncio.timeout(fault.seconds):
                while not (first := self._first_of_step(fault.rollout)):  # noqa: ASYNC110
                    await asyncio.sleep(0.5)
        except TimeoutError:
            return
        self.weather.struck[fault.kind] += 1
        await self.people.skip(fault.rollout, first)

    def _first_of_step(self, number: int) -> str:
        """Returns the first cluster of the rollout's step; empty: one has begun, or no controller
        leads."""
        term = self._term
        for tracked in term.fleet.rollouts.values() if term is not None else ():
            step = tracked.current
            if step is None or number_of(tracked.rollout.name) != number:
                continue
            waiting = [each for each in step.members.values() if isinstance(each, Waiting)]
            if waiting and all(each.run is None for each in step.members.values()):
                return waiting[0].cluster
        return ""

    def _differs(self, saved: HubBackup) -> bool:
        """Returns whether the backup differs in what ibgu reads: otherwise nobody can notice the
        restore."""
        return any(
            collection.objects != saved.objects.get(resource, {})
            for resource, collection in self.hub.versions.collections.items()
            if resource.plural in WATCHED
        )

    async def _nothing_armed(self) -> None:
        while True:
            if not self._armed_works():
                return
            await asyncio.sleep(1.0)

    async def _talm_lives(self, seconds: float) -> None:
        self.weather.struck["talm-lives"] += 1
        await self.talm.live(seconds)

    def _armed_works(self) -> bool:
        works = next(r for r in self.hub.resources if r.kind == "ManifestWork")
        objects = self.hub.versions.collections[works].objects.values()
        marks = (work["metadata"].get("annotations") or {} for work in objects)
        return any(each.get(names.ARMING) == names.ARMED for each in marks)

    async def _to_objects(self, fault: Fault) -> None:
        self.weather.struck[fault.kind] += 1
        cluster = list(self.player.clusters)[fault.cluster % len(self.player.clusters)]
        people = self.people
        match fault.kind:
            case "work-edited" | "work-deleted" | "work-unlabelled" | "work-armed-by-hand":
                await people.to_work(fault, cluster)
            case "label-set" | "label-removed":
                value = "" if fault.kind == "label-set" else None
                await people.label(cluster, fault.n, value)
            case "annotation-removed":
                await people.forget_annotations(cluster)
            case "preflight-mode":
                mode = ("warn", "off", "enforce", "Enforce ", "enforced")[fault.n % 5]
                await people.annotate(fault.rollout, preflight=mode)
            case "defect-mended":
                self._act(cluster, _mend)
            case "status-edited":
                await people.scribble(fault.rollout)
            case "cluster-deleted":
                await people.remove_cluster(cluster)
            case "cluster-recreated":
                await people.recreate_cluster(cluster)
            case "cluster-added":
                await self._add_cluster()
            case "step-appended":
                await people.append(fault.rollout, fault.n)
            case "ibgu-deleted":
                await people.delete(fault.rollout)
            case "ibgu-reapplied":
                await people.delete(fault.rollout)
                await people.apply(fault.rollout)
            case "skip-waiting":
                await people.annotate(fault.rollout, skip="waiting")
            case "resumed":
                await people.resume(fault.rollout)
            case _:
                self._to_cluster(fault, cluster)

    def _to_cluster(self, fault: Fault, cluster: str) -> None:
        match fault.kind:
            case "dark":
                self._for_a_while(fault, cluster, _dark, _back)
            case "dark-for-ever":
                self.lost.add(cluster)
                self._act(cluster, _dark)
            case "flapping":
                self._for_a_while(fault, cluster, _flap, _calm)
            case "feedback-frozen":
                self._for_a_while(fault, cluster, _freeze, _thaw)
            case "finalizer-stuck":
                self._for_a_while(fault, cluster, _stick, _unstick)
            case "stage-by-hand":
                self._act(cluster, _idle)
            case "ibu-deleted":
                self._act(cluster, _delete)

    def _act(self, cluster: str, deed: Callable[[SimulatedCluster, float], None]) -> None:
        self.player.act(cluster, deed)

    def _for_a_while(
        self,
        fault: Fault,
        cluster: str,
        begin: Callable[[SimulatedCluster, float], None],
        end: Callable[[SimulatedCluster, float], None],
    ) -> None:
        self._act(cluster, begin)
        self._after(fault.seconds, cluster, end)

    def _after(
        self, seconds: float, cluster: str, end: Callable[[SimulatedCluster, float], None]
    ) -> None:
        self.well_at = max(self.well_at, self.elapsed + seconds)
        asyncio.get_running_loop().call_later(seconds, self._act, cluster, end)

    async def _add_cluster(self) -> None:
        """Adds a cluster that no step can have as its member yet."""
        self._added += 1
        await self.player.add(f"new-{self._added}")

    def armed(self, cluster: str) -> None:
        """Silences the cluster, if so drawn, at the moment at which the hub has an armed work for
        it."""
        fault = self.weather.shot("dark-when-armed")
        if fault is not None and self.weather.fires(fault.kind):
            loop = asyncio.get_running_loop()
            loop.call_later(self._acts.uniform(0.012, 0.03), self._act, cluster, _dark)
            self._after(max(fault.seconds, 100.0), cluster, _back)

    # -- the end ---------------------------------------------------------------------------------

    async def heal(self) -> None:
        """Ends all faults, except clusters that never come back."""
        self.weather.clear()
        if self.scenario.canaries.policy:
            await self.monitoring.heal()
        if self.weather.struck["hub-restored"] and self.scenario.policy:
            # The hub may have the policy from before.
            ended = 0.0 < self.policy_ends <= self.elapsed
            gone = Change(0.0, paths.ROLLOUT_POLICIES, POLICY)
            await self.people.change(gone if ended else _policy(self.scenario.policy))
        for node in self.nodes:
            node.process.resume()

    async def ibgus(self) -> list[Any]:
        """Returns the objects on the hub that ask for rollouts, of all kinds."""
        client, items = MemoryClient(self.hub), []
        for kind in self.scenario.kind.objects:
            items += (await client.get(paths.rollout_objects(kind), dict[str, Any]))["items"]
        return items

    def leader(self) -> Node | None:
        return next((node for node in self.nodes if node.leading), None)

    @property
    def _term(self) -> RunningTerm | None:
        """Returns the leader's term; None: nobody leads."""
        node = self.leader()
        return node.controller._term if node is not None and node.controller is not None else None

    async def help(self) -> None:
        """Does what an operator does if a rollout waits for a person."""
        term = self._term
        if term is None:
            return
        if self.scenario.canaries.policy and self.lost:
            # What a canary that never comes back keeps, its owner lets go.
            await self.people.change(Change(0.0, paths.ROLLOUT_POLICIES, PROVEN))
        if self.scenario.failed_preps.policy and self.lost:
            # What counts as in flight and never comes back, too.
            await self.people.change(Change(0.0, paths.ROLLOUT_POLICIES, POLICY))
        if self.scenario.contention.changes and self.elapsed > PATIENCE and self._any_away():
            # One that never comes back counts as in flight for ever.
            for name in (NETWORK, APART):
                await self.people.change(Change(0.0, paths.ROLLOUT_POLICIES, name))
        kept = self.scenario.moved_clusters and not self.policy_ends
        if kept and self.elapsed > PATIENCE and self._any_away():
            await self.people.change(Change(0.0, paths.ROLLOUT_POLICIES, POLICY))
            self.policy_ends = self.elapsed
        for tracked in term.fleet.rollouts.values():
            step = tracked.current
            hold = step.step.hold if step is not None else None
            number = number_of(tracked.rollout.name)
            held = tracked.rollout.hold
            if hold is not None and hold.kind in RESUMABLE:
                await self.people.resume(number)
            elif step is not None and (canary := self._blocked_canary(step)):
                await self.people.skip(number, canary)
            elif held is not None and held.kind in (ReasonKind.RESTORED, ReasonKind.INVALID_PLAN):
                # An operator puts back what the journal knows of the plan.
                await self.people.put_back(number, json.encode(tracked.rollout.spec.plan))
                await self.people.resume(number)

    def _any_away(self) -> bool:
        return any(not cluster.connected for cluster in self.player.clusters.values())

    def _blocked_canary(self, step: TrackedStep) -> str:
        """Returns the canary that others wait for and that can't start itself; empty: none."""
        policy = self.scenario.policy or self.scenario.canaries.policy
        canaries = policy.get("canaries")
        if canaries is None or not step.kept:
            return ""
        if "selector" in canaries:
            chosen = list(canaries["selector"]["matchLabels"].values())
        else:
            out = (Outcome.SKIPPED, Outcome.CANCELLED)
            left = {name for name, m in step.members.items() if m.outcome in out and not m.run}
            placed = (name for name in step.members if name not in left)
            selected = (name for name in placed if networks.selects(policy, name))
            chosen = list(islice(selected, canaries["count"]))
        found = (step.members.get(name) for name in chosen)
        waiting = (each for each in found if isinstance(each, Waiting))
        blocked = (each.cluster for each in waiting if each.reason.kind not in QUEUED)
        return next(blocked, "")

    async def stuck(self) -> str:
        """Returns what has not ended, and why."""
        node, term = self.leader(), self._term
        if term is None:
            problems = [n.controller.problems() if n.controller else [] for n in self.nodes]
            return f"nobody leads: {problems}"
        assert node is not None
        assert node.controller is not None
        told = [f"{node.name}: {node.controller.problems()}, claims {term.fleet.claims}"]
        for tracked in term.fleet.rollouts.values():
            rollout, step = tracked.rollout, tracked.current
            told.append(f"{rollout.name} {rollout.uid}: {rollout.state} {rollout.hold}")
            if step is not None:
                told.append(f"step {step.step}")
                told += [str(m) for m in step.members.values() if not m.finished]
        return "\n  ".join(told)

    async def finished(self) -> bool:
        """Returns whether every rollout on the hub has ended, with no pending patch and none
        quarantined."""
        term = self._term
        if term is None:
            return False
        uids = {item["metadata"]["uid"] for item in await self.ibgus()}
        tracked_rollouts = term.fleet.rollouts
        if not uids <= set(tracked_rollouts) or term.quarantine:
            return False
        return all(map(_over, tracked_rollouts.values())) and not term.fleet.claims


def _policy(spec: JsonObject) -> Change:
    body = {"apiVersion": "ibgu.dev/v1alpha1", "kind": "RolloutPolicy", "spec": spec}
    return Change(0.0, paths.ROLLOUT_POLICIES, POLICY, {**body, "metadata": {"name": POLICY}})


def _frozen(spec: JsonObject) -> JsonObject:
    """Returns a policy that demands nothing, and lets nothing start for the time being."""
    demands = ("preflight", "warnings", "backup")
    rest = {key: value for key, value in spec.items() if key not in demands}
    always = {"from": "2020-01-01T00:00:00Z", "until": "2040-01-01T00:00:00Z"}
    return {**rest, "freezes": [always]}


def _over(tracked: TrackedRollout) -> bool:
    state = tracked.rollout.state
    if state is RolloutState.DELETED:
        return True
    made = (each for step in tracked.steps for each in step.step.follow_ups.made)
    return state is RolloutState.COMPLETE and not any(each.planned or each.pending for each in made)


def _delete(cluster: SimulatedCluster, now: float) -> None:
    cluster.delete_ibu(now)


def _dark(cluster: SimulatedCluster, now: float) -> None:
    cluster.go_dark()


def _back(cluster: SimulatedCluster, now: float) -> None:
    cluster.come_back()


def _flap(cluster: SimulatedCluster, now: float) -> None:
    cluster.registration.flapping = True


def _calm(cluster: SimulatedCluster, now: float) -> None:
    cluster.registration.flapping = False


def _freeze(cluster: SimulatedCluster, now: float) -> None:
    cluster.freeze(True, now)


def _thaw(cluster: SimulatedCluster, now: float) -> None:
    cluster.freeze(False, now)


def _stick(cluster: SimulatedCluster, now: float) -> None:
    cluster.stick(True, now)


def _unstick(cluster: SimulatedCluster, now: float) -> None:
    cluster.stick(False, now)


def _mend(cluster: SimulatedCluster, now: float) -> None:
    cluster.registration.topology = "SingleReplica"


def _idle(cluster: SimulatedCluster, now: float) -> None:
    try:
        cluster.set_stage("Idle", now)
    except (Refusal, KeyError):
        return
