"""The journal in the small."""

from msgspec.structs import replace

from ibgu.core.book import World
from ibgu.core.model import (
    Debt,
    Decision,
    Kind,
    Member,
    OnDebt,
    OnMember,
    OnRollout,
    OnStep,
    Rollout,
    Step,
)


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
            case OnDebt(kind=Kind.STAND):
                pass
            case OnDebt(debt=debt):
                self.debts[debt.uid] = debt

    def world(self) -> World:
        world = World()
        debts = [debt for debt in self.debts.values() if not debt.empty]
        steps = [self.steps[key] for key in sorted(self.steps)]
        members = sorted(self.members.values(), key=lambda m: (m.rollout, m.step, m.position))
        world.load(self.rollouts.values(), steps, members, debts)
        return world
