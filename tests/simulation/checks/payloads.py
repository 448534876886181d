"""Checks after every turn of a leader what a Prep starts with (R25)."""

from collections.abc import Callable

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.state import FleetState
from ibgu.core.model import Member, RunState
from tests.simulation.checks import Found


class Payloads:
    """`on_shelf`: whether the hub had the objects of that digest lately.

    `carried`: digests of what payload works have for a cluster at the moment.
    """

    def __init__(
        self, found: Found, on_shelf: Callable[[str], bool], carried: Callable[[str], set[str]]
    ) -> None:
        self._check = found.check
        self._on_shelf = on_shelf
        self._carried = carried
        self._begun: set[str] = set()
        self._armed: set[str] = set()

    def turned(self, fleet: FleetState) -> None:
        for tracked in fleet.rollouts.values():
            for step in tracked.steps:
                for member in step.members.values():
                    self._member(member, step.step.payload_digest)

    def _member(self, member: Member, digest: str) -> None:
        run = member.run
        if run is None or run.action != Action.PREP:
            return
        if run.state is RunState.INTENDED and run.id not in self._begun:
            self._begun.add(run.id)
            there = self._on_shelf(digest)
            self._check("nothing starts without its payload", there, digest, "for", member)
        if run.state is RunState.ARMING and digest and run.id not in self._armed:
            self._armed.add(run.id)
            carried = self._carried(member.cluster)
            name = "a cluster gets what its step began with"
            self._check(name, digest in carried, carried, "instead of", digest, member)
