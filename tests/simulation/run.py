"""Runs one seed from its beginning to its end, and reports what was found."""

import asyncio
import itertools
import logging
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from random import Random
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

import structlog
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ibgu.controller.journal.durations import ActionDurations
from ibgu.controller.loop import planner
from ibgu.controller.loop.loop import Loop
from ibgu.controller.mirror import versions
from ibgu.core.drivers import traits
from ibgu.core.drivers.cluster_version.actions import UPDATE_ACTIONS
from ibgu.core.engine.decide.context import MEMBERS_PER_CYCLE
from ibgu.core.engine.decide.member import members
from ibgu.core.engine.decide.rollout import controls
from ibgu.core.engine.decide.step import steps
from ibgu.core.engine.refresh import ranges
from ibgu.core.engine.state import FleetState as Led
from ibgu.core.model import ActionTraits
from ibgu.core.model.actions import AgeRange
from ibgu.core.model.kinds import JsonObject
from ibgu.core.model.rollout_policy import PolicyState
from ibgu.db.engine import engine as connected
from ibgu.sim.hub.server import ServedRequest
from tests.oracle import Rule
from tests.oracle.certified import certify
from tests.simulation import failed_preps
from tests.simulation.canary_breaks import LATE
from tests.simulation.checks import Found
from tests.simulation.checks.approvals import NEVER
from tests.simulation.checks.attempts import Attempts
from tests.simulation.checks.canary_soak import CanarySoak
from tests.simulation.checks.cluster_holds import ClusterHolds
from tests.simulation.checks.contention import UnderContention
from tests.simulation.checks.drafts import watched_drafts
from tests.simulation.checks.effects import Effects
from tests.simulation.checks.ending import check_ending
from tests.simulation.checks.failures import FailuresUnderPolicy
from tests.simulation.checks.follow_ups import AGAIN, CREATION, RESTARTED, FollowUps
from tests.simulation.checks.history import Event, History
from tests.simulation.checks.labels import Labels
from tests.simulation.checks.payloads import Payloads
from tests.simulation.checks.policies import UnderPolicy, check_selection, until
from tests.simulation.checks.rate_limits import DurationStats
from tests.simulation.checks.refreshes import RefreshSchedule
from tests.simulation.checks.reported import HubReports
from tests.simulation.checks.seeds import SeedStops
from tests.simulation.checks.standing import StandingClocks
from tests.simulation.checks.tenancy import Tenancy
from tests.simulation.checks.truth import HEARD, JournalCheck, Run
from tests.simulation.checks.turns import Turns
from tests.simulation.checks.updates import UpdateTruth
from tests.simulation.checks.upgrade_backups import UpgradeBackups
from tests.simulation.errors import ERROR, own_errors
from tests.simulation.faults import (
    CALM,
    CREATION_ENDS,
    CREATION_REFUSED,
    HUB,
    JOURNAL,
    OTHERS,
    PEOPLE,
    PROCESS,
    WATCH,
    Fault,
    draw,
    first_skipped,
    theme,
)
from tests.simulation.health_proofs import CONDITIONS, Sources
from tests.simulation.kinds import UPGRADE, SimulatedKind
from tests.simulation.loop import BEGINNING, VirtualTimeLoop
from tests.simulation.plans import DIGEST, Scenario, scenario
from tests.simulation.policy_dates import PolicyDates
from tests.simulation.world import Simulation

ACTIVE = 2400.0
"""Virtual seconds in which things go wrong."""
QUIET_HANDS = {"dark-when-armed", "dark", "dark-for-ever", "flapping", "finalizer-stuck", *PROCESS}
UNHEARD = (*PROCESS, *JOURNAL, *HUB, *WATCH)
"""Faults while which a controller may not hear what people do."""
DEAF = {*UNHEARD} - {"kill"}
"""Faults in which a controller may decide by what it has heard before."""
LANDS_LATE = ("write-lands-late", "pause-before-write", "pause", "answer-lost")
PROBE = 60.0
"""Virtual seconds between two checks whether all is over."""
REST = 300.0
"""Virtual seconds after that, in which everything must come to rest."""
CRASH = "no controller dies of an error of its own"
OWN_ERROR = "ibgu meets no error of its own"

_numbers = itertools.count(1)


class Outcome(Struct):
    seed: int
    faults: list[Fault]
    problems: list[str]
    struck: Counter[str]
    held: Counter[str]
    virtual: float
    """Seconds."""
    real: float
    """Seconds."""
    results: Counter[str] = Counter()
    """How the runs ended."""
    trace: str = ""
    """Digest of the history: equal for two runs of one seed."""


def faults_of(seed: int, kind: SimulatedKind = UPGRADE) -> list[Fault]:
    plan = scenario(seed, kind)
    drawn = draw(seed, clusters=plan.fleet.count, rollouts=len(plan.ibgus), until=ACTIVE)
    more = [*plan.contention.silent, *plan.canaries.faults, *_skipped(plan, seed)]
    return sorted([*drawn, *more], key=lambda fault: fault.at)


def _skipped(plan: Scenario, seed: int) -> list[Fault]:
    """Returns the skips of canaries that have not begun, in a third of the seeds with a policy that
    counts its canaries."""
    counted = "count" in plan.policy.get("canaries", {})
    if not counted or Random(f"{seed}/canaries skipped").random() > 1 / 3:
        return []
    return first_skipped(Random(f"{seed}/skipped"), len(plan.ibgus))


def simulate(
    seed: int, url: str, faults: Sequence[Fault] | None = None, kind: SimulatedKind = UPGRADE
) -> Outcome:
    """Simulates one seed; `url`: a migrated database for simulations only."""
    silence_logs()
    given = list(faults_of(seed, kind) if faults is None else faults)
    loop = VirtualTimeLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(_simulate(scenario(seed, kind), seed, url, given))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def silence_logs() -> None:
    """The controllers' logs are nobody's to read."""
    level = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=level, cache_logger_on_first_use=False)


async def _simulate(plan: Scenario, seed: int, url: str, faults: list[Fault]) -> Outcome:
    began = time.perf_counter()
    pool = connected(url, pool_size=4)
    journal = f"{seed}-{time.time_ns()}-{next(_numbers)}"
    play = _Play(seed, plan, faults, pool, journal)
    try:
        await play.play()
    finally:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        with loop.real_io():
            await pool.dispose()
    return Outcome(
        seed=seed,
        faults=faults,
        problems=play.found.problems,
        struck=play.fleet.weather.struck,
        held=play.found.held,
        virtual=play.fleet.elapsed,
        real=time.perf_counter() - began,
        results=play.results,
        trace=play.trace,
    )


class _Play:
    def __init__(
        self,
        seed: int,
        plan: Scenario,
        faults: list[Fault],
        pool: AsyncEngine,
        journal: str,
    ) -> None:
        self.found = Found()
        self.results: Counter[str] = Counter()
        self.trace = ""
        self.fleet = Simulation(plan, seed, pool, journal)
        self._seed = seed
        self._leader = ""
        self._plan = plan
        self._faults = faults
        self._pool = pool
        self._journal = journal
        self._labels = Labels(self.found, self.fleet.hub.now)
        self._effects = Effects(self.found, self.fleet.hub, self.fleet.armed, late=self._late)
        self._payloads = Payloads(self.found, self._on_shelf, self._effects.carried)
        self._schedule = RefreshSchedule(self.found, watched=plan.watched)
        self._policy_dates = PolicyDates()
        unheard = any(fault.kind in UNHEARD for fault in faults)
        self._contention = UnderContention(
            self.found,
            plan.contention,
            self.fleet.hub,
            self._policy_dates,
            NEVER if unheard else HEARD,
        )
        self._reports = _reports(plan, faults, self.fleet.hub.now)
        self.fleet.monitoring.on_said = self._reports.said
        self._follow_ups, self._attempts = _follow_ups(self.found, plan, faults, self._reports)
        self._soak = CanarySoak(self.found, self._reports, plan.canaries.proof)
        self._turns: WeakKeyDictionary[Led, Turns] = WeakKeyDictionary()
        self._policies: dict[str, PolicyState] = {}
        """What each node has decided by last."""
        self._clocks: WeakKeyDictionary[Led, StandingClocks] = WeakKeyDictionary()
        self._limit = ACTIVE + 3600.0 + sum(_length(body) for _, body in plan.ibgus)
        self._limit += LATE if plan.canaries.policy else 0.0
        self._limit += failed_preps.LATE if plan.failed_preps.policy else 0.0
        self.fleet.hub.audit = self._audit

    def _audit(
        self, asked: ServedRequest, before: JsonObject | None, after: JsonObject | None
    ) -> None:
        self._labels.audit(asked, before, after)
        self._effects.audit(asked, before, after)
        self._schedule.audit(asked, before, after)
        self._contention.audit(asked, before, after)
        self._follow_ups.audit(asked, before, after)
        self._attempts.audit(asked, before, after)
        if asked.who.startswith("ibgu/") and not _of_the_lease(asked):
            known = self.fleet.talm.known
            self.found.check("R20 nothing is written beside TALM", not known, asked)

    async def play(self) -> None:
        for node in self.fleet.nodes:
            node.on_commit = self._committed
        most = 1 if self._seed % 4 < 2 else MEMBERS_PER_CYCLE
        with (
            patch.object(Loop, "turn", self._turn(Loop.turn)),
            patch.object(ranges, "traits", _scaled(self._plan.fleet.scale)),
            watched_drafts(self.found),
            self._policy_dates.watched(),
            # Fleets are small: in every other seed large batches are split into single decisions.
            patch.object(members, "MEMBERS_PER_CYCLE", most),
            patch.object(steps, "MEMBERS_PER_CYCLE", most),
            patch.object(controls, "MEMBERS_PER_CYCLE", most),
            patch.object(planner, "CLUSTERS_PER_TURN", most),
            own_errors(self.fleet.weather),
            _never_measured(),
            _seldom_noted(),
            self._sources(),
        ):
            try:
                await self._story()
            finally:
                await self.fleet.stop()
        await self._judge()

    def _sources(self) -> AbstractContextManager[None]:
        """Has controllers ask the sources of health that the scenario has."""
        proof = self.fleet.monitoring.proof
        if not isinstance(proof, Sources):
            return nullcontext()
        return proof.asked(self.fleet.hub.now, Random(f"{self._seed}/sources"))

    def _committed(self, who: str, *, leads: bool) -> None:
        """Checks that the journal takes nothing from earlier leaders once another has begun to
        lead."""
        # Notes are taken with the epoch, too: only another process begins to lead.
        begins = leads and who != self._leader
        self._effects.committed(who, leads=begins)
        self._leader = who if leads else self._leader or who
        self.found.check("fencing", who == self._leader, f"{who} wrote, {self._leader} leads")

    def _turn(self, turn: Callable[[Loop], Awaitable[None]]) -> Callable[[Loop], Awaitable[None]]:
        async def checked(loop: Loop) -> None:
            fleet, quarantine = loop._planner._fleet, loop._planner._quarantine
            before = self._contention.before(loop)
            self._check_policies()
            await turn(loop)
            self._contention.turned(loop, before)
            known = self._turns.get(fleet)
            if known is None:
                shown = set if self._late else self._effects.shown
                known = self._turns[fleet] = Turns(self.found, shown)
            known.turned(fleet)
            if "clusters" in self._plan.policy:
                check_selection(self.found, self._plan.policy, fleet)
            if not self.fleet.weather.skewed:
                clocks = self._clocks.get(fleet)
                if clocks is None:
                    clocks = self._clocks[fleet] = StandingClocks(self.found)
                clocks.turned(fleet, self.fleet.hub.now())
            told = [quarantine.error_of(uid) for uid in quarantine]
            own = [words for words in told if not words.startswith(ERROR)]
            self.found.check(OWN_ERROR, not own, own)
            if self._plan.payloads:
                self._payloads.turned(fleet)

        return checked

    def _check_policies(self) -> None:
        """Checks that leaders decide by policies that the journal has."""
        for node in self.fleet.nodes:
            if node.controller is None or not node.leading:
                continue
            state = node.controller._lookups.rollout_policies.state()
            if state is not self._policies.get(node.name):
                self._policies[node.name] = state
                noted = state.problem or self._policy_dates.were_noted(state.policies)
                self.found.check("R50.7 a policy in force is in the journal", bool(noted), state)

    def _on_shelf(self, digest: str) -> bool:
        """Returns whether the content was there recently: a healthy controller reads it every
        minute."""
        return self.fleet.shelf.had(digest, asyncio.get_running_loop().time() - HEARD)

    @property
    def _late(self) -> bool:
        """Returns whether a write may land that its sender has given up: the hub then shows what
        nobody wants."""
        return any(fault.kind in LANDS_LATE for fault in self._faults)

    @property
    def _cut_short(self) -> bool:
        """Returns whether the run ended at the first problem."""
        return bool(self.found.problems)

    async def _story(self) -> None:
        fleet = self.fleet
        await fleet.start()
        starts = [(at, number) for number, (at, _) in enumerate(self._plan.ibgus)]
        deeds: list[tuple[float, int | Fault]] = [*starts, *((f.at, f) for f in self._faults)]
        for at, deed in sorted(deeds, key=lambda pair: pair[0]):
            await self._until(at)
            if self._cut_short:
                return
            if isinstance(deed, Fault):
                await fleet.happen(deed)
            else:
                await fleet.people.apply(deed)
        await self._until(ACTIVE if self._faults else 0.0)
        if self._cut_short:
            return
        await fleet.heal()
        await self._wait()

    async def _until(self, at: float) -> None:
        """Waits until that virtual second, or until an invariant is broken."""
        await self.found.sleep(BEGINNING + at - asyncio.get_running_loop().time())

    async def _wait(self) -> None:
        """Waits until everything is over, and a while longer."""
        fleet = self.fleet
        while fleet.talm.alive or not await fleet.finished():
            fleet.check_alive()
            if self.found.problems or self._crashed():
                return
            if fleet.elapsed > self._limit:
                self.found.check("liveness", False, await fleet.stuck())
                return
            await fleet.help()
            await self.found.sleep(PROBE)
        await self._until(fleet.well_at)
        await self.found.sleep(REST)
        if self._cut_short:
            return
        fleet.check_alive()
        self._crashed()
        await check_ending(self.found, fleet, calm=theme(self._seed) is CALM)

    def _crashed(self) -> bool:
        crashes = [crash for node in self.fleet.nodes for crash in node.crashes]
        for crash in crashes:
            self.found.check(CRASH, False, _told(crash))
        return bool(crashes)

    async def _date_policies(self) -> None:
        """Dates the policies for the certifier, if events have the loop's time."""
        async with self._pool.begin() as db:
            if self.fleet.weather.skewed:
                await self._policy_dates.forget(db, self._journal)
            else:
                await self._policy_dates.date(db, self._journal)

    async def _judge(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        with loop.real_io():
            async with self._pool.connect() as db:
                events = [Event(**row) for row in await _rows(db, EVENTS, self._journal)]
                runs = [Run(**row) for row in await _rows(db, RUNS, self._journal)]
                patches = await _rows(db, PENDING_PATCHES, self._journal)
            await self._date_policies()
            proofs = self._plan.kind.proofs
            findings = await certify(self._pool, self._journal, proofs=proofs)
        for rule, count in findings.checks.items():
            self.found.held[f"certified: {rule}"] += count
        for wrong in findings.violations:
            # Leads are dated by the database's own clock, which knows no virtual time.
            told = f"{wrong.words} {wrong.event}"
            self.found.check("certified", wrong.rule is Rule.WRITER, f"{wrong.rule}: {told}")
        self.found.check("nothing is pending at the end", not patches or self._cut_short, patches)
        History(self.found, restored=bool(self.fleet.weather.struck["hub-restored"])).read(events)
        skewed = self.fleet.weather.skewed
        DurationStats(self.found, self._plan.starts_per_minute, skewed=skewed).read(events)
        self._effects.compare(runs, skewed=skewed, late=self._late)
        self._labels.compare(events, self._effects, skewed)
        if self._plan.tenancy:
            tenancy = Tenancy(self.found, self.fleet.bindings)
            tenancy.armed(self._effects.arms)
            if not skewed:
                tenancy.read(events)
        if self._plan.seed_limit and not skewed:
            SeedStops(self.found, DIGEST, self._plan.seed_limit).read(events)
        restored = bool(self.fleet.weather.struck["hub-restored"])
        if self._plan.policy and not skewed and not restored:
            spec, ends = self._plan.policy, self.fleet.policy_ends
            under = UnderPolicy(
                self.found,
                until(spec, ends),
                zone=self._plan.zone,
                clusters=self._plan.fleet.count,
                moved=bool(self._plan.moved_clusters),
            )
            under.read(events)
            FailuresUnderPolicy(self.found, spec, ends).read(events)
        kinds = {fault.kind for fault in (*self._faults, *self._plan.canaries.meanwhile)}
        if self._plan.held_clusters and not (skewed or restored or kinds & DEAF):
            ClusterHolds(self.found, self._reports).read(events)
        if not skewed:
            self._contention.judge(events)
            self._follow_ups.judge(events, restored=restored)
            if self._plan.canaries.policy and not restored and not kinds & DEAF:
                self._soak.judge(events)
            self._attempts.judge(events, restored=restored)
        others = [run for run in runs if run.action not in UPDATE_ACTIONS.names]
        truth = JournalCheck(self.found, others, self.fleet.player.clusters.values(), skewed)
        truth.check()
        kinds = {fault.kind for fault in self._faults}
        if not skewed and self._plan.kind.updates is not None:
            clusters = list(self.fleet.player.clusters.values())
            updates = UpdateTruth(
                self.found, runs, events, clusters, _updates(events, self._plan.ibgus)
            )
            kept = not kinds & {*PEOPLE, *OTHERS}
            pauses = any("pause" in body["spec"].get("update", {}) for _, body in self._plan.ibgus)
            updates.check(late=self._late or restored, labels_kept=kept, pauses=pauses)
            if not restored:  # which brings a work back whose Job has run
                updates.backups(clusters)
                marks = _annotations(events, self._plan.ibgus)
                UpgradeBackups(self.found, runs, marks).check(clusters)
            if not self._cut_short:
                updates.paid(clusters, self.fleet.lost | self.fleet.people.recreated)
        if kinds <= QUIET_HANDS:
            done = (event for event in events if event.kind == "ActionAlreadyDone")
            truth.reopened({(event.rollout, event.step, event.cluster) for event in done})
        if not skewed and kinds <= {*PROCESS, *JOURNAL}:
            truth.limits()
        self.results.update(run.result for run in runs if run.result)
        self.trace = f"{len(events)} events, {hash_of(events)}"


def _reports(plan: Scenario, faults: Sequence[Fault], now: Callable[[], float]) -> HubReports:
    refuses = any(fault.kind in CREATION_REFUSED for fault in (*faults, *plan.canaries.meanwhile))
    return HubReports(now, refuses=refuses, proof=plan.canaries.proof)


def _follow_ups(
    found: Found, plan: Scenario, faults: Sequence[Fault], reports: HubReports
) -> tuple[FollowUps, Attempts]:
    kinds = {fault.kind for fault in (*faults, *plan.canaries.meanwhile)}
    ends = {*CREATION_ENDS}
    disturbing = kinds & {*UNHEARD, *ends, "own-error"}
    until = NEVER if not disturbing else CREATION if disturbing <= ends else 0.0
    patience = AGAIN if not disturbing else RESTARTED if disturbing <= {"kill", *ends} else None
    if plan.canaries.proof != CONDITIONS:
        # What is asked for is heard later, and not at a time that is known.
        until, patience = 0.0, None
    again = Attempts(found, plan.failed_preps, reports, heard_until=until, patience=patience)
    return FollowUps(found, reports, heard_until=until, patience=patience), again


def _updates(
    events: Iterable[Event], plans: Iterable[tuple[float, JsonObject]]
) -> dict[str, JsonObject]:
    """Returns the updates that rollouts ask for, by uid."""
    return _of_rollouts(events, plans, lambda body: body["spec"].get("update", {}))


def _annotations(
    events: Iterable[Event], plans: Iterable[tuple[float, JsonObject]]
) -> dict[str, JsonObject]:
    """Returns the annotations that rollouts have from their beginning, by uid."""
    return _of_rollouts(events, plans, lambda body: body["metadata"].get("annotations", {}))


def _of_rollouts(
    events: Iterable[Event],
    plans: Iterable[tuple[float, JsonObject]],
    part: Callable[[JsonObject], JsonObject],
) -> dict[str, JsonObject]:
    named = {body["metadata"]["name"]: part(body) for _, body in plans}
    told = ((e.rollout, e.data.get("name")) for e in events if e.rollout and not e.cluster)
    return {uid: named[name] for uid, name in told if uid and name in named}


def _of_the_lease(asked: ServedRequest) -> bool:
    """Returns whether the request is about ibgu's own Lease: the Event of a lead is, too."""
    event = "/events" in asked.path and b'"kind":"Lease"' in (asked.body or b"")
    return event or "/leases" in asked.path


def _seldom_noted() -> AbstractContextManager[object]:
    """Records the hub's versions rarely instead of every 15 seconds: they would be nine tenths of a
    simulation's calls to the journal."""
    return patch.object(versions, "INTERVAL", 150.0)


def hash_of(events: Sequence[Event]) -> str:
    told = "\n".join(f"{e.seq} {e.kind} {e.step} {e.cluster} {e.run}" for e in events)
    return sha256(told.encode()).hexdigest()[:12]


async def _rows(db: AsyncConnection, query: str, hub: str) -> list[dict[str, Any]]:
    found = await db.execute(text(query), {"hub": hub})
    return [dict(row._mapping) for row in found]


EVENTS = """
    SELECT seq, at, kind, rollout, step, cluster, cluster_uid, run, data, cause, why
    FROM events WHERE hub = :hub ORDER BY seq
"""
PENDING_PATCHES = "SELECT cluster, labels, annotations FROM pending_patches WHERE hub = :hub"
RUNS = """
    SELECT id, rollout, step, cluster, cluster_uid, action, attempt, state, intended_at, arming_at,
      accepted_at, ended_at, result, cause, disarmed
    FROM runs WHERE hub = :hub ORDER BY intended_at, id
"""


def _length(body: dict[str, object]) -> float:
    """Returns the seconds that the plan may take at most, including steps appended later."""
    spec: dict[str, list[dict[str, dict[str, int]]]] = body["spec"]  # type: ignore[assignment]
    minutes = [step["rolloutStrategy"]["timeout"] for step in spec["plan"]]
    return 60.0 * (sum(minutes) + 3 * max(minutes)) + 3600.0


def _never_measured() -> AbstractContextManager[object]:
    """Makes refreshes use their built-in ranges.

    A process stopped while it reads duration stats, beside a turn, would leave that call in the
    real world, where nothing could end it.
    """
    return patch.object(ActionDurations, "ask", lambda durations: None)


def _scaled(scale: float) -> Callable[[str], ActionTraits]:
    """Returns when runs end if everything takes so much longer."""

    def scaled(action: str) -> ActionTraits:
        known = traits(action)
        usual = AgeRange(known.usual.low * scale, known.usual.high * scale)
        return replace(known, usual=usual)

    return scaled


def _told(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
