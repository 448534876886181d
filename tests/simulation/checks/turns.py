"""Checks after every turn of a leader what it has in memory (R3, R5, R6, R9)."""

from collections.abc import Callable
from typing import Any

from ibgu.core.engine.state import FleetState, TrackedStep
from ibgu.core.model import Member, MemberState, Outcome, RunResult
from tests.core.engine.decide.invariants import reasons_of
from tests.simulation.checks import Found


def check_step(found: Found, step: TrackedStep) -> None:
    """Checks the records of one step, committed or about to be."""
    bound = step.step.max_concurrency
    holding = {m.slot: m.cluster for m in step.members.values() if m.slot is not None}
    found.check(
        "R3 slots",
        holding == step.slots and len(holding) <= bound and all(1 <= s <= bound for s in holding),
        *("step", step.step.key, holding, "of", bound),
    )
    for member in step.members.values():
        _check_member(found, member)


def _check_member(found: Found, member: Member) -> None:
    run, flying = member.run, member.state is MemberState.IN_FLIGHT
    found.check("slot means in flight", flying == (member.slot is not None), member)
    fits = member.finished or member.reason.kind in reasons_of(member)
    found.check("R17 a reason that fits", fits, member)
    if not flying and run is not None:
        disarmed = run.disarmed and not run.open
        found.check("R9 disarmed before the claim is freed", disarmed, member)


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
        check_step(self._found, step)
        for member in step.members.values():
            run = member.run
            if run is not None and member.state is not MemberState.IN_FLIGHT:
                # A cluster that is lost or re-created needs no disarming before its claim ends.
                gone = run.id not in shown or run.result is RunResult.GONE
                self._found.check("R9 disarmed before the claim is freed", gone, member)
            if member.finished:
                end = self._ends.setdefault(member.key, (member.outcome, member.uid))
                stays = end == (member.outcome, member.uid)
                self._found.check("what has ended stays", stays, member)
