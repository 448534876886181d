"""Makes agents read their clusters now: those that only poll, where a change is likely (R21.2), and
those that watch, where a cluster has fallen silent after its reboot (R21.4)."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from ibgu import telemetry
from ibgu.controller.clock import Clock
from ibgu.controller.effects.effects import Effects
from ibgu.controller.effects.outcomes import WriteOutcomes
from ibgu.controller.facts import TermFacts
from ibgu.controller.journal.durations import ActionDurations
from ibgu.controller.quarantine import Quarantine, attributed_to
from ibgu.core.engine.refresh import (
    Eligibility,
    RefreshSchedule,
    RefreshTarget,
    any_age,
    eligibility,
    eligibility_if_silent,
    range_of,
)
from ibgu.core.engine.state import FleetState
from ibgu.core.model import Decision, Member, OnMember, RunState

MIN_INTERVAL = 0.25
"""The shortest time between two rounds, in seconds."""
SUSPENDED = 5.0
"""Seconds between two rounds while writes are suspended."""
LEARN = 300.0
"""Seconds between two reads of the duration stats."""


class FeedbackRefresh:
    """FeedbackRefresh refreshes clusters in flight; it skips rounds while writes are suspended."""

    def __init__(
        self,
        fleet: FleetState,
        outcomes: WriteOutcomes,
        effects: Effects,
        clock: Clock,
        durations: ActionDurations,
        quarantine: Quarantine,
        facts: TermFacts,
        *,
        rate: float,
        watch: bool,
    ) -> None:
        """`rate`: refreshes per second; `watch`: agents report changes by themselves."""
        self._fleet = fleet
        self._outcomes = outcomes
        self._effects = effects
        self._clock = clock
        self._durations = durations
        self._quarantine = quarantine
        self._facts = facts
        self._watch = watch
        self._schedule = RefreshSchedule(rate, any_age if watch else range_of)
        self._eligible = eligibility_if_silent if watch else eligibility
        self._now = asyncio.get_running_loop().time
        self._woken = asyncio.Event()
        self._learned = durations.duration_stats
        self._asked_at = float("-inf")

    def track(self, decisions: Iterable[Decision]) -> None:
        """Schedules refreshes for members whose run the cluster has accepted."""
        for decision in decisions:
            if isinstance(decision, OnMember):
                self._track(decision.member)

    def _track(self, member: Member) -> None:
        run = member.run
        if run is None or run.state is not RunState.ACCEPTED or run.arming_at is None:
            return
        age = (self._clock.now() - run.arming_at).total_seconds()
        before = self._schedule.next_at
        self._schedule.follow(
            RefreshTarget(
                rollout=member.rollout,
                step=member.step,
                cluster=member.cluster,
                run=run.id,
                action=run.action,
                began=self._now() - age,
            )
        )
        if self._schedule.next_at != before:
            self._woken.set()

    async def run(self) -> None:
        """Runs rounds until cancelled, beginning with the members that are in flight already."""
        for uid, tracked in self._fleet.rollouts.items():
            if uid in self._quarantine:
                continue
            for step in tracked.steps:
                for cluster in step.in_flight:
                    with attributed_to(uid):
                        self._track(step.members[cluster])
        while True:
            await self._until_due()
            self.round()

    async def _until_due(self) -> None:
        self._woken.clear()
        due = self._schedule.next_at
        shortest = SUSPENDED if self._facts.writes_suspended else MIN_INTERVAL
        wait = None if due is None else max(shortest, due - self._now())
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._woken.wait()

    def round(self) -> None:
        """Refreshes the clusters that are due."""
        if self._facts.writes_suspended:
            return
        if not self._watch:
            self._learn()
        for target in self._schedule.choose(self._now(), self._eligibility):
            with attributed_to(target.rollout):
                self._refresh(target)
        telemetry.REFRESHES_WAITING.set(self._schedule.waiting)

    def _learn(self) -> None:
        now = self._now()
        if now - self._asked_at >= LEARN:
            self._durations.ask()
            self._asked_at = now
        if self._durations.duration_stats is not self._learned:
            self._learned = self._durations.duration_stats
            self._schedule.learn(self._learned, now)

    def _eligibility(self, target: RefreshTarget) -> Eligibility:
        tracked = self._fleet.rollouts.get(target.rollout)
        if tracked is None:
            return Eligibility.OVER
        with attributed_to(target.rollout):
            member = tracked.steps[target.step].members.get(target.cluster)
            seen = self._outcomes.observer(tracked.rollout)(target.cluster)
            return self._eligible(member, target.run, seen)

    def _refresh(self, target: RefreshTarget) -> None:
        rollout = self._fleet.rollouts[target.rollout].rollout
        self._effects.refresh(rollout, target.cluster, self._clock.now())
        telemetry.REFRESHES.labels(target.action).inc()
