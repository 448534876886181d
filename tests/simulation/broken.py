"""Breaks the engine: each variant takes one rule away, and the simulation must notice.

Each patches named seams of the program for as long as a simulation runs.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct, json
from msgspec.structs import replace
from sqlalchemy import text

from ibgu.controller.effects import feedback_refresh, requests
from ibgu.controller.facts import TermFacts
from ibgu.controller.lookups.preflights import Preflights
from ibgu.controller.lookups.talm import TalmWatch
from ibgu.controller.loop import loop
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.reports.statuses import Statuses
from ibgu.controller.term import recovery
from ibgu.core.drivers.ibu.driver import IbuDriver
from ibgu.core.engine import decide as planner
from ibgu.core.engine.decide import stagework
from ibgu.core.engine.decide.member import accepted as accepting
from ibgu.core.engine.decide.member import (
    arming,
    ending,
    members,
    patches,
    probing,
    running,
    waiting,
)
from ibgu.core.engine.decide.rollout import controls
from ibgu.core.engine.decide.step import overdue, starting, steps
from ibgu.core.engine.driver import JudgementKind
from ibgu.core.engine.gates import preflight as preflight_gates
from ibgu.core.engine.gates import registry
from ibgu.core.engine.gates.failure_budget import FAILURE_BUDGET
from ibgu.core.engine.gates.payload import PAYLOAD
from ibgu.core.engine.gates.policies import HoldingPolicies, PolicyGates, times
from ibgu.core.engine.gates.preflight import PREFLIGHT_PLAN
from ibgu.core.engine.gates.rate_limit import HUB_START_RATE, RAMP_UP, START_RATE
from ibgu.core.engine.gates.seed_breaker import SEED_BREAKER
from ibgu.core.engine.refresh import eligibility
from ibgu.core.engine.state import FleetState, Starts, TrackedStep
from ibgu.core.engine.state.canaries import PolicyCanaries
from ibgu.core.engine.state.occupancy import Occupancy
from ibgu.core.engine.works import desired_work_of, refresh_patch
from ibgu.core.model import (
    Cause,
    Ended,
    FeedbackView,
    InFlight,
    Kind,
    Member,
    OnPendingPatch,
    Probe,
    Run,
    RunBase,
    RunResult,
    RunState,
    WorkView,
)
from ibgu.core.model.transitions import disarm
from ibgu.core.plan import Scope
from ibgu.db.journal import journal, write
from ibgu.hub.election.lease import Elector
from ibgu.hub.writing.writer import Writer
from tests.runs import changed
from tests.simulation import (
    broken_attempts,
    broken_follow_ups,
    broken_health,
    broken_policies,
    broken_updates,
)
from tests.simulation.breaking import Patches, deaf_to_claims
from tests.simulation.breaking import replace_part as _set
from tests.simulation.breaking import unchecked as _unchecked


def no_fencing(stack: ExitStack) -> None:
    """A deposed leader goes on: the journal, the writer and the elector let it."""
    turn = str(write._TURN).replace("AND epoch = :epoch", "AND :epoch > 0")
    _set(stack, write, "_TURN", text(turn))
    resume = Writer.resume
    _set(stack, Writer, "resume", lambda self, deadline=None: resume(self, None))

    async def renew(self: Elector) -> None:
        while True:
            await asyncio.sleep(self.times.retry)
            await self._try(self.times.renew_deadline)

    _set(stack, Elector, "_renew", renew)


def intent_after_effect(stack: ExitStack) -> None:
    """The hub is written first, the journal second."""

    async def turn(self: loop.Loop) -> None:
        if not await self._in_sync():
            return
        touched, uids = self._work_queue.pop()
        if not touched and not uids:
            return
        now = self._clock.now()
        draft = await self._planner.draft(touched, uids, now)
        self._post_commit.perform(draft, uids, now, writes_suspended=False)
        await self._journal_writer.commit(draft, now)

    _set(stack, loop.Loop, "turn", turn)


def slot_freed_early(stack: ExitStack) -> None:
    """A claim is freed while its work is still armed on the hub."""

    def at_once(turn: Any, member: InFlight, run: Ended, seen: Any) -> None:
        turn.on_member(Kind.RUN_DISARMED, disarm(member, run), "never mind")

    _set(stack, running, "_await_disarm", at_once)


def one_slot_too_many(stack: ExitStack) -> None:
    """A step takes one member more than maxConcurrency."""
    _unchecked(stack)
    _set(stack, TrackedStep, "_bound", property(lambda self: self.step.max_concurrency + 1))


def run_echo_ignored(stack: ExitStack) -> None:
    """Feedback counts for a run whatever run it reports."""

    def speaks_for(work: WorkView, run: Run) -> bool:
        ibu = work.feedback
        return work.up_to_date and ibu is not None and ibu.current

    def accepted(work: WorkView, run: Run) -> bool:
        return work.feedback is not None

    _set(stack, accepting, "is_evidence_for", speaks_for)
    _set(stack, arming, "accepted", accepted)


def no_disarm(stack: ExitStack) -> None:
    """A work is never disarmed: it goes on enforcing its stage after the cluster took it."""
    on_hub = property(lambda self: self.state is not RunState.INTENDED and self.open)
    _set(stack, RunBase, "on_hub", on_hub)

    def enforced(member: Member, work: WorkView | None, *others: Any) -> Any:
        return None if work is not None and work.armed else desired_work_of(member, work, *others)

    def at_once(turn: Any, member: InFlight, run: Ended, seen: Any) -> None:
        turn.on_member(Kind.RUN_DISARMED, disarm(member, run), "never mind")

    _set(stack, stagework, "desired_work_of", enforced)
    _set(stack, running, "_await_disarm", at_once)


def label_before_outcome(stack: ExitStack) -> None:
    """Labels are written when the outcome is decided, not when it is in the journal."""

    async def turn(self: loop.Loop) -> None:
        if not await self._in_sync():
            return
        touched, uids = self._work_queue.pop()
        if not touched and not uids:
            return
        now = self._clock.now()
        draft = await self._planner.draft(touched, uids, now)
        early = [d.pending.uid for d in draft.decisions if isinstance(d, OnPendingPatch)]
        self._post_commit._writes._effects.send_patches(self._planner._fleet, early, uids)
        await self._journal_writer.commit(draft, now)
        self._post_commit.perform(draft, uids, now, writes_suspended=False)

    _set(stack, loop.Loop, "turn", turn)


def probe_skipped(stack: ExitStack) -> None:
    """A start ignores the probe: every state of the cluster is good enough."""

    judge = IbuDriver.judge

    def startable(*asked: Any) -> Any:
        return replace(judge(*asked), kind=JudgementKind.STARTABLE)

    _set(stack, IbuDriver, "judge", startable)


def probe_kept(stack: ExitStack) -> None:
    """A probe stays valid whatever happened on the cluster since."""
    _set(stack, waiting, "_drop_probe", lambda turn, member: member)
    _set(stack, starting, "fresh", lambda turn, member: True)
    seen: dict[str, FeedbackView] = {}

    def known_state(probe: Probe, observation: Any) -> FeedbackView | None:
        found = probing.known_state(probe, observation)
        key = f"{observation.stage and observation.stage.name}/{observation.cluster.uid}"
        return seen.setdefault(key, found) if found is not None else seen.get(key)

    _set(stack, waiting, "known_state", known_state)


def pending_patches_forgotten(stack: ExitStack) -> None:
    """Pending patches do not outlive the process."""
    load = FleetState.load

    def without(
        self: FleetState,
        rollouts: Any,
        steps: Any,
        members: Any,
        pending_patches: Any,
        *others: Any,
    ) -> None:
        load(self, rollouts, steps, members, (), *others)

    _set(stack, FleetState, "load", without)


def claim_ignored(stack: ExitStack) -> None:
    """Another rollout's claim on the cluster keeps nobody from starting there."""
    _unchecked(stack)
    _set(stack, waiting, "_block_if_claimed", lambda turn, member: False)

    deaf_to_claims(stack)


def deadline_before_evidence(stack: ExitStack) -> None:
    """Limits are checked before what the cluster reports, and without any grace."""

    def first(turn: Any, touched: Any) -> None:
        steps.decide_step(turn, None)
        members.decide_members(turn, touched)

    def unheard(turn: Any, member: InFlight) -> None:
        if not isinstance(member.run, Ended):
            result, cause = RunResult.LIMIT, Cause.TIMED_OUT
            words = ending.timed_out(member)
            ending.end_run(turn, member, member.run, result, cause, words)
            members.decide_member(turn, turn.latest(member))

    _set(stack, planner, "decide_members", first)
    for module, name in ((starting, "leaving"), (overdue, "overdue")):
        _set(stack, module, name, lambda turn, step: list(step.limited(turn.now)))
    for module in (steps, starting, overdue):
        _set(stack, module, "SETTLE", timedelta())
    for module in (steps, members, overdue):
        _set(stack, module, "expire", unheard)


def withdrawn_stays_withdrawn(stack: ExitStack) -> None:
    """A withdrawn run that the cluster took after all is not reopened."""
    _set(stack, waiting, "_withdrawn_run_came_back", lambda member, seen: False)


def restart_begins_anew(stack: ExitStack) -> None:
    """A restarted controller knows no run that was in flight."""
    put = recovery.Recovery.load

    async def load(self: Any, now: Any, proof: str) -> Any:
        fleet, decisions = await put(self, now, proof)
        for tracked in fleet.rollouts.values():
            for step in tracked.steps:
                for member in list(step.members.values()):
                    if member.run is not None and member.run.open:
                        run = changed(member.run, state=RunState.INTENDED)
                        step.put(replace(member, run=run))
        return fleet, decisions

    _set(stack, recovery.Recovery, "load", load)


def restart_arms(stack: ExitStack) -> None:
    """A run that was about to be armed when its controller died is armed by the next one."""
    _set(stack, arming, "_must_not_arm", lambda ctx, seen, action, since: False)


def foreign_label_overwritten(stack: ExitStack) -> None:
    """A label stays pending until it is there, whatever someone else has made of it since."""

    def still(uids: Any, shown: Any) -> dict[str, Any]:
        return {key: pending for key, pending in uids.items() if shown.get(key) != pending.wanted}

    _set(stack, patches, "_still_to_write", still)


def missing_payload_ignored(stack: ExitStack) -> None:
    """Clusters start whatever has become of their step's payload."""
    kept = tuple(gate for gate in registry.GATES if gate is not PAYLOAD)
    _set(stack, registry, "GATES", kept)


def gap_ignored(stack: ExitStack) -> None:
    """Decisions are made on a mirror that is not in sync with the hub."""

    async def always(self: loop.Loop) -> bool:
        return True

    _set(stack, loop.Loop, "_in_sync", always)


def gap_forgotten(stack: ExitStack) -> None:
    """Work skipped because of a gap in the mirror is left to turns that notice the gap."""
    _set(stack, TermFacts, "_gaps", lambda self: (self._retries.outages, 0))
    _set(stack, TermFacts, "had_gap", lambda self: self.gap or not self._complete())


def doubt_ignored(stack: ExitStack) -> None:
    """A commit whose response was lost is simply repeated."""

    async def again(self: journal.Journal, turn: Any) -> Any:
        return await self._write_without_lost_claims(turn)

    _set(stack, journal.Journal, "_commit", again)
    # Otherwise the turn's number reveals it.
    turn = str(write._TURN).replace("AND turns = CAST(:turn AS bigint) - 1", "")
    _set(stack, write, "_TURN", text(turn))


def uid_ignored(stack: ExitStack) -> None:
    """A re-created cluster counts as the previous one of its name."""
    over, cut = waiting._finish_if_obsolete, running._end_obsolete_run

    def same(function: Any) -> Any:
        def patched(turn: Any, member: Member, *others: Any) -> Any:
            *before, seen = others
            cluster = getattr(seen, "cluster", seen)
            if cluster is None or cluster.uid == member.uid:
                return function(turn, member, *others)
            alike = replace(cluster, uid=member.uid)
            given = replace(seen, cluster=alike) if seen is not cluster else alike
            return function(turn, member, *before, given)

        return patched

    _set(stack, waiting, "_finish_if_obsolete", same(over))
    _set(stack, running, "_end_obsolete_run", same(cut))


def failure_without_disarm(stack: ExitStack) -> None:
    """A run that did not succeed ends its member at once, armed or not."""
    _unchecked(stack)
    original = running._decide_ended

    def decide(turn: Any, member: InFlight, run: Ended, seen: Any) -> None:
        if run.result.value in ("failed", "limit", "taken over") and not run.disarmed:
            ending.finish_after(turn, member, run)
        else:
            original(turn, member, run, seen)

    _set(stack, running, "_decide_ended", decide)


def generation_ignored(stack: ExitStack) -> None:
    """Feedback counts whatever version of its object it was made from (R7.2)."""
    _set(stack, WorkView, "up_to_date", property(lambda self: self.feedback is not None))
    _set(stack, FeedbackView, "current", property(lambda self: True))


def restore_ignored(stack: ExitStack) -> None:
    """A restore of the hub is not noticed."""
    _set(stack, recovery.Recovery, "_proof", lambda self, fleet, versions: "")
    _set(stack, Mirror, "note_restored", lambda self, proof: None)


def status_before_journal(stack: ExitStack) -> None:
    """A status shows what is being committed, and may never be in the journal."""
    flush = Statuses.flush

    def at_once(self: Statuses, fleet: FleetState) -> None:
        self._committed = lambda: True
        flush(self, fleet)

    _set(stack, Statuses, "flush", at_once)


def talm_ignored(stack: ExitStack) -> None:
    """A live TALM suspends no writes."""

    def hold(self: TalmWatch) -> str:
        return ""

    _set(stack, TalmWatch, "hold", hold)


def refresh_rewrites(stack: ExitStack) -> None:
    """A refresh changes more of the work than its annotation."""

    def patch_of(current: WorkView, now: datetime) -> bytes:
        body = json.decode(refresh_patch(current, now))
        return json.encode({**body, "spec": {"deleteOption": None}})

    _set(stack, requests, "refresh_patch", patch_of)


def watch_mistrusted(stack: ExitStack) -> None:
    """Agents that watch are refreshed as if they polled."""
    _set(stack, feedback_refresh, "eligibility_if_silent", eligibility)


def rate_ignored(stack: ExitStack) -> None:
    """Starts per minute are not limited."""
    kept = tuple(gate for gate in registry.GATES if gate not in (START_RATE, HUB_START_RATE))
    _set(stack, registry, "GATES", kept)


def ramp_up_ignored(stack: ExitStack) -> None:
    """A ramp-up is ignored: every member with a slot starts."""
    kept = tuple(gate for gate in registry.GATES if gate is not RAMP_UP)
    _set(stack, registry, "GATES", kept)


def preflight_ignored(stack: ExitStack) -> None:
    """Clusters start in spite of an error of preflight that their IBGU enforces."""
    _set(stack, preflight_gates, "errors", lambda found: ())


def preflight_not_awaited(stack: ExitStack) -> None:
    """Clusters start before an enforced preflight has judged their step."""

    async def later(self: Preflights, rollout: Any, clusters: Any) -> None:
        await asyncio.sleep(0)

    _set(stack, Preflights, "before_start", later)
    kept = tuple(gate for gate in registry.GATES if gate is not PREFLIGHT_PLAN)
    _set(stack, registry, "GATES", kept)


def starts_forgotten(stack: ExitStack) -> None:
    """A leader does not know what the previous one has started."""
    _set(stack, Starts, "load", lambda self, started: None)


def sets_ignored(stack: ExitStack) -> None:
    """Members start whatever is bound to the namespace by then."""
    _set(stack, Scope, "includes", lambda self, labels: True)


def bad_seed_ignored(stack: ExitStack) -> None:
    """The circuit breaker of a seed image never engages."""
    kept = tuple(gate for gate in registry.GATES if gate is not SEED_BREAKER)
    _set(stack, registry, "GATES", kept)


def policies_ignored(stack: ExitStack) -> None:
    """Rollouts start whatever the policies say."""
    _set(stack, PolicyGates, "of", lambda self, *asked: HoldingPolicies())


def places_counted_once(stack: ExitStack) -> None:
    """Policies count what was in flight when they came into force, and nothing later."""
    _set(stack, Occupancy, "note_change", lambda self, uid: None)


def freezes_ignored(stack: ExitStack) -> None:
    """Clusters start in a freeze."""
    _set(stack, times, "frozen", lambda freezes, now: None)


def budgets_ignored(stack: ExitStack) -> None:
    """The failure budget of a policy is never spent."""
    kept = tuple(gate for gate in registry.GATES if gate is not FAILURE_BUDGET)
    _set(stack, registry, "GATES", kept)


def canaries_not_awaited(stack: ExitStack) -> None:
    """The others start with the canaries."""
    state = PolicyCanaries.state

    def at_once(self: PolicyCanaries, step: Any, now: Any) -> Any:
        return replace(state(self, step, now), unfinished=False)

    _set(stack, PolicyCanaries, "state", at_once)


def soak_ignored(stack: ExitStack) -> None:
    """The others start once the canaries have succeeded."""
    state = PolicyCanaries.state

    def at_once(self: PolicyCanaries, step: Any, now: Any) -> Any:
        return replace(state(self, step, now), soaked_at=None)

    _set(stack, PolicyCanaries, "state", at_once)


def required_backup_ignored(stack: ExitStack) -> None:
    """Clusters are upgraded without the backup that a policy requires."""
    _set(stack, IbuDriver, "lacks_backup", lambda self, action, spec, controls: "")


def held_steps_fail(stack: ExitStack) -> None:
    """Clusters in a wrong state fail even while their step is held."""
    _set(stack, probing, "stops_all", lambda hold: False)


def preflight_outdated(stack: ExitStack) -> None:
    """Clusters start on findings from before a time in which preflight was not enforced.

    No seed changes the mode twice within the seconds that this takes, so a story proves it."""
    _set(stack, controls, "end_enforcement", lambda ctx: None)


class Variant(Struct, frozen=True):
    patches: Patches
    theme: str = ""
    """The theme of faults whose seeds have to notice it; empty: any."""
    first: int = 1
    """The first seed, for variants that only few seeds notice."""
    kind: str = "upgrade"
    """The kind of change whose simulation has to notice it."""


_OF_UPGRADES = {
    patches.__name__.replace("_", "-"): Variant(patches, theme, first=next(iter(first), 1))
    for patches, theme, *first in (
        (no_fencing, "leaders", 262),
        (intent_after_effect, ""),
        (slot_freed_early, "dark"),
        (one_slot_too_many, ""),
        (run_echo_ignored, "calm"),
        (no_disarm, ""),
        (label_before_outcome, ""),
        (probe_skipped, "", 2),
        (probe_kept, "", 3),
        (pending_patches_forgotten, "leaders", 202),
        (claim_ignored, "", 63),
        (deadline_before_evidence, "outage"),
        (withdrawn_stays_withdrawn, "dark", 96),
        (restart_begins_anew, "leaders"),
        (restart_arms, "leaders"),
        (foreign_label_overwritten, "people", 107),
        (missing_payload_ignored, "payloads"),
        (gap_ignored, "leaders", 12),
        (gap_forgotten, "people", 470),
        (doubt_ignored, "leaders", 112),
        (uid_ignored, "people", 77),
        (failure_without_disarm, ""),
        (generation_ignored, "", 2),
        (restore_ignored, "restored"),
        (status_before_journal, "leaders", 112),
        (talm_ignored, "talm"),
        (refresh_rewrites, "", 14),
        (watch_mistrusted, ""),
        (rate_ignored, "leaders", 52),
        (ramp_up_ignored, "", 4),
        (preflight_ignored, "", 2),
        (preflight_not_awaited, "", 11),
        (starts_forgotten, "leaders", 72),
        (sets_ignored, "everything", 153),
        (bad_seed_ignored, "", 41),
        (policies_ignored, "", 6),
        (places_counted_once, "", 23),
        (freezes_ignored, "", 92),
        (budgets_ignored, "", 163),
        (canaries_not_awaited, "", 26),
        (soak_ignored, "", 181),
        (required_backup_ignored, "", 131),
        (held_steps_fail, "", 14),
    )
}
VARIANTS: dict[str, Variant] = _OF_UPGRADES | {
    patches.__name__.replace("_", "-"): Variant(patches, kind=kind, first=first)
    for patches, kind, first in broken_updates.PATCHES
}
VARIANTS |= {
    patches.__name__.replace("_", "-"): Variant(patches, first=first)
    for patches, first in (
        *broken_policies.PATCHES,
        *broken_follow_ups.PATCHES,
        *broken_attempts.PATCHES,
        *broken_health.PATCHES,
    )
}


@contextmanager
def broken(name: str) -> Iterator[None]:
    """Runs the block with a broken variant; with an empty name, with the real engine."""
    with ExitStack() as stack:
        if name:
            VARIANTS[name].patches(stack)
        yield
