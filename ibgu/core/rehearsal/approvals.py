"""The people that a rehearsed step waits for: to approve (R50.13), and to have the rollout make a
backup (R50.15)."""

from collections.abc import Sequence

from msgspec import Struct

from ibgu.core.model import ActionName, ClusterView, traits
from ibgu.core.model.grants import ApprovalPoint
from ibgu.core.model.rollout_policy import ApprovalMoment, RolloutPolicySpec
from ibgu.core.plan.policies import selects_cluster
from ibgu.core.rehearsal.canaries import StepCanaries
from ibgu.core.rehearsal.model import NEVER, PlannedStep, RehearsedPlan
from ibgu.core.rehearsal.policy_rules import holds


class PersonRule(Struct, frozen=True):
    """PersonRule is one thing that a policy keeps starts for until a person acts."""

    policy: int
    about: Sequence[bool]
    """Whether the policy selects the cluster."""
    holds: tuple[bool, ...]
    """Whether each action of the step is kept."""
    delay: float
    """The seconds after which a person acts, from when the first start is kept; NEVER: nobody
    does."""
    before: ApprovalMoment | None
    """What is approved; None: a backup is missing."""

    def point(self, actions: Sequence[ActionName], action: int) -> str:
        """Returns what is approved, as a RolloutApproval names it; `actions`: the step's."""
        if self.before is ApprovalMoment.ACTION:
            return actions[action]
        rest = self.before is ApprovalMoment.REST
        return str(ApprovalPoint.REST if rest else ApprovalPoint.STEP)

    def concerns(self, action: int) -> bool:
        """Returns whether a member may be kept before this action of its chain."""
        if self.before is ApprovalMoment.ACTION:
            return self.holds[action]
        begins = action == 0 or self.before is None
        return begins and any(self.holds[action:])


def person_rules(
    plan: RehearsedPlan, step: PlannedStep, clusters: Sequence[ClusterView]
) -> tuple[PersonRule, ...]:
    found: list[PersonRule] = []
    for number, policy in enumerate(plan.policies):
        spec = policy.spec
        held = tuple(holds(spec, action) for action in step.actions)
        about = [selects_cluster(spec.clusters, each.labels) for each in clusters]
        if spec.approval is not None and any(held):
            delay = plan.approval_after
            found.append(PersonRule(number, about, held, delay, spec.approval.before))
        lacking = tuple(
            of and lacks_backup(plan, spec, action)
            for of, action in zip(held, step.actions, strict=True)
        )
        if any(lacking):
            found.append(PersonRule(number, about, lacking, NEVER, None))
    return tuple(found)


def lacks_backup(plan: RehearsedPlan, spec: RolloutPolicySpec, action: str) -> bool:
    """Returns whether the policy requires a backup before the action that the rollout does not
    make."""
    return spec.backup is not None and traits(action).upgrades and bool(plan.lacks_backup)


class StepPeople:
    """StepPeople are those who act in one run of a step, each after their delay."""

    def __init__(
        self,
        rules: Sequence[PersonRule],
        canaries: StepCanaries,
        actions: Sequence[ActionName],
    ) -> None:
        self._rules, self._canaries, self._actions = rules, canaries, actions
        self.asked: dict[tuple[int, str], float] = {}
        """When each approval was missing first, by policy and what is approved."""

    def keep(
        self, cluster: int, action: int, now: float, before: float
    ) -> tuple[int, float] | None:
        """Returns the policy that keeps the member from the action, and until when; None: none
        does. Only those before a policy that keeps it anyway are asked."""
        for rule in self._rules:
            if rule.policy >= before:
                return None
            if not rule.about[cluster] or not rule.concerns(action):
                continue
            rest = rule.before is ApprovalMoment.REST
            if rest and cluster in self._canaries.of_policy(rule.policy):
                continue
            until = self._ask(rule, action, now) + rule.delay
            if until > now:
                return rule.policy, until
        return None

    def _ask(self, rule: PersonRule, action: int, now: float) -> float:
        """Returns since when the person has been asked."""
        if rule.before is None:
            return now
        return self.asked.setdefault((rule.policy, rule.point(self._actions, action)), now)
