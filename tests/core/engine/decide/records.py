"""The journal in miniature."""

from datetime import datetime

from msgspec.structs import replace

from ibgu.core.drivers import traits
from ibgu.core.engine.state import FleetState
from ibgu.core.engine.timing.rate_limits import MINUTE
from ibgu.core.model import (
    Decision,
    Finished,
    Kind,
    Member,
    OnMember,
    OnPendingPatch,
    OnRollout,
    OnStep,
    PendingPatch,
    Rollout,
    Run,
    Step,
)


class Records:
    """The records that the journal would give back."""

    def __init__(self) -> None:
        self.rollouts: dict[str, Rollout] = {}
        self.steps: dict[tuple[str, int], Step] = {}
        self.members: dict[tuple[str, int, str], Member] = {}
        self.pending_patches: dict[str, PendingPatch] = {}
        self.run_ids: set[str] = set()
        self.runs: dict[tuple[str, int, str], dict[int, Run]] = {}
        """Runs keyed by member and attempt."""

    def write(self, decision: Decision) -> None:
        match decision:
            case OnRollout(rollout=rollout):
                self.rollouts[rollout.uid] = rollout
            case OnStep(step=step):
                self.steps[step.key] = step
            case OnMember(member=member):
                asked = not isinstance(member, Finished)
                self.members[member.key] = replace(member, probe=None) if asked else member
                self.run_ids |= {member.run.id} if member.run else set()
                if member.run is not None:
                    self.runs.setdefault(member.key, {})[member.run.attempt] = member.run
            case OnPendingPatch(kind=Kind.LABELS_UNCHANGED):
                pass
            case OnPendingPatch(pending=pending):
                self.pending_patches[pending.uid] = pending

    def forget(self, uid: str) -> None:
        """Leaves the rollout out of what is loaded."""
        del self.rollouts[uid]
        for step in [key for key in self.steps if key[0] == uid]:
            del self.steps[step]
        for member in [key for key in self.members if key[0] == uid]:
            del self.members[member]
            self.runs.pop(member, None)

    def fleet(self) -> FleetState:
        fleet = FleetState()
        pending_patches = [
            pending for pending in self.pending_patches.values() if not pending.empty
        ]
        steps = [self.steps[key] for key in sorted(self.steps)]
        members = sorted(self.members.values(), key=lambda m: (m.rollout, m.step, m.position))
        started = self._started()
        fleet.load(self.rollouts.values(), steps, members, pending_patches, started=started)
        return fleet

    def _started(self) -> list[tuple[str, datetime]]:
        """Returns the starts as the journal's load does: a chain's next action is no start."""
        found = [
            (key[0], run.intended_at)
            for key, runs in self.runs.items()
            if traits(self.steps[key[:2]].first).rate_limited
            for run in runs.values()
            if not run.adopted and not _succeeded(runs.get(run.attempt - 1))
        ]
        newest = max((at for _, at in found), default=None)
        return sorted(each for each in found if newest and each[1] > newest - MINUTE)


def _succeeded(run: Run | None) -> bool:
    return run is not None and run.result is not None and run.result.success
