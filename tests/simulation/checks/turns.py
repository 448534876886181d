"""Checks after every turn of a leader what it has in memory (R3, R5, R6, R9)."""

from collections.abc import Callable
from typing import Any

from ibgu.core.engine.state import FleetState, TrackedStep
from ibgu.core.model import Member, MemberState, Outcome, RunResult
from tests.core.engine.decide.invariants import IN_FLIGHT, WAITING
from tests.simulation.checks import Found


class Turns:
    """Turns watches one leader, from its election on."""

    def __init__(self, found: Found, shown: Callable[[], set[str]]) -> None:
        """`shown`: the runs that the hub has an armed work for."""
        self._found = found
        self._shown = shown
        self._ends: dict[Any, tuple[Outcome | None, str]] = {}
        self._runs: dict[str, tuple[Any, RunResult | None]] = {}

    def turned(self, fleet: FleetState) -> None:
        claims: dict[str, str] = {}
        shown = self._shown()
        for uid, tracked in fleet.rollouts.items():
            for step in tracked.steps:
                self._step(step, shown)
                for member in step.members.values():
                    if member.slot is not None:
                        other = claims.setdefault(member.uid, uid)
                        self._found.check(
                            "R6 one rollout a cluster",
                            other == uid,
                            member,
                        )
        self._found.check(
            "R6 one rollout a cluster",
            set(claims) == set(fleet.claims),
            "claims differ from members",
        )

    def _step(self, step: TrackedStep, shown: set[str]) -> None:
        bound = step.step.max_concurrency
        holding = {m.slot: m.cluster for m in step.members.values() if m.slot is not None}
        self._found.check(
            "R3 slots",
            holding == step.slots
            and len(holding) <= bound
            and all(1 <= s <= bound for s in holding),
            *("step", step.step.key, holding, "of", bound),
        )
        for member in step.members.values():
            self._member(member, shown)

    def _member(self, member: Member, shown: set[str]) -> None:
        run, check, words = member.run, self._found.check, member
        flying = member.state is MemberState.IN_FLIGHT
        check("slot means in flight", flying == (member.slot is not None), words)
        kinds = IN_FLIGHT if flying else WAITING
        known = member.finished or member.reason.kind in kinds
        check("R17 a reason that fits", known, words)
        if not flying and run is not None:
            disarmed = run.disarmed and not run.open and run.id not in shown
            check("R9 disarmed before the claim is freed", disarmed, words)
        if member.finished:
            end = self._ends.setdefault(member.key, (member.outcome, member.uid))
            check("what has ended stays", end == (member.outcome, member.uid), words)
