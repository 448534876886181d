"""Checks that at the end nothing is left on the hub or in memory, and the hub shows the truth."""

from collections.abc import Iterable
from typing import Any

from ibgu.core.engine.state import TrackedRollout
from ibgu.core.model import Outcome, RolloutState, names
from ibgu.hub import paths
from ibgu.sim.hub import MemoryClient
from tests.simulation.checks import Found
from tests.simulation.world import Simulation


async def check_ending(found: Found, fleet: Simulation, *, calm: bool) -> None:
    """`calm`: nothing has gone wrong, so everything must have gone well."""
    node = fleet.leader()
    term = node.controller._term if node is not None and node.controller is not None else None
    if term is None:
        found.check("liveness", False, "nobody leads at the end")
        return
    ending = _Ending(found, fleet)
    ending.pending_patches(term.fleet.pending_patches)
    ending.restores(term.fleet.rollouts)
    if calm:
        ending.all_well(term.fleet.rollouts.values())
    await ending.works(list(term.fleet.rollouts.values()))
    await ending.statuses(term.fleet.rollouts)


class _Ending:
    def __init__(self, found: Found, fleet: Simulation) -> None:
        self._check = found.check
        self._fleet = fleet
        self._client = MemoryClient(fleet.hub)

    async def _items(self, path: str) -> list[Any]:
        answer = await self._client.get(path, dict[str, Any])
        items: list[Any] = answer["items"]
        return items

    def pending_patches(self, pending_patches: dict[str, Any]) -> None:
        self._check("nothing is pending at the end", not pending_patches, str(pending_patches))

    def restores(self, tracked_rollouts: dict[str, TrackedRollout]) -> None:
        for uid in self._fleet.gone_back & set(tracked_rollouts):
            rollout = tracked_rollouts[uid].rollout
            self._check("a restore is noticed", bool(rollout.restore), rollout)

    def all_well(self, tracked_rollouts: Iterable[TrackedRollout]) -> None:
        members = [
            m
            for tracked in tracked_rollouts
            for step in tracked.steps
            for m in step.members.values()
        ]
        self._check("a cluster takes part", bool(members), "no members")
        for member in members:
            well = member.outcome is Outcome.SUCCEEDED
            self._check("all is well where nothing goes wrong", well, member)

    async def works(self, tracked_rollouts: list[TrackedRollout]) -> None:
        known = {tracked.rollout.uid for tracked in tracked_rollouts}
        there = {item["metadata"]["name"] for item in await self._items(paths.MANAGED_CLUSTERS)}
        for work in await self._items(paths.works()):
            meta = work["metadata"]
            marks = meta.get("annotations") or {}
            if marks.get(names.GENERATION) != str(meta["generation"]):
                continue  # someone's hand is on it
            armed = marks.get(names.ARMING) == names.ARMED
            self._check("nothing is armed at the end", not armed, meta)
            uid = (meta.get("labels") or {}).get(names.ROLLOUT)
            # A work that lost the label of the watch can't be found: a person has removed it.
            ours = (meta.get("labels") or {}).get(names.MANAGED_BY) == names.MANAGER
            # Nothing is written for a cluster that has left: its namespace goes with it.
            ours = ours and meta["namespace"] in there
            left = ours and uid not in known and not meta.get("deletionTimestamp")
            self._check("no work is left of a rollout that is gone", not left, meta)

    async def statuses(self, tracked_rollouts: dict[str, TrackedRollout]) -> None:
        for item in await self._fleet.ibgus():
            tracked = tracked_rollouts[item["metadata"]["uid"]]
            status = item.get("status") or {}
            words = (item["metadata"]["name"], status.get("phase"))
            self._check("liveness", tracked.rollout.state is RolloutState.COMPLETE, words)
            phase = "CompletedWithFailures" if tracked.counts.failed else "Completed"
            self._check("the status is up to date", status.get("phase") == phase, words)
            told = {entry["name"] for entry in status.get("clusters", ())}
            members = {name for step in tracked.steps for name in step.members}
            self._check("no member is forgotten", told <= members, told, "of", members)
